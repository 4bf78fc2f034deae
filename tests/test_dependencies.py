"""One list of dependencies: pyproject.toml; what repeats or explains it says the same."""

import re
from collections import defaultdict
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from mote_demo.errors import UserError
from mote_demo.extras import EXTRAS, missing_extra, require

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "pyproject.toml").read_text("utf-8")


def lists():
    """Name to lines of requirements, of the core and of each extra; Python 3.10 has no reader of TOML."""
    found = {"core": re.search(r"^dependencies = \[(.*?)^\]", TEXT, re.MULTILINE | re.DOTALL).group(1)}
    extras = re.search(r"^\[project.optional-dependencies\](.*?)^\[", TEXT, re.MULTILINE | re.DOTALL).group(1)
    found |= re.findall(r"^(\w+) = \[(.*?)^\]", extras, re.MULTILINE | re.DOTALL)
    return {name: re.findall(r'^ {4}"(.*?)",', lines, re.MULTILINE) for name, lines in found.items()}


def name_of(requirement):
    return re.match(r"[\w.-]+", requirement).group()


def test_requirements_of_a_space_are_the_core_and_the_app():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    known = lists()
    assert sorted(line for line in lines if line and not line.startswith("#")) == sorted(known["core"] + known["app"])


def test_a_package_has_the_same_range_in_every_extra():
    ranges = defaultdict(set)
    for lines in lists().values():
        for line in lines:
            ranges[name_of(line)].add(line.partition("[")[0] if "mote-demo" in line else line)
    assert {name: found for name, found in ranges.items() if len(found) > 1} == {}


def test_the_page_says_why_each_is_there():
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    core, extras = page.split("## Extras")
    known = lists()
    assert re.findall(r"^\| `([\w.-]+)` \|", core, re.MULTILINE) == list(map(name_of, known.pop("core")))
    told = {
        name: set(re.findall(r"\w+", where)) for name, where in re.findall(r"^\| `([\w.-]+)` \| (.*?) \|", extras, re.M)
    }
    wanted = defaultdict(set)
    for extra, lines in known.items():
        for line in lines:
            wanted[name_of(line)].add(extra)
    assert told == wanted
    assert all(len(words) > 3 for words in re.findall(r"\| ([^|]+) \|$", page, re.MULTILINE))


def test_every_library_that_the_core_does_not_bring_has_an_extra():
    known = lists()
    core = set(map(name_of, known["core"]))
    imported = set()
    for file in (ROOT / "mote_demo").rglob("*.py"):
        imported |= set(re.findall(r"^\s*(?:import|from) (\w+)", file.read_text("utf-8"), re.MULTILINE))
    distributions = packages_distributions()
    for module in imported & set(distributions) - {"mote_demo"}:
        brings = set(distributions[module])
        # What a library of the core brings along, such as markupsafe, or a part of Gradio, has no line of its own.
        listed = {name: lines for name, lines in known.items() if brings & set(map(name_of, lines))}
        if listed and not brings & core:
            assert EXTRAS[module] in listed, module


def test_a_missing_library_is_told_with_the_command_that_installs_it():
    assert "pip install 'mote-demo[app]'" in str(missing_extra("pandas.core"))
    assert missing_extra("json") is None
    assert missing_extra(None) is None
    with pytest.raises(ModuleNotFoundError):
        require("no_such_module")


def test_a_name_of_the_package_says_which_extra_it_needs(monkeypatch):
    import mote_demo

    def lack(name):
        raise ModuleNotFoundError("No module named 'pandas'", name="pandas")

    monkeypatch.setattr(mote_demo, "import_module", lack)
    with pytest.raises(UserError, match=r"needs pandas.*mote-demo\[app\]"):
        mote_demo.Pair  # noqa: B018
