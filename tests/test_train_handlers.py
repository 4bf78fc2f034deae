"""What the Train tab answers when things change while an expert is trained."""

from functools import partial
from html import unescape

import gradio as gr
import pytest

from mote_demo.serving.experts import MAX_EXPERTS
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.serving.shelf import Shelf
from mote_demo.store import VectorStore
from mote_demo.ui.train import handlers as train_handlers
from mote_demo.ui.train.data_handlers import NONE
from mote_demo.ui.train.tab import build_train_tab
from tests.desk import VISITOR, Desk, all_values, values
from tests.own_experts import copied_expert


@pytest.fixture
def sessions(tiny_baseline_encoder, tiny_encoder, tmp_path):
    shelf = Shelf.of(VectorStore(tmp_path), baseline=tiny_baseline_encoder, mote=tiny_encoder)
    return Sessions(partial(Session, shelf))


@pytest.fixture
def session(sessions):
    return sessions.of(VISITOR.session_hash)


@pytest.fixture
def desk(sessions):
    with gr.Blocks() as demo, gr.Tab("Train"):
        build_train_tab(sessions)
    return Desk(demo)


def grow(session, name):
    session.experts.add(copied_expert(session.mote, name))


def train(desk, name="mine"):
    """Yield the updates of a short training on the sample set."""
    components = desk.handlers["stop"].__self__._components
    task, training = components.task, components.training
    asked = {task.task: "classification", task.name: name, task.base: "classification", training.effort: "quick"}
    asked |= {picker: {"text": "text", "label": "intent"}.get(role, NONE) for role, picker in task.columns.items()}
    asked |= {number: {"epochs": 1}.get(key, 0) for key, number in training.changes.items()}
    return desk("train", asked)


def train_while(desk, change):
    """Return all updates of a training during whose first step something changes."""
    seen = []
    for updates in train(desk):
        seen.append(updates)
        if "Step 1 of" in str(values(updates)):
            change()
    return seen


def fill(session):
    for number in range(MAX_EXPERTS):
        grow(session, f"other-{number}")


def is_shown(desk, updates):
    """Return what some updates make of the row with Keep and Discard, in turn."""
    choice = desk.handlers["stop"].__self__._components.result.choice
    return [one[choice]["visible"] for one in updates if choice in one]


def test_an_expert_whose_name_was_taken_meanwhile_is_shown_and_kept_under_a_free_one(desk, session):
    seen = train_while(desk, lambda: grow(session, "mine"))
    page = all_values(seen)
    assert "<table>" in page["mote-train-result"]
    assert "'mine' already" in unescape(page["mote-train-progress"])
    assert page["mote-train-map-after"]
    assert is_shown(desk, seen) == [True]
    assert session.experts.names == ["mine"]
    kept = desk("keep")
    assert session.experts.names == ["mine", "mine-2"]
    assert is_shown(desk, [kept]) == [False]
    assert "mine-2" in values(kept)["mote-train-progress"]
    assert session.mote.encode(["a cat"], route="mine-2").shape == (1, 32)


def test_an_expert_without_room_is_shown_and_kept_once_there_is(desk, session):
    seen = train_while(desk, lambda: fill(session))
    assert is_shown(desk, seen) == [True]
    assert "Please remove one first" in all_values(seen)["mote-train-progress"]
    with pytest.raises(gr.Error, match="Please remove one first"):
        desk("keep")
    desk("remove", "other-0", "sts", "similarity")
    desk("keep")
    assert session.experts.names[-1] == "mine"


@pytest.mark.parametrize(("name", "full", "words"), [("sts", False, "already"), ("mine", True, "remove one first")])
def test_a_taken_name_or_a_full_visit_is_told_before_anything_is_measured(desk, session, name, full, words):
    if full:
        fill(session)
    steps, seen = train(desk, name), []
    with pytest.raises(gr.Error, match=words):
        seen.extend(steps)
    assert not [updates for updates in seen if "Measuring" in str(values(updates))]


def test_after_a_training_the_next_free_name_is_offered(desk, session):
    page = all_values(train(desk))
    assert session.experts.names == ["mine"]
    assert page["mote-train-name"] == "mine-2"


def test_what_is_discarded_while_umap_is_fitted_does_not_come_back(desk, monkeypatch):
    list(train(desk))
    before_after_maps = train_handlers.before_after_maps

    def discard_meanwhile(result, method):
        desk("discard")
        return before_after_maps(result, "PCA")

    monkeypatch.setattr(train_handlers, "before_after_maps", discard_meanwhile)
    assert desk("refine_maps") == gr.skip()


def test_a_failure_before_the_training_clears_the_progress_and_one_with_words_keeps_them(desk):
    assert "Waiting" in values(desk("queue"))["mote-train-progress"]
    assert "Nothing is being trained" in values(desk("free"))["mote-train-progress"]
    desk("queue")
    with pytest.raises(gr.Error):
        list(train(desk, "No Name"))
    assert "mote-train-progress" not in values(desk("free"))


def test_an_error_of_the_app_ends_the_progress_too(desk, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(train_handlers, "grow_steps", broken)
    steps, seen = train(desk), []
    with pytest.raises(ZeroDivisionError):
        seen.extend(steps)
    assert "error of the app" in values(seen[-1])["mote-train-progress"]


@pytest.mark.parametrize(("base", "left"), [("mine", "classification"), ("clustering", "clustering")])
def test_removing_the_expert_that_the_next_one_starts_from_picks_another(desk, session, base, left):
    grow(session, "mine")
    update = values(desk("remove", "mine", base, "classification"))["mote-train-base"]
    assert update["value"] == left
    assert "mine" not in update["choices"]
