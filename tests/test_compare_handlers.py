"""What the Compare tab answers: waiting, failures, exports, and uploads in its panel."""

import csv
import html
import io
import re
import threading

import gradio as gr
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.errors import UserError
from mote_demo.explore.pair import Pair
from mote_demo.limits import MAX_UPLOADS
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.compare import handlers
from mote_demo.ui.compare.tab import build_compare_tab
from mote_demo.ui.shared.border import Page
from mote_demo.ui.shared.opening import Opening
from mote_demo.ui.shared.visitor import visitor_of
from tests.handlers import VISITOR, TabHandlers
from tests.own_experts import copied_expert

EVIL = "=HYPERLINK(1) <b>"
LENSES = ("baseline/similarity", "mote/similarity")


@pytest.fixture
def sessions(shelf):
    return Sessions(lambda: Session(shelf))


@pytest.fixture
def session(sessions):
    return sessions.of(visitor_of(VISITOR))


@pytest.fixture
def tab(sessions):
    with Page() as demo, gr.Tab("Compare") as tab:
        build_compare_tab(sessions).bind(tab, Opening(demo, sessions))
    return TabHandlers(demo, "CompareHandlers")


@pytest.fixture
def components(tab):
    return tab.components_of("stop")


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    """The folder that Gradio keeps uploads in."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


def compare(tab, texts="samples", query="the cat"):
    return tab("compare", *LENSES, texts, query, "", 2, None)


def table(folder, name="a.csv"):
    path = folder / name
    pd.DataFrame({"text": ["a cat", "a dog"], "other": ["a car", "a train"]}).to_csv(path, index=False)
    return path


def test_whoever_waits_for_a_place_is_told_and_can_stop(tab, components):
    waiting = tab("wait")
    assert "Waiting for a free place" in waiting[components.status]
    assert waiting[components.stop]["interactive"]


def test_a_status_is_shown_while_the_models_are_held_by_others(tab, components, monkeypatch):
    go_on = threading.Event()

    def wait(*_, **__):
        go_on.wait(10)
        raise UserError("over")

    monkeypatch.setattr(Pair, "ask", wait)
    steps = compare(tab)
    statuses = (step.get(components.status, "") for step in steps)
    assert any("Reading the texts" in status for status in statuses)
    assert any("Asking both sides" in status for status in statuses)
    assert "Asking both sides" in next(statuses)
    go_on.set()
    with pytest.raises(UserError):
        list(steps)


def test_a_failure_before_the_work_clears_the_status_and_one_with_words_keeps_them(tab, components):
    tab("wait")
    freed = tab("free")
    assert freed[components.status] == ""
    assert freed[components.compare]["interactive"]
    assert not freed[components.stop]["interactive"]
    tab("wait")
    with pytest.raises(UserError):
        list(compare(tab, query=" "))
    assert components.status not in tab("free")


def test_no_spreadsheet_takes_a_text_of_the_export_for_a_formula(tab, components, session):
    frame = pd.DataFrame({"title": "", "text": [EVIL, "-0.5"]})
    name = session.add_texts(Texts("upload", "Mine", frame)).name
    list(compare(tab, name, query=EVIL))
    with open(tab("save")[components.export], encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(io.StringIO(file.read())))
    assert {row["text"] for row in rows} == {f"'{EVIL}", "-0.5"}
    assert all(float(row["score"]) <= 1.001 for row in rows)


def test_corrected_columns_replace_the_texts_of_the_same_file(tab, components, session, uploads):
    tab("upload", str(table(uploads)), "", "", "")
    for column in (1, 0, 1):
        tab("choose_role", gr.EventData(None, {"column": column, "role": "Text"}))
    assert [title for title, _ in session.texts_choices()][:2] == ["a.csv", "Support messages (sample set)"]
    (texts,) = session.uploads.values()
    assert texts.passages == ["a car", "a train"]


def test_the_panel_says_which_upload_made_room(tab, session, uploads):
    for number in range(MAX_UPLOADS + 1):
        updates = tab("upload", str(table(uploads, f"{number}.csv")), "", "", "")
    assert any("0.csv made room" in str(update) for update in updates.values())


def test_an_uploaded_file_is_deleted_once_it_was_read(tab, uploads):
    path = table(uploads)
    tab("upload", str(path), "", "", "")
    assert not path.exists()
    path.write_text("text,topic\ntoo,many,cells\n", encoding="utf-8")
    with pytest.raises(UserError, match="line 2"):
        tab("upload", str(path), "", "", "")
    assert not path.exists()


def test_no_file_but_an_upload_is_deleted(tab, uploads, tmp_path):
    path = table(tmp_path)
    tab("upload", str(path), "", "", "")
    assert path.exists()


def lists(steps):
    """Return the shown text of both lists."""
    (page,) = (update for updates in steps for update in updates.values() if "mote-answers" in str(update))
    return [html.unescape(part) for part in str(page).split("<section")[1:]]


def test_any_two_lenses_answer_and_the_receipts_name_them(tab):
    asked = ("untouched", "mote/sts?instruction=off")
    left, right = lists(tab("compare", *asked, "samples", "the cat", "", 2, None))
    assert "<code>untouched</code>" in left
    assert "<code>mote/sts?instruction=off</code>" in right
    assert "<dt>Text sent</dt><dd><code>the cat</code>" in left
    assert "expert “sts”" in right
    assert "<dt>Text sent</dt><dd><code>the cat</code>" in right


@pytest.mark.parametrize(
    ("looks", "second"), [(("retrieval", "retrieval"), False), (("retrieval", "similarity"), True)]
)
def test_a_second_text_is_offered_where_a_lens_is_for_similarity(tab, components, looks, second):
    left, right = looks
    updates = next(tab("compare", f"baseline/{left}", f"mote/{right}", "samples", "the cat", None, 2, None))
    assert updates[components.second]["visible"] == second


def test_the_labels_of_the_hits_are_counted_and_for_classification_they_vote(tab):
    left, right = lists(
        tab("compare", "baseline/retrieval", "mote/classification", "samples", "the cat", "", 5, "mood")
    )
    assert "mote-votes" not in left
    assert sum(map(int, re.findall(r"<b>(\d+)</b>", left[left.index("mote-tally") : left.index("<details")]))) == 5
    assert "<em>mood</em>" in right


def test_a_second_text_that_is_no_longer_shown_is_not_compared(tab):
    asked = ("baseline/retrieval", "mote/retrieval")
    assert "mote-pair" not in lists(tab("compare", *asked, "samples", "the cat", "a dog", 2, None))[1]
    assert "mote-pair" in lists(tab("compare", *LENSES, "samples", "the cat", "a dog", 2, None))[1]


def test_the_first_column_votes_where_the_chosen_one_belongs_to_other_texts(tab, session):
    frame = pd.DataFrame({"title": "", "text": ["a cat", "a dog"], "kind": ["x", "x"]})
    name = session.add_texts(Texts("upload", "Mine", frame, labels=("kind",))).name
    asked = ("baseline/classification", "mote/classification")
    assert "<em>kind</em>" in lists(tab("compare", *asked, name, "a cat", "", 2, "topic"))[0]


def own_texts(session, *texts, labels=()):
    frame = pd.DataFrame({"title": "", "text": texts})
    return session.add_texts(Texts("upload", "Mine", frame, labels=labels)).name


def test_texts_that_are_the_same_are_one_hit_and_counted(tab, session):
    name = own_texts(session, "a cat", "a dog", "a cat", "a cat", "the train")
    left, _ = lists(tab("compare", *LENSES, name, "a cat", "", 3, None))
    assert re.findall(r'data-row="(\d+)"', left)[0] == "0"
    assert left.count('class="mote-hit"') == 3
    assert left.count("×3") == 1


def test_a_query_that_the_model_cannot_read_and_equal_scores_are_said(tab, session):
    name = own_texts(session, "ទឹក", "ភ្លើង", "ខ្យល់")
    left, right = lists(tab("compare", *LENSES, name, "ដី", "", 3, None))
    for side in (left, right):
        assert "The model cannot read 1 of the" in side
        assert "3 of these texts have the same score" in side


def ranks(steps):
    (page,) = (update for updates in steps for update in updates.values() if "mote-matrix" in str(update))
    return page


def test_every_task_ranks_the_query_and_the_visitors_expert_has_a_column(tab, session):
    session.experts.add(copied_expert(session.mote))
    page = ranks(tab("compare", *LENSES, "samples", "the cat", "", 3, None))
    heads = re.findall(r'title="((?:baseline|mote)/[^"]*)"', page)
    assert heads == [
        *("baseline/retrieval", "baseline/classification", "baseline/clustering", "baseline/sts"),
        *("mote/retrieval", "mote/classification", "mote/clustering", "mote/sts", "mote/mine"),
    ]
    assert re.search(r"tasks share <strong>\d\.\d of 3</strong>", page)


def test_many_texts_are_encoded_for_every_task_only_when_asked(tab, components, session, monkeypatch):
    monkeypatch.setattr(handlers, "_FEW", 3)
    name = own_texts(session, "a cat", "a dog", "the train", "a parcel")
    shown = [updates for updates in tab("compare", *LENSES, name, "a cat", "", 2, None)]
    assert not any("mote-matrix" in str(update) for updates in shown for update in updates.values())
    offered = [updates[components.every_task]["visible"] for updates in shown if components.every_task in updates]
    assert offered == [True]
    assert "a parcel" in ranks(tab("compare_all"))
    # What is known by now is shown at once.
    assert ranks(tab("compare", *LENSES, name, "a dog", "", 2, None))


def test_instruction_and_expert_are_taken_apart(tab, session):
    offered = tab("list_experts", *LENSES)
    (update,) = offered.values()
    assert "sts" not in update["choices"]
    (page,) = (
        str(value)
        for updates in tab("LabHandlers.run", *LENSES, "samples", "the cat", "query")
        for value in updates.values()
        if "mote-lab" in str(value)
    )
    assert re.findall(r'data-lens="([^"]*)"', page) == [
        *("mote/sts", "mote/sts?expert=query", "mote/sts?expert=average"),
        *("mote/sts?instruction=off", "mote/sts?expert=query&amp;instruction=off"),
        "mote/sts?expert=average&amp;instruction=off",
    ]
    assert "<b>5 of 5</b> as the first" in page
    with pytest.raises(UserError, match="Neither side is a model with task experts"):
        list(tab("LabHandlers.run", "untouched", "baseline/sts", "samples", "the cat", "query"))


def test_what_a_file_is_read_as_can_be_chosen(tab, session, uploads):
    path = uploads / "short.csv"
    path.write_bytes("good,positive\nпривет,negative\n".encode("cp1251"))
    tab("upload", str(path), "cp1251", "no", "")
    (texts,) = session.uploads.values()
    assert texts.passages == ["good", "привет"]
