"""Environments without this package, each with exact versions of what is tried in it."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".cache" / "ecosystem"
"""Where environments are kept: they are made again only when their requirements change."""


def environment(requirements: Sequence[str], *, torch: bool = True) -> Path:
    """Return the Python of an environment that has ``requirements`` and lacks this package.

    What is not named has the newest version that goes with the rest.

    Args:
        requirements: what pip installs, with exact versions of what is tried.
        torch: whether it has torch, too, in the version of ``constraints.txt``.
    """
    first = [_torch()] if torch else []
    mark = hashlib.sha256(json.dumps([sys.version, *first, *requirements]).encode()).hexdigest()[:12]
    folder = FOLDER / mark
    python = folder / "bin" / "python"
    if not (folder / "done").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--prefer-binary"]
        # torch comes first and by itself: whatever build of the pinned version pip prefers here then stays.
        for wanted in (first, [*first, *requirements]):
            if wanted:
                subprocess.run([*pip, *wanted], check=True)
        (folder / "done").touch()
    return python


def _torch() -> str:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return next(line for line in lines if line.startswith("torch=="))


def answer(python: Path, script: str, *arguments: str, **variables: str) -> Mapping[str, Any]:
    """Run a script in an environment and return the JSON object that its last line of output is.

    It runs in an empty folder, so that nothing of this repository is imported; a failure is a ``RuntimeError`` with
    the last line that was said.
    """
    empty = FOLDER / "empty"
    empty.mkdir(parents=True, exist_ok=True)
    offline = {"HF_HUB_OFFLINE": "1", "PATH": str(python.parent), "HOME": str(empty), **variables}
    command = [str(python), "-I", "-c", script, *arguments]
    done = subprocess.run(command, cwd=empty, env=offline, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no output"])[-1])
    return json.loads(done.stdout.strip().splitlines()[-1])
