"""The comparisons that are one click away."""

import pytest

from mote_demo.errors import UserError
from mote_demo.serving.presets import PRESETS, lenses_of
from mote_demo.serving.sessions import Session
from mote_demo.tasks import TASKS
from tests.own_experts import copied_expert

LOOKS = {"retrieval": "retrieval", "classification": "classification", "clustering": "clustering", "similarity": "sts"}


@pytest.fixture
def session(shelf):
    return Session(shelf)


@pytest.mark.parametrize("task", TASKS)
def test_each_preset_is_two_lenses_for_a_task(session, task):
    look = LOOKS[task]
    assert {name: lenses_of(name, task, session) for name in PRESETS if name != "training"} == {
        "models": (f"baseline/{look}", f"mote/{look}"),
        "gain": ("untouched", f"mote/{look}"),
        "parts": (f"baseline/{look}", f"mote/{look}?instruction=off"),
        "wrong": (f"mote/{look}", f"mote/{look}?expert={'sts' if task == 'clustering' else 'clustering'}"),
        "tasks": ("mote/clustering", "mote/classification"),
    }


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "training"])
def test_both_lenses_of_a_preset_differ(session, preset, task):
    left, right = (session.lens(name) for name in lenses_of(preset, task, session))
    assert left.fingerprint != right.fingerprint


def test_before_and_after_needs_an_expert(session):
    with pytest.raises(UserError, match="no expert of yours yet. Train one in the tab 'Train'"):
        lenses_of("training", "retrieval", session)


@pytest.mark.parametrize(
    ("task", "base", "before", "after"),
    [
        ("similarity", "sts", "mote/sts", "mote/mine"),
        ("classification", "clustering", "mote/clustering", "mote/mine"),
        ("retrieval", "query", "mote/retrieval", "mote/mine+document"),
        # What was measured before: another route's query among the documents of retrieval.
        ("retrieval", "sts", "mote/sts+document", "mote/mine+document"),
    ],
)
def test_before_is_what_the_newest_expert_grew_from_whatever_the_task(session, task, base, before, after):
    session.experts.add(copied_expert(session.mote, "older", "clustering"))
    session.experts.add(copied_expert(session.mote, "mine", task, base=base))
    assert {lenses_of("training", each, session) for each in TASKS} == {(before, after)}


def test_an_expert_may_have_grown_from_another_of_the_visitors(session):
    session.experts.add(copied_expert(session.mote, "first", "clustering"))
    session.experts.add(copied_expert(session.mote, "second", "clustering", base="first"))
    assert lenses_of("training", "retrieval", session) == ("mote/first", "mote/second")


@pytest.mark.parametrize(
    ("preset", "task", "words"),
    [
        (None, "retrieval", "No comparison was given.*'models', 'gain'"),
        ("best", "retrieval", "Unknown comparison 'best'"),
        ("models", None, "No task was given.*'retrieval'"),
        ("models", "sorting", "Unknown task 'sorting'"),
    ],
)
def test_an_unknown_comparison_or_task_lists_the_choices(session, preset, task, words):
    with pytest.raises(UserError, match=words):
        lenses_of(preset, task, session)
