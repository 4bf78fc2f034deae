"""Growing in one call, and step by step: split, measured, trained, measured again."""

import doctest
import threading

import numpy as np
import pandas as pd
import pytest

from mote_demo.data.columns import Columns, suggest_task
from mote_demo.data.examples import Examples
from mote_demo.data.groups import text_hash
from mote_demo.encoder import Stopped
from mote_demo.errors import UserError
from mote_demo.growing import grow as grow_module
from mote_demo.growing.before_after import before_after_maps
from mote_demo.growing.grow import GrowthResult, Stage, choose_settings, grow, grow_steps
from mote_demo.growing.settings import GrowthSettings
from mote_demo.growing.training import TrainingStep
from mote_demo.limits import TRAINED_ROWS

ONE_EPOCH = GrowthSettings(epochs=1)


def labelled(rows=24):
    texts = [f"a {'red cat' if number % 2 else 'blue train'} {number}" for number in range(rows)]
    frame = pd.DataFrame({"text": texts, "label": [str(number % 2) for number in range(rows)]})
    return Examples("classification", frame)


def grown(encoder, examples=None) -> GrowthResult:
    *_, result = grow_steps(encoder, examples or labelled(), "mine", settings=ONE_EPOCH)
    return result


def test_before_and_after_are_measured_on_the_same_held_out_rows(tiny_encoder):
    result = grown(tiny_encoder)
    assert list(result.expert.before) == list(result.expert.after)
    assert result.expert.held_out_rows == len(result.test.frame) == 6
    assert not set(result.train.frame["text"]) & set(result.test.frame["text"])
    assert "mine" not in tiny_encoder.routes
    assert result.expert.trained_on == set(map(text_hash, result.train.frame["text"]))


def test_one_call_gives_the_expert_and_tells_its_progress(tiny_encoder):
    seen = []
    expert = grow(tiny_encoder, labelled(), "mine", settings=ONE_EPOCH, progress=seen.append)
    assert (expert.name, expert.task, expert.base) == ("mine", "classification", "classification")
    assert [type(event) for event in seen] == [Stage] * 3 + [TrainingStep] * expert.steps + [Stage]
    assert expert.losses == grown(tiny_encoder).expert.losses
    assert expert.plugged_into(tiny_encoder).encode(["a cat"], route="mine").shape == (1, 32)


def test_a_training_stopped_before_its_first_step_gives_nothing(tiny_encoder):
    stop = threading.Event()
    stop.set()
    events = list(grow_steps(tiny_encoder, labelled(), "mine", settings=ONE_EPOCH, stop=stop))
    assert {type(event) for event in events} == {Stage}
    with pytest.raises(Stopped):
        grow(tiny_encoder, labelled(), "mine", stop=stop)


@pytest.mark.parametrize(
    ("name", "base", "message"),
    [
        ("similarity", None, "name of a task"),
        ("sts", None, "already"),
        ("My topic!", None, "small letter"),
        ("mine", "bogus", "route to start from.*'query'"),
    ],
)
def test_what_cannot_be_grown_is_refused_before_anything_is_computed(tiny_encoder, name, base, message, monkeypatch):
    monkeypatch.setattr(grow_module, "measure", lambda *_: pytest.fail("measured"))
    with pytest.raises(UserError, match=message):
        grow(tiny_encoder, labelled(), name, base=base)


def test_of_many_rows_a_sample_is_used(tiny_encoder):
    result = grown(tiny_encoder, labelled(TRAINED_ROWS + 100))
    assert len(result.train.frame) + len(result.test.frame) == TRAINED_ROWS


def test_settings_follow_the_rows_that_are_trained_on_and_what_a_person_changes():
    assert choose_settings(labelled(24)) == GrowthSettings.for_rows(18, "classification")
    assert choose_settings(labelled(24), "quick", epochs=3, seed=0, learning_rate=None).epochs == 3
    with pytest.raises(UserError, match="'quick', 'two-minutes', 'thorough'"):
        choose_settings(labelled(24), "lazy")


def test_maps_show_every_text_with_the_held_out_ones_marked(tiny_encoder):
    result = grown(tiny_encoder)
    maps = before_after_maps(result)
    assert maps.before.points.shape == maps.after.points.shape == (24, 2)
    assert [text for text, out in zip(maps.texts, maps.held_out, strict=True) if out] == list(result.test.frame["text"])
    encoder = result.expert.plugged_into(tiny_encoder)
    for vectors, route in ((result.before.vectors, "classification"), (result.after.vectors, "mine")):
        found = np.stack([vectors[text] for text in maps.texts])
        assert np.allclose(found, encoder.encode(maps.texts, route=route), atol=1e-6)


@pytest.mark.parametrize(
    ("columns", "task"),
    [
        (Columns(text="a", label="b"), "classification"),
        (Columns(text="a", query="a", positive="b"), "retrieval"),
        (Columns(sentence1="a", sentence2="b", score="c"), "similarity"),
    ],
)
def test_the_task_follows_from_the_columns(columns, task):
    assert suggest_task(columns) == task


def test_the_example_in_the_documentation_runs():
    results = doctest.testmod(grow_module)
    assert results.attempted
    assert not results.failed
