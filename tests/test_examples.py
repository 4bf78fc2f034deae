"""The notebooks run from top to bottom on the shipped checkpoints, without Gradio, and keep what their cells show."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
RUN = """
import json, sys
from mote_demo.explore import maps
from mote_demo.explore.projection import Projection
from scripts.notebooks import execute

# Stands in for UMAP, whose kernels take long to compile.
maps.project = lambda vectors, **_: Projection(vectors[:, :2].copy(), "UMAP")
notebook = json.load(open(sys.argv[1], encoding="utf-8"))
execute(notebook)
assert "gradio" not in sys.modules
json.dump([cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"], sys.stdout)
"""


def code_cells(path):
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def kinds(outputs):
    return [(output["output_type"], sorted(output.get("data", {}))) for output in outputs]


def test_there_are_two():
    assert [path.name for path in NOTEBOOKS] == ["compare.ipynb", "grow.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom_and_shows_what_it_keeps(path, tmp_path):
    known = {name: value for name, value in os.environ.items() if not name.startswith("MOTE_")}
    environment = {**known, "PYTHONPATH": str(ROOT), "MOTE_CACHE": str(tmp_path / "cache")}
    ran = subprocess.run(
        [sys.executable, "-c", RUN, str(path)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    shown, kept = json.loads(ran.stdout), [cell["outputs"] for cell in code_cells(path)]
    assert [kinds(outputs) for outputs in shown] == [kinds(outputs) for outputs in kept]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_small_was_run_in_order_and_names_no_machine(path):
    text = path.read_text("utf-8")
    assert len(text) < 200_000
    assert [cell["execution_count"] for cell in code_cells(path)] == list(range(1, len(code_cells(path)) + 1))
    assert not [
        place for place in ("/home/", "/root/", "/tmp/", "/Users/", str(ROOT), "http://", "https://") if place in text
    ]
