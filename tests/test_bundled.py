"""The checkpoints score on the bundled sets as they did when tests/recorded/bundled.json was written.

The sets were written for this project. They are small, and a real model is neither at their floor nor at their
ceiling. After a change of the checkpoints or of the sets run COMMAND again and commit the report.
"""

from dataclasses import replace

import pytest

from mote_demo.evaluation.labelled_sets import discover
from mote_demo.evaluation.reference import load_encoder
from mote_demo.evaluation.report import load_report
from mote_demo.evaluation.suite import evaluate
from mote_demo.settings import ROOT

DATA = ROOT / "mote_demo" / "evaluation" / "bundled"
COMMAND = (
    "python -m mote_demo evaluate checkpoints/baseline checkpoints/mote "
    "--data mote_demo/evaluation/bundled --sets all --out tests/recorded/bundled.json"
)
TOLERANCE = 0.5  # points: another machine rounds differently
SETS = discover(DATA)


def check_same_inputs(recorded, measured):
    """Fail with the command where the report was written for other checkpoints or other rows."""
    rows = [{one.name: one.fingerprint for one in report.sets} for report in (recorded, measured)]
    for name, same in {"checkpoints": recorded.models == measured.models, "sets": rows[0] == rows[1]}.items():
        if not same:
            pytest.fail(f"tests/recorded/bundled.json was written for other {name}. Please run: {COMMAND}")


@pytest.fixture(scope="module")
def recorded():
    return load_report(ROOT / "tests" / "recorded" / "bundled.json")


@pytest.fixture(scope="module")
def measured(recorded):
    encoders = [load_encoder(ROOT / "checkpoints" / name) for name in recorded.models]
    return evaluate(encoders, SETS, seed=recorded.seed)


@pytest.mark.parametrize("name", [one.name for one in SETS])
def test_each_model_scores_as_recorded(recorded, measured, name):
    check_same_inputs(recorded, measured)
    before, now = (next(one for one in report.sets if one.name == name) for report in (recorded, measured))
    expected = {model: score.points for model, score in before.scores.items()}
    assert {model: score.points for model, score in now.scores.items()} == pytest.approx(expected, abs=TOLERANCE)


def test_each_model_is_well_between_floor_and_ceiling(recorded):
    assert all(30 < score.points < 90 for one in recorded.sets for score in one.scores.values())


@pytest.mark.parametrize("changed", ["models", "sets"])
def test_a_report_of_other_checkpoints_or_sets_names_the_command(recorded, changed):
    others = {"models": {"mote": {"query": "0" * 16}}, "sets": recorded.sets[1:]}
    with pytest.raises(pytest.fail.Exception, match=f"Please run: {COMMAND}"):
        check_same_inputs(recorded, replace(recorded, **{changed: others[changed]}))
