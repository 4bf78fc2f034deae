"""What the same training does to a dense model, beside MoTE, whose other routes keep every bit."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from mote_demo.errors import UserError
from mote_demo.growing.grow import GrowthResult, grow_steps, with_twin
from mote_demo.growing.other_tasks import compare_tasks, measure_tasks
from mote_demo.growing.proof import Proof, hash_routes
from mote_demo.growing.settings import GrowthSettings
from mote_demo.growing.twin import TwinStep
from mote_demo.model.experts import TaskExperts
from mote_demo.tasks import TASKS
from tests.test_growing import examples_of

SETTINGS = GrowthSettings(epochs=3, batch_size=16, learning_rate=3e-3, blocks=1)


@pytest.fixture(scope="module")
def results(tiny_encoder, tiny_baseline_encoder):
    """The result of each task, with its twin."""
    found = {}
    for task in ("classification", "retrieval"):
        *_, result = grow_steps(tiny_encoder, examples_of(task), "mine", settings=SETTINGS)
        *steps, found[task] = with_twin(result, tiny_encoder, tiny_baseline_encoder)
        assert isinstance(found[task], GrowthResult)
        assert len([step for step in steps if isinstance(step, TwinStep)]) == result.expert.steps
    return found


@pytest.mark.parametrize("task", ["classification", "retrieval"])
def test_the_twin_is_measured_on_the_same_rows_and_forgets_where_mote_does_not(results, task):
    result = results[task]
    assert result.twin.before.rows == result.expert.held_out_rows
    assert list(result.twin.after.metrics) == list(result.expert.before)
    assert {one.task for one in result.twin.others} == set(TASKS)
    assert any(one.before != one.after for one in result.twin.others)
    assert result.proof.identical
    assert result.twin.lost == pytest.approx(-np.mean([one.points for one in result.twin.others]))


def test_the_dense_model_itself_stays_as_it_is(results, tiny_baseline_encoder, tiny_encoder):
    before = {name: tensor.clone() for name, tensor in tiny_baseline_encoder.model.state_dict().items()}
    list(with_twin(results["classification"], tiny_encoder, tiny_baseline_encoder))
    after = tiny_baseline_encoder.model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_a_changed_tensor_shows_in_the_proof(tiny_encoder, fresh_mote):
    encoder = tiny_encoder.with_network(fresh_mote.for_inference())
    before = hash_routes(encoder)
    assert Proof(before, hash_routes(encoder)).identical
    experts = next(module for module in fresh_mote.modules() if isinstance(module, TaskExperts))
    with torch.no_grad():
        experts["sts"].weight[0, 0] += 1e-3
    after = hash_routes(encoder)
    assert not Proof(before, after).identical
    assert [name for name in before if before[name] != after[name]] == ["sts"]


def test_a_model_compared_with_itself_changes_nothing(tiny_baseline_encoder):
    measured = measure_tasks(tiny_baseline_encoder)
    for one in compare_tasks(measured, measured):
        assert one.points == 0
        assert one.change == (0, 0)
        assert one.rows >= 24


def test_layers_of_all_routes_are_replaced_in_a_dense_model_only(tiny_mote):
    with pytest.raises(UserError, match="without task experts"):
        tiny_mote.with_layers({})


def test_a_route_of_ones_own_starts_the_twin_from_the_tasks_route(tiny_encoder, tiny_baseline_encoder, results):
    result = results["classification"]
    own = replace(result, expert=replace(result.expert, base="my-own"))
    *_, again = with_twin(own, tiny_encoder, tiny_baseline_encoder)
    assert again.twin.after.metrics == result.twin.after.metrics


def test_many_answers_to_many_queries_still_leave_something_to_learn(tiny_encoder):
    words = [(word, number) for number in range(8) for word in ("cat", "road")]
    rows = [(f"the {word} {number}", f"a {word} {number} {end}") for word, number in words for end in ("a", "b")]
    rows += [(f"the cat {number}", f"a cat {number + 1} a") for number in range(7)]
    examples = replace(examples_of("retrieval"), frame=pd.DataFrame(rows, columns=["query", "positive"]))
    *_, result = grow_steps(tiny_encoder, examples, "mine", settings=SETTINGS)
    assert min(result.training.losses) > 0.1
