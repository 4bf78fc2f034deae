"""What the documents point to exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/lenses.md",
    "docs/results.md",
    "checkpoints/baseline/README.md",
    "checkpoints/mote/README.md",
]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_relative_link_leads_to_a_file(name):
    document = ROOT / name
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert not missing


def test_the_readme_names_every_verb_of_the_command_line():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    helped = subprocess.run([sys.executable, "-m", "mote_demo", "--help"], cwd=ROOT, capture_output=True, text=True)
    verbs = re.findall(r"^    (\w+) ", helped.stdout, re.MULTILINE)
    assert "study" in verbs
    assert not [verb for verb in verbs if f"python -m mote_demo {verb}" not in readme]
