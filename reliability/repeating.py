"""The same texts in several processes: vectors, rankings and maps are the same, bit for bit."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from reliability.rows import Row

_RUN = """
import hashlib, json, sys
from mote_demo.encoder import Encoder
from mote_demo.serving.shelf import Shelf
from mote_demo.settings import checkpoints_folder
from mote_demo.tasks import TASKS

def digest(array):
    return hashlib.sha256(array.tobytes()).hexdigest()

shelf = Shelf.open(checkpoints_folder(), None, sys.argv[1])
from mote_demo.serving.sessions import Session
session, texts, found = Session(shelf), shelf.texts("samples"), {}
for task in TASKS:
    pair = session.pair(*session.both(task))
    for lens in pair.lenses:
        found[f"vectors of {lens}"] = digest(lens.vectors(texts, shelf.store))
    for query in texts.queries:
        answer = pair.ask(query, texts, k=20)
        sides = answer.left, answer.right
        found[f"ranking of {query} by {task}"] = [[hit.row for hit in side.hits] for side in sides]
for maps in session.pair(*session.both("clustering")).draw(texts):
    found[f"map by {maps.method}"] = [digest(side.points) for side in maps.sides]
print(json.dumps(found))
"""
_PRECISIONS = ("exact", "int8")
_RUNS = (1, 1, 2, 2)
"""Threads of each run."""


def same_in_same_out(_tries: int | None = None, _seed: int = 0) -> Iterator[Row]:
    """Yield one row: each run compared with the first one of its precision."""
    tried = 0
    failures: list[str] = []
    for precision in _PRECISIONS:
        runs = [_run(precision, threads) for threads in _RUNS]
        for threads, found in zip(_RUNS[1:], runs[1:], strict=True):
            tried += len(found)
            different = [name for name, value in found.items() if value != runs[0][name]]
            failures += [f"{precision}, {threads} threads: {name}" for name in different]
    yield Row(
        name="Same in, same out",
        tried=tried,
        failed=len(failures),
        target="the same vectors, rankings and maps, bit for bit, on one machine",
        note="; ".join(["processes of 1, 1, 2 and 2 threads, exact and int8", *failures[:5]]),
    )


def _run(precision: str, threads: int) -> dict[str, Any]:
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _RUN, precision], capture_output=True, text=True, env=environment, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])
