"""Maps as plotly figures."""

import html
import textwrap
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mote_demo.explore.colouring import GREY, Colouring
from mote_demo.plain_text import shown_label

Figure = dict[str, Any]
"""A plotly figure, {"data": [...], "layout": {...}}, of plain JSON values."""

Extent = tuple[tuple[float, float], tuple[float, float]]
"""((lowest x, highest x), (lowest y, highest y))."""

SCALE = "Cividis"
_MARGIN = 0.05
# Few points are drawn as SVG, which needs no WebGL: not every browser has it.
_MOST_OF_SVG = 1000
_HOVER_CHARACTERS, _HOVER_LINE = 240, 60


def map_figure(
    points: np.ndarray,
    *,
    labels: Sequence[Hashable] | pd.Series | None = None,
    label_title: str = "",
    hover: Sequence[str] | None = None,
    rows: Sequence[int] | None = None,
    title: str = "",
    star: np.ndarray | None = None,
    star_title: str = "query",
    extent: Extent | None = None,
    dark: bool = False,
) -> Figure:
    """Draw a map for plotly and for a picture: traces whose ``customdata`` are row ids.

    Args:
        points: float [n, 2].
        labels: what to colour by (see ``Colouring.of``); each group is a trace.
        label_title: what the labels are, for the legend.
        hover: plain text to show for each point; it is shortened, wrapped and escaped here.
        rows: row id of each point; None numbers them from 0.
        title: plain text above the map.
        star: place [2] of the query.
        star_title: plain text for the star.
        extent: axis ranges, such as ``extent_of`` both maps; None fits them to this map.
        dark: whether the page is dark.
    """
    points = np.asarray(points, dtype=np.float64)
    ids = np.arange(len(points)) if rows is None else np.asarray(rows)
    texts = np.array([_hover_text(text) for text in hover], dtype=object) if hover is not None else None
    data = [
        _trace(points[chosen], ids[chosen], None if texts is None else texts[chosen], name, marker, len(points))
        for name, chosen, marker in _groups(Colouring.of(labels, len(points), label_title))
    ]
    if star is not None:
        data.append(_star(star, star_title, dark))
    shown = [points] if star is None else [points, np.asarray(star, dtype=np.float64)[None]]
    legend_title = "" if any("colorbar" in trace["marker"] for trace in data) else label_title
    return {"data": data, "layout": _layout(title, legend_title, extent or extent_of(*shown), dark)}


def side_by_side(figures: Sequence[Figure]) -> Any:  # noqa: ANN401 - plotly's Figure, which is imported late
    """Return one plotly figure that holds several maps in a row; a legend entry switches its group in all of them."""
    from plotly.subplots import make_subplots

    joined = make_subplots(cols=len(figures), subplot_titles=[each["layout"]["title"]["text"] for each in figures])
    for column, figure in enumerate(figures, start=1):
        for trace in figure["data"]:
            first = column == 1 and trace.get("showlegend", True)
            joined.add_trace({**trace, "legendgroup": trace["name"], "showlegend": first}, row=1, col=column)
        layout = figure["layout"]
        joined.update_xaxes(layout["xaxis"], row=1, col=column)
        anchor = {"scaleanchor": f"x{column}" if column > 1 else "x"}
        joined.update_yaxes({**layout["yaxis"], **anchor}, row=1, col=column)
    joined.update_layout(legend=figures[0]["layout"]["legend"], margin={"l": 8, "r": 8, "t": 40, "b": 8})
    return joined


def extent_of(*maps: np.ndarray) -> Extent:
    """Return the axis ranges that hold all points [n, 2] of some maps, with a margin."""
    points = np.concatenate([np.asarray(each, dtype=np.float64) for each in maps] or [np.zeros((0, 2))])
    if not len(points):
        return (-1.0, 1.0), (-1.0, 1.0)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = _MARGIN * max(*(high - low)) or 1.0
    (left, bottom), (right, top) = (low - margin).round(4).tolist(), (high + margin).round(4).tolist()
    return (left, right), (bottom, top)


def _groups(colouring: Colouring) -> list[tuple[str, np.ndarray, Figure]]:
    """List (legend name, chosen points as bool [n], marker) of each trace."""
    traces = []
    for code, group in enumerate(colouring.groups):
        chosen = colouring.codes == code
        marker: Figure = {"color": group.colour, "symbol": group.symbol}
        if colouring.values is not None and not group.colour:
            bar = {
                "title": {"text": _escape(shown_label(colouring.title))},
                "thickness": 10,
                "len": 0.6,
                "outlinewidth": 0,
            }
            values = colouring.values[chosen].round(4).tolist()
            marker = {"color": values, "colorscale": SCALE, "showscale": True, "colorbar": bar}
        traces.append((shown_label(group.name), chosen, marker | ({"opacity": 0.5} if group.is_missing else {})))
    return traces


def _trace(points: np.ndarray, ids: np.ndarray, texts: np.ndarray | None, name: str, marker: Figure, of: int) -> Figure:
    return {
        "type": _kind(of),
        "mode": "markers",
        "name": _escape(name),
        "x": points[:, 0].round(4).tolist(),
        "y": points[:, 1].round(4).tolist(),
        "customdata": ids.tolist(),
        "marker": {"size": 6 if len(points) < 3000 else 4, "opacity": 0.8, **marker},
        "showlegend": "colorbar" not in marker,
        **({"hoverinfo": "none"} if texts is None else {"hoverinfo": "text", "hovertext": texts.tolist()}),
    }


def _kind(count: int) -> str:
    """Return the type of the traces of a map with so many points in all."""
    return "scatter" if count <= _MOST_OF_SVG else "scattergl"


def _star(star: np.ndarray, title: str, dark: bool) -> Figure:
    x, y = np.asarray(star, dtype=np.float64).round(4).tolist()
    edge = "#000000" if dark else "#FFFFFF"
    return {
        "type": "scatter",
        "mode": "markers",
        "name": _escape(title),
        "x": [x],
        "y": [y],
        "marker": {"size": 18, "symbol": "star", "color": _ink(dark), "line": {"width": 1.5, "color": edge}},
        "hoverinfo": "text",
        "hovertext": [_hover_text(title)],
    }


def _layout(title: str, legend_title: str, extent: Extent, dark: bool) -> Figure:
    axis: Figure = {"visible": False, "autorange": False}
    return {
        "title": {"text": _escape(title), "font": {"size": 15}},
        "font": {"color": _ink(dark)},
        "xaxis": {**axis, "range": list(extent[0])},
        "yaxis": {**axis, "range": list(extent[1]), "scaleanchor": "x", "scaleratio": 1},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 8, "t": 40 if title else 8, "b": 8},
        "legend": {
            "orientation": "h",
            "yanchor": "top",
            "y": -0.02,
            "itemsizing": "constant",
            "title": {"text": _escape(legend_title)},
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": _ink(dark)},
        "showlegend": True,
        "dragmode": "pan",
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
    }


def _ink(dark: bool) -> str:
    return "#E6E6E6" if dark else "#222222"


def _escape(text: object) -> str:
    # Plotly reads <b>, <a href> and entities in any text; it knows no &quot;, so quotes stay.
    return html.escape(str(text), quote=False)


def _hover_text(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > _HOVER_CHARACTERS:
        text = text[: _HOVER_CHARACTERS - 1] + "…"
    return "<br>".join(_escape(line) for line in textwrap.wrap(text, _HOVER_LINE))
