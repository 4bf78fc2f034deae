import csv
import threading

import gradio as gr
import pytest

from mote_demo.explore.pair import Pair
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.compare.tab import build_compare_tab
from mote_demo.ui.shared.border import Page
from mote_demo.ui.shared.opening import Opening
from mote_demo.ui.shared.theme import css, theme
from tests.own_experts import copied_expert
from tests.walk import COMPARISONS, SIDES, pick_preset

pytestmark = pytest.mark.browser

QUERY = "my parcel is late"
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
def sessions(open_shelf, tmp_path_factory):
    shelf = open_shelf(tmp_path_factory.mktemp("store"))
    return Sessions(lambda: Session(shelf))


@pytest.fixture(scope="module")
def address(sessions, uploads):
    """Serve an app that has only this tab."""
    with Page() as demo, gr.Tab("Compare") as tab:
        build_compare_tab(sessions).bind(tab, Opening(demo, sessions))
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
    ask_at_once = Pair.ask
    monkeypatch.setattr(Pair, "ask", lambda *_, **__: go_on.wait(60) and ask_at_once(*_, **__))
    try:
        for other in others:
            ask(other, "a cat")
            other.get_by_text("Asking both sides").wait_for()
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
    page.get_by_label("Role of the column topic").select_option("Text")
    page.get_by_text("The first one: “billing”").wait_for()
    page.get_by_label("Texts", exact=True).click()
    offered = page.locator("[role=listbox] [role=option]").all_inner_texts()
    assert offered[0].endswith("messages.csv")
    assert sum("messages.csv" in option for option in offered) == 1
    assert not list(uploads.rglob("messages.csv"))


def test_each_preset_says_which_lenses_answered_and_shows_what_they_found(page, address, sessions):
    open_compare(page, address)
    ask(page, QUERY)
    page.get_by_text(f"query: {QUERY}").first.wait_for()
    *_, session = sessions
    session.experts.add(copied_expert(session.mote, instruction="mine: ", layers_of="query"))
    for preset, names in COMPARISONS.items():
        pick_preset(page, "compare", preset)
        pair = session.pair(*names)
        answer = pair.ask(QUERY, session.texts("samples"))
        for place, side in zip(SIDES, answer.sides, strict=True):
            page.locator(f"{place}[data-lens='{side.lens}']").wait_for()
            assert page.locator(f"{place} h3").inner_text() == side.lens.title
            receipt = page.locator(f"{place} .mote-receipt")
            assert side.receipt.text_sent in receipt.locator("summary").inner_text()
            assert (side.receipt.expert or "no expert of its own (dense)") in receipt.locator("summary").inner_text()
            assert receipt.locator("dd").first.text_content() == str(side.lens)
            found = page.locator(f"{place} .mote-hit-body details > p").all_text_contents()
            assert found == answer.texts.frame["text"].iloc[[hit.row for hit in side.hits]].tolist()
        shared = f"{answer.overlap.shared} of 10"
        assert page.locator("#compare-answers .mote-headline").inner_text().startswith(shared)
        assert page.get_by_role("button", name=f"{pair.left.title}  |  {pair.right.title}").count() == 1


def test_without_an_expert_before_and_after_says_what_to_do_and_the_answers_stay(page, address):
    open_compare(page, address)
    pick_preset(page, "compare", "training")
    page.get_by_test_id("toast-body").get_by_text("There is no expert of yours yet").wait_for()
    assert page.locator(f"{SIDES[1]}[data-lens='mote/retrieval'] .mote-hit").count() == 10


def test_a_lens_is_picked_by_model_task_and_instruction_and_leaves_the_presets(page, address):
    open_compare(page, address)
    page.locator("#compare-lenses > button").click()
    page.locator("#compare-right-look input").click()
    page.get_by_role("option", name="Clustering", exact=True).click()
    page.locator(f"{SIDES[1]}[data-lens='mote/clustering']").wait_for()
    assert page.locator("#compare-preset input:checked").count() == 0
    page.locator("#compare-right-instruction input").uncheck()
    page.locator(f"{SIDES[1]}[data-lens='mote/clustering?instruction=off']").wait_for()
    page.locator("#compare-left-model input").click()
    page.get_by_role("option", name="tiny untouched", exact=True).click()
    page.locator(f"{SIDES[0]}[data-lens='untouched']").wait_for()
    assert page.locator("#compare-left-look input").is_disabled()
    page.get_by_role("radio", name="Similarity").check()
    page.locator(f"{SIDES[1]}[data-lens='mote/sts?instruction=off']").wait_for()
    assert page.locator(f"{SIDES[0]}[data-lens='untouched']").count() == 1


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
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["lens"] for row in rows] == ["baseline/retrieval"] * 10 + ["mote/retrieval"] * 10
    assert rows[0]["text_sent"].startswith("query: ")


def test_a_phone_shows_one_list_with_both_ranks_and_needs_no_sideways_scrolling(open_page, address):
    page = open_page(viewport={"width": 390, "height": 844})
    page.goto(address)
    page.locator(".mote-both .mote-hit").first.wait_for()
    assert not page.locator(f"{SIDES[0]} .mote-hit").first.is_visible()
    first = page.locator(".mote-both .mote-ranks").first.inner_text().split()
    assert first[:2] == ["tiny", "baseline"]
    assert "1" in first
    page.locator("#compare-matrix table").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_lines_join_what_both_sides_found_and_both_ends_light_up(page, address, table):
    open_compare(page, address)
    upload(page, table)
    page.locator(f"{SIDES[1]} .mote-hit").nth(5).wait_for(state="detached")
    page.locator("#compare-matrix tbody tr").nth(5).wait_for(state="detached")
    page.get_by_role("button", name="Compare", exact=True, disabled=False).wait_for()
    rows = [{hit.get_attribute("data-row") for hit in page.locator(f"{side} .mote-hit").all()} for side in SIDES]
    shared = rows[0] & rows[1]
    lines = page.locator(".mote-slopes path")
    assert {line.get_attribute("data-row") for line in lines.all()} == shared
    assert page.locator(".mote-headline strong").first.inner_text() == f"{len(shared)} of 5"
    row = sorted(shared)[0]
    page.mouse.move(0, 0)
    page.locator(f"{SIDES[0]} .mote-hit[data-row='{row}'] summary").focus()
    page.locator(f".mote-lit[data-row='{row}']").nth(2).wait_for()
    other = sorted(shared)[1]
    page.locator(f"{SIDES[1]} .mote-hit[data-row='{other}']").hover()
    page.locator(f".mote-lit[data-row='{other}']").nth(2).wait_for()
    assert page.locator(".mote-lit").count() == 3


def test_what_was_typed_and_not_asked_greys_the_answers_until_they_come(page, address):
    open_compare(page, address)
    page.get_by_label("Query", exact=True).press_sequentially("x")
    page.locator("#compare-answers.mote-stale").wait_for()
    page.get_by_label("Query", exact=True).press("Backspace")
    page.locator("#compare-answers:not(.mote-stale)").wait_for()
    page.get_by_label("Query", exact=True).press_sequentially("x")
    page.locator("#compare-answers.mote-stale").wait_for()
    page.get_by_label("Query", exact=True).press("Enter")
    page.locator("#compare-answers:not(.mote-stale)").wait_for()


def test_the_number_of_hits_and_the_texts_ask_again(page, address, table):
    open_compare(page, address)
    page.get_by_role("button", name="More settings").click()
    page.get_by_label("number input for Results (k)").fill("3")
    page.get_by_label("number input for Results (k)").press("Tab")
    page.locator(f"{SIDES[1]} .mote-hit").nth(3).wait_for(state="detached")
    assert page.locator(f"{SIDES[1]} .mote-hit").count() == 3
    upload(page, table)
    page.locator(f"{SIDES[1]} .mote-hit", has_text="parcel").first.wait_for()
    assert page.get_by_label("Texts", exact=True).input_value() == "messages.csv"


def test_the_matrix_says_how_much_tasks_share_on_each_side(page, address):
    open_compare(page, address)
    page.locator("#compare-matrix table").wait_for()
    assert page.locator("#compare-matrix p").first.inner_text().count(" of 10") == 2
    assert page.locator("#compare-matrix thead th[title='mote/clustering']").inner_text() == "Clustering"
