"""What the Map tab answers while maps are being drawn."""

import json

import gradio as gr
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.explore import maps
from mote_demo.explore.projection import Projection
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.map.tab import build_map_tab
from tests.handlers import VISITOR, TabHandlers, values
from tests.own_experts import copied_expert

WORDS = ["cat", "dog", "bird", "fish", "car", "train", "plane", "road"]
SIDES = ("mote-map-left", "mote-map-right")
LENSES = ("baseline/clustering", "mote/clustering")
ASKED = (*LENSES, "upload-1", "kind", 5)


@pytest.fixture
def sessions(shelf, monkeypatch):
    """A visitor with texts of its own; UMAP is stood in for, since its kernels take long to compile."""
    monkeypatch.setattr(maps, "project", lambda vectors, **_: Projection(vectors[:, :2].copy(), "UMAP"))
    sessions = Sessions(lambda: Session(shelf))
    frame = pd.DataFrame({"title": "", "text": [f"the {word}" for word in WORDS], "kind": ["a", "b"] * 4})
    frame["length"] = frame["text"].str.len() + 0.5
    sessions.of(VISITOR.session_hash).add_texts(Texts("upload", "Things", frame, labels=("kind",)))
    return sessions


@pytest.fixture
def tab(sessions):
    with gr.Blocks() as demo, gr.Tab("Map") as tab:
        build_map_tab(sessions).bind(tab, demo)
    return TabHandlers(demo)


def draw(tab):
    """Yield what the page becomes with each pair of maps."""
    for updates in tab("draw", *ASKED):
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


def test_the_colour_picked_while_umap_is_fitted_stays(tab):
    drawing = draw(tab)
    assert legend(next(drawing)[SIDES[0]]) == "kind"
    tab("recolour", "length")
    last = next(drawing)
    assert [legend(last[side]) for side in SIDES] == ["length"] * 2


def test_a_text_looked_at_while_umap_is_fitted_stays_and_its_ring_moves_with_it(tab):
    drawing = draw(tab)
    first = next(drawing)
    assert first[SIDES[0]]["marked"] == []
    assert "Click a point" in first["mote-map-panel"]
    tab.handlers["select"](gr.EventData(None, {"row": 3}), VISITOR)
    last = next(drawing)
    assert "mote-map-panel" not in last
    for side in SIDES:
        spot = last[side]["spot"]
        assert last[side]["marked"][0] == 3
        assert (spot["x"], spot["y"]) == pytest.approx(place_of(last[side], 3), abs=1e-3)
        assert (spot["x"], spot["y"]) != pytest.approx(place_of(first[side], 3), abs=1e-3)


def test_a_query_placed_while_umap_is_fitted_stays_until_it_is_cleared_or_maps_are_drawn_again(tab):
    drawing = draw(tab)
    next(drawing)
    tab("place", "the cat")
    assert next(drawing)[SIDES[1]]["spot"]["kind"] == "query"
    again = draw(tab)
    assert next(again)[SIDES[1]]["spot"] == {}
    tab("place", "the cat")
    tab("clear")
    assert next(again)[SIDES[1]]["spot"] == {}


def test_whoever_waits_for_a_place_is_told_and_can_stop(tab):
    waiting = values(tab("wait"))
    assert "Waiting for a free place" in waiting["mote-map-status"]
    assert waiting["mote-map-stop"]["interactive"]
    assert "Waiting for a free place" in values(tab("wait_first"))["mote-map-status"]
    statuses = [values(updates).get("mote-map-status", "") for updates in tab("draw", *ASKED)]
    assert "Reading the texts" in statuses[1]
    assert "Waiting" not in str(values(tab("wait_first")))


def test_a_failure_before_the_work_clears_the_status_and_one_with_words_keeps_them(tab):
    tab("wait")
    freed = values(tab("free"))
    assert "spinner" not in freed["mote-map-status"]
    assert freed["mote-map-draw"]["interactive"]
    assert not freed["mote-map-stop"]["interactive"]
    tab("wait")
    with pytest.raises(gr.Error):
        list(tab("draw", *LENSES, "no such texts", "kind", 5))
    assert "mote-map-status" not in values(tab("free"))


def test_the_headings_name_both_lenses(tab):
    asked = ("untouched", "mote/sts?instruction=off", "upload-1", "kind", 5)
    headings = tab.components_of("draw").headings
    (shown, *_) = (updates for updates in tab("draw", *asked) if headings[0] in updates)
    left, right = (str(shown[heading]) for heading in headings)
    assert "lens <code>untouched</code>" in left
    assert "dense, no experts" in left
    assert "lens <code>mote/sts?instruction=off</code>" in right
    assert "instruction <code>none</code>" in right


def test_maps_of_other_lenses_start_without_a_look_at_the_old_ones(tab):
    drawing = draw(tab)
    next(drawing)
    tab("place", "the cat")
    next(drawing)
    other = tab("draw", "mote/sts", "mote/clustering", "upload-1", "kind", 5)
    drawn = next(values(updates) for updates in other if "mote-map-summary" in values(updates))
    assert drawn[SIDES[0]]["spot"] == {}
    assert "Click a point" in drawn["mote-map-panel"]


def test_a_tab_that_is_opened_before_the_page_is_filled_gets_the_first_comparison(tab):
    empty = ("", "")
    filled = values(tab("refresh", *empty))
    assert (filled["mote-map-left-model"]["value"], filled["mote-map-right-model"]["value"]) == ("baseline", "mote")
    with pytest.raises(gr.Error, match="names no lens"):
        list(tab("draw", *empty, "upload-1", "kind", 5))


def test_coming_back_to_the_tab_lists_a_new_expert_and_leaves_what_is_picked_as_it_is(tab, sessions):
    session = sessions.of(VISITOR.session_hash)
    session.experts.add(copied_expert(session.mote))
    updates = values(tab("refresh", "mote/similarity", "mote/mine"))
    assert ("mine", "mine") in updates["mote-map-left-look"]["choices"]
    # What is picked while the lists are on their way is not undone by them.
    assert "mote-map-preset" not in updates
    assert not [name for name, update in updates.items() if "value" in update]


def test_a_lens_whose_expert_was_removed_becomes_the_models_first(tab):
    updates = values(tab("refresh", "mote/similarity", "mote/gone"))
    assert updates["mote-map-right-look"]["value"] == "retrieval"
    assert updates["mote-map-left-look"]["value"] == "similarity"
    assert updates["mote-map-preset"]["value"] is None
