"""Resident memory of the models with indexes of 20,000 documents, beside the bytes of their weights and vectors."""

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

_DOCUMENTS = 20_000
_MODULE = "benchmarks.remembering"


def resident() -> Iterator[Row]:
    """Start a process a time, load everything, and read its resident size."""
    found = [_measure() for _ in range(ALTERNATIONS)]
    what = f"Resident memory, both models, {_DOCUMENTS:,} documents for every route"
    sizes = tuple(one["resident"] / one["bytes"] for one in found)
    note = f"{found[0]['resident'] / 1e6:.0f} MB, of which {found[0]['bare'] / 1e6:.0f} MB before anything was loaded"
    yield Row(what, "bytes of weights and vectors", sizes, 3.0, "lower", note)
    yield Row(f"{what}, in GB", "1 GB", tuple(one["resident"] / 1e9 for one in found), 1.0, "lower", note)


def _measure() -> dict[str, int]:
    ran = subprocess.run([sys.executable, "-m", _MODULE], cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(ran.stdout.splitlines()[-1])


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def main() -> None:
    """Load what the app loads, answer one query a task, and print the sizes as JSON."""
    from benchmarks.inputs import QUERY, clustered, many_texts
    from mote_demo.registry import Registry
    from mote_demo.search import ask
    from mote_demo.sessions import SIDES, Session
    from mote_demo.tasks import ROUTES, TASKS

    texts = many_texts(_DOCUMENTS)
    bare = _resident()
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry.load(ROOT / "checkpoints", Path(folder))
        session, vectors = Session(registry), 0
        for side in SIDES:
            model = session.encoder(side)
            for seed, route in enumerate(ROUTES):
                key = f"vectors/{model.fingerprint(route)}/{texts.fingerprint}"
                make = partial(clustered, _DOCUMENTS, model.dimension, seed)
                vectors += registry.store.array(key, make, persist=False).nbytes
        for task in TASKS:
            ask(session, task=task, texts=texts, query=QUERY)
        parameters = {id(one): one.nbytes for side in SIDES for one in session.encoder(side).model.parameters()}
        sizes = {"bare": bare, "bytes": vectors + sum(parameters.values()), "resident": _resident()}
    sys.stdout.write(json.dumps(sizes) + "\n")


if __name__ == "__main__":
    main()
