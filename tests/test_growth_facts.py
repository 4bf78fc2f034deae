"""What is said of a growth: how sure it is, which rows changed, how long it takes, where to start, how to repeat it."""

import shlex
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import v_measure_score

from mote_demo.cli import _parser
from mote_demo.data.examples import Examples, split
from mote_demo.errors import UserError
from mote_demo.growing import frozen_trunk, heldout
from mote_demo.growing.command import repeat_command
from mote_demo.growing.estimate import Estimate, estimate
from mote_demo.growing.expert import load_expert
from mote_demo.growing.grow import GrowthResult, choose_settings, grow_steps
from mote_demo.growing.heldout import Answer, Measured, measure
from mote_demo.growing.intervals import paired_intervals
from mote_demo.growing.row_changes import row_changes
from mote_demo.growing.settings import EFFORTS, GrowthSettings
from mote_demo.growing.suggestion import suggest
from mote_demo.tasks import TASKS
from tests.test_growing import examples_of, quick, train


def measured(right):
    values = np.asarray(right, dtype=float)
    answers = tuple(Answer("yes" if one else "no", bool(one)) for one in right)
    of = {"accuracy": lambda rows: float(values[rows].mean())}
    return Measured({"accuracy": values.mean()}, len(right), items=len(right), of=of, answers=answers)


def test_a_change_is_surer_than_either_side_where_the_rows_are_the_same():
    before = measured([1, 0] * 50)
    found = paired_intervals(before, measured([1, 0] * 45 + [1, 1] * 5))["accuracy"]
    width = {side: high - low for side, (low, high) in vars(found).items()}
    assert width["change"] < width["before"]
    assert found.change[0] <= 0.05 <= found.change[1]
    assert paired_intervals(before, before)["accuracy"].change == (0, 0)


def test_rows_that_changed_are_told_with_both_answers():
    test = Examples("classification", pd.DataFrame({"text": list("abc"), "label": list("xyz")}))
    changes = row_changes(test, measured([0, 1, 1]), measured([1, 0, 1]))
    assert [(row.texts, row.right, row.before, row.after) for row in changes.fixed] == [(("a",), "x", "no", "yes")]
    assert [row.texts for row in changes.newly_wrong] == [("b",)]


@pytest.mark.parametrize("task", TASKS)
def test_every_held_out_row_has_an_answer_and_every_metric_a_guess(tiny_encoder, task):
    train_rows, test = split(examples_of(task), 0.25)
    routes = (TASKS[task].query_route, TASKS[task].document_route)
    found = measure(tiny_encoder, routes, train_rows, test)
    assert len(found.answers) == len(test.frame)
    assert set(found.guesses) == set(found.metrics)
    assert all(0 <= guess.chance <= 1 for guess in found.guesses.values())
    assert {name: of(np.arange(found.items)) for name, of in found.of.items()} == found.metrics


def test_an_estimate_counts_the_steps_and_fits_them_into_a_budget(tiny_encoder):
    found = estimate(tiny_encoder, examples_of("classification"), 10, "classification", quick())
    assert found.steps == 18
    assert 0 < found.steps * found.step < found.seconds < 60
    timed = Estimate(steps=100, step=1.0, reading=10, measuring=10)
    assert timed.seconds == 120
    assert [timed.steps_within(seconds) for seconds in (500, 70, 21)] == [100, 50, 25]


def test_a_budget_of_time_is_kept_and_what_was_done_can_be_repeated(tiny_encoder):
    settings = GrowthSettings(epochs=1000, batch_size=8, seconds=5)
    started = time.monotonic()
    *_, result = grow_steps(tiny_encoder, examples_of("classification"), "mine", settings=settings)
    assert isinstance(result, GrowthResult)
    assert time.monotonic() - started < 15
    assert not result.training.stopped
    assert result.expert.settings.steps == result.expert.steps
    assert result.expert.settings.seconds is None
    with pytest.raises(UserError, match="5 seconds or more"):
        GrowthSettings(seconds=1)


def test_a_batch_of_many_tokens_learns_the_same_in_less_memory(tiny_encoder, monkeypatch):
    whole = train(tiny_encoder, examples_of("classification"))
    monkeypatch.setattr(frozen_trunk, "TOKENS_HELD", 16)
    parts = train(tiny_encoder, examples_of("classification"))
    assert parts.losses == pytest.approx(whole.losses, abs=1e-4)


def test_a_route_is_suggested_with_the_reason_and_a_guess_to_compare_with(tiny_encoder):
    found = suggest(tiny_encoder, examples_of("classification"))
    assert found.base in tiny_encoder.routes
    assert found.effort in EFFORTS
    assert set(found.scores) == set(tiny_encoder.routes)
    assert "'classification' scores" in found.reasons[0]
    assert "document" not in suggest(tiny_encoder, examples_of("retrieval")).scores


def test_the_command_says_every_setting_and_the_parser_takes_it(tiny_encoder, tmp_path):
    settings = choose_settings(examples_of("classification"), "quick", epochs=1)
    *_, result = grow_steps(tiny_encoder, examples_of("classification"), "mine", settings=settings)
    command = repeat_command(
        result.expert, "my rows.csv", {"text": "the text", "label": "kind"}, test="t.csv", twin=True
    )
    name, *words = shlex.split(command)
    options = _parser(name).parse_args(words)
    assert (options.rows, options.text, options.label, str(options.test)) == (
        "my rows.csv",
        "the text",
        "kind",
        "t.csv",
    )
    assert (options.base, options.name, options.twin) == ("classification", "mine", True)
    changes = {key: getattr(options, key) for key in ("epochs", "batch_size", "learning_rate", "blocks", "seed")}
    assert choose_settings(examples_of("classification"), options.effort, **changes) == settings


def test_a_file_knows_its_rows_and_how_sure_its_scores_are(tiny_encoder, tmp_path):
    *_, result = grow_steps(tiny_encoder, examples_of("classification"), "mine", settings=quick(epochs=1))
    result.expert.save(tmp_path / "mine")
    loaded = load_expert(tmp_path / "mine")
    assert loaded.intervals == result.expert.intervals
    assert loaded.guesses == result.expert.guesses
    assert loaded.train_rows == len(result.train.frame)
    seen = result.train.frame["text"].tolist()
    assert loaded.has_seen([seen[0].upper() + " ", "never seen"]).tolist() == [True, False]
    assert not loaded.has_seen(result.test.frame["text"].tolist()).any()
    assert "| metric | before | after | change |" in loaded.card()


def test_the_quick_v_measure_is_scikit_learns():
    random = np.random.default_rng(0)
    for labels, clusters in (*random.integers(0, 5, (20, 2, 30)), np.zeros((2, 9), dtype=int)):
        assert heldout._v_measure(labels, clusters) == pytest.approx(v_measure_score(labels, clusters), abs=1e-9)
