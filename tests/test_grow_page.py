"""What docs/growing.md shows of the study."""

import json

from mote_demo.settings import ROOT
from mote_demo.study.grow_page import grow_section


def row(name, rows, grown, *, identical=True, **scores):
    known = {"untrained": 70.0, "logreg": None, "full_finetune": 80.0, "lora": 75.0, **scores}
    intervals = {f"grown-{method}": [-1.0, 1.0] for method in ("untrained", "full_finetune", "lora")}
    return {
        **{"set": name, "rows": rows, "seeds": 3, "grown": grown, "intervals": intervals, **known},
        **{"twin_forgets": 2.0, "others_identical": identical},
    }


def test_each_aim_counts_the_rows_that_it_is_for_and_names_those_that_miss_it():
    rows = [row("few", 200, 69.6), row("many", 1000, 79.5), row("worse", 1000, 69.0, identical=False)]
    said = grow_section(rows)
    assert "at most 0.5 below no training: 2 of 3; not worse at 1,000" in said
    assert "above no training with 1,000 rows or more: 1 of 2; not worse at 1,000" in said
    assert "within 0.5 of full fine-tuning or above it with 1,000 rows or more: 1 of 2; not worse at 1,000" in said
    assert "above LoRA: 1 of 3; not few at 200, worse at 1,000" in said
    assert "bit for bit what it was: 2 of 3; not worse at 1,000" in said
    assert "| few | 200 | 3 | 70.0 |  | 80.0 | 75.0 | 69.6 | -0.4 (-1.0 to +1.0) |" in said


def test_the_page_has_the_table_of_the_file():
    rows = json.loads((ROOT / "results" / "grow.json").read_text("utf-8"))["rows"]
    page = (ROOT / "docs" / "growing.md").read_text("utf-8")
    assert grow_section(rows) in page, "please run: python scripts/readme.py"
