import copy

import numpy as np
import pytest
import torch

from mote_demo.model import upcycle
from mote_demo.model.merging import average, part_way
from mote_demo.tasks import DENSE, ROUTES, Route


@pytest.fixture
def start(tiny_backbone_path):
    """The dense model that experts start from."""
    return upcycle(tiny_backbone_path, {route: Route(route, "") for route in ROUTES}, expert_layers=[])


@pytest.fixture
def trained(tiny_backbone_path):
    """A model whose experts have moved, each by a number of its own."""
    model = upcycle(tiny_backbone_path, ROUTES, expert_layers=[1, 3])
    with torch.no_grad():
        for number, expert in enumerate(model.config.experts, 1):
            for parameter in model.expert_parameters(expert).values():
                parameter.add_(0.01 * number)
    return model


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_part_way_moves_every_expert_by_its_share_and_nothing_else(trained, start, share):
    shares = dict.fromkeys(trained.config.experts, share)
    merged, before = part_way(trained, start, shares).state_dict(), trained.state_dict()
    for number, expert in enumerate(trained.config.experts, 1):
        for name in trained.expert_parameters(expert):
            moved = before[name] - merged[name]
            assert torch.allclose(moved, torch.full_like(moved, 0.01 * number * (1 - share)), atol=1e-6), name
    others = [name for name in before if not any(f".{expert}." in name for expert in trained.config.experts)]
    assert others
    assert all(torch.equal(before[name], merged[name]) for name in others)


def test_the_average_of_a_model_and_its_start_is_half_way(trained, start, tiny_backbone_path):
    untrained = upcycle(tiny_backbone_path, ROUTES, expert_layers=[1, 3])
    half = dict.fromkeys(trained.config.experts, 0.5)
    merged, expected = average([trained, untrained]).state_dict(), part_way(trained, start, half).state_dict()
    for name, tensor in merged.items():
        np.testing.assert_allclose(tensor, expected[name], atol=1e-6)


def test_an_expert_that_is_not_named_keeps_all(trained, start):
    merged, before = part_way(trained, start, {"query": 0.5}).state_dict(), trained.state_dict()
    moved = {name.split(".")[-2] for name in before if not torch.equal(before[name], merged[name])}
    assert moved == {"query"}


def test_a_dense_model_moves_in_the_blocks_named(start):
    model = copy.deepcopy(start)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01)
    merged, before, after = (one.state_dict() for one in (part_way(model, start, {DENSE: 0.0}, [1]), start, model))
    back = {name for name in before if torch.equal(merged[name], before[name])}
    assert back == {f"backbone.{path}.{part}" for path in start.paths_of([1]) for part in ("weight", "bias")}
    assert all(torch.equal(merged[name], after[name]) for name in before if name not in back)
