"""This package with nothing but its core, in an environment of its own."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ecosystem.environments import ROOT, answer, environment
from ecosystem.rows import Row

_RUN = """
import contextlib, io, json, sys
sys.path.insert(0, sys.argv[1])
from mote_demo.cli import main
said, failed = io.StringIO(), io.StringIO()
with contextlib.redirect_stdout(said), contextlib.redirect_stderr(failed):
    status = main(json.loads(sys.argv[2]))
print(json.dumps({"status": status, "out": said.getvalue()[:300], "error": failed.getvalue()[:300]}))
"""


def without_extras() -> Iterator[Row]:
    """Yield a row for each thing that the core does, and for one that needs an extra."""
    python = environment(_core())
    checkpoint = str(ROOT / "checkpoints" / "mote")
    with tempfile.TemporaryDirectory() as folder:
        built = _wheel(Path(folder))
        tries = {
            "encodes": (["encode", "a text", "--route", "query", "--model", checkpoint], 0, '"vector"'),
            "folds a route": (["fold", checkpoint, "--route", "sts", "--out", f"{folder}/folded"], 0, "Wrote"),
            "starts no app, and says what it needs": (["run"], 2, "pip install 'mote-demo[app]'"),
        }
        for name, (arguments, status, words) in tries.items():
            said = answer(python, _RUN, built, json.dumps(arguments))
            text = said["out"] + said["error"]
            ok = said["status"] == status and words in text
            yield Row(f"the core {name}", "mote-demo of this commit", ok, text.strip().splitlines()[-1][:200])


def _core() -> list[str]:
    """Return the core's requirements, with the versions of ``constraints.txt``."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    lines = re.search(r"^dependencies = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    names = set(re.findall(r'"([\w.-]+)', lines.group(1) if lines else "")) - {"torch"}
    pins = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return [pin for pin in pins if pin.partition("==")[0] in names]


def _wheel(folder: Path) -> str:
    """Build this package, and return the folder it was unpacked to."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    target = folder / "installed"
    subprocess.run([*command, "--target", str(target), str(ROOT)], check=True, capture_output=True)
    return str(target)
