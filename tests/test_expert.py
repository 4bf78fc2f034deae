"""An expert plugs into the model it was grown on and into no other, and a file gives it back."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.growing.expert import load_expert, receive_expert
from mote_demo.growing.settings import GrowthSettings
from tests.own_experts import copied_expert

EVIL = "<img src=x onerror=alert(1)>"
FACTS = {"settings": GrowthSettings(epochs=3), "steps": 9, "held_out_rows": 12, "trained_on": frozenset({"0a", "1b"})}
TEXTS = ["a cat", "the old train"]


@pytest.fixture
def expert(tiny_encoder):
    """An expert whose numbers are exact in half precision, as those of one that was trained are."""
    expert = copied_expert(tiny_encoder, task="classification", instruction="classification: ")
    for layer in expert.layers.values():
        layer.half().float()
    return replace(expert, **FACTS, before={"accuracy": 0.5}, after={"accuracy": 0.75})


@pytest.fixture
def path(expert, tmp_path):
    """Its file."""
    expert.save(tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


def rewrite(path, *, about=(), tensors=()):
    """Change the metadata and the tensors of a file; it becomes one of the first version, which has no hash."""
    with safe_open(path, "pt") as file:
        known = json.loads(file.metadata()["mote_expert"])
        kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    save_file(
        {**kept, **dict(tensors)}, path, metadata={"mote_expert": json.dumps({**known, "version": 1, **dict(about)})}
    )


def test_a_saved_expert_comes_back_with_all_that_is_known_of_it(tiny_encoder, expert, path):
    again = load_expert(path)
    kept = ("name", "task", "base", "route", "fingerprint", *FACTS, "before", "after")
    assert [getattr(again, name) for name in kept] == [getattr(expert, name) for name in kept]
    vectors = [each.plugged_into(tiny_encoder).encode(TEXTS, route="mine") for each in (expert, again)]
    assert np.array_equal(*vectors)


def test_saving_what_was_loaded_gives_the_same_file(path, tmp_path):
    load_expert(path).save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_an_expert_of_which_nothing_else_is_known_is_saved_and_loaded(tiny_encoder, tmp_path):
    copied_expert(tiny_encoder).save(tmp_path / "plain.safetensors")
    again = load_expert(tmp_path / "plain.safetensors")
    assert (again.settings, again.steps, again.before) == (None, 0, {})
    assert "held-out" not in again._repr_html_()


def test_an_expert_of_another_model_is_refused_with_both_fingerprints(tiny_encoder, fresh_mote, path):
    with torch.no_grad():
        next(fresh_mote.backbone.parameters()).add_(0.1)
    other = Encoder(fresh_mote, tiny_encoder._tokenizer, "other")
    with pytest.raises(UserError) as error:
        load_expert(path).plugged_into(other)
    assert tiny_encoder.weights_fingerprint("classification") in str(error.value)
    assert other.weights_fingerprint("classification") in str(error.value)


@pytest.mark.parametrize("damage", ["text", "cut", "foreign", "metric", "settings", "shape"])
def test_a_file_that_is_no_expert_is_refused(path, damage):
    if damage == "text":
        path.write_text("no expert")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    elif damage == "foreign":
        save_file({"weight": torch.zeros(2)}, path)
    elif damage == "metric":
        rewrite(path, about={"facts": {"before": {"accuracy": EVIL}, "after": {"accuracy": 1}}})
    elif damage == "settings":
        rewrite(path, about={"facts": {"settings": {"bogus": 1}}})
    else:
        rewrite(path, tensors={"layer.weight": torch.zeros(2)})
    with pytest.raises(UserError, match="another file"):
        load_expert(path)


def test_a_file_without_a_hash_is_read_and_one_that_lost_it_is_not(path, tiny_encoder):
    rewrite(path)
    load_expert(path).plugged_into(tiny_encoder)
    rewrite(path, about={"version": 2, "instruction": "another"})
    with pytest.raises(UserError, match="another file"):
        load_expert(path)


def test_every_flipped_bit_and_every_cut_is_seen(path):
    whole, chance = path.read_bytes(), random.Random(0)
    for trial in range(100):
        damaged, at = bytearray(whole), chance.randrange(len(whole))
        damaged[at] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged if trial % 4 else whole[:at])
        with pytest.raises(UserError):
            load_expert(path)


@pytest.mark.parametrize("name", ["My topic!", "type", "../up"])
def test_a_name_that_cannot_be_used_is_refused(path, name):
    rewrite(path, about={"name": name})
    with pytest.raises(UserError, match="name"):
        load_expert(path)


@pytest.mark.parametrize(
    ("about", "place"),
    [
        ({"facts": "ab"}, "facts must be a mapping"),
        ({"facts": {"steps": -1}}, "facts.steps"),
        ({"facts": {"before": {"a": 1}, "after": {}}}, "not an expert"),
        ({"facts": {"trained_on": ["<b>"]}}, "facts.trained_on"),
        ({"facts": {"settings": {"batch_size": 10**9}}}, "batch size must be from"),
        (
            {"route": {"instruction": "half an emoji \ud83d: "}},
            "route.instruction must be a text",
        ),
        ({"route": {"instruction": "back\x1b[2J"}}, "route.instruction holds characters"),
        ({"base": "x" * 501}, "base"),
        ({"version": [2]}, "format '\\[2\\]'"),
        ({"name": None}, "name must be a text"),
    ],
)
def test_a_header_with_odd_values_is_refused_with_the_place(path, about, place):
    rewrite(path, about=about)
    for read in (load_expert, receive_expert):
        with pytest.raises(UserError, match=place):
            read(path)


@pytest.mark.parametrize(
    "tensors",
    [
        {"a.weight": torch.zeros(2, 2, 2)},
        {"a.weight": torch.zeros(2, 3), "a.bias": torch.zeros(3)},
        {"a.bias": torch.zeros(3)},
        {"a.weight": torch.zeros(0, 3)},
        {"a.weight": torch.zeros(2, 3, dtype=torch.int32)},
        {"a.weight": torch.zeros(2, 3, dtype=torch.float8_e4m3fn)},
        {"../a.weight": torch.zeros(2, 3)},
    ],
)
def test_tensors_that_are_no_layers_are_refused_by_name(path, tensors):
    rewrite(path, tensors=tensors)
    with pytest.raises(UserError, match=r"a tensor '.*a\.(weight|bias)' of the type"):
        load_expert(path)


def test_a_header_that_names_a_type_nobody_reads_is_refused(path):
    content = path.read_bytes().replace(b'"F16"', b'"F4" ')
    path.write_bytes(content)
    with pytest.raises(UserError, match="another file"):
        load_expert(path)


def test_bfloat16_is_read_too(path):
    rewrite(path, tensors={"a.weight": torch.tensor([[1.5, -2.0]], dtype=torch.bfloat16)})
    assert load_expert(path).layers["a"].weight.tolist() == [[1.5, -2.0]]


def test_a_strangers_expert_is_the_same_as_ones_own(path):
    own, received = load_expert(path), receive_expert(path)
    for name in ("name", "task", "base", "instruction", "fingerprint", *FACTS, "before", "after", "intervals"):
        assert getattr(own, name) == getattr(received, name)
    for layer in own.layers:
        assert torch.equal(own.layers[layer].weight, received.layers[layer].weight)


def test_layers_of_other_shapes_are_refused(tiny_encoder, expert):
    path = next(iter(expert.layers))
    with pytest.raises(UserError, match="do not fit"):
        replace(expert, layers={**expert.layers, path: torch.nn.Linear(2, 2)}).plugged_into(tiny_encoder)


def test_an_expert_prints_itself_short_with_its_metrics(expert):
    assert repr(expert) == "Expert 'mine' of classification, grown from 'classification': accuracy 0.500 -> 0.750"
    assert expert.to_frame().loc["accuracy"].tolist() == [0.5, 0.75, 0.25]


def test_a_notebook_shows_a_table_whose_values_are_text(expert):
    html = replace(expert, base=EVIL, before={EVIL: 0.5}, after={EVIL: 0.75})._repr_html_()
    assert "<img" not in html
    assert html.count("&lt;img") == 2
    assert "0.750" in html
