"""Folded routes, which are plain models, in environments without this package: old and new."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ecosystem.alone import TEXTS, VERSIONS
from ecosystem.environments import ROOT, answer, environment
from ecosystem.rows import Row
from mote_demo.encoder import Encoder
from mote_demo.model.folding import fold_model, fold_router

_OLDEST = ("sentence-transformers==5.5.1", "transformers==4.57.6")
_ROUTES = ("query", "clustering")
_CLOSE = 1e-6

_PLAIN = """
import importlib.util, json, sys
assert importlib.util.find_spec("mote_demo") is None
import sentence_transformers, transformers, torch
torch.set_num_threads(1)
folder, texts, tasks = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
model = sentence_transformers.SentenceTransformer(folder, device="cpu", local_files_only=True)
if tasks:
    found = {task: model.encode(texts, task=task).tolist() for task in tasks}
else:
    found = {"encode": model.encode(texts), 'prompt=""': model.encode(texts, prompt=""),
             "encode_query": model.encode_query(texts), "encode_document": model.encode_document(texts)}
    found = {way: vectors.tolist() for way, vectors in found.items()}
try:
    model.encode(texts, task="" if tasks else None)
    refused = False
except ValueError:
    refused = True
packages = (sentence_transformers, transformers)
print(json.dumps({"found": found, "refused": refused, "dtype": str(model.dtype),
                  "version": ", ".join(f"{one.__name__} {one.__version__}" for one in packages)}))
"""


def folded_routes() -> Iterator[Row]:
    """Yield a row for each version and folded route, and one for all routes in one folder."""
    encoder = Encoder.from_pretrained(ROOT / "checkpoints" / "mote")
    own = {route: encoder.encode(TEXTS, route=route) for route in encoder.routes}
    with tempfile.TemporaryDirectory() as aside:
        for route in _ROUTES:
            fold_model(encoder.network, encoder.tokenizer, route, Path(aside) / route)
        fold_router(encoder.network, encoder.tokenizer, Path(aside) / "router")
        for installed in (_OLDEST, *VERSIONS.values()):
            python = environment(installed)
            for route in _ROUTES:
                said = answer(python, _PLAIN, str(Path(aside) / route), json.dumps(TEXTS), "[]")
                furthest = max(_distance(own[route], vectors) for vectors in said["found"].values())
                detail = f"within {furthest:.1e} of the package's vectors by {', '.join(said['found'])}"
                ok = furthest <= _CLOSE and said["dtype"] == "torch.float32"
                yield Row(f"the route {route!r}", said["version"], ok, detail)
            said = answer(python, _PLAIN, str(Path(aside) / "router"), json.dumps(TEXTS), json.dumps(list(own)))
            furthest = max(_distance(own[route], vectors) for route, vectors in said["found"].items())
            told = "refuses to go without a task" if said["refused"] else "has a silent default"
            detail = f"within {furthest:.1e} of the package's vectors by task; it {told}"
            ok = furthest <= _CLOSE and said["refused"]
            yield Row("all routes as a Router", said["version"], ok, detail)


def _distance(own: np.ndarray, vectors: list[list[float]]) -> float:
    return float(np.abs(own - np.array(vectors)).max())
