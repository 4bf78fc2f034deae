import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.model import upcycle
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.model.folding import WAVE, fold, fold_model, fold_router, wave, with_instruction
from mote_demo.tasks import ROUTES, Route

TEXTS = ["my card is lost", "what is a vector?", "", "big " * 100]


@pytest.fixture
def checkpoint(tiny_mote, tiny_tokenizer, tmp_path):
    save_checkpoint(tiny_mote, tiny_tokenizer, tmp_path / "mote")
    return tmp_path / "mote"


def open_folded(folder):
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


@pytest.mark.parametrize("route", ROUTES)
def test_a_folded_route_is_that_route_whoever_asks_and_cannot_lose_its_instruction(checkpoint, tmp_path, route):
    fold(checkpoint, route, tmp_path / "folded")
    folded, expected = open_folded(tmp_path / "folded"), Encoder.from_pretrained(checkpoint).encode(TEXTS, route=route)
    assert folded.prompts.get(route) in (None, "")
    for vectors in (
        folded.encode(TEXTS),
        folded.encode(TEXTS, prompt=""),
        folded.encode_query(TEXTS),
        folded.encode_document(TEXTS),
    ):
        np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_a_folded_model_is_half_as_large_and_computes_in_float32(checkpoint, tmp_path):
    fold(checkpoint, "sts", tmp_path / "folded")
    stored = load_file(tmp_path / "folded" / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    assert open_folded(tmp_path / "folded").dtype == torch.float32


def test_a_router_has_all_routes_and_no_default(checkpoint, tmp_path):
    encoder = Encoder.from_pretrained(checkpoint)
    fold_router(encoder.network, encoder.tokenizer, tmp_path / "all")
    router = open_folded(tmp_path / "all")
    for route in ROUTES:
        np.testing.assert_allclose(router.encode(TEXTS, task=route), encoder.encode(TEXTS, route=route), atol=1e-6)
    with pytest.raises(ValueError, match="task"):
        router.encode(TEXTS)


def byte_level(*words):
    """A tokenizer to which a word after a space is another one, and whose end has no special token."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    vocabulary = {piece: number for number, piece in enumerate(["<s>", *sorted(alphabet), *words])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A $B", [("<s>", 0)])
    return tokenizer


def test_an_instruction_is_baked_only_where_the_tokens_stay_the_same(tiny_tokenizer):
    baked = with_instruction(tiny_tokenizer, "query: ")
    for text in ("a cat", "", "[SEP] now", "x" * 50):
        assert baked.encode(text).ids == tiny_tokenizer.encode("query: " + text).ids
    pieces = json.loads(baked.to_str())["post_processor"]["special_tokens"]
    assert all(piece["tokens"] == [name] for name, piece in pieces.items())  # transformers.js looks up the names
    assert with_instruction(tiny_tokenizer, "") is not None
    assert with_instruction(tiny_tokenizer, "about") is None  # "about" and "a word" would be one word
    assert with_instruction(byte_level(), "query: ").encode("cat").tokens[0] == "<s>"
    merging = Tokenizer(models.BPE({"<s>": 0, "Ġ": 1, "a": 2, "Ġa": 3, ":": 4}, [("Ġ", "a")]))
    merging.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    merging.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A $B", [("<s>", 0)])
    assert with_instruction(merging, ": ") is None


def test_where_it_cannot_be_baked_it_is_the_prompt_of_every_side(fresh_mote, tiny_tokenizer, tmp_path):
    fresh_mote.config.routes["sts"]["instruction"] = "about"
    fold_model(fresh_mote, tiny_tokenizer, "sts", tmp_path / "folded")
    folded = open_folded(tmp_path / "folded")
    expected = Encoder(fresh_mote, tiny_tokenizer, "mote").encode(TEXTS, route="sts")
    for encode in (folded.encode, folded.encode_query, folded.encode_document):
        np.testing.assert_allclose(encode(TEXTS), expected, atol=5e-3)


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
    folded = open_folded(tmp_path / "folded")
    np.testing.assert_allclose(folded.encode(TEXTS), tiny_encoder.encode(TEXTS, route="sts"), atol=5e-3)


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
