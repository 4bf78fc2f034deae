import pytest
import torch
import yaml
from huggingface_hub import constants
from safetensors.torch import load_file

from mote_demo import cli
from mote_demo.data.folders import data_folder
from mote_demo.errors import UserError
from tests.tiny_recipe import tiny_recipe, write_data

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def downloaded(tmp_path, monkeypatch):
    """A repository as a download leaves it in the cache of the Hub, which is all that an offline machine has."""
    repository = tmp_path / "datasets--someone--texts"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    for revision in ("main", "v1"):
        (repository / "refs" / revision).write_text(COMMIT, encoding="utf-8")
    write_data(snapshot)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return snapshot


@pytest.mark.parametrize("name", ["hub:someone/texts", "hub:someone/texts@v1", f"hub:someone/texts@{COMMIT}"])
def test_a_repository_of_the_hub_is_a_folder_after_its_download(downloaded, name):
    assert data_folder(name) == downloaded


def test_a_folder_is_itself(tmp_path):
    assert data_folder(str(tmp_path)) == tmp_path


@pytest.mark.usefixtures("downloaded")
@pytest.mark.parametrize("name", ["hub:someone/other", "hub:someone/texts@v2", "hub:", "hub:a/b/c"])
def test_a_repository_that_cannot_be_read_is_named(name):
    with pytest.raises(UserError, match=f"repository {name.removeprefix('hub:')} cannot be read.*HF_TOKEN"):
        data_folder(name)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="no folder .*none.*hub:OWNER/NAME"):
        data_folder(str(tmp_path / "none"))


def test_a_recipe_gives_the_same_weights_from_the_hub_as_from_a_folder(
    downloaded, tmp_path, monkeypatch, tiny_backbone_path
):
    monkeypatch.setenv("MOTE_CACHE", str(tmp_path / "cache"))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(tiny_recipe(tiny_backbone_path)), encoding="utf-8")
    trained = {}
    for name, data in (("folder", str(downloaded)), ("hub", "hub:someone/texts@v1")):
        out = ["--out", str(tmp_path / name), "--work", str(tmp_path / f"{name}-work")]
        assert cli.main(["train", str(recipe), "--data", data, "--arm", "mote", *out]) == 0
        trained[name] = {file.name: load_file(file) for file in (tmp_path / name / "mote").glob("*.safetensors")}
        assert "moods" in (tmp_path / name / "mote" / "README.md").read_text(encoding="utf-8")
    for name, tensors in trained["folder"].items():
        assert all(torch.equal(tensor, trained["hub"][name][key]) for key, tensor in tensors.items())
