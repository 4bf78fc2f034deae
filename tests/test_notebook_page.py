"""What ``docs/notebook.md`` shows is one program, and prints what stands there; its commands are commands."""

import os
import re
import shlex
from pathlib import Path

import pytest

from ecosystem.snippets import run, sections
from mote_demo.cli import _parser
from mote_demo.explore import maps
from mote_demo.explore.projection import Projection

PAGE = Path(__file__).parent.parent / "docs" / "notebook.md"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the shipped checkpoints, for what the page writes."""
    monkeypatch.setenv("MOTE_CACHE", str(tmp_path / "cache"))
    os.symlink(PAGE.parent.parent / "checkpoints", tmp_path / "checkpoints")
    # Stands in for UMAP, whose kernels take long to compile.
    monkeypatch.setattr(maps, "project", lambda vectors, **_: Projection(vectors[:, :2].copy(), "UMAP"))
    return tmp_path


def test_every_section_prints_what_it_says(folder):
    known = {"__name__": "__snippet__"}
    for section in sections(PAGE):
        assert run(section, folder=folder, known=known) == section.output, section.name
    assert (folder / "maps.html").is_file()


def test_every_command_is_one():
    commands = re.findall(r"^    (mote .*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(commands) > 8
    for command in commands:
        _parser("mote").parse_args(shlex.split(command)[1:])
