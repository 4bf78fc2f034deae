"""The folder that would be pushed to a Space is whole, and its versions are exact."""

import re
import sys
from types import ModuleType

import pytest
import yaml

from mote_demo.ui.shared.gpu import on_gpu
from scripts import space


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space")
    space.build(folder, "someone/models")
    return folder


def test_every_version_is_exact(built):
    lines = (built / "requirements.txt").read_text("utf-8").splitlines()
    assert all(re.match(r"[\w.-]+==[\w.]+(;|$)", line) for line in lines)
    assert {"torch==2.11.0", "sentence-transformers==5.7.0", "pydantic==2.12.5"} <= set(lines)
    assert not {"pytest", "ruff", "mteb"} & {space.name_of(line) for line in lines}
    assert list(space.unpinned(built)) == []


def test_checkpoints_may_lie_in_a_model_repository(built):
    assert not (built / "checkpoints").exists()
    front = yaml.safe_load((built / "README.md").read_text("utf-8").split("---\n", 2)[1])
    assert front["models"] == front["preload_from_hub"] == ["someone/models"]
    assert list(space.front_matter(built)) == []
    code = (built / "app.py").read_text("utf-8")
    compile(code, "app.py", "exec")
    assert code.index("MOTE_HUB_MODELS") < code.index("mote_demo.ui.app")


def test_a_large_file_that_lfs_does_not_track_is_a_problem(built, tmp_path):
    assert list(space.large_files(built)) == []
    for name in ("vectors.npy", "model.safetensors"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(space.LARGEST + 1)
    assert [problem.split()[0] for problem in space.large_files(tmp_path)] == ["vectors.npy"]


def test_what_the_app_needs_is_pushed_and_tests_are_not(built):
    assert all((built / name).is_file() for name in ("app.py", "LICENSE", "pyproject.toml", "mote_demo/ui/app.py"))
    assert not (built / "tests").exists()
    assert "*.safetensors filter=lfs" in (built / ".gitattributes").read_text("utf-8")


def test_a_call_asks_for_the_gpu_of_a_space_for_a_minute_at_most(monkeypatch):
    def call():
        return 1

    monkeypatch.setitem(sys.modules, "spaces", None)
    assert on_gpu(call) is call
    lent, asked = ModuleType("spaces"), []
    lent.GPU = lambda duration: asked.append(duration) or (lambda function: function)
    monkeypatch.setitem(sys.modules, "spaces", lent)
    assert on_gpu(call)() == 1
    assert asked[0] <= 60
