import sys
from pathlib import Path

import pytest

from mote_demo import settings
from mote_demo.errors import UserError


def test_everything_lies_in_the_checkout_and_variables_set_other_places(monkeypatch, tmp_path):
    for name in ("MOTE_CHECKPOINTS", "MOTE_REPORT"):
        monkeypatch.delenv(name, raising=False)
    assert settings.checkpoints_folder() == Path(__file__).parent.parent / "checkpoints"
    assert settings.report_file() == Path(__file__).parent.parent / "results" / "dev.json"
    monkeypatch.setenv("MOTE_CHECKPOINTS", str(tmp_path))
    assert settings.checkpoints_folder() == tmp_path


def test_without_a_checkout_everything_lies_in_the_working_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("MOTE_CHECKPOINTS", raising=False)
    monkeypatch.setattr(settings, "ROOT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    assert settings.checkpoints_folder() == tmp_path / "checkpoints"


def test_the_cache_is_where_it_was_and_a_variable_moves_it(monkeypatch, tmp_path):
    monkeypatch.delenv("MOTE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if sys.platform == "linux":
        assert settings.cache_folder() == Path.home() / ".cache" / "mote-explorer"
    assert settings.cache_folder().is_absolute()
    monkeypatch.setenv("MOTE_CACHE", str(tmp_path / "here"))
    assert settings.cache_folder() == tmp_path / "here"


def test_a_folder_without_checkpoints_says_where_to_get_them(tmp_path):
    words = f"There is no checkpoint in {tmp_path / 'baseline'}. Please set MOTE_CHECKPOINTS.*{settings.REPOSITORY}"
    with pytest.raises(UserError, match=words):
        settings.check_checkpoint(tmp_path / "baseline")


def test_checkpoints_come_from_the_hub_where_none_are_at_hand(tmp_path, monkeypatch):
    monkeypatch.delenv("MOTE_CHECKPOINTS", raising=False)
    monkeypatch.setattr(settings, "ROOT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name: asked.append(name) or str(tmp_path / "hub"))
    settings._fetched.cache_clear()
    monkeypatch.setenv("MOTE_HUB_MODELS", "someone/models")
    assert [settings.checkpoints_folder() for _ in range(2)] == [tmp_path / "hub"] * 2
    assert asked == ["someone/models"]
    assert settings.new_checkpoints_folder() == tmp_path / "checkpoints"
    (tmp_path / "checkpoints").mkdir()
    assert settings.checkpoints_folder() == tmp_path / "checkpoints"


def test_a_model_repository_that_cannot_be_fetched_is_told(tmp_path, monkeypatch):
    def fail(name):
        raise ConnectionError("no route")

    monkeypatch.delenv("MOTE_CHECKPOINTS", raising=False)
    monkeypatch.setattr(settings, "ROOT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    monkeypatch.setenv("MOTE_HUB_MODELS", "someone/else")
    with pytest.raises(UserError, match=r"MOTE_HUB_MODELS names 'someone/else'.*ConnectionError.*HF_TOKEN"):
        settings.checkpoints_folder()
