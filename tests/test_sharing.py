"""Equal tensors of two models are held once, and nothing else is shared."""

import numpy as np
import torch

from mote_demo.encoder import Encoder
from mote_demo.model import upcycle
from mote_demo.model.sharing import share_equal_tensors
from mote_demo.tasks import ROUTES


def test_a_frozen_trunk_is_held_once_and_the_vectors_stay(tiny_mote, tiny_backbone_path, tiny_encoder):
    baseline = upcycle(tiny_backbone_path, ROUTES, expert_layers=[], max_tokens=64)
    encoder = Encoder(baseline, tiny_encoder._tokenizer, "baseline")
    before = encoder.encode(["a cat", "the old train"], route="sts")
    size = sum(parameter.nbytes for parameter in baseline.parameters())
    own = {f"backbone.{path}.{part}" for path in tiny_mote.expert_paths for part in ("weight", "bias")}
    freed = share_equal_tensors(tiny_mote, baseline)
    shared = dict(tiny_mote.named_parameters())
    for name, parameter in baseline.named_parameters():
        assert (parameter is shared.get(name)) == (name not in own)
    assert freed == size - sum(dict(baseline.named_parameters())[name].nbytes for name in own)
    np.testing.assert_allclose(encoder.encode(["a cat", "the old train"], route="sts"), before, atol=1e-6)


def test_tensors_that_differ_stay_apart(fresh_mote, tiny_mote):
    with torch.no_grad():
        fresh_mote.get_input_embeddings().weight[3].add_(1)
    share_equal_tensors(tiny_mote, fresh_mote)
    assert fresh_mote.get_input_embeddings().weight is not tiny_mote.get_input_embeddings().weight
    assert share_equal_tensors(tiny_mote, fresh_mote) == 0
