import csv
import json
import re

import numpy as np
import pandas as pd
import pytest

from mote_demo.explore.figures import extent_of, map_figure, plain_cell, write_map_csv, write_map_html, write_map_png

PAYLOAD = "</script><img src=x onerror=alert(1)> & <b>bold</b>"


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)


def named(figure):
    return {trace["name"]: trace for trace in figure["data"]}


def all_rows(figure):
    return sorted(row for trace in figure["data"] for row in trace.get("customdata", []))


def test_each_label_is_a_trace_whose_points_carry_their_row_ids(points):
    figure = map_figure(points, labels=["a", "b", "b"] * 10, label_title="topic")
    traces = named(figure)
    assert list(traces) == ["b", "a"]
    assert traces["a"]["customdata"] == list(range(0, 30, 3))
    assert traces["a"]["x"] == pytest.approx(points[::3, 0].tolist(), abs=1e-4)
    assert traces["a"]["marker"]["color"] != traces["b"]["marker"]["color"]
    assert figure["layout"]["legend"]["title"]["text"] == "topic"


def test_only_a_large_map_needs_webgl(points):
    assert {trace["type"] for trace in map_figure(points)["data"]} == {"scatter"}
    assert {trace["type"] for trace in map_figure(np.tile(points, (100, 1)))["data"]} == {"scattergl"}


def test_rows_name_the_points_of_a_sample(points):
    figure = map_figure(points[:3], labels=["a", "b", "a"], rows=[100, 7, 55])
    assert named(figure)["a"]["customdata"] == [100, 55]
    assert named(figure)["b"]["customdata"] == [7]


def test_rare_labels_share_one_trace(points):
    labels = [f"label {min(i, 40 - i)}" for i in range(30)]
    figure = map_figure(points, labels=labels)
    assert len(figure["data"]) == 13
    assert figure["data"][-1]["name"] == "other"
    assert all_rows(figure) == list(range(30))
    looks = {(trace["marker"]["color"], trace["marker"].get("symbol")) for trace in figure["data"]}
    assert len(looks) == 13


def test_colours_do_not_depend_on_the_order_of_texts(points):
    labels = ["a", "b", "c"] * 10
    colours = [
        {name: trace["marker"]["color"] for name, trace in named(map_figure(points, labels=order)).items()}
        for order in (labels, labels[::-1])
    ]
    assert colours[0] == colours[1]


@pytest.mark.parametrize("labels", [["a", None, ""] * 10, [1, float("nan"), " "] * 10, [True, pd.NA, None] * 10])
def test_missing_labels_are_a_grey_trace(points, labels):
    traces = named(map_figure(points, labels=labels))
    assert len(traces) == 2
    assert traces["no value"]["customdata"] == [row for row in range(30) if row % 3]


@pytest.mark.parametrize("labels", [np.linspace(0, 1, 30), list(range(30)), pd.Series([0.5, 1.5] * 15)])
def test_numbers_get_one_trace_with_a_colour_scale(points, labels):
    (trace,) = map_figure(points, labels=labels, label_title="score")["data"]
    assert trace["marker"]["color"] == pytest.approx(list(labels), abs=1e-4)
    assert trace["marker"]["showscale"]
    assert trace["marker"]["colorbar"]["title"]["text"] == "score"


def test_numbers_with_gaps_keep_a_scale_and_a_grey_trace(points):
    first, second = map_figure(points, labels=[0.25, None, 0.75] * 10)["data"]
    assert first["marker"]["color"] == [0.25, 0.75] * 10
    assert second["name"] == "no value"
    assert second["customdata"] == list(range(1, 30, 3))


def test_few_whole_numbers_are_categories(points):
    assert set(named(map_figure(points, labels=[0, 1, float("nan")] * 10))) == {"0", "1", "no value"}


def test_every_text_of_a_user_is_escaped(points):
    figure = map_figure(
        points[:2],
        labels=[PAYLOAD, "fine"],
        label_title=PAYLOAD,
        hover=[PAYLOAD, 'say "hi"'],
        title=PAYLOAD,
        star=points[0],
        star_title=PAYLOAD,
    )
    text = json.dumps(figure, ensure_ascii=False)
    assert re.findall(r"<(?!br>)", text) == []
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; &lt;b&gt;" in text
    assert named(figure)["fine"]["hovertext"] == ['say "hi"']


def test_hover_text_is_shortened_and_wrapped(points):
    (trace,) = map_figure(points[:2], hover=["word " * 200, "漢" * 500])["data"]
    for text in trace["hovertext"]:
        assert text.endswith("…")
        assert 200 < len(text.replace("<br>", "")) <= 240
        assert max(map(len, text.split("<br>"))) <= 60


def test_the_star_is_drawn_last_and_is_no_text(points):
    figure = map_figure(points, star=np.array([50.0, 0.0]), star_title="my query")
    star = figure["data"][-1]
    assert (star["name"], star["x"], star["y"]) == ("my query", [50.0], [0.0])
    assert "customdata" not in star
    assert figure["layout"]["xaxis"]["range"][1] > 50


def test_two_maps_can_share_their_axes(points):
    extent = extent_of(points, 5 * points)
    ranges = [
        (figure["layout"]["xaxis"]["range"], figure["layout"]["yaxis"]["range"])
        for figure in (map_figure(points, extent=extent), map_figure(5 * points, extent=extent))
    ]
    assert ranges[0] == ranges[1]
    assert ranges[0][0][0] < 5 * points[:, 0].min()
    assert ranges[0][1][1] > 5 * points[:, 1].max()


def test_the_figure_is_plain_json_and_the_page_shows_through(points):
    for count in (0, 1, 30):
        figure = map_figure(points[:count], labels=np.arange(count) / 7, hover=["text"] * count, dark=True)
        json.dumps(figure, allow_nan=False)
        assert figure["layout"]["paper_bgcolor"] == figure["layout"]["plot_bgcolor"] == "rgba(0,0,0,0)"
        assert figure["layout"]["yaxis"]["scaleanchor"] == "x"
    assert map_figure(points, dark=True)["layout"]["font"] != map_figure(points)["layout"]["font"]


def test_plotly_accepts_the_figure(points):
    graph_objects = pytest.importorskip("plotly.graph_objects")
    for labels in (None, ["a", "b", None] * 10, np.linspace(0, 1, 30)):
        figure = map_figure(points, labels=labels, hover=["x"] * 30, title="Baseline", star=points[0])
        graph_objects.Figure(figure)


def test_the_page_needs_no_network_and_no_text_ends_its_script(tmp_path, points):
    pytest.importorskip("plotly")
    figures = [map_figure(points, labels=["a", "b"] * 15, hover=["x"] * 30, title="MoTE")]
    figures[0]["layout"]["meta"] = PAYLOAD
    path = tmp_path / "new" / "map.html"
    write_map_html(path, figures, title=PAYLOAD)
    page = path.read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert not re.search(r"<script[^>]+src=|<link", page)
    (payload,) = re.findall(r'<script type="application/json" id="figures">(.*?)</script>', page, re.DOTALL)
    assert json.loads(payload) == figures
    assert len(page) > 1_000_000
    assert [file.name for file in path.parent.iterdir()] == ["map.html"]


def test_the_image_shows_the_maps_side_by_side(tmp_path, points):
    pytest.importorskip("matplotlib")
    from PIL import Image

    left = map_figure(points, labels=["$a_b$", "<b>", None] * 10, title="Baseline $1", star=points[0])
    right = map_figure(points, labels=np.linspace(0, 1, 30), title="MoTE", dark=True)
    write_map_png(tmp_path / "map.png", [left, right], dpi=50)
    with Image.open(tmp_path / "map.png") as image:
        assert image.format == "PNG"
        assert image.size == (700, 350)
        assert len(set(image.convert("RGB").getdata())) > 20


def test_the_table_has_one_line_a_text_with_the_places_of_each_map(tmp_path, points):
    frame = pd.DataFrame({"title": [""] * 30, "text": ['a, "quoted"\nline'] * 30})
    write_map_csv(tmp_path / "map.csv", frame, {"baseline": points, "mote": 2 * points})
    with (tmp_path / "map.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 30
    assert lines[3]["row"] == "3"
    assert lines[3]["text"] == 'a, "quoted"\nline'
    assert float(lines[3]["mote_y"]) == pytest.approx(2 * float(lines[3]["baseline_y"]), abs=1e-4)
    assert "mote_y" not in frame


def test_no_spreadsheet_takes_a_text_of_the_table_for_a_formula(tmp_path, points):
    texts = ["=1+1", "+cmd", "-x", "@SUM(1)", "\tx", "\rx", "-0.5", "a=b"] + [""] * 22
    frame = pd.DataFrame({"text": texts, "=2+2": "x", "size": np.arange(30) - 5, "share": np.float32(-0.25)})
    write_map_csv(tmp_path / "map.csv", frame, {"mote": points})
    with (tmp_path / "map.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["text"] for line in lines][:8] == ["'=1+1", "'+cmd", "'-x", "'@SUM(1)", "'\tx", "'\rx", "-0.5", "a=b"]
    assert list(lines[0]) == ["row", "text", "'=2+2", "size", "share", "mote_x", "mote_y"]
    assert (lines[0]["size"], lines[0]["share"]) == ("-5", "-0.25000")
    assert plain_cell(-1) == -1
