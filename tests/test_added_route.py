"""A model with one more route shares all else with the model it came from."""

import copy

import pytest
import torch
from torch import nn
from transformers import AutoModel

from mote_demo.errors import UserError
from mote_demo.model import MoteModel
from mote_demo.model.configuration import check_name
from mote_demo.model.experts import TaskExperts
from mote_demo.model.tensor_model import TensorModel
from mote_demo.tasks import ROUTES, TASKS, Route


def tensors_at(module: nn.Module) -> dict[str, int]:
    return {name: tensor.data_ptr() for name, tensor in module.state_dict().items()}


def new_experts(model: MoteModel, base: str) -> dict[str, nn.Module]:
    """Copies of one expert's layers, changed."""
    experts = {path: copy.deepcopy(model.backbone.get_submodule(path)[base]) for path in model.expert_paths}
    with torch.no_grad():
        for module in experts.values():
            module.weight *= 1.5
    return experts


@torch.no_grad()
def vectors(model: MoteModel, batch, route: str) -> torch.Tensor:
    return model(*batch, route=route).pooler_output


def test_added_route_runs_its_own_expert_and_leaves_the_original_as_it_was(fresh_mote, batch):
    before = {route: vectors(fresh_mote, batch, route) for route in ROUTES}
    names = set(fresh_mote.state_dict())
    twin = fresh_mote.with_route("intent", Route("intent", "intent: "), new_experts(fresh_mote, "sts"))
    for route in ROUTES:
        assert torch.equal(vectors(twin, batch, route), before[route])
        assert torch.equal(vectors(fresh_mote, batch, route), before[route])
    assert not torch.allclose(vectors(twin, batch, "intent"), before["sts"], atol=1e-3)
    assert twin.config.route("intent") == Route("intent", "intent: ")
    assert set(fresh_mote.state_dict()) == names
    with pytest.raises(UserError, match="Unknown route 'intent'"):
        fresh_mote.dense("intent")


def test_added_route_shares_every_other_tensor(fresh_mote):
    original = tensors_at(fresh_mote)
    twin = fresh_mote.with_route("intent", Route("intent", ""), new_experts(fresh_mote, "sts"))
    found = tensors_at(twin)
    assert {name: at for name, at in found.items() if name in original} == original
    assert set(found) - set(original) == set(twin.expert_parameters("intent"))


def test_two_models_may_add_different_routes_of_one_name(fresh_mote, batch):
    one, other = new_experts(fresh_mote, "sts"), new_experts(fresh_mote, "query")
    first = fresh_mote.with_route("mine", Route("mine", ""), one)
    second = fresh_mote.with_route("mine", Route("mine", ""), other)
    assert not torch.allclose(vectors(first, batch, "mine"), vectors(second, batch, "mine"), atol=1e-3)


def test_encoder_with_an_added_route_keeps_the_fingerprints_of_the_others(tiny_encoder):
    grown = tiny_encoder.with_route("intent", Route("intent", "intent: "), new_experts(tiny_encoder.model, "sts"))
    assert grown.routes == (*tiny_encoder.routes, "intent")
    assert {grown.fingerprint(route) for route in ROUTES} == {tiny_encoder.fingerprint(route) for route in ROUTES}
    assert len({grown.fingerprint(route) for route in grown.routes}) == 6


def test_added_route_survives_saving(fresh_mote, batch, tmp_path):
    twin = fresh_mote.with_route("intent", Route("intent", "intent: "), new_experts(fresh_mote, "sts"))
    twin.save_pretrained(tmp_path)
    assert torch.equal(vectors(AutoModel.from_pretrained(tmp_path), batch, "intent"), vectors(twin, batch, "intent"))


def test_training_with_an_added_route_leaves_the_original_in_evaluation(fresh_mote, batch):
    before = vectors(fresh_mote, batch, "query")
    fresh_mote.with_route("intent", Route("intent", ""), new_experts(fresh_mote, "sts")).train()
    assert torch.equal(vectors(fresh_mote, batch, "query"), before)


@pytest.mark.parametrize(
    ("name", "expert"),
    [("query", "other"), ("new", "query"), ("Not a name!", "other"), ("new", "Not a name!"), ("new", "type")],
)
def test_route_that_cannot_be_added_is_refused(fresh_mote, name, expert):
    with pytest.raises(UserError, match=f"{name}|{expert}"):
        fresh_mote.with_route(name, Route(expert, ""), new_experts(fresh_mote, "sts"))


@pytest.mark.parametrize("expert", ["type", "train", "half", "float", "forward"])
def test_an_expert_by_the_name_of_an_attribute_of_modules_is_refused_wherever_it_is_added(fresh_mote, expert):
    for model in (fresh_mote, TensorModel(fresh_mote.config, fresh_mote.state_dict())):
        with pytest.raises(UserError, match=f"'{expert}' is reserved"):
            model.with_route("mine", Route(expert, ""), new_experts(fresh_mote, "sts"))
    with pytest.raises(UserError, match=f"'{expert}' is reserved"):
        check_name("expert", expert)


def test_every_usable_expert_name_is_one_that_modules_leave_free():
    for name in dir(TaskExperts({})):
        with pytest.raises(UserError):
            check_name("expert", name)


@pytest.mark.parametrize("task", sorted(set(TASKS) - set(ROUTES)))
def test_a_route_by_the_name_of_a_task_is_refused_as_the_task_would_lead_to_it(fresh_mote, task):
    with pytest.raises(UserError, match=f"'{task}' is the name of a task"):
        fresh_mote.with_route(task, Route("mine", ""), new_experts(fresh_mote, "sts"))
