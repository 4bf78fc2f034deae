import csv

import gradio as gr
import numpy as np
import pandas as pd
import pytest
from gradio_client import Client

from mote_demo.data.texts import Texts
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.map import handlers
from mote_demo.ui.map.tab import build_map_tab
from mote_demo.ui.shared.border import Page
from mote_demo.ui.shared.opening import Opening
from mote_demo.ui.shared.theme import css, theme
from tests.instrument import Instrument
from tests.own_experts import copied_expert
from tests.walk import COMPARISONS, pick_preset

pytestmark = pytest.mark.browser

EVIL = "the <img src=x onerror=window.hacked=1> ${window.hacked=2} {{value}} <script>window.hacked=3</script> cat"
TEXTS = [EVIL, "a big dog", "my small bird", "old fish", "the red bird", "two cat pet", "the car", "a fast train"]
READY = "The right map is aligned"


@pytest.fixture(scope="module")
def sessions(open_shelf, tmp_path_factory):
    """Sessions whose newest texts attack the page."""
    shelf = open_shelf(tmp_path_factory.mktemp("store"))
    frame = pd.DataFrame({"title": "", "text": TEXTS, "topic": [EVIL] + ["animal"] * 5 + ["vehicle"] * 2})
    frame["length"] = frame["text"].str.len() + 0.5
    texts = Texts("upload", f"Things {EVIL}", frame, labels=("topic",), queries=("the cat", "a train"))

    def make() -> Session:
        session = Session(shelf)
        session.add_texts(texts)
        return session

    return Sessions(make)


@pytest.fixture(scope="module")
def address(sessions):
    """Serve an app that has only this tab, behind another one."""
    with Page() as demo:
        with gr.Tab("Other"):
            gr.Markdown("Another tab of the app, which is the first one to be seen.")
        with gr.Tab("Map") as tab:
            build_map_tab(sessions).bind(tab, Opening(demo, sessions))
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, theme=theme(), css=css())
    yield url
    demo.close()


def open_map(page, address, theme="light"):
    page.goto(f"{address}?__theme={theme}")
    page.get_by_role("tab", name="Map", exact=True).click()
    page.get_by_text(READY).wait_for()
    return Instrument(page, "#mote-map-maps")


def test_the_first_opening_draws_both_maps_with_receipts_and_a_summary(page, address):
    maps = open_map(page, address)
    for side in (0, 1):
        assert maps.strong(side) == list(range(len(TEXTS)))
    receipts = page.locator(".maps-receipt").all_inner_texts()
    assert "dense, no experts" in receipts[0]
    assert "expert document" in receipts[1]
    summary = page.locator("#mote-map-summary").inner_text()
    assert "neighbours shared by both spaces" in summary
    assert "By chance" in summary
    # 5 animals, 2 vehicles and 1 other: (5 * 4 + 2 * 1) of 8 * 7 pairs.
    (row,) = [line.split() for line in summary.splitlines() if line.startswith("topic")]
    assert row[-2:] == ["39", "%"]


def test_each_preset_redraws_by_itself_and_shows_what_its_lenses_made(page, address, sessions):
    maps = open_map(page, address)
    *_, session = sessions
    session.experts.add(copied_expert(session.mote, instruction="mine: ", layers_of="query"))
    for preset, names in COMPARISONS.items():
        pick_preset(page, "mote-map", preset)
        pair = session.pair(*names)
        for lens, figure in zip(pair.lenses, maps.root.locator("figure").all(), strict=True):
            figure.locator(".maps-receipt").get_by_text(str(lens), exact=True).wait_for()
            assert figure.locator("h3").inner_text() == lens.title
        page.get_by_text(READY).wait_for()
        drawn = pair.map(session.texts("upload-1"))
        receipts = page.locator(".maps-receipt").all_inner_texts()
        for side, (part, receipt) in enumerate(zip(drawn.sides, receipts, strict=True)):
            assert f"instruction {part.receipt.text_sent.strip() or 'none'}" in receipt
            assert (f"expert {part.receipt.expert}" if part.receipt.expert else "dense, no experts") in receipt
            np.testing.assert_allclose(maps.drawn(side), part.points, atol=1e-3)
            label = maps.plots.nth(side).get_attribute("aria-label")
            assert label.startswith(f"Map of {part.lens.title}: {len(TEXTS)} texts")


def test_another_task_or_set_of_texts_redraws_by_itself(page, address):
    maps = open_map(page, address)
    before = maps.drawn(1)
    page.locator("#mote-map-task").get_by_role("radio", name="Clustering").check()
    page.locator(".maps-receipt").get_by_text("mote/clustering", exact=True).wait_for()
    page.get_by_text(READY).wait_for()
    assert maps.drawn(1) != before
    assert not maps.root.locator(".maps-stale").is_visible()


def test_maps_that_were_stopped_before_the_new_ones_came_stay_grey(page, address, sessions, monkeypatch):
    open_map(page, address)
    monkeypatch.setattr(handlers, "SECONDS_BEFORE_DRAWING", 2)
    page.locator("#mote-map-task").get_by_role("radio", name="Similarity").check()
    note = page.locator("#mote-map-maps .maps-stale")
    note.wait_for()
    assert "chosen before" in note.inner_text()
    page.locator("#mote-map-stop").click()
    page.get_by_text("Stopped.").wait_for()
    page.wait_for_timeout(2500)
    assert note.is_visible()
    assert page.locator(".maps-receipt").last.inner_text().startswith("lens mote/retrieval")


def test_coming_back_to_the_tab_draws_nothing_again(page, address):
    maps = open_map(page, address)
    maps.click(0, 3)
    page.get_by_text("old fish", exact=True).first.wait_for()
    page.get_by_role("tab", name="Other", exact=True).click()
    page.get_by_role("tab", name="Map", exact=True).click()
    page.wait_for_timeout(700)
    assert page.get_by_text(READY).is_visible()
    assert page.locator("#mote-map-panel .mote-map-text").inner_text() == "old fish"
    assert page.get_by_text("Error", exact=True).count() == 0


def test_a_click_describes_the_text_beside_the_maps_and_lights_up_its_neighbours_in_both(page, address):
    maps = open_map(page, address)
    maps.click(0, 3)
    panel = page.locator("#mote-map-panel")
    panel.get_by_text("old fish", exact=True).wait_for()
    assert panel.locator("ol button").count() == 2 * (len(TEXTS) - 1)
    shown, drawing = panel.locator("section").bounding_box(), maps.root.bounding_box()
    assert shown["x"] >= drawing["x"] + drawing["width"]
    assert maps.strong(0) == maps.strong(1) == list(range(len(TEXTS)))
    panel.get_by_role("button", name="Close").click()
    page.get_by_text("Click a point").wait_for()


def test_a_listed_neighbour_can_be_selected_and_marks_be_cleared(page, address):
    maps = open_map(page, address)
    maps.click(1, 3)
    page.locator("#mote-map-panel ol button", has_text="a fast train").first.click()
    page.locator("#mote-map-panel .mote-map-text", has_text="a fast train").wait_for()
    page.get_by_role("button", name="Clear marks", exact=True).click()
    page.get_by_text("Click a point").wait_for()
    page.locator("#mote-map-panel .mote-map-text").wait_for(state="detached")


def test_marks_and_colours_keep_the_zoom(page, address):
    maps = open_map(page, address)
    before = maps.range(0)
    maps.hover(0, 3)
    page.mouse.wheel(0, -300)
    zoomed = maps.range(0)
    assert zoomed != before
    assert maps.range(1) == zoomed
    maps.click(1, 3)
    page.locator("#mote-map-panel .mote-map-text").wait_for()
    page.locator("#mote-map-colour input").click()
    page.get_by_role("option", name="length", exact=True).click()
    maps.legend.locator(".maps-scale").wait_for()
    assert maps.range(0) == maps.range(1) == zoomed


def test_a_lasso_lists_its_texts_in_both_maps_and_its_export(page, address, sessions, tmp_path):
    maps = open_map(page, address)
    *_, session = sessions
    maps.root.get_by_role("button", name="Lasso").click()
    maps.drag(0, (0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99))
    section = page.locator("#mote-map-selection")
    section.get_by_text(f"{len(TEXTS)} texts selected, in both maps").wait_for()
    drawn = session.pair("baseline/retrieval", "mote/retrieval").map(session.texts("upload-1"))
    rows = [int(button.get_attribute("data-row")) for button in section.locator("tbody button").all()]
    assert rows == np.argsort(drawn.overlap, kind="stable").tolist()
    maps.root.get_by_role("button", name="Box").click()
    x, y = maps.place(1, 6)
    box = maps.plots.nth(1).bounding_box()
    share = [(x - box["x"]) / box["width"], (y - box["y"]) / box["height"]]
    maps.drag(1, *[(share[0] + step, share[1] + step) for step in (-0.02, 0.02)])
    section.get_by_text("1 text selected").wait_for()
    assert maps.strong(0) == maps.strong(1) == [6]
    with page.expect_download() as download:
        page.get_by_role("button", name="Export selection (CSV)").click()
    download.value.save_as(tmp_path / "selection.csv")
    (line,) = csv.DictReader((tmp_path / "selection.csv").open(encoding="utf-8-sig"))
    assert (line["row"], line["text"], line["topic"]) == ("6", "the car", "vehicle")
    assert float(line["neighbours_shared"]) == pytest.approx(drawn.overlap[6], abs=1e-5)
    section.locator("tbody button").click()
    page.locator("#mote-map-panel .mote-map-text", has_text="the car").wait_for()


def test_words_and_filter_say_what_is_there(page, address):
    maps = open_map(page, address)
    words, _ = maps.words(0)
    assert any(text.startswith("vehicle") and "car" in text for text in words)
    maps.filter.fill("bird")
    assert maps.root.locator(".maps-count").inner_text() == f"2 of {len(TEXTS)} texts"
    assert maps.strong(1) == [2, 4]


def test_a_sample_query_becomes_a_star_with_its_nearest_texts(page, address):
    maps = open_map(page, address)
    star = "(root) => [...root.querySelectorAll('.maps-marks')].map((canvas) => canvas.toDataURL())"
    before = maps.root.evaluate(star)
    page.get_by_text("a train", exact=True).click()
    panel = page.locator("#mote-map-panel")
    panel.get_by_text("query: a train").first.wait_for()
    maps.range(0)
    assert all(now != then for now, then in zip(maps.root.evaluate(star), before, strict=True))


def test_texts_stay_texts(page, address):
    maps = open_map(page, address)
    maps.click(0, 0)
    panel = page.locator("#mote-map-panel .mote-map-text")
    panel.wait_for()
    assert panel.inner_text() == EVIL
    assert maps.plots.nth(0).locator(".maps-tip").inner_text().startswith(EVIL[:40])
    maps.root.get_by_role("button", name="Box").click()
    maps.drag(0, (0.01, 0.01), (0.99, 0.99))
    page.locator("#mote-map-selection tbody").wait_for()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0


def test_enter_selects_the_text_that_the_arrow_keys_found_and_escape_lets_it_go(page, address):
    maps = open_map(page, address)
    maps.plots.nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    spoken = maps.root.locator(".maps-spoken").inner_text()
    assert any(spoken.startswith(text[:20]) for text in TEXTS)
    page.keyboard.press("Enter")
    page.locator("#mote-map-panel .mote-map-text").wait_for()
    page.keyboard.press("Escape")
    page.locator("#mote-map-panel .mote-map-text").wait_for(state="detached")


def test_an_error_stays_readable_and_the_maps_stay(page, address):
    maps = open_map(page, address)
    page.get_by_role("button", name="Show on maps", exact=True).click()
    page.get_by_text("The query is empty").first.wait_for()
    assert len(maps.strong(0)) == len(TEXTS)


@pytest.mark.parametrize(("button", "name"), [("Export points (CSV)", "csv"), ("Export both maps (HTML)", "html")])
def test_maps_can_be_exported(page, open_page, address, tmp_path, button, name):
    open_map(page, address)
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.suffix == f".{name}"
    if name == "csv":
        rows = list(csv.DictReader(file.open(encoding="utf-8-sig")))
        assert [row["text"] for row in rows] == TEXTS
        assert all(float(row[f"mote/retrieval {axis}"]) < 100 for row in rows for axis in "xy")
    else:
        saved = open_page()
        saved.goto(file.as_uri())
        assert len(Instrument(saved).strong(1)) == len(TEXTS)
        assert saved.evaluate("window.hacked") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_maps_below_each_other_and_a_text_as_a_sheet(open_page, address, scheme):
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True)
    maps = open_map(page, address, scheme)
    page.touchscreen.tap(*maps.place(0, 3))
    sheet = page.locator("#mote-map-panel section")
    sheet.wait_for()
    box = sheet.bounding_box()
    assert box["y"] + box["height"] == pytest.approx(844, abs=2)
    assert box["height"] <= 844 * 0.51
    assert (box["x"], box["width"]) == (pytest.approx(0, abs=1), pytest.approx(390, abs=1))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    first, second = (plot.bounding_box() for plot in maps.plots.all())
    assert second["y"] > first["y"] + first["height"]
    sheet.get_by_role("button", name="Close").click()
    sheet.wait_for(state="detached")


def test_a_theme_switch_repaints_the_maps(page, address):
    maps = open_map(page, address)
    paper = "(root) => [...root.querySelector('.maps-points').getContext('2d').getImageData(2, 2, 1, 1).data]"
    maps.range(0)
    before = maps.root.evaluate(paper)
    page.evaluate("document.body.classList.toggle('dark')")
    maps.range(0)
    page.wait_for_timeout(300)
    assert sum(maps.root.evaluate(paper)) < sum(before)


def test_no_endpoint_of_the_tab_is_public(address):
    endpoints = Client(address, verbose=False).view_api(return_format="dict")["named_endpoints"]
    assert endpoints == {}
