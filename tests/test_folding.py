import json

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.model import upcycle
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.model.folding import WAVE, fold, wave
from mote_demo.tasks import ROUTES, Route

TEXTS = ["my card is lost", "what is a vector?", "", "big " * 100]


@pytest.fixture
def checkpoint(tiny_mote, tiny_tokenizer, tmp_path):
    save_checkpoint(tiny_mote, tiny_tokenizer, tmp_path / "mote", dtype=torch.float32)
    return tmp_path / "mote"


@pytest.mark.parametrize("route", ROUTES)
def test_a_folded_route_is_that_route_without_naming_it(checkpoint, tiny_encoder, tmp_path, route):
    fold(checkpoint, route, tmp_path / "folded")
    folded = SentenceTransformer(str(tmp_path / "folded"), device="cpu")
    np.testing.assert_allclose(folded.encode(TEXTS), tiny_encoder.encode(TEXTS, route=route), atol=1e-5)


def test_a_folded_model_names_nothing_of_this_package(checkpoint, tmp_path):
    fold(checkpoint, "clustering", tmp_path / "folded")
    modules = json.loads((tmp_path / "folded" / "modules.json").read_text(encoding="utf-8"))
    assert all(module["type"].startswith("sentence_transformers.") for module in modules)
    assert json.loads((tmp_path / "folded" / "config.json").read_text(encoding="utf-8"))["model_type"] == "bert"


def test_folding_twice_gives_the_same_file(checkpoint, tmp_path):
    for name in ("first", "again"):
        fold(checkpoint, "sts", tmp_path / name)
    first, again = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "again"))
    assert first == again


def test_a_task_with_one_route_can_be_folded_by_its_name(checkpoint, tiny_encoder, tmp_path):
    fold(checkpoint, "similarity", tmp_path / "folded")
    folded = SentenceTransformer(str(tmp_path / "folded"), device="cpu")
    np.testing.assert_allclose(folded.encode(TEXTS), tiny_encoder.encode(TEXTS, route="sts"), atol=1e-5)


@pytest.mark.parametrize("route", [None, "bogus"])
def test_folding_a_missing_or_unknown_route_lists_the_routes_and_writes_nothing(checkpoint, tmp_path, route):
    with pytest.raises(UserError, match="'query', 'document'"):
        fold(checkpoint, route, tmp_path / "folded")
    assert not (tmp_path / "folded").exists()


def test_folding_replaces_a_model_but_no_other_folder(checkpoint, tmp_path):
    fold(checkpoint, "sts", tmp_path / "folded")
    fold(checkpoint, "query", tmp_path / "folded")
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="is not a model"):
        fold(checkpoint, "sts", other)
    assert (other / "notes.txt").exists()


def test_folding_a_folder_that_is_no_checkpoint_names_it(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        fold(tmp_path / "nowhere", "sts", tmp_path / "folded")


def encoder_of(model, tiny_encoder):
    return Encoder(model, tiny_encoder._tokenizer, "wave")


def test_wave_of_identical_experts_is_the_experts(tiny_backbone_path, tiny_encoder):
    same = upcycle(tiny_backbone_path, ROUTES, max_tokens=64)
    expected, averaged = encoder_of(same, tiny_encoder), encoder_of(wave(same), tiny_encoder)
    for route in ROUTES:
        np.testing.assert_allclose(averaged.encode(TEXTS, route=route), expected.encode(TEXTS, route=route), atol=1e-6)


def test_wave_is_the_mean_of_the_experts_at_the_size_of_one(tiny_mote):
    averaged = wave(tiny_mote)
    mean = averaged.expert_parameters(WAVE)
    for name, parameter in mean.items():
        parts = [
            tiny_mote.state_dict()[name.replace(f".{WAVE}.", f".{expert}.")] for expert in tiny_mote.config.experts
        ]
        torch.testing.assert_close(parameter.detach(), sum(parts) / len(parts))
    assert len(mean) == len(tiny_mote.expert_parameters("sts"))
    assert averaged.config.experts == (WAVE,)
    assert tuple(averaged.config.routes) == tuple(tiny_mote.config.routes)
    assert averaged.count_parameters()["stored"] == tiny_mote.count_parameters()["active"]


def test_wave_of_one_expert_is_that_expert_and_leaves_the_model_as_it_was(tiny_mote, tiny_encoder):
    before = {name: tensor.clone() for name, tensor in tiny_mote.state_dict().items()}
    averaged = encoder_of(wave(tiny_mote, ["sts"]), tiny_encoder)
    np.testing.assert_allclose(averaged.encode(TEXTS, route="sts"), tiny_encoder.encode(TEXTS, route="sts"), atol=1e-6)
    assert all(torch.equal(tensor, before[name]) for name, tensor in tiny_mote.state_dict().items())


def test_wave_works_whatever_the_experts_are_called(tiny_backbone_path):
    routes = {"first": Route("dense", ""), "second": Route("layer", "")}
    model = upcycle(tiny_backbone_path, routes, max_tokens=64)
    with torch.no_grad():
        for parameter in model.expert_parameters("layer").values():
            parameter.zero_()
    halves, wholes = wave(model).expert_parameters(WAVE).values(), model.expert_parameters("dense").values()
    for half, whole in zip(halves, wholes, strict=True):
        torch.testing.assert_close(half * 2, whole)


@pytest.mark.parametrize("experts", [[], ["bogus"]])
def test_wave_of_no_or_unknown_experts_lists_them(tiny_mote, experts):
    with pytest.raises(UserError, match="expert.*'query', 'document'"):
        wave(tiny_mote, experts)
