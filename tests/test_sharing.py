"""Equal tensors of two stored models are held once, and nothing else is shared."""

import numpy as np
import pytest
import torch

from mote_demo.encoder import Encoder
from mote_demo.model import upcycle
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.tasks import ROUTES

TEXTS = ["a cat", "the old train"]


@pytest.fixture
def mote(tiny_mote, tiny_tokenizer, tmp_path):
    return stored(tiny_mote, tiny_tokenizer, tmp_path / "mote")


def stored(model, tokenizer, folder):
    save_checkpoint(model, tokenizer, folder)
    return Encoder.from_pretrained(folder)


def test_a_frozen_trunk_is_held_once_and_the_vectors_stay(
    mote, tiny_mote, tiny_backbone_path, tiny_tokenizer, tmp_path
):
    dense = upcycle(tiny_backbone_path, ROUTES, expert_layers=[], max_tokens=64)
    alone = stored(dense, tiny_tokenizer, tmp_path / "baseline")
    both = alone.sharing(mote)
    own = {f"backbone.{path}.{part}" for path in tiny_mote.expert_paths for part in ("weight", "bias")}
    for name, tensor in both.network.tensors.items():
        assert (tensor is mote.network.tensors.get(name)) == (name not in own)
    np.testing.assert_array_equal(both.encode(TEXTS, route="sts"), alone.encode(TEXTS, route="sts"))
    assert both.fingerprint("sts") == alone.fingerprint("sts")


def test_tensors_that_differ_stay_apart(mote, fresh_mote, tiny_tokenizer, tmp_path):
    with torch.no_grad():
        fresh_mote.get_input_embeddings().weight[3].add_(1)
    other = stored(fresh_mote, tiny_tokenizer, tmp_path / "other").sharing(mote)
    words = "backbone.embeddings.word_embeddings.weight"
    assert other.network.tensors[words] is not mote.network.tensors[words]


def test_a_module_keeps_its_parameters(tiny_encoder, mote):
    assert tiny_encoder.sharing(mote) is tiny_encoder
