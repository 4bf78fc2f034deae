"""What the Map tab answers while maps are being drawn."""

import json
import re

import gradio as gr
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.errors import UserError
from mote_demo.explore import maps
from mote_demo.explore.projection import Projection
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.map import handlers
from mote_demo.ui.map.tab import build_map_tab
from mote_demo.ui.shared.border import Page
from mote_demo.ui.shared.opening import Opening
from mote_demo.ui.shared.visitor import visitor_of
from tests.handlers import VISITOR, TabHandlers, values
from tests.own_experts import copied_expert

WORDS = ["cat", "dog", "bird", "fish", "car", "train", "plane", "road"]
MAPS = "mote-map-maps"
LENSES = ("baseline/clustering", "mote/clustering")
ASKED = (*LENSES, "upload-1", "kind", 5)


@pytest.fixture
def sessions(shelf, monkeypatch):
    """A visitor with texts of its own; UMAP is stood in for, since its kernels take long to compile."""
    monkeypatch.setattr(maps, "project", lambda vectors, **_: Projection(vectors[:, :2].copy(), "UMAP"))
    monkeypatch.setattr(handlers, "SECONDS_BEFORE_DRAWING", 0)
    sessions = Sessions(lambda: Session(shelf))
    frame = pd.DataFrame({"title": "", "text": [f"the {word}" for word in WORDS], "kind": ["a", "b"] * 4})
    frame["length"] = frame["text"].str.len() + 0.5
    sessions.of(visitor_of(VISITOR)).add_texts(Texts("upload", "Things", frame, labels=("kind",)))
    return sessions


@pytest.fixture
def tab(sessions):
    with Page() as demo, gr.Tab("Map") as tab:
        build_map_tab(sessions).bind(tab, Opening(demo, sessions))
    return TabHandlers(demo)


def draw(tab):
    """Yield what the page becomes with each pair of maps."""
    for updates in tab("draw", *ASKED):
        if "mote-map-summary" in values(updates):
            yield values(updates)


def colour_of(update):
    return json.loads(update["colours"])["title"]


def place_of(update, side, row):
    """Return where a row is drawn."""
    drawn = json.loads(update["points"])["sides"][side]
    return drawn["x"][row], drawn["y"][row]


def select_many(tab, rows):
    return values(tab.handlers["select_many"](gr.EventData(None, {"rows": rows}), VISITOR))


def test_the_colour_picked_while_umap_is_fitted_stays(tab):
    drawing = draw(tab)
    assert colour_of(next(drawing)[MAPS]) == "kind"
    tab("recolour", "length")
    assert colour_of(next(drawing)[MAPS]) == "length"


def test_a_text_looked_at_while_umap_is_fitted_stays_and_is_ringed_at_its_new_place(tab):
    drawing = draw(tab)
    first = next(drawing)
    assert first[MAPS]["marked"] == []
    assert "Click a point" in first["mote-map-panel"]
    tab.handlers["select"](gr.EventData(None, {"row": 3}), VISITOR)
    last = next(drawing)
    assert "mote-map-panel" not in last
    assert last[MAPS]["spots"] == [{"row": 3}, {"row": 3}]
    assert [rows[0] for rows in last[MAPS]["marked"]] == [3, 3]
    for side in (0, 1):
        assert place_of(last[MAPS], side, 3) != pytest.approx(place_of(first[MAPS], side, 3), abs=1e-3)


def test_a_query_placed_while_umap_is_fitted_stays_until_it_is_cleared_or_maps_are_drawn_again(tab):
    drawing = draw(tab)
    next(drawing)
    tab("place", "the cat")
    assert len(next(drawing)[MAPS]["spots"][1]["place"]) == 2
    again = draw(tab)
    assert next(again)[MAPS]["spots"] == []
    tab("place", "the cat")
    tab("clear")
    assert next(again)[MAPS]["spots"] == []


def test_the_texts_are_sent_once_a_set(tab):
    first, last = (shown[MAPS] for shown in draw(tab))
    assert json.loads(first["texts"])["texts"][0] == "the cat"
    assert "texts" not in last


def test_a_newer_choice_ends_the_drawing_before_it_and_stop_the_last_one(tab):
    older = tab("draw", *ASKED)
    next(older)
    newer = draw(tab)
    next(newer)
    assert list(older) == []
    assert len(list(newer)) == 1
    stopped = tab("draw", *ASKED)
    next(stopped)
    assert values(tab("stop"))["mote-map-draw"]["interactive"]
    assert list(stopped) == []


def test_maps_of_an_earlier_choice_are_said_to_be_so_until_the_new_ones_are_there(tab):
    assert values(tab("ask"))[MAPS]["stale"] == ""
    list(draw(tab))
    assert "chosen before" in values(tab("ask"))[MAPS]["stale"]
    assert next(draw(tab))[MAPS]["stale"] == ""


def test_selected_texts_are_listed_by_how_much_their_neighbours_changed(tab, sessions):
    list(draw(tab))
    updates = select_many(tab, [6, 1, 4])
    assert updates["mote-map-selection-csv"]["interactive"]
    table = str(updates["mote-map-selection"])
    assert "3 texts selected" in table
    pair = sessions.of(visitor_of(VISITOR)).pair("baseline/clustering", "mote/clustering")
    *_, drawn = pair.draw(sessions.of(visitor_of(VISITOR)).texts("upload-1"))
    by_churn = sorted([1, 4, 6], key=lambda row: drawn.overlap[row])
    assert [int(row) for row in re.findall(r'data-row="(\d+)"', table)] == by_churn
    assert "Draw a box or a lasso" in select_many(tab, [])["mote-map-selection"]
    with pytest.raises(UserError, match="no text 8"):
        select_many(tab, [8])


def test_a_selection_stays_with_its_texts_and_goes_with_them(tab, sessions):
    list(draw(tab))
    select_many(tab, [1, 2])
    other = tab("draw", "mote/sts", "mote/clustering", "upload-1", "kind", 5)
    shown = next(values(updates) for updates in other if "mote-map-summary" in values(updates))
    assert shown[MAPS]["selected"] == [1, 2]
    list(other)
    frame = pd.DataFrame({"title": "", "text": [f"a {word}" for word in WORDS]})
    sessions.of(visitor_of(VISITOR)).add_texts(Texts("upload", "Others", frame))
    others = tab("draw", *LENSES, "upload-2", None, 5)
    shown = next(values(updates) for updates in others if "mote-map-summary" in values(updates))
    assert shown[MAPS]["selected"] == []
    assert json.loads(shown[MAPS]["texts"])["texts"][0] == "a cat"
    list(others)


def test_a_page_that_is_loaded_again_starts_without_maps(tab):
    list(draw(tab))
    tab("begin", "")
    assert "Waiting" in values(tab("ask_first"))["mote-map-status"]


def test_whoever_waits_for_a_place_is_told_and_can_stop(tab):
    waiting = values(tab("ask"))
    assert "Waiting for a free place" in waiting["mote-map-status"]
    assert waiting["mote-map-stop"]["interactive"]
    assert "Waiting for a free place" in values(tab("ask_first"))["mote-map-status"]
    statuses = [values(updates).get("mote-map-status", "") for updates in tab("draw", *ASKED)]
    assert "Reading the texts" in statuses[1]
    assert "Waiting" not in str(values(tab("ask_first")))


def test_a_failure_before_the_work_clears_the_status_and_one_with_words_keeps_them(tab):
    tab("ask")
    freed = values(tab("free"))
    assert "spinner" not in freed["mote-map-status"]
    assert freed["mote-map-draw"]["interactive"]
    assert not freed["mote-map-stop"]["interactive"]
    tab("ask")
    with pytest.raises(UserError):
        list(tab("draw", *LENSES, "no such texts", "kind", 5))
    assert "mote-map-status" not in values(tab("free"))


def test_each_map_says_its_lens_and_how_it_was_made(tab):
    asked = ("untouched", "mote/sts?instruction=off", "upload-1", "kind", 5)
    shown = next(values(updates) for updates in tab("draw", *asked) if "mote-map-summary" in values(updates))
    left, right = json.loads(shown[MAPS]["points"])["sides"]
    assert ["lens", "untouched"] in left["receipt"]
    assert ["dense, no experts", ""] in left["receipt"]
    assert ["lens", "mote/sts?instruction=off"] in right["receipt"]
    assert ["instruction", "none"] in right["receipt"]


def test_maps_of_other_lenses_start_without_a_look_at_the_old_ones(tab):
    drawing = draw(tab)
    next(drawing)
    tab("place", "the cat")
    next(drawing)
    other = tab("draw", "mote/sts", "mote/clustering", "upload-1", "kind", 5)
    drawn = next(values(updates) for updates in other if "mote-map-summary" in values(updates))
    assert drawn[MAPS]["spots"] == []
    assert "Click a point" in drawn["mote-map-panel"]


def test_a_tab_that_is_opened_before_the_page_is_filled_gets_the_first_comparison(tab):
    empty = ("", "")
    filled = values(tab("refresh", *empty))
    assert (filled["mote-map-left-model"]["value"], filled["mote-map-right-model"]["value"]) == ("baseline", "mote")
    with pytest.raises(UserError, match="names no lens"):
        list(tab("draw", *empty, "upload-1", "kind", 5))


def test_coming_back_to_the_tab_lists_a_new_expert_and_leaves_what_is_picked_as_it_is(tab, sessions):
    session = sessions.of(visitor_of(VISITOR))
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
