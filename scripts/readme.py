"""Fill README.md and docs/growing.md: run the snippet and copy what was measured, so that no figure is typed by hand.

Usage: python scripts/readme.py
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.report import SIGNS
from mote_demo.evaluation.markdown import table
from mote_demo.files import replacing
from mote_demo.settings import ROOT, summary_file
from mote_demo.study.arms import ALL, MAIN, TITLES
from mote_demo.study.grow_page import grow_section

README, GROWING = ROOT / "README.md", ROOT / "docs" / "growing.md"


def main():
    text = README.read_text("utf-8")
    text = replace(text, "output", f"```text\n{run_snippet(text)}```")
    text = replace(text, "results", results())
    text = replace(text, "speed", speed())
    write(README, text)
    rows = json.loads((ROOT / "results" / "grow.json").read_text("utf-8"))["rows"]
    write(GROWING, replace(GROWING.read_text("utf-8"), "grow", grow_section(rows)))


def write(page: Path, text: str) -> None:
    """Write a page whole or not at all."""
    with replacing(page) as temporary:
        temporary.write_text(text, "utf-8")


def run_snippet(text: str) -> str:
    """Return what the README's first Python block prints."""
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return ran.stdout


def results() -> str:
    """Return the family means of the study as a table, and how far MoTE is from the baseline."""
    summary = json.loads(summary_file().read_text("utf-8"))
    families = {**summary["families"], "**all sets**": summary["all"]}
    rows = [[family, *(f"{means[arm]:.1f}" for arm in MAIN)] for family, means in families.items()]
    return f"{table(['family', *(TITLES[arm] for arm in MAIN)], rows)}\n\n{differences(summary)}"


def differences(summary: Mapping[str, Any]) -> str:
    """Say how far MoTE is from the baseline and from the untouched backbone, and where it is behind."""
    seeds = "one seed" if summary["seeds"] == 1 else f"mean of {summary['seeds']} seeds"
    unseen = summary["seen"]["unseen"]
    lines = [
        f"On the {unseen['sets']} sets of which no part was trained on ({seeds}), MoTE is ahead of the baseline by "
        f"{lead(unseen['difference'])} and of the untouched backbone by {lead(unseen['over_untouched'])}; over all "
        f"sets by {lead(summary['difference'][ALL])} and {lead(summary['over_untouched'][ALL])}. In brackets: "
        "95 % interval over the sets."
    ]
    for against, differences in (("baseline", "difference"), ("untouched backbone", "over_untouched")):
        behind = [
            f"{family} {values['points']:+.2f}"
            for family, values in summary[differences].items()
            if values["points"] < 0
        ]
        if behind:
            lines.append(f"MoTE is behind the {against} on {', '.join(behind)}.")
    return " ".join(lines)


def lead(difference: Mapping[str, Any]) -> str:
    """Return the points and their interval."""
    low, high = difference["interval"]
    return f"{difference['points']:+.2f} points ({low:+.2f} to {high:+.2f})"


def speed() -> str:
    """Return the benchmarks as a short table, and what measured them."""
    values = json.loads((ROOT / "benchmarks" / "results.json").read_text("utf-8"))
    rows = [
        [row["name"], row["peer"], f"{row['ratio']:.2f}", f"{SIGNS[row['better']]} {row['target']:g}"]
        for row in values["rows"]
    ]
    machine = values["machine"]
    words = f"Measured on {machine['processor']}, {machine['threads']} threads, {machine['sgemm_gflops']:.0f} GFLOP/s."
    return f"{table(['what', 'against', 'ratio', 'aim'], rows, left=2)}\n\n{words}"


def replace(text: str, name: str, inner: str) -> str:
    """Replace what stands between the two comments that bear a name."""
    begin, end = f"<!-- begin:{name} -->", f"<!-- end:{name} -->"
    before, rest = text.split(begin)
    return f"{before}{begin}\n{inner}\n{end}{rest.split(end)[1]}"


if __name__ == "__main__":
    main()
