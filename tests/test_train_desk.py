"""What the Train tab answers when things change while an expert is trained."""

from functools import partial

import gradio as gr
import pytest

from mote_demo.serving.registry import Registry
from mote_demo.serving.sessions import MAX_GROWN, GrownRoute, Session, Sessions
from mote_demo.store import VectorStore
from mote_demo.tasks import Route
from mote_demo.ui.train import handlers as train_desk
from mote_demo.ui.train.data_handlers import NONE
from mote_demo.ui.train.tab import build_train_tab
from tests.desk import VISITOR, Desk, all_values, values


@pytest.fixture
def sessions(tiny_baseline_encoder, tiny_encoder, tmp_path):
    registry = Registry(tiny_baseline_encoder, tiny_encoder, VectorStore(tmp_path))
    return Sessions(partial(Session, registry))


@pytest.fixture
def session(sessions):
    return sessions.of(VISITOR.session_hash)


@pytest.fixture
def desk(sessions):
    with gr.Blocks() as demo, gr.Tab("Train"):
        build_train_tab(sessions)
    return Desk(demo)


def grow(session, name):
    experts = {path: session.mote.model.backbone.get_submodule(path)["sts"] for path in session.mote.model.expert_paths}
    session.add_route(GrownRoute(name, "similarity", "sts", Route(name, "")), experts)


def train(desk, name="mine"):
    """Yield the updates of a short training on the sample set."""
    data, parts = desk.handlers["free"].__self__._data, desk.handlers["free"].__self__._parts
    asked = {data.task: "classification", data.name: name, data.base: "classification", parts.effort: "quick"}
    asked |= dict(zip(data.columns, ("text", "intent", NONE), strict=True))
    asked |= {number: {"epochs": 1}.get(key, 0) for key, number in parts.changes.items()}
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
    for number in range(MAX_GROWN):
        grow(session, f"other-{number}")


def is_shown(desk, updates):
    """Return what some updates make of the row with Keep and Discard, in turn."""
    choice = desk.handlers["free"].__self__._parts.choice
    return [one[choice]["visible"] for one in updates if choice in one]


def test_an_expert_whose_name_was_taken_meanwhile_is_shown_and_kept_under_a_free_one(desk, session):
    seen = train_while(desk, lambda: grow(session, "mine"))
    page = all_values(seen)
    assert "<table>" in page["mote-train-result"]
    assert "'mine' already" in page["mote-train-progress"].replace("&#x27;", "'")
    assert page["mote-train-map-after"]
    assert is_shown(desk, seen) == [True]
    assert list(session.grown) == ["mine"]
    kept = desk("keep")
    assert list(session.grown) == ["mine", "mine-2"]
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
    assert list(session.grown)[-1] == "mine"


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
    assert list(session.grown) == ["mine"]
    assert page["mote-train-name"] == "mine-2"


def test_what_is_discarded_while_umap_is_fitted_does_not_come_back(desk, monkeypatch):
    list(train(desk))
    map_before_after = train_desk.map_before_after

    def discard_meanwhile(trained, method):
        desk("discard")
        return map_before_after(trained, "PCA")

    monkeypatch.setattr(train_desk, "map_before_after", discard_meanwhile)
    assert desk("refine_maps") == gr.skip()


def test_a_failure_before_the_training_clears_the_progress_and_one_with_words_keeps_them(desk):
    assert "Waiting" in values(desk("queue"))["mote-train-progress"]
    assert "Nothing is being trained" in values(desk("free"))["mote-train-progress"]
    desk("queue")
    with pytest.raises(gr.Error):
        list(train(desk, "No Name"))
    assert "mote-train-progress" not in values(desk("free"))


def test_an_error_of_the_app_ends_the_progress_too(desk, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(train_desk, "train_expert", broken)
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
