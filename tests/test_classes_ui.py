"""The Classes tab in a browser: what it says, by mouse and by keyboard."""

import csv

import gradio as gr
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.classes.tab import build_classes_tab
from mote_demo.ui.shared.border import Page
from mote_demo.ui.shared.opening import Opening
from mote_demo.ui.shared.theme import css, theme
from tests.walk import VIEWPORTS

pytestmark = pytest.mark.browser

EVIL = "the <img src=x onerror=window.hacked=1> ${window.hacked=2} {{value}} cat"
TEXTS = [EVIL, "a big dog", "my small bird", "old fish", "the red bird", "two cat pet", "the car", "a fast train"]
KINDS = [EVIL] + ["animal"] * 4 + [EVIL] + ["vehicle"] * 2
SIZES = ["small", "big"] * 4


@pytest.fixture(scope="module")
def session(open_shelf, tmp_path_factory):
    session = Session(open_shelf(tmp_path_factory.mktemp("store")))
    frame = pd.DataFrame({"title": "", "text": TEXTS, "kind": KINDS, "size": SIZES})
    session.add_texts(Texts("upload", f"Things {EVIL}", frame, labels=("kind", "size")))
    return session


@pytest.fixture(scope="module")
def address(session):
    """Serve an app that has only this tab, behind another one; each page is a new visitor with the same texts."""

    def make() -> Session:
        visitor = Session(session.shelf)
        visitor.add_texts(session.texts("upload-1"))
        return visitor

    with Page() as demo:
        with gr.Tab("Other"):
            gr.Markdown("Another tab of the app, which is the first one to be seen.")
        with gr.Tab("Classes") as tab:
            sessions = Sessions(make)
            build_classes_tab(sessions).bind(tab, Opening(demo, sessions))
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, theme=theme(), css=css())
    yield url
    demo.close()


def open_classes(page, address):
    page.set_default_timeout(120_000)
    page.goto(address)
    page.get_by_role("tab", name="Classes", exact=True).click()
    page.get_by_text("nearest texts tell the kind of").wait_for()


def choose_size(page):
    page.locator("#mote-classes-label input").click()
    page.get_by_role("option", name="size").click()
    page.get_by_text("nearest texts tell the size of").wait_for()


@pytest.mark.parametrize("screen", ["desktop", "dark", "phone"])
def test_the_first_opening_says_what_both_lenses_confuse_and_fits_the_screen(open_page, address, session, screen):
    page = open_page(**VIEWPORTS[screen])
    open_classes(page, address)
    pair = session.pair("baseline/classification", "mote/classification")
    classes = pair.classes(session.texts("upload-1"), label="kind")
    shown = page.locator("#mote-classes-overview").inner_text()
    assert f"{classes.right.accuracy:.0%}".replace("%", " %") in shown
    for name, side in zip(("left", "right"), classes.sides, strict=True):
        cells = page.locator(f"#mote-classes-overview [data-side={name}]")
        counts = [int(text) for text in cells.all_inner_texts()]
        assert counts == side.confusion[side.confusion > 0].tolist()
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    assert page.evaluate("window.hacked") is None


def test_a_cell_opens_its_texts_by_the_keyboard_and_the_arrows_go_on(page, address, session):
    open_classes(page, address)
    choose_size(page)
    matrix = page.locator(".mote-classes-matrix-right")
    assert matrix.locator("button[tabindex='0']").count() == 1
    first = matrix.locator("button").first
    first.focus()
    page.keyboard.press("Enter")
    panel = page.locator("#mote-classes-cell")
    panel.locator("li").first.wait_for()
    assert panel.locator("li").count() == int(first.inner_text())
    assert first.get_attribute("aria-pressed") == "true"
    if matrix.locator("button").count() > 1:
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.dataset.actual !== undefined")
        assert matrix.locator("button[tabindex='0']").count() == 1


def test_classes_are_sorted_by_a_click_on_a_heading(page, address):
    open_classes(page, address)
    table = page.locator(".mote-classes-scores")
    names = table.locator("tbody th")
    assert names.first.inner_text() == "animal"
    table.get_by_role("button", name="Texts").click()
    table.get_by_role("button", name="Texts").click()
    assert names.last.inner_text() == "animal"
    assert table.locator("[aria-sort=ascending]").inner_text().startswith("Texts")
    table.get_by_role("button", name="Class", exact=True).click()
    shown = names.all_inner_texts()
    assert shown == sorted(shown, key=str.lower)
    assert table.locator("[aria-sort]").count() == 1


def test_both_files_are_fetched(page, address):
    open_classes(page, address)
    files = (("Export texts (CSV)", "mote-classes-texts.csv", 8), ("Export classes (CSV)", "mote-classes.csv", 3))
    for button, name, rows in files:
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        assert download.value.suggested_filename == name
        with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
            assert len(list(csv.DictReader(file))) == rows


def test_other_texts_are_measured_at_once_and_the_status_line_says_which(page, address):
    open_classes(page, address)
    page.locator("#mote-classes-texts input").click()
    page.get_by_role("option", name="Support messages").click()
    page.get_by_text("tell the topic of").wait_for()
    assert "240 texts from Support messages" in page.locator("#mote-classes-status").inner_text()
    assert page.locator(".mote-stale").count() == 0
