"""What is near a message by topic, intent and mood, and which messages the first screen shows."""

import json
import threading

import numpy as np
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.encoder import Stopped
from mote_demo.errors import UserError
from mote_demo.serving.meanings import pairs_of_meanings, prepare, right_neighbours, view_message
from mote_demo.serving.sessions import Session
from mote_demo.serving.shelf import Shelf
from mote_demo.serving.tour import RULES, TOUR_FILE, choose_tour, read_tour
from mote_demo.settings import checkpoints_folder

ROW = 7


@pytest.fixture(scope="module")
def session(open_shelf, tmp_path_factory):
    return Session(open_shelf(tmp_path_factory.mktemp("store")))


def test_the_baseline_has_its_instruction_and_mote_the_expert_of_the_task_where_none_ships(session):
    assert {label: [str(lens) for lens in pair.lenses] for label, pair in pairs_of_meanings(session).items()} == {
        "topic": ["baseline/clustering", "mote/clustering"],
        "intent": ["baseline/classification", "mote/classification"],
        "mood": ["baseline/classification", "mote/classification"],
    }


def test_a_message_has_its_nearest_others_in_each_meaning(session):
    message, frame = view_message(session, ROW), session.texts("samples").frame
    assert (message.text, message.count) == (frame["text"][ROW], 240)
    assert [meaning.label for meaning in message.meanings] == ["topic", "intent", "mood"]
    for meaning in message.meanings:
        assert meaning.value == frame[meaning.label][ROW]
        same = (frame[meaning.label] == meaning.value).sum() - 1
        assert meaning.chance == pytest.approx(same / 239)
        for side in meaning.sides:
            scores = (
                side.lens.vectors(session.texts("samples"), session.shelf.store)
                @ (side.lens.encode_document([message.text])[0])
            )
            scores[ROW] = -1
            assert [near.row for near in side.neighbours] == np.argsort(-scores, kind="stable")[:10].tolist()
            labels = [frame[meaning.label][near.row] for near in side.neighbours]
            assert [near.label for near in side.neighbours] == labels
            assert [near.right for near in side.neighbours] == [label == meaning.value for label in labels]
            assert side.right == labels.count(meaning.value)
        left, right = meaning.sides
        assert meaning.gain == right.right - left.right


def test_counts_of_all_messages_are_those_of_each(session):
    counts = right_neighbours(session)
    for meaning in view_message(session, ROW).meanings:
        for side, every in zip(meaning.sides, counts[meaning.label], strict=True):
            assert every[ROW] == side.right
            assert every.mean() / 10 == pytest.approx(side.share)


def test_preparing_says_how_far_it_is_once_and_can_be_stopped(open_shelf, tmp_path):
    session, told = Session(open_shelf(tmp_path / "store")), []
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        prepare(session, stop=stop)
    view_message(session, ROW, lambda *step: told.append(step))
    assert told[0][0] == "Reading 240 messages through tiny baseline · Clustering (1 of 4)"
    assert told[-1][1:] == (240, 240)
    told.clear()
    view_message(session, ROW + 1, lambda *step: told.append(step))
    assert told == []


# --- the tour


def texts_of(count):
    return Texts("few", "Few", pd.DataFrame({"title": "", "text": [f"text {number}" for number in range(count)]}))


def test_each_rule_chooses_a_message_and_none_is_chosen_twice():
    gains = {
        "topic": np.array([0, 0, 3, 0, 0, 1, 0]),
        "intent": np.array([1, 5, 3, 0, 0, 0, 0]),
        "mood": np.array([1, 0, 3, 4, -6, 0, 0]),
    }
    right = {label: np.stack([np.full(7, 6), 6 + gain]) for label, gain in gains.items()}
    assert choose_tour(texts_of(7), right)["rows"] == {"most": 2, "intent": 1, "mood": 3, "middle": 0, "loss": 4}


def test_a_file_of_other_messages_or_rules_says_what_to_do(tmp_path):
    texts, path = texts_of(3), tmp_path / "tour.json"
    rows = dict.fromkeys(RULES, 0)
    path.write_text(json.dumps({"texts": texts.fingerprint, "rows": rows}), encoding="utf-8")
    assert read_tour(texts, path) == rows
    with pytest.raises(UserError, match="other messages.*python scripts/tour.py"):
        read_tour(texts_of(4), path)
    path.write_text(json.dumps({"texts": texts.fingerprint, "rows": {"most": 0}}), encoding="utf-8")
    with pytest.raises(UserError, match="python scripts/tour.py"):
        read_tour(texts, path)


def test_the_tour_that_ships_is_what_the_rules_choose_and_has_wins_and_a_loss(tmp_path):
    session = Session(Shelf.open(checkpoints_folder(), tmp_path))
    right, texts = right_neighbours(session), session.texts("samples")
    rows = read_tour(texts, TOUR_FILE)
    assert rows == choose_tour(texts, right)["rows"]
    gains = {label: after - before for label, (before, after) in right.items()}
    assert gains["intent"][rows["intent"]] > 0
    assert gains["mood"][rows["mood"]] > 0
    assert min(gain[rows["loss"]] for gain in gains.values()) < 0
