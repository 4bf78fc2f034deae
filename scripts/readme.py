"""Fill README.md: run its snippet and copy the measured results, so that no figure in it is typed by hand.

Usage: python scripts/readme.py
"""

import os
import re
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mote_demo.evaluation.markdown import table
from mote_demo.evaluation.report import Report, load_report
from mote_demo.files import replacing
from mote_demo.settings import ROOT, report_file

README = ROOT / "README.md"


def main():
    text = README.read_text("utf-8")
    text = replace(text, "output", f"```text\n{run_snippet(text)}```")
    text = replace(text, "results", results())
    with replacing(README) as temporary:
        temporary.write_text(text, "utf-8")


def run_snippet(text: str) -> str:
    """Return what the README's first Python block prints."""
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return ran.stdout


def results() -> str:
    """Return the family means of the development report as a table."""
    report = load_report(report_file())
    models = list(report.models)
    rows = []
    for family in report.families:
        count = sum(one.family == family for one in report.sets)
        rows.append([family, str(count), *(f"{report.family_mean(model, family):.1f}" for model in models)])
    rows.append(["**mean of families**", "", *(f"**{report.mean_of_families(model):.1f}**" for model in models)])
    return f"{table(['family', 'sets', *models], rows, left=2)}\n\n{difference(report, *models[:2])}"


def difference(report: Report, first: str, second: str) -> str:
    """Say how far the second model is from the first over all sets."""
    gain = report.mean_of_sets(second) - report.mean_of_sets(first)
    low, high = report.interval(first, second)
    return (
        f"Over the {len(report.sets)} sets, `{second}` scores {gain:+.2f} points against `{first}` "
        f"(95 % bootstrap interval over the sets: {low:+.2f} to {high:+.2f})."
    )


def replace(text: str, name: str, inner: str) -> str:
    """Replace what stands between the two comments that bear a name."""
    begin, end = f"<!-- begin:{name} -->", f"<!-- end:{name} -->"
    before, rest = text.split(begin)
    return f"{before}{begin}\n{inner}\n{end}{rest.split(end)[1]}"


if __name__ == "__main__":
    main()
