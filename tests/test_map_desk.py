"""What the Map tab answers while maps are being drawn."""

import json

import gradio as gr
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.explore import maps
from mote_demo.explore.projection import Projection
from mote_demo.serving.registry import Registry
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.store import VectorStore
from mote_demo.ui.map.tab import build_map_tab
from tests.desk import VISITOR, Desk, values

WORDS = ["cat", "dog", "bird", "fish", "car", "train", "plane", "road"]
SIDES = ("mote-map-baseline", "mote-map-mote")
ASKED = ("clustering", "clustering", "upload-1", "kind", 5)


@pytest.fixture
def sessions(tiny_baseline_encoder, tiny_encoder, tmp_path, monkeypatch):
    """A visitor with texts of its own; UMAP is stood in for, since its kernels take long to compile."""
    monkeypatch.setattr(maps, "project", lambda vectors, **_: Projection(vectors[:, :2].copy(), "UMAP"))
    sessions = Sessions(lambda: Session(Registry(tiny_baseline_encoder, tiny_encoder, VectorStore(tmp_path))))
    frame = pd.DataFrame({"title": "", "text": [f"the {word}" for word in WORDS], "kind": ["a", "b"] * 4})
    frame["length"] = frame["text"].str.len() + 0.5
    sessions.of(VISITOR.session_hash).add_texts(Texts("upload", "Things", frame, labels=("kind",)))
    return sessions


@pytest.fixture
def desk(sessions):
    with gr.Blocks() as demo, gr.Tab("Map") as tab:
        build_map_tab(sessions).bind(tab)
    return Desk(demo)


def draw(desk):
    """Yield what the page becomes with each pair of maps."""
    for updates in desk("draw", *ASKED):
        if "mote-map-summary" in values(updates):
            yield values(updates)


def legend(update):
    return json.loads(update["value"])["layout"]["legend"]["uirevision"]


def place_of(update, row):
    """Return where the drawn point of a row is."""
    for trace in json.loads(update["value"])["data"]:
        if row in trace["customdata"]:
            at = trace["customdata"].index(row)
            return trace["x"][at], trace["y"][at]
    raise AssertionError(row)


def test_the_colour_picked_while_umap_is_fitted_stays(desk):
    drawing = draw(desk)
    assert legend(next(drawing)[SIDES[0]]) == "kind"
    desk("recolour", "length")
    last = next(drawing)
    assert [legend(last[side]) for side in SIDES] == ["length"] * 2


def test_a_text_looked_at_while_umap_is_fitted_stays_and_its_ring_moves_with_it(desk):
    drawing = draw(desk)
    first = next(drawing)
    assert first[SIDES[0]]["marked"] == []
    assert "Click a point" in first["mote-map-panel"]
    desk.handlers["select"](gr.EventData(None, {"row": 3}), VISITOR)
    last = next(drawing)
    assert "mote-map-panel" not in last
    for side in SIDES:
        spot = last[side]["spot"]
        assert last[side]["marked"][0] == 3
        assert (spot["x"], spot["y"]) == pytest.approx(place_of(last[side], 3), abs=1e-3)
        assert (spot["x"], spot["y"]) != pytest.approx(place_of(first[side], 3), abs=1e-3)


def test_a_query_placed_while_umap_is_fitted_stays_until_it_is_cleared_or_maps_are_drawn_again(desk):
    drawing = draw(desk)
    next(drawing)
    desk("place", "the cat")
    assert next(drawing)[SIDES[1]]["spot"]["kind"] == "query"
    again = draw(desk)
    assert next(again)[SIDES[1]]["spot"] == {}
    desk("place", "the cat")
    desk("clear")
    assert next(again)[SIDES[1]]["spot"] == {}


def test_whoever_waits_for_a_place_is_told_and_can_stop(desk):
    waiting = values(desk("wait"))
    assert "Waiting for a free place" in waiting["mote-map-status"]
    assert waiting["mote-map-stop"]["interactive"]
    assert "Waiting for a free place" in values(desk("wait_first"))["mote-map-status"]
    statuses = [values(updates).get("mote-map-status", "") for updates in desk("draw", *ASKED)]
    assert "Reading the texts" in statuses[1]
    assert "Waiting" not in str(values(desk("wait_first")))


def test_a_failure_before_the_work_clears_the_status_and_one_with_words_keeps_them(desk):
    desk("wait")
    freed = values(desk("free"))
    assert "spinner" not in freed["mote-map-status"]
    assert freed["mote-map-draw"]["interactive"]
    assert not freed["mote-map-stop"]["interactive"]
    desk("wait")
    with pytest.raises(gr.Error):
        list(desk("draw", "clustering", "clustering", "no such texts", "kind", 5))
    assert "mote-map-status" not in values(desk("free"))
