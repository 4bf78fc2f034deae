"""The two linked maps, on the page that ``write_page`` makes of them."""

import json
import re

import numpy as np
import pytest

from mote_demo.explore.cluster_words import clusters_of
from mote_demo.explore.colouring import Colouring
from mote_demo.explore.linked_maps import Side, colours_json, points_json, texts_json, write_page
from tests.instrument import Instrument

PAYLOAD = "</script><img src=x onerror=window.hacked=1> ${window.hacked=2} <b>bold</b>"
KINDS = {"animal": ["the cat purrs", "a dog barks"], "vehicle": ["a train arrives", "the car stops"]}
TEXTS = [f"{text} {number}" for number in range(10) for texts in KINDS.values() for text in texts]
LABELS = ["animal", "animal", "vehicle", "vehicle"] * 10


def points_of(labels, seed):
    centres = {name: (3 * (place % 6), 3 * (place // 6)) for place, name in enumerate(dict.fromkeys(labels))}
    noise = np.random.default_rng(seed).normal(scale=0.4, size=(len(labels), 2))
    return np.array([centres[label] for label in labels]) + noise


def properties(texts=TEXTS, labels=LABELS, **options):
    left, right = points_of(LABELS if labels is None else list(map(str, labels)), 0), None
    right = left[:, ::-1] + 1
    colouring = Colouring.of(labels, len(texts), "kind")
    sides = (Side("Baseline", left, (("lens", "baseline/sts"),)), Side("MoTE", right))
    churn = np.linspace(0, 1, len(texts))
    return {
        "points": points_json(sides, view="first", churn=churn, **options),
        "texts": texts_json(texts),
        "colours": colours_json(colouring, clusters_of(texts, (left, right), colouring)),
    }


@pytest.fixture
def open_maps(open_page, tmp_path):
    """Open a page of maps, as ``open_maps(properties, viewport=...)``."""

    def open_maps(told=None, **options):
        path = tmp_path / "maps.html"
        write_page(path, told or properties(), "Maps")
        page = open_page(**{"viewport": {"width": 1280, "height": 800}, **options})
        page.goto(path.as_uri())
        maps = Instrument(page)
        maps.legend.locator("b").wait_for()
        return maps

    return open_maps


def test_the_page_needs_no_network_and_no_text_ends_its_script(tmp_path):
    told = properties([PAYLOAD] * 40, [PAYLOAD, "fine"] * 20)
    write_page(tmp_path / "new" / "maps.html", told, PAYLOAD)
    page = (tmp_path / "new" / "maps.html").read_text("utf-8")
    assert "<img src=x" not in page
    assert not re.search(r"<script[^>]+src=|<link|https?://", page)
    (kept,) = re.findall(r'<script type="application/json" id="properties">(.*?)</script>', page, re.DOTALL)
    assert json.loads(kept) == told
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["maps.html"]


def test_numbers_are_told_with_their_scale_and_gaps():
    told = json.loads(colours_json(Colouring.of([0.25, None, 1.0], 3, "score")))
    assert (told["low"], told["high"], told["values"]) == (0.25, 1.0, [0.25, None, 1.0])
    assert [group["name"] for group in told["groups"]] == ["value", "no value"]
    assert told["codes"] == [0, 1, 0]


def test_long_texts_are_cut_and_it_is_said():
    told = json.loads(texts_json(["a  \n b", "word " * 100]))
    assert told["texts"][0] == "a b"
    assert told["longest"] == len(told["texts"][1]) == 300
    assert json.loads(texts_json(["short"]))["longest"] == 0


@pytest.mark.browser
def test_zoom_and_pan_act_on_both_maps(open_maps):
    maps = open_maps()
    before = maps.range(0)
    assert maps.range(1) == before
    maps.hover(1, 3)
    maps.page.mouse.wheel(0, -300)
    zoomed = maps.range(0)
    assert zoomed[1] - zoomed[0] < before[1] - before[0]
    assert maps.range(1) == zoomed
    maps.drag(0, (0.5, 0.5), (0.7, 0.6))
    moved = maps.range(1)
    assert moved[0] < zoomed[0]
    assert moved[2] > zoomed[2]
    assert maps.range(0) == moved
    maps.root.get_by_role("button", name="All", exact=True).click()
    assert maps.range(1) == pytest.approx(before)
    maps.root.get_by_role("button", name="Zoom in").click()
    assert maps.range(0)[0] > before[0]


@pytest.mark.browser
def test_a_point_under_the_pointer_lights_up_in_both_maps(open_maps):
    maps = open_maps()
    other = "(root) => root.querySelectorAll('.maps-marks')[1].toDataURL()"
    before = maps.root.evaluate(other)
    maps.hover(0, 3)
    tip = maps.plots.nth(0).locator(".maps-tip")
    tip.wait_for()
    assert tip.inner_text().splitlines() == [TEXTS[3], "kind: vehicle"]
    assert not maps.plots.nth(1).locator(".maps-tip").is_visible()
    assert maps.ask("asked.state().hovered") == 3
    assert maps.root.evaluate(other) != before


@pytest.mark.browser
def test_the_legend_switches_a_group_off_in_both_maps_and_back(open_maps):
    maps = open_maps()
    entry = maps.legend.get_by_role("button", name="animal")
    assert entry.inner_text().split() == ["animal", "20"]
    entry.click()
    maps.page.mouse.move(0, 0)
    for side in (0, 1):
        assert maps.strong(side) == [row for row, label in enumerate(LABELS) if label == "vehicle"]
        assert maps.words(side)[0] == [text for text in maps.words(side)[0] if text.startswith("vehicle")]
    assert entry.get_attribute("aria-pressed") == "false"
    entry.click()
    assert len(maps.strong(1)) == 40
    entry.dblclick()
    maps.page.mouse.move(0, 0)
    assert maps.strong(0) == [row for row, label in enumerate(LABELS) if label == "animal"]


@pytest.mark.browser
def test_the_slider_moves_the_left_map_to_the_right_one_with_trails(open_maps):
    maps = open_maps()
    start, end = np.array(maps.drawn(0)), np.array(maps.drawn(1))
    trails = maps.root.locator(".maps-trails")
    assert not trails.is_visible()
    maps.slider.fill("25")
    np.testing.assert_allclose(maps.drawn(0), start + 0.25 * (end - start), atol=1e-6)
    np.testing.assert_allclose(maps.drawn(1), end)
    assert [each.inner_text() for each in maps.root.locator("h3").all()] == ["Baseline → MoTE, 25\u00a0%", "MoTE"]
    assert trails.inner_text().split() == ["trails:", "neighbours", "kept", "all", "changed"]
    maps.slider.fill("100")
    np.testing.assert_allclose(maps.drawn(0), end)
    maps.root.get_by_role("button", name="Play").click()
    maps.page.wait_for_function("document.querySelector('.maps-morph output').textContent === '100 %'")


@pytest.mark.browser
def test_a_filter_fades_the_rest_and_counts(open_maps):
    maps = open_maps()
    maps.filter.fill("CAT")
    assert maps.root.locator(".maps-count").inner_text() == "10 of 40 texts"
    for side in (0, 1):
        assert maps.strong(side) == list(range(0, 40, 4))
        assert min(maps.shown(side)) == 1
    maps.filter.fill("")
    assert maps.root.locator(".maps-count").inner_text() == ""
    assert len(maps.strong(0)) == 40


@pytest.mark.browser
@pytest.mark.parametrize("tool", ["Box", "Lasso"])
def test_a_box_or_lasso_keeps_what_is_inside_strong_in_both_maps(open_maps, tool):
    maps = open_maps()
    maps.root.get_by_role("button", name=tool).click()
    maps.filter.fill("cat")
    maps.drag(1, (0.01, 0.01), (0.99, 0.01), (0.99, 0.99), *([(0.01, 0.99)] if tool == "Lasso" else []))
    assert maps.ask("asked.state().selected") == list(range(0, 40, 4))
    maps.filter.fill("")
    assert maps.strong(0) == maps.strong(1) == list(range(0, 40, 4))
    maps.drag(0, (0.01, 0.01), (0.02, 0.01), (0.02, 0.02))
    assert len(maps.strong(0)) == 40


@pytest.mark.browser
def test_words_stand_at_the_groups_and_none_lies_on_another(open_maps):
    maps = open_maps()
    assert sorted(text.splitlines()[0] for text in maps.words(0)[0]) == ["animal", "vehicle"]
    assert all(len(text.splitlines()[1].split(" · ")) == 3 for text in maps.words(0)[0])
    labels = [f"class {number:02}" for number in range(28)] * 5
    crowded = open_maps(properties([f"text {label}" for label in labels], labels))
    for side in (0, 1):
        words, boxes = crowded.words(side)
        assert len(words) > 5
        for at, one in enumerate(boxes):
            for other in boxes[at + 1 :]:
                beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
                assert beside or one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]


@pytest.mark.browser
def test_numbers_have_a_scale_and_words_of_their_own(open_maps):
    maps = open_maps(properties(labels=np.linspace(0, 1, 40)))
    assert maps.legend.inner_text().split() == ["kind", "0", "1"]
    assert "gradient" in maps.legend.locator("i").evaluate("part => getComputedStyle(part).backgroundImage")
    maps.hover(0, 39)
    assert "kind: 1" in maps.plots.nth(0).locator(".maps-tip").inner_text()


@pytest.mark.browser
def test_28_classes_are_told_apart_on_a_phone(open_maps):
    labels = [f"a rather long name of class {number:02}" for number in range(28)] * 5
    told = properties([f"text {label}" for label in labels], labels)
    maps = open_maps(told, viewport={"width": 390, "height": 844}, has_touch=True)
    groups = json.loads(told["colours"])["groups"]
    assert len({(group["colour"], group["symbol"]) for group in groups}) == 28
    assert maps.legend.get_by_role("button").count() == 28
    assert maps.page.evaluate("document.documentElement.scrollWidth") <= 390
    for button in maps.legend.get_by_role("button").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    first, second = (plot.bounding_box() for plot in maps.plots.all())
    assert second["y"] > first["y"] + first["height"]


@pytest.mark.browser
def test_no_class_always_lies_on_top(open_maps):
    labels = ["one", "two"] * 300
    left = np.random.default_rng(0).normal(scale=0.02, size=(600, 2))
    left[:2] = [[-5, -5], [5, 5]]
    colouring = Colouring.of(labels, 600, "kind")
    told = {
        "points": points_json((Side("A", left), Side("B", left)), view="x"),
        "texts": texts_json(["text"] * 600),
        "colours": colours_json(colouring),
    }
    maps = open_maps(told)
    order = maps.ask("asked.state().order")
    assert sorted(order) == list(range(600))
    # Each class is as often in front of the other as behind it, in a random order that is the same for everyone.
    assert 0.4 < np.mean([row % 2 for row in order[300:]]) < 0.6
    assert open_maps(told).ask("asked.state().order") == order


@pytest.mark.browser
def test_texts_stay_texts(open_maps):
    maps = open_maps(properties([PAYLOAD, *TEXTS[1:]], [PAYLOAD, *LABELS[1:]]))
    maps.hover(0, 0)
    assert maps.plots.nth(0).locator(".maps-tip").inner_text().splitlines()[0] == PAYLOAD
    assert maps.page.evaluate("window.hacked") is None
    assert maps.page.locator("img").count() == 0


@pytest.mark.browser
def test_arrow_keys_move_from_text_to_text_and_say_it(open_maps):
    maps = open_maps()
    named = "Map of Baseline: 40 texts in 2 groups."
    assert maps.plots.nth(0).get_attribute("aria-label").startswith(named)
    assert maps.plots.nth(1).get_attribute("aria-label").startswith("Map of MoTE:")
    maps.plots.nth(0).focus()
    maps.page.keyboard.press("ArrowRight")
    first = maps.ask("asked.state().hovered")
    maps.page.keyboard.press("ArrowRight")
    second = maps.ask("asked.state().hovered")
    assert maps.place(0, second)[0] > maps.place(0, first)[0]
    assert maps.root.locator(".maps-spoken").inner_text() == f"{TEXTS[second]} kind: {LABELS[second]}"
    before = maps.range(1)
    maps.page.keyboard.press("+")
    assert maps.range(1)[0] > before[0]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_paint_points_on_their_own_paper(open_maps, scheme):
    maps = open_maps(color_scheme=scheme)
    x, y = maps.place(0, 5)
    read = """([x, y]) => {
        const canvas = document.querySelector(".maps-points"), box = canvas.getBoundingClientRect();
        const ratio = canvas.width / box.width, pen = canvas.getContext("2d");
        return [[2, 2], [x - box.x, y - box.y]].map(([a, b]) => [...pen.getImageData(a * ratio, b * ratio, 1, 1).data]);
    }"""
    paper, point = maps.page.evaluate(read, [x, y])
    assert (sum(paper[:3]) > 384) == (scheme == "light")
    assert paper[3] == 255
    assert point != paper


@pytest.mark.browser
def test_the_picture_can_be_saved(open_maps, tmp_path):
    maps = open_maps()
    with maps.page.expect_download() as download:
        maps.root.get_by_role("button", name="Save picture").click()
    download.value.save_as(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes()[1:4] == b"PNG"
