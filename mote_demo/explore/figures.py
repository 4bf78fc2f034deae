"""Maps as plotly figures."""

import html
import textwrap
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mote_demo.explore.measures import is_missing

Figure = dict[str, Any]
"""A plotly figure, {"data": [...], "layout": {...}}, of plain JSON values."""

Extent = tuple[tuple[float, float], tuple[float, float]]
"""((lowest x, highest x), (lowest y, highest y))."""

# Okabe and Ito (2008) without black, then hues of Tol's muted scheme; the second six are also diamonds.
_COLOURS = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"),
    *("#F0E442", "#882255", "#44AA99", "#999933", "#AA4499", "#8C6D31"),
)
_GREY = "#9A9A9A"
SCALE = "Cividis"
_DISTINCT_OF_A_CATEGORY = 12
_MARGIN = 0.05
# Few points are drawn as SVG, which needs no WebGL: not every browser has it.
_MOST_OF_SVG = 1000
_HOVER_CHARACTERS, _HOVER_LINE = 240, 60


def pair_lines(points: np.ndarray, pairs: np.ndarray) -> list[dict[str, Any]]:
    """Return the shapes of a layout that are a line between the points of each pair, below the points.

    Args:
        points: float [n, 2].
        pairs: int [pairs, 2], numbers of points.
    """
    line = {"color": "rgba(128, 128, 128, 0.45)", "width": 1}
    return [
        {"type": "line", "layer": "below", "x0": x0, "y0": y0, "x1": x1, "y1": y1, "line": line}
        for (x0, y0), (x1, y1) in points[pairs].astype(float).tolist()
    ]


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
    """Draw a map for ``Plotly.react`` and the writers below: traces whose ``customdata`` are row ids.

    Args:
        points: float [n, 2].
        labels: what to colour by. Numbers with fractions or more than 12 values get a colour scale;
            else the 12 most frequent values and "other" are traces. Missing ones are grey.
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
        for name, chosen, marker in _groups(labels, len(points), label_title, dark)
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


def _groups(
    labels: Sequence[Hashable] | pd.Series | None, count: int, label_title: str, dark: bool
) -> list[tuple[str, np.ndarray, Figure]]:
    """List (legend name, chosen points as bool [n], marker) of each trace."""
    if labels is None:
        return [("texts", np.ones(count, dtype=bool), {"color": _COLOURS[0]})]
    column = pd.Series(list(labels))
    missing = is_missing(column).to_numpy()
    known = column[~missing].infer_objects()
    if _is_scale(known):
        values = known.to_numpy(dtype=float).round(4).tolist()
        bar = {"title": {"text": _escape(label_title)}, "thickness": 10, "len": 0.6, "outlinewidth": 0}
        groups = [("value", ~missing, {"color": values, "colorscale": SCALE, "showscale": True, "colorbar": bar})]
    else:
        groups = _category_groups(column, missing)
    if missing.any():
        groups.append(("no value", missing, {"color": _GREY, "opacity": 0.5}))
    return groups


def _is_scale(known: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(known) or pd.api.types.is_bool_dtype(known):
        return False
    return known.nunique() > _DISTINCT_OF_A_CATEGORY or bool((known % 1 != 0).any())


def _category_groups(column: pd.Series, missing: np.ndarray) -> list[tuple[str, np.ndarray, Figure]]:
    names = np.array([_category_name(value) for value in column], dtype=object)
    # Equal counts go by name: the same label has the same colour in both maps.
    frequency = pd.Series(names[~missing]).value_counts().sort_index().sort_values(ascending=False, kind="stable")
    groups = [
        (name, (names == name) & ~missing, {"color": colour, "symbol": "circle" if place < 6 else "diamond"})
        for place, (name, colour) in enumerate(zip(frequency.index, _COLOURS, strict=False))
    ]
    rest = ~np.isin(names, frequency.index[: len(_COLOURS)]) & ~missing
    return [*groups, ("other", rest, {"color": _GREY})] if rest.any() else groups


def _category_name(value: Any) -> str:  # noqa: ANN401 - a cell of any column
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


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
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": _GREY, "activecolor": _ink(dark)},
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
