"""What one training may cost where others wait."""

import pandas as pd
import pytest

from mote_demo.data.examples import Examples
from mote_demo.errors import UserError
from mote_demo.growing.budget import check_step, check_time, needs_timing
from mote_demo.growing.estimate import Estimate
from mote_demo.growing.settings import EFFORTS, GrowthSettings
from mote_demo.limits import STEP_TOKENS
from mote_demo.tasks import TASKS

LONG = "the cat and the dog " * 40


def pairs(count):
    rows = {"sentence1": [LONG] * count, "sentence2": ["a cat"] * count, "score": [0.5] * count}
    return Examples("similarity", pd.DataFrame(rows))


def test_a_batch_of_more_tokens_than_a_step_may_read_names_the_largest_that_fits(tiny_encoder):
    with pytest.raises(UserError, match=r"40 rows in a batch have up to .* Please choose (\d+) rows") as raised:
        check_step(tiny_encoder, pairs(60), "sts", 40, most=2000)
    fits = int(str(raised.value).rsplit("choose ", 1)[1].split()[0])
    check_step(tiny_encoder, pairs(60), "sts", fits, most=2000)
    with pytest.raises(UserError, match=f"choose {fits} rows"):
        check_step(tiny_encoder, pairs(60), "sts", fits + 1, most=2000)


def test_the_largest_batch_of_the_longest_pairs_is_refused_and_what_is_chosen_by_itself_never_is(tiny_encoder):
    texts = Examples("clustering", pd.DataFrame({"text": [LONG] * 600}))
    with pytest.raises(UserError, match="512 rows"):
        check_step(tiny_encoder, texts, "clustering", 512, most=STEP_TOKENS // 2)
    for task in TASKS:
        chosen = GrowthSettings.for_rows(5000, task)
        check_step(tiny_encoder, texts, "clustering", chosen.batch_size)


def test_a_training_that_takes_too_long_names_the_epochs_that_fit():
    timed = Estimate(steps=1000, step=2.0, reading=40, measuring=60)
    settings = GrowthSettings(epochs=100)
    with pytest.raises(UserError, match="about 35 minutes, and one may take 15.*choose 40 epochs"):
        check_time(timed, settings, most=900)
    with pytest.raises(UserError, match="about 70 minutes.*choose 17 epochs"):
        check_time(timed, settings, twin=True, most=900)
    with pytest.raises(UserError, match="fewer rows"):
        check_time(Estimate(steps=10, step=1, reading=0, measuring=1000), settings, most=900)
    check_time(timed, settings, most=2100)
    check_time(timed, GrowthSettings(epochs=100, seconds=120), most=900)


def test_only_a_training_of_more_steps_than_any_effort_plans_is_timed_before():
    assert needs_timing(GrowthSettings(epochs=1000, batch_size=4), 5000)
    assert not needs_timing(GrowthSettings(epochs=1000, batch_size=4, seconds=120), 5000)
    for task in TASKS:
        for effort in EFFORTS:
            for rows in (20, 200, 5000):
                assert not needs_timing(GrowthSettings.for_rows(rows, task, effort), rows), (task, effort, rows)
