"""The panels below the answers: many queries by disagreement, and a few texts compared with each other."""

import csv

import gradio as gr
import pandas as pd
import pytest

from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.compare.tab import build_compare_tab
from mote_demo.ui.shared.border import Page
from mote_demo.ui.shared.opening import Opening
from mote_demo.ui.shared.theme import css, theme
from tests.walk import SIDES

pytestmark = pytest.mark.browser

LENSES = ("baseline/retrieval", "mote/retrieval")
EVIL = "<img src=x onerror=window.hacked=1> ${window.hacked=2} {{value}}"
TEXTS = ["the parcel is late", "a big dog", "a refund please", "where is my bank card", "cat", f"the fish {EVIL}"]


@pytest.fixture(scope="module")
def sessions(open_shelf, tmp_path_factory):
    shelf = open_shelf(tmp_path_factory.mktemp("store"))
    return Sessions(lambda: Session(shelf))


@pytest.fixture(scope="module")
def address(sessions, tmp_path_factory):
    """Serve an app that has only this tab."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        with Page() as demo, gr.Tab("Compare") as tab:
            build_compare_tab(sessions).bind(tab, Opening(demo, sessions))
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, theme=theme(), css=css())
        yield url
        demo.close()


@pytest.fixture
def pair(sessions, page, address):
    """The pair that a fresh page has picked; its visitor's session is the last one."""
    open_compare(page, address)
    *_, session = sessions
    return session.pair(*LENSES)


def open_compare(page, address):
    page.set_default_timeout(120_000)
    page.goto(address)
    page.locator(f"{SIDES[1]} .mote-hit").first.wait_for()


def open_queries(page):
    page.get_by_role("button", name="Where do they disagree?").click()
    return page.locator("#mote-queries")


def ask_all(panel):
    panel.get_by_role("button", name="Ask all").click()
    panel.locator("#mote-queries-rows tbody tr").first.wait_for()


def shown_queries(panel):
    return panel.locator("#mote-queries-rows tbody button").all_inner_texts()


def test_sample_queries_are_listed_by_disagreement_and_a_click_asks_one(page, pair, sessions):
    panel = open_queries(page)
    ask_all(panel)
    texts = list(sessions)[-1].texts("samples")
    expected = pair.ask_all(texts.queries, texts)
    assert shown_queries(panel) == [row.query for row in expected.rows]
    numbers = panel.locator("#mote-queries-rows tbody td:nth-child(2)").all_inner_texts()
    assert numbers == [f"{row.disagreement:.2f}" for row in expected.rows]
    assert f"{expected.mean:.2f}" in panel.locator("#mote-queries-headline").inner_text()
    chosen = expected.rows[2].query
    panel.get_by_role("button", name=chosen).focus()
    page.keyboard.press("Enter")
    page.get_by_text(f"query: {chosen}").first.wait_for()
    assert page.get_by_label("Query", exact=True).input_value() == chosen


def test_a_file_with_answers_is_scored_filtered_and_exported(page, pair, sessions, tmp_path):
    texts = list(sessions)[-1].texts("samples")
    rows = range(0, 240, 8)
    queries, path = [" ".join(texts.passages[row].split()[:4]) for row in rows], tmp_path / "queries.csv"
    pd.DataFrame({"question": queries, "row": rows}).to_csv(path, index=False)
    panel = open_queries(page)
    panel.get_by_role("radio", name="From a file").check()
    panel.locator("input[type=file]").set_input_files(path)
    panel.get_by_label("Answer column").wait_for()
    assert panel.get_by_label("Answer column").input_value() == "row"
    ask_all(panel)
    expected = pair.ask_all(queries, texts, list(rows))
    headline = panel.locator("#mote-queries-headline")
    for score in expected.scores:
        cells = headline.get_by_role("row", name=score.metric).get_by_role("cell").all_inner_texts()
        low, high = score.interval
        assert cells[:3] == [f"{score.left:.3f}", f"{score.right:.3f}", f"{score.gain:+.3f}"]
        assert cells[3] == f"{low:+.3f} to {high:+.3f}"
    lost = [row.query for row in expected.rows if row.outcome == "lost"]
    panel.get_by_role("radio", name=f"lost ({len(lost)})").check()
    if lost:
        panel.locator(".mote-outcome-tied").first.wait_for(state="detached")
        panel.locator(".mote-outcome-won").first.wait_for(state="detached")
        assert shown_queries(panel) == lost
    else:
        panel.get_by_text("No query came out so.").wait_for()
    with page.expect_download() as download:
        panel.get_by_role("button", name="Export queries (CSV)").click()
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        exported = list(csv.DictReader(file))
    assert [row["query"] for row in exported] == [row.query for row in expected.rows]


def test_pasted_queries_stay_text_and_nothing_pasted_is_explained(page, pair):
    panel = open_queries(page)
    panel.get_by_role("radio", name="Pasted").check()
    panel.get_by_role("button", name="Ask all").click()
    page.get_by_test_id("toast-body").get_by_text("Please paste some").wait_for()
    panel.get_by_label("Queries, one a line").fill(f"the dog {EVIL}\n\na cat")
    ask_all(panel)
    assert sorted(shown_queries(panel)) == sorted([f"the dog {EVIL}", "a cat"])
    assert page.evaluate("window.hacked") is None


def test_a_list_for_other_lenses_says_so(page, pair):
    panel = open_queries(page)
    ask_all(panel)
    page.get_by_role("radio", name="Clustering", exact=True).check()
    panel.get_by_text("The list below is for the previous lenses or texts").wait_for()
    ask_all(panel)
    panel.get_by_text("The list below is for the previous lenses or texts").wait_for(state="detached")


def open_similarity(page, texts):
    page.get_by_role("button", name="Compare a few texts with each other").click()
    panel = page.locator("#mote-similarity")
    box = panel.get_by_label("Texts, one a line")
    box.wait_for()
    # What is typed before Gradio has the new field counts as not typed; no person is so quick.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box.fill("\n".join(texts))
    box.blur()
    panel.get_by_role("button", name="Show similarities").click()
    return panel


def test_a_list_is_a_heat_map_a_side_and_a_cell_compares_its_two_texts_under_all_tasks(page, pair):
    panel = open_similarity(page, TEXTS)
    panel.locator(".mote-heat-right td[data-pair]").first.wait_for()
    expected = pair.similarities(TEXTS)
    for side, cosines in zip(("left", "right"), expected.cosines, strict=True):
        cells = panel.locator(f".mote-heat-{side} td[data-pair]")
        assert cells.all_inner_texts() == [f"{cosines[i, j]:.2f}" for i in range(6) for j in range(6) if i != j]
        assert cells.first.get_attribute("title") == f"1 and 2: {cosines[0, 1]:.3f}"
    contrast = expected.contrasts()[0]
    first = panel.locator(".mote-heat-contrasts li").first.inner_text()
    assert f"place {contrast.ranks[0]} on the left, {contrast.ranks[1]} on the right" in first
    panel.locator(".mote-heat-left td[data-pair='0 1']").focus()
    page.keyboard.press("ArrowDown")  # the cell of a text and itself is skipped
    assert page.evaluate("document.activeElement.dataset.pair") == "2 1"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    table = panel.locator("#mote-similarity-pair")
    table.get_by_text(f"“{TEXTS[0]}” and “{TEXTS[2]}”").wait_for()
    table.get_by_text("%").last.wait_for()
    under = pair.similarity(TEXTS[0], TEXTS[2])
    for title, sides in under.rows.items():
        cells = table.get_by_role("row", name=title).get_by_role("cell").all_inner_texts()
        shown = [cell for side in sides for cell in (f"{side.cosine:.3f}", f"{100 * side.percentile:.1f} %")]
        assert [cell.strip() for cell in cells] == shown
    assert page.evaluate("window.hacked") is None
    with page.expect_download() as download:
        panel.get_by_role("button", name="Export similarities (CSV)").click()
    exported = pd.read_csv(download.value.path())
    assert exported["right rank"].tolist() == expected.to_frame()["right rank"].tolist()


def test_two_texts_are_compared_at_once_without_a_heat_map(page, pair):
    panel = open_similarity(page, TEXTS[:2])
    panel.locator("#mote-similarity-pair").get_by_role("row", name="Clustering").wait_for()
    assert panel.locator(".mote-heat").count() == 0


def test_one_text_alone_is_explained(page, pair):
    open_similarity(page, TEXTS[:1])
    page.get_by_test_id("toast-body").get_by_text("2 to 50 texts").wait_for()
