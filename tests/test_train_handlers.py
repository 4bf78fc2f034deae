"""What the Train tab answers when things change while an expert is trained."""

from functools import partial
from html import unescape

import gradio as gr
import pytest

from mote_demo.errors import UserError
from mote_demo.limits import MAX_EXPERTS
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.shared.border import Page
from mote_demo.ui.shared.visitor import visitor_of
from mote_demo.ui.train import handlers as train_handlers
from mote_demo.ui.train.tab import build_train_tab
from tests.handlers import VISITOR, TabHandlers, all_values, values
from tests.own_experts import copied_expert


@pytest.fixture
def sessions(shelf):
    return Sessions(partial(Session, shelf))


@pytest.fixture
def session(sessions):
    return sessions.of(visitor_of(VISITOR))


@pytest.fixture
def tab(sessions):
    with Page() as demo, gr.Tab("Train"):
        build_train_tab(sessions)
    return TabHandlers(demo)


def grow(session, name):
    session.experts.add(copied_expert(session.mote, name))


def train(tab, name="mine", twin=False):
    """Yield the updates of a short training on the sample set."""
    components = tab.components_of("stop")
    task, training = components.task, components.training
    asked = {task.task: "classification", task.name: name, task.base: "classification", training.effort: "quick"}
    asked |= {training.twin: twin}
    asked |= {number: {"epochs": 1}.get(key, 0) for key, number in training.changes.items()}
    return tab("train", asked)


def train_while(tab, change):
    """Return all updates of a training during whose first step something changes."""
    seen = []
    for updates in train(tab):
        seen.append(updates)
        if "Step 1 of" in str(values(updates)):
            change()
    return seen


def fill(session):
    for number in range(MAX_EXPERTS):
        grow(session, f"other-{number}")


def is_shown(tab, updates):
    """Return what some updates make of the row with Keep and Discard, in turn."""
    choice = tab.components_of("stop").result.choice
    return [one[choice]["visible"] for one in updates if choice in one]


def test_an_expert_whose_name_was_taken_meanwhile_is_shown_and_kept_under_a_free_one(tab, session):
    seen = train_while(tab, lambda: grow(session, "mine"))
    page = all_values(seen)
    assert "<table>" in page["mote-train-result"]
    assert "'mine' already" in unescape(page["mote-train-progress"])
    assert "After training" in page["mote-train-maps"]["points"]
    assert is_shown(tab, seen) == [True]
    assert session.experts.names == ["mine"]
    kept = tab("keep")
    assert session.experts.names == ["mine", "mine-2"]
    assert is_shown(tab, [kept]) == [False]
    assert "mine-2" in values(kept)["mote-train-progress"]
    assert session.mote.encode(["a cat"], route="mine-2").shape == (1, 32)


def test_an_expert_without_room_is_shown_and_kept_once_there_is(tab, session):
    seen = train_while(tab, lambda: fill(session))
    assert is_shown(tab, seen) == [True]
    assert "Please remove one first" in all_values(seen)["mote-train-progress"]
    with pytest.raises(UserError, match="Please remove one first"):
        tab("keep")
    tab("remove", "other-0", "sts", "similarity")
    tab("keep")
    assert session.experts.names[-1] == "mine"


@pytest.mark.parametrize(("name", "full", "words"), [("sts", False, "already"), ("mine", True, "remove one first")])
def test_a_taken_name_or_a_full_visit_is_told_before_anything_is_measured(tab, session, name, full, words):
    if full:
        fill(session)
    steps, seen = train(tab, name), []
    with pytest.raises(UserError, match=words):
        seen.extend(steps)
    assert not [updates for updates in seen if "Measuring" in str(values(updates))]


def test_after_a_training_the_next_free_name_is_offered(tab, session):
    page = all_values(train(tab))
    assert session.experts.names == ["mine"]
    assert page["mote-train-name"] == "mine-2"


def test_what_is_discarded_while_umap_is_fitted_does_not_come_back(tab, monkeypatch):
    list(train(tab))
    before_after_maps = train_handlers.before_after_maps

    def discard_meanwhile(result, method):
        tab("discard")
        return before_after_maps(result, "PCA")

    monkeypatch.setattr(train_handlers, "before_after_maps", discard_meanwhile)
    assert tab("refine_maps") == gr.skip()


def test_a_failure_before_the_training_clears_the_progress_and_one_with_words_keeps_them(tab):
    assert "Waiting" in values(tab("queue"))["mote-train-progress"]
    assert "Nothing is being trained" in values(tab("free"))["mote-train-progress"]
    tab("queue")
    with pytest.raises(UserError):
        list(train(tab, "No Name"))
    assert "mote-train-progress" not in values(tab("free"))


def test_an_error_of_the_app_ends_the_progress_too(tab, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(train_handlers, "grow_steps", broken)
    steps, seen = train(tab), []
    with pytest.raises(ZeroDivisionError):
        seen.extend(steps)
    assert "error of the app" in values(seen[-1])["mote-train-progress"]


@pytest.mark.parametrize(("base", "left"), [("mine", "classification"), ("clustering", "clustering")])
def test_removing_the_expert_that_the_next_one_starts_from_picks_another(tab, session, base, left):
    grow(session, "mine")
    update = values(tab("remove", "mine", base, "classification"))["mote-train-base"]
    assert update["value"] == left
    assert "mine" not in update["choices"]


def test_stop_takes_a_training_that_waits_for_its_turn_out_of_the_queue(tab):
    tab("queue")
    stopped = values(tab("stop"))
    assert "Stopped before the first step" in stopped["mote-train-progress"]
    assert stopped["mote-train-start"]["interactive"]
    assert not stopped["mote-train-stop"]["interactive"]
    assert list(train(tab)) == [gr.skip()]
    tab("queue")
    assert "<table>" in all_values(train(tab))["mote-train-result"]


def test_a_training_for_too_long_is_refused_before_its_first_step(tab, monkeypatch):
    monkeypatch.setattr(train_handlers, "needs_timing", lambda *_: True)
    monkeypatch.setattr(train_handlers, "check_time", partial(train_handlers.check_time, most=0.001))
    seen = []
    with pytest.raises(UserError, match="others wait"):
        seen.extend(train(tab))
    assert "Step 1 of" not in str(seen)
