"""Take away what a machine usually has: the package works, or says which part does not and why."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from reliability.rows import Row

_SEARCH = ("search", "my parcel is late", "--task", "retrieval", "--texts", "samples")
_MAP = ("map", "--task", "clustering", "--texts", "samples", "--out")
_OPTIONAL = ("accelerate", "chardet", "datasets", "faiss", "matplotlib", "openpyxl", "plotly", "umap")
_WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
from mote_demo.cli import main
main({arguments!r})
"""
_MEMORY = 3 * 2**30
"""Bytes of data that a command may hold: a third of what a small machine has."""


def degrades(_tries: int | None = None, _seed: int = 0) -> Iterator[Row]:
    """Yield one row: every command ends well, or with one sentence and status 2."""
    cases = _cases()
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, command in cases.items():
            environment = {**os.environ, "MOTE_CACHE": os.path.join(folder, "cache")}
            done = subprocess.run(command(folder), capture_output=True, text=True, env=environment)
            said = done.stdout + done.stderr
            if done.returncode not in (0, 2) or "Traceback" in said:
                failures.append(f"{name}: {said[-200:]}")
    yield Row(
        name="Degrades",
        tried=len(cases),
        failed=len(failures),
        target="works, or says which part does not and why",
        note="; ".join([", ".join(cases), *failures[:5]]),
    )


def _cases() -> dict[str, Any]:
    cases: dict[str, Any] = {
        "one core": lambda _: ["taskset", "-c", "0", *_mote(_SEARCH)],
        "3 GiB of memory": lambda _: ["prlimit", f"--data={_MEMORY}", *_mote(_SEARCH)],
    }
    if os.geteuid() == 0 and shutil.which("unshare"):
        cases["no network"] = lambda _: ["unshare", "-n", *_mote(_SEARCH)]
        cases["no network, a Hub name"] = lambda _: ["unshare", "-n", *_mote((*_SEARCH[:-1], "ag_news"))]
    for package in _OPTIONAL:
        cases[f"a search without {package}"] = lambda _, package=package: _without(package, _SEARCH)
        cases[f"a map without {package}"] = lambda folder, package=package: _without(
            package, (*_MAP, os.path.join(folder, "map.png"))
        )
    return cases


def _mote(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "mote_demo", *arguments]


def _without(package: str, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-c", _WITHOUT.format(absent=package, arguments=list(arguments))]
