"""What the Compare tab answers: waiting, failures, exports, and uploads in its panel."""

import csv
import io
import threading

import gradio as gr
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.errors import UserError
from mote_demo.serving.registry import Registry
from mote_demo.serving.sessions import MAX_UPLOADS, Session, Sessions
from mote_demo.store import VectorStore
from mote_demo.ui.compare import handlers as compare_desk
from mote_demo.ui.compare.tab import build_compare_tab
from mote_demo.ui.shared.errors import send_errors, show_errors
from tests.desk import VISITOR, Desk

EVIL = "=HYPERLINK(1) <b>"


@pytest.fixture
def sessions(tiny_baseline_encoder, tiny_encoder, tmp_path):
    registry = Registry(tiny_baseline_encoder, tiny_encoder, VectorStore(tmp_path / "store"))
    return Sessions(lambda: Session(registry))


@pytest.fixture
def session(sessions):
    return sessions.of(VISITOR.session_hash)


@pytest.fixture
def desk(sessions):
    with gr.Blocks() as demo, gr.Tab("Compare") as tab:
        build_compare_tab(sessions).bind(tab, demo)
    return Desk(demo)


@pytest.fixture
def parts(desk):
    return desk.handlers["stop"].__self__._components


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    """The folder that Gradio keeps uploads in."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


def compare(desk, texts="samples", query="the cat"):
    return desk("compare", "similarity", "sts", texts, query, "", 2, None)


def table(folder, name="a.csv"):
    path = folder / name
    pd.DataFrame({"text": ["a cat", "a dog"], "other": ["a car", "a train"]}).to_csv(path, index=False)
    return path


def test_whoever_waits_for_a_place_is_told_and_can_stop(desk, parts):
    waiting = desk("wait")
    assert "Waiting for a free place" in waiting[parts.status]
    assert waiting[parts.stop]["interactive"]


def test_a_status_is_shown_while_the_models_are_held_by_others(desk, parts, monkeypatch):
    go_on = threading.Event()

    def wait(*_, **__):
        go_on.wait(10)
        raise UserError("over")

    monkeypatch.setattr(compare_desk, "ask", wait)
    steps = compare(desk)
    statuses = [next(steps).get(parts.status, "") for _ in range(4)]
    assert "Reading the texts" in statuses[1]
    assert "Asking both models" in statuses[2]
    assert "Asking both models" in statuses[3]
    go_on.set()
    with pytest.raises(gr.Error):
        list(steps)


def test_a_failure_before_the_work_clears_the_status_and_one_with_words_keeps_them(desk, parts):
    desk("wait")
    freed = desk("free")
    assert freed[parts.status] == ""
    assert freed[parts.compare]["interactive"]
    assert not freed[parts.stop]["interactive"]
    desk("wait")
    with pytest.raises(gr.Error):
        list(compare(desk, query=" "))
    assert parts.status not in desk("free")


def test_no_spreadsheet_takes_a_text_of_the_export_for_a_formula(desk, parts, session):
    frame = pd.DataFrame({"title": "", "text": [EVIL, "-0.5"]})
    name = session.add_texts(Texts("upload", "Mine", frame)).name
    list(compare(desk, name, query=EVIL))
    with open(desk("save")[parts.export], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(io.StringIO(file.read())))
    assert {row["text"] for row in rows} == {f"'{EVIL}", "-0.5"}
    assert all(float(row["score"]) <= 1.001 for row in rows)


def test_corrected_columns_replace_the_texts_of_the_same_file(desk, parts, session, uploads):
    desk("upload", str(table(uploads)))
    for column in ("other", "text", "other"):
        desk("correct", column, "(none)", [])
    assert [title for title, _ in session.texts_choices()][:2] == ["a.csv", "Support messages (sample set)"]
    (texts,) = session.uploads.values()
    assert texts.passages == ["a car", "a train"]


def test_the_panel_says_which_upload_made_room(desk, session, uploads):
    for number in range(MAX_UPLOADS + 1):
        updates = desk("upload", str(table(uploads, f"{number}.csv")))
    assert any("0.csv made room" in str(update) for update in updates.values())


def test_an_uploaded_file_is_deleted_once_it_was_read(desk, uploads):
    path = table(uploads)
    desk("upload", str(path))
    assert not path.exists()
    path.write_text("text,topic\ntoo,many,cells\n", encoding="utf-8")
    with pytest.raises(gr.Error, match="line 2"):
        desk("upload", str(path))
    assert not path.exists()


def test_no_file_but_an_upload_is_deleted(desk, uploads, tmp_path):
    path = table(tmp_path)
    desk("upload", str(path))
    assert path.exists()


def test_messages_are_escaped_for_the_page_and_plain_for_programs():
    def fail():
        raise UserError("No file 'a<img src=x>' & more.")

    def fail_later():
        yield 1
        fail()

    for handler in (show_errors(fail), lambda: list(show_errors(fail_later)())):
        with pytest.raises(gr.Error) as raised:
            handler()
        assert raised.value.message == "No file 'a&lt;img src=x&gt;' &amp; more."
    with pytest.raises(gr.Error) as raised:
        send_errors(fail)()
    assert raised.value.message == "No file 'a<img src=x>' & more."
