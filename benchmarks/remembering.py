"""Resident memory of the app with 20,000 documents for every task, beside the bytes of weights and vectors."""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.rows import ALTERNATIONS, Row
from mote_demo.settings import ROOT

_DOCUMENTS, _ENCODED = 20_000, 300
_MODULE = "benchmarks.remembering"


def resident() -> Iterator[Row]:
    """Start a process a time, load everything, and read its resident size."""
    _measure()  # fills the cache, as the first start of the app does
    found = [_measure() for _ in range(ALTERNATIONS)]
    what = f"Resident memory, both models, {_DOCUMENTS:,} documents for every task"
    first = {key: f"{value / 1e6:.0f} MB" for key, value in found[0].items()}
    note = (
        f"{first['models']} of models and indexes, {first['app']} with Gradio and the page, of which {first['bare']} "
        f"before anything was loaded; weights and vectors are {first['bytes']}"
    )
    for part, where in (("models", "models and indexes"), ("app", "the whole app")):
        ratios = tuple(one[part] / one["bytes"] for one in found)
        yield Row(f"{what}: {where}", "bytes of weights and vectors", ratios, 3.0, "lower", note)
        sizes = tuple(one[part] / 1e9 for one in found)
        yield Row(f"{what}: {where}", "1 GB", sizes, 1.0, "lower", note)


def _measure() -> dict[str, int]:
    ran = subprocess.run([sys.executable, "-m", _MODULE], cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(ran.stdout.splitlines()[-1])


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def main() -> None:
    """Load what the app loads, encode with every route, answer one query a task, and print the sizes as JSON."""
    from benchmarks.inputs import QUERY, clustered, documents, many_texts
    from mote_demo.serving.sessions import Session
    from mote_demo.serving.shelf import Shelf
    from mote_demo.store import VectorStore
    from mote_demo.tasks import TASKS

    texts = many_texts(_DOCUMENTS)
    sizes = {"bare": _resident(), "bytes": 0}
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf.open(ROOT / "checkpoints", Path(folder))
        session = Session(shelf)
        for model in shelf.shipped:
            for seed, task in enumerate(TASKS.values()):
                model.encode(documents(_ENCODED // len(TASKS)), route=task.document_route)
                key = VectorStore.key(model, task.document_route, texts)
                make = partial(clustered, _DOCUMENTS, model.dimension, seed)
                sizes["bytes"] += shelf.store.array(key, make, persist=False).nbytes
        for name in TASKS:
            session.pair(*session.both(name)).ask(QUERY, texts)
        tensors = [
            one
            for model in shelf.shipped
            for route in model.routes
            for one in model.network.dense_tensors(route).values()
        ]
        sizes["bytes"] += sum({one.data_ptr(): one.nbytes for one in tensors}.values())
        sizes["models"] = _resident()
        from mote_demo.ui.app import build_app

        build_app(shelf)
        sizes["app"] = _resident()
    sys.stdout.write(json.dumps(sizes) + "\n")


if __name__ == "__main__":
    main()
