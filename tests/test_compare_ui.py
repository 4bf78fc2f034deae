import csv
import threading

import gradio as gr
import pytest

from mote_demo.explore import search
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.compare import handlers as compare_desk
from mote_demo.ui.compare.tab import build_compare_tab
from mote_demo.ui.shared.theme import css, theme
from tests.walk import SIDES

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=window.hacked=1> ${window.hacked=2} {{value}}"
ROWS = [
    ("my card was charged twice", "billing"),
    ("refund the payment please", "billing"),
    ("the parcel is late", "delivery"),
    ("where is the parcel", "delivery"),
    (f"the dog {EVIL}", EVIL),
]


@pytest.fixture(scope="module")
def uploads(tmp_path_factory):
    """The folder that Gradio keeps uploads in."""
    folder = tmp_path_factory.mktemp("uploads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def address(open_shelf, tmp_path_factory, uploads):
    """Serve an app that has only this tab."""
    shelf = open_shelf(tmp_path_factory.mktemp("store"))
    with gr.Blocks() as demo, gr.Tab("Compare") as tab:
        build_compare_tab(Sessions(lambda: Session(shelf))).bind(tab, demo)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, theme=theme(), css=css())
    yield url
    demo.close()


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "messages.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "topic"), *ROWS])
    return path


def open_compare(page, address):
    page.goto(address)
    page.locator(f"{SIDES[1]} .mote-hit").first.wait_for()


def upload(page, path):
    page.get_by_role("button", name="Add your own texts").click()
    page.locator("input[type=file]").first.set_input_files(path)


def ask(page, query):
    page.get_by_label("Query", exact=True).fill(query)
    page.get_by_label("Query", exact=True).press("Enter")


def test_the_page_opens_with_an_answer_of_both_models(page, address):
    open_compare(page, address)
    assert page.locator(f"{SIDES[0]} .mote-hit").count() == page.locator(f"{SIDES[1]} .mote-hit").count() == 10


def test_uploaded_texts_are_searched_and_stay_text(page, address, table):
    open_compare(page, address)
    upload(page, table)
    page.get_by_text("5 texts").wait_for()
    ask(page, "the dog")
    page.locator(f"{SIDES[1]} .mote-hit", has_text="<img src=x").wait_for()
    assert page.locator(f"{SIDES[1]} .mote-hit").count() == len(ROWS)
    assert page.evaluate("window.hacked") is None


def test_a_bad_upload_says_what_is_wrong_and_the_texts_stay(page, address, tmp_path):
    open_compare(page, address)
    path = tmp_path / "ragged.csv"
    path.write_text("text,topic\nfine,a\ntoo,many,cells\n", encoding="utf-8")
    upload(page, path)
    message = page.get_by_test_id("toast-body")
    message.wait_for()
    assert "ragged.csv" in message.inner_text()
    assert "line 3" in message.inner_text()
    ask(page, "where is the parcel")
    page.get_by_text("query: where is the parcel").first.wait_for()


def test_an_empty_query_is_explained_and_the_last_answers_stay(page, address):
    open_compare(page, address)
    ask(page, "  ")
    page.get_by_test_id("toast-body").get_by_text("The query is empty").wait_for()
    assert page.locator(f"{SIDES[1]} .mote-hit").count() == 10


def test_whoever_waits_for_others_is_told_and_can_stop(page, open_page, address, monkeypatch):
    open_compare(page, address)
    others = [open_page(), open_page()]
    for other in others:
        open_compare(other, address)
    go_on = threading.Event()
    monkeypatch.setattr(compare_desk, "ask", lambda *_, **__: go_on.wait(60) and search.ask(*_, **__))
    try:
        for other in others:
            ask(other, "a cat")
            other.get_by_text("Asking both models").wait_for()
        ask(page, "a dog")
        page.get_by_text("Waiting for a free place").wait_for()
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_text("Stopped. The last answers stay below.").wait_for()
        page.get_by_role("button", name="Compare", exact=True).click()
        page.get_by_text("Waiting for a free place").wait_for()
    finally:
        go_on.set()
    page.get_by_text("query: a dog").first.wait_for()
    others[0].get_by_text("query: a cat").first.wait_for()


def test_columns_can_be_corrected_and_the_file_leaves_the_disk(page, address, table, uploads):
    open_compare(page, address)
    upload(page, table)
    page.get_by_text("5 texts").wait_for()
    page.get_by_label("Text column").click()
    page.get_by_role("option", name="topic").last.click()
    page.get_by_role("button", name="Use these columns").click()
    page.get_by_text("The first one: “billing”").wait_for()
    page.get_by_label("Texts", exact=True).click()
    assert page.get_by_role("option").all_inner_texts()[0].endswith("messages.csv")
    assert sum("messages.csv" in option for option in page.get_by_role("option").all_inner_texts()) == 1
    assert not list(uploads.rglob("messages.csv"))


def test_classification_adds_a_vote_and_similarity_a_pair(page, address):
    open_compare(page, address)
    page.get_by_role("radio", name="Classification").check()
    page.locator(f"{SIDES[1]} .mote-votes").get_by_text("topic").wait_for()
    page.get_by_role("radio", name="Similarity").check()
    page.locator(SIDES[1]).get_by_text("similarity: ").first.wait_for()
    page.get_by_label("Second text").fill("the parcel is late")
    page.get_by_label("Second text").press("Enter")
    page.locator(f"{SIDES[1]} .mote-pair").wait_for()
    assert page.locator(f"{SIDES[0]} .mote-pair").inner_text() != page.locator(f"{SIDES[1]} .mote-pair").inner_text()


def test_the_results_can_be_exported(page, address):
    open_compare(page, address)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export results").click()
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["baseline"] * 10 + ["mote"] * 10
    assert rows[0]["text_sent"].startswith("query: ")


def test_a_phone_needs_no_sideways_scrolling(open_page, address):
    page = open_page(viewport={"width": 390, "height": 844})
    open_compare(page, address)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
