import json
import re

import numpy as np
import pandas as pd
import pytest

from mote_demo.explore.figures import extent_of, map_figure, side_by_side

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
    points = np.tile(points, (3, 1))
    figure = map_figure(points, labels=[f"label {min(i, 100 - i)}" for i in range(90)])
    assert len(figure["data"]) == 33
    assert figure["data"][-1]["name"] == "other"
    assert all_rows(figure) == list(range(90))
    looks = {(trace["marker"]["color"], trace["marker"].get("symbol")) for trace in figure["data"]}
    assert len(looks) == 33


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


def test_a_notebook_shows_both_maps_in_one_figure_whose_legend_counts_once(points):
    pytest.importorskip("plotly")
    left, right = (
        map_figure(each, labels=["a", "b", "b"] * 10, hover=["x"] * 30, title=title, extent=extent_of(points))
        for each, title in ((points, "Baseline"), (2 * points, "MoTE <b>"))
    )
    joined = side_by_side([left, right]).to_plotly_json()
    assert [trace["name"] for trace in joined["data"]] == ["b", "a"] * 2
    assert [trace["showlegend"] for trace in joined["data"]] == [True, True, False, False]
    assert [trace["legendgroup"] for trace in joined["data"]] == ["b", "a"] * 2
    assert [note["text"] for note in joined["layout"]["annotations"]] == ["Baseline", "MoTE &lt;b&gt;"]
    assert joined["layout"]["xaxis"]["range"] == joined["layout"]["xaxis2"]["range"]
    assert [joined["layout"][axis]["scaleanchor"] for axis in ("yaxis", "yaxis2")] == ["x", "x2"]
