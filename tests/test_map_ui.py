import csv
import json

import gradio as gr
import pandas as pd
import pytest
from gradio_client import Client

from mote_demo.data.texts import Texts
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.map.tab import build_map_tab
from mote_demo.ui.shared.theme import css, theme
from tests.own_experts import copied_expert
from tests.walk import COMPARISONS, MAPS, pick_preset

pytestmark = pytest.mark.browser

EVIL = "the <img src=x onerror=window.hacked=1> ${window.hacked=2} {{value}} <script>window.hacked=3</script> cat"
TEXTS = [EVIL, "a big dog", "my small bird", "old fish", "the red bird", "two cat pet", "the car", "a fast train"]
PLOT = ".mote-scatter-plot"
PLACES = "(trace.customdata ?? []).map((row, i) => [row, trace.x[i]])"


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
    with gr.Blocks() as demo:
        with gr.Tab("Other"):
            gr.Markdown("Another tab of the app, which is the first one to be seen.")
        with gr.Tab("Map") as tab:
            build_map_tab(sessions).bind(tab, demo)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, theme=theme(), css=css())
    yield url
    demo.close()


def open_map(page, address, theme="light"):
    page.goto(f"{address}?__theme={theme}")
    page.get_by_role("tab", name="Map", exact=True).click()
    for each in MAPS:
        page.wait_for_selector(f"{each} .main-svg")
    page.get_by_text("The right map is aligned").wait_for()


def traces(page, selector, expression):
    return page.evaluate(f"document.querySelector('{selector} {PLOT}').data.map(trace => {expression})")


def marked(page, selector):
    found = traces(page, selector, "(trace.selectedpoints ?? []).map(i => trace.customdata[i])")
    return sorted(row for rows in found for row in rows)


def click_point(page, selector, row):
    """Click with the mouse where the point is drawn."""
    place = page.evaluate(
        """([selector, row]) => {
            const plot = document.querySelector(selector);
            plot.scrollIntoView({block: "center"});
            const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect();
            for (const trace of plot.data) {
                const i = trace.customdata.indexOf(row);
                if (i >= 0) return [box.x + xaxis._offset + xaxis.l2p(trace.x[i]),
                                    box.y + yaxis._offset + yaxis.l2p(trace.y[i])];
            }
        }""",
        [f"{selector} {PLOT}", row],
    )
    page.mouse.move(*place)
    page.wait_for_timeout(150)
    page.mouse.click(*place)


def test_the_first_opening_draws_both_maps_with_receipts_and_a_summary(page, address):
    open_map(page, address)
    for each in MAPS:
        assert sum(traces(page, each, "trace.x.length")) == len(TEXTS)
    receipts = page.locator(".mote-map-receipt").all_inner_texts()
    assert "dense, no experts" in receipts[0]
    assert "expert document" in receipts[1]
    summary = page.locator("#mote-map-summary").inner_text()
    assert "neighbours shared by both spaces" in summary
    assert "topic" in summary


def test_each_preset_says_which_lenses_drew_the_maps_and_shows_what_they_made(page, address, sessions):
    open_map(page, address)
    *_, session = sessions
    session.experts.add(copied_expert(session.mote, instruction="mine: ", layers_of="query"))
    for preset, names in COMPARISONS.items():
        pick_preset(page, "mote-map", preset)
        pair = session.pair(*names)
        page.get_by_role("button", name=f"{pair.left.title}  |  {pair.right.title}").wait_for()
        page.get_by_role("button", name="Draw maps", exact=True).click()
        for lens, column in zip(pair.lenses, page.locator(".mote-map-side").all(), strict=True):
            column.locator(".mote-map-receipt").get_by_text(str(lens), exact=True).wait_for()
            assert column.locator("h3").inner_text() == lens.title
        page.get_by_text("The right map is aligned").wait_for()
        maps = pair.map(session.texts("upload-1"))
        receipts = page.locator(".mote-map-receipt").all_inner_texts()
        for each, part, receipt in zip(MAPS, maps.sides, receipts, strict=True):
            assert f"instruction {part.receipt.text_sent.strip() or 'none'}" in receipt
            assert (f"expert {part.receipt.expert}" if part.receipt.expert else "dense, no experts") in receipt
            drawn = dict(pair for trace in traces(page, each, PLACES) for pair in trace)
            expected = {row: pytest.approx(x, abs=1e-3) for row, x in enumerate(part.points[:, 0].tolist())}
            assert drawn == expected


def test_coming_back_to_the_tab_draws_nothing_again(page, address):
    open_map(page, address)
    click_point(page, MAPS[0], 3)
    page.get_by_text("old fish", exact=True).first.wait_for()
    page.get_by_role("tab", name="Other", exact=True).click()
    page.get_by_role("tab", name="Map", exact=True).click()
    page.wait_for_timeout(700)
    assert page.get_by_text("The right map is aligned").is_visible()
    assert page.locator("#mote-map-panel .mote-map-text").inner_text() == "old fish"
    assert page.get_by_text("Error", exact=True).count() == 0


def test_a_click_describes_the_text_and_lights_up_the_same_points_in_both_maps(page, address):
    open_map(page, address)
    click_point(page, MAPS[0], 3)
    panel = page.locator("#mote-map-panel")
    panel.get_by_text("old fish", exact=True).wait_for()
    assert panel.locator("ol button").count() == 2 * (len(TEXTS) - 1)
    page.wait_for_function(f"document.querySelector('{MAPS[1]} {PLOT}').data.at(-1).name === 'spot'")
    assert marked(page, MAPS[0]) == marked(page, MAPS[1]) == list(range(len(TEXTS)))


def test_a_listed_neighbour_can_be_selected_and_marks_be_cleared(page, address):
    open_map(page, address)
    click_point(page, MAPS[1], 3)
    page.locator("#mote-map-panel ol button", has_text="a fast train").first.click()
    page.locator("#mote-map-panel .mote-map-text", has_text="a fast train").wait_for()
    page.get_by_role("button", name="Clear marks", exact=True).click()
    page.get_by_text("Click a point").wait_for()
    page.wait_for_function(f"document.querySelector('{MAPS[0]} {PLOT}').data.every(t => t.name !== 'spot')")
    assert marked(page, MAPS[0]) == []


def test_marks_and_colours_keep_the_zoom(page, address):
    open_map(page, address)
    zoom = f"document.querySelector('{MAPS[0]} {PLOT}').layout.xaxis.range"
    before = page.evaluate(zoom)
    page.hover(f"{MAPS[0]} {PLOT}")
    page.mouse.wheel(0, -300)
    page.wait_for_function(f"JSON.stringify({zoom}) !== {json.dumps(json.dumps(before, separators=(',', ':')))}")
    page.wait_for_timeout(400)
    zoomed = page.evaluate(zoom)
    click_point(page, MAPS[1], 3)
    page.wait_for_function(f"document.querySelector('{MAPS[0]} {PLOT}').data.at(-1).name === 'spot'")
    assert page.evaluate(zoom) == zoomed
    page.locator("#mote-map-colour input").click()
    page.get_by_role("option", name="length", exact=True).click()
    page.wait_for_function(f"document.querySelector('{MAPS[0]} {PLOT}').data.some(t => t.marker.showscale)")
    assert page.evaluate(zoom) == zoomed
    assert len(marked(page, MAPS[0])) == len(TEXTS)


def test_a_sample_query_becomes_a_star_with_its_nearest_texts(page, address):
    open_map(page, address)
    page.get_by_text("a train", exact=True).click()
    panel = page.locator("#mote-map-panel")
    panel.get_by_text("query: a train").first.wait_for()
    for each in MAPS:
        page.wait_for_function(f"document.querySelector('{each} {PLOT}').data.at(-1).marker.symbol === 'star'")


def test_texts_stay_texts(page, address):
    open_map(page, address)
    click_point(page, MAPS[0], 0)
    panel = page.locator("#mote-map-panel .mote-map-text")
    panel.wait_for()
    assert panel.inner_text() == EVIL
    for each in MAPS:
        page.hover(f"{each} {PLOT}")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0


def test_arrow_keys_move_from_text_to_text_and_enter_selects(page, address):
    open_map(page, address)
    plot = page.locator(f"{MAPS[0]} {PLOT}")
    assert plot.get_attribute("aria-label").startswith(f"Left map of {len(TEXTS)} texts")
    plot.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    spoken = page.locator(f"{MAPS[0]} .mote-scatter-spoken").inner_text()
    assert any(spoken.startswith(text[:20]) for text in TEXTS)
    page.keyboard.press("Enter")
    page.locator("#mote-map-panel .mote-map-text").wait_for()


def test_an_error_stays_readable_and_the_maps_stay(page, address):
    open_map(page, address)
    page.get_by_role("button", name="Show on maps", exact=True).click()
    page.get_by_text("The query is empty").first.wait_for()
    assert sum(traces(page, MAPS[0], "trace.x.length")) == len(TEXTS)


@pytest.mark.parametrize(("button", "name"), [("Export points (CSV)", "csv"), ("Export both maps (HTML)", "html")])
def test_maps_can_be_exported(page, address, tmp_path, button, name):
    open_map(page, address)
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.suffix == f".{name}"
    if name == "csv":
        rows = list(csv.DictReader(file.open(encoding="utf-8")))
        assert [row["text"] for row in rows] == TEXTS
        assert all(float(row[f"mote/retrieval {axis}"]) < 100 for row in rows for axis in "xy")
    else:
        assert "<img src=x" not in file.read_text("utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_maps_below_each_other_without_overflow(open_page, address, scheme):
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True)
    open_map(page, address, scheme)
    page.evaluate(f"document.querySelector('{MAPS[0]} {PLOT}').emit('plotly_click', {{points: [{{customdata: 0}}]}})")
    page.locator("#mote-map-panel .mote-map-text").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    first, second = (page.locator(each).bounding_box() for each in MAPS)
    assert second["y"] > first["y"] + first["height"]


def test_a_theme_switch_recolours_the_maps(page, address):
    open_map(page, address)
    color = f"document.querySelector('{MAPS[0]} {PLOT}').layout.font.color"
    before = page.evaluate(color)
    page.evaluate("document.body.classList.toggle('dark')")
    page.wait_for_function(f"{color} !== {json.dumps(before)}")


def test_no_endpoint_of_the_tab_is_public(address):
    endpoints = Client(address, verbose=False).view_api(return_format="dict")["named_endpoints"]
    assert endpoints == {}
