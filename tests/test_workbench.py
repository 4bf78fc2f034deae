import threading

import numpy as np
import pandas as pd
import pytest

from mote_demo.data.columns import Columns, suggest_task
from mote_demo.data.examples import Examples
from mote_demo.errors import UserError
from mote_demo.growing.grow import Growth
from mote_demo.growing.run import (
    MOST_ROWS,
    Trained,
    free_name,
    map_before_after,
    plug_in,
    plug_in_file,
    remove,
    train_expert,
    write_expert,
)
from mote_demo.serving.registry import Registry
from mote_demo.serving.sessions import MAX_GROWN, Session
from mote_demo.store import VectorStore


@pytest.fixture
def session(tiny_baseline_encoder, tiny_encoder, tmp_path):
    return Session(Registry(tiny_baseline_encoder, tiny_encoder, VectorStore(tmp_path)))


def labelled(rows=24):
    texts = [f"a {'red cat' if number % 2 else 'blue train'} {number}" for number in range(rows)]
    frame = pd.DataFrame({"text": texts, "label": [str(number % 2) for number in range(rows)]})
    return Examples("classification", frame)


def trained(session, name="mine", examples=None) -> Trained:
    settings = Growth(name, "classification", "classification", epochs=1)
    return list(train_expert(session, examples or labelled(), settings, threading.Event()))[-1]


def test_training_measures_before_and_after_on_the_same_held_out_rows(session):
    result = trained(session)
    assert list(result.before.metrics) == list(result.after.metrics)
    assert result.before.rows == result.after.rows == 6
    assert not set(result.train.frame["text"]) & set(result.test.frame["text"])
    assert "mine" not in session.mote.routes


def test_a_plugged_in_expert_serves_its_task(session):
    plug_in(session, trained(session))
    assert session.routes_for("classification") == ["classification", "mine"]
    assert session.pair("mote", "classification", "mine") == ("mine", "mine")


def test_a_training_stopped_before_its_first_step_gives_nothing(session):
    stop = threading.Event()
    stop.set()
    settings = Growth("mine", "classification", "classification")
    assert not any(isinstance(event, Trained) for event in train_expert(session, labelled(), settings, stop))


def test_removing_an_expert_leaves_the_others_as_they_are(session):
    for name in ("first", "second", "third"):
        plug_in(session, trained(session, name))
    before = {name: session.mote.encode(["a red cat"], route=name) for name in ("first", "third", "sts")}
    remove(session, "second")
    assert list(session.grown) == ["first", "third"]
    assert "second" not in session.mote.routes
    assert all((session.mote.encode(["a red cat"], route=name) == vectors).all() for name, vectors in before.items())
    with pytest.raises(UserError, match="'first', 'third'"):
        remove(session, "second")


def test_a_written_expert_plugs_into_another_visitors_model(session, tmp_path):
    result = trained(session)
    plug_in(session, result)
    write_expert(tmp_path / "mine.safetensors", session, "mine", result)
    other = Session(session.registry)
    assert plug_in_file(other, tmp_path / "mine.safetensors") == result.route
    assert (other.mote.encode(["a cat"], route="mine") == session.mote.encode(["a cat"], route="mine")).all()
    with pytest.raises(UserError, match="already"):
        plug_in_file(other, tmp_path / "mine.safetensors")


def test_a_full_session_says_so_before_it_trains(session):
    result = trained(session)
    session.grown = {f"expert-{number}": result.route for number in range(MAX_GROWN)}
    with pytest.raises(UserError, match="remove one"):
        trained(session)


@pytest.mark.parametrize(("name", "message"), [("similarity", "name of a task"), ("sts", "already")])
def test_a_name_that_is_taken_is_refused_before_anything_is_computed(session, name, message, monkeypatch):
    monkeypatch.setattr("mote_demo.growing.run.measure", lambda *_: pytest.fail("measured"))
    with pytest.raises(UserError, match=message):
        trained(session, name)


def test_of_many_rows_a_sample_is_used(session):
    result = trained(session, examples=labelled(MOST_ROWS + 100))
    assert len(result.train.frame) + len(result.test.frame) == MOST_ROWS


def test_maps_show_every_text_with_the_held_out_ones_marked(session):
    result = trained(session)
    maps = map_before_after(result)
    assert maps.before.points.shape == maps.after.points.shape == (24, 2)
    assert [text for text, out in zip(maps.texts, maps.held_out, strict=True) if out] == list(result.test.frame["text"])
    for measured, route in ((result.before, "classification"), (result.after, "mine")):
        vectors = np.stack([measured.vectors[text] for text in maps.texts])
        assert np.allclose(vectors, result.encoder.encode(maps.texts, route=route), atol=1e-6)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("my-Topic!", "my-topic"),
        ("sts", "sts-2"),
        ("数", "my-expert"),
        ("Type", "type-2"),
        ("retrieval", "retrieval-2"),
    ],
)
def test_names_are_made_usable_and_unique(session, wanted, name):
    assert free_name(session, wanted) == name


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
