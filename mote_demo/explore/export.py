"""Maps and tables as files."""

import csv
import html
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mote_demo.errors import UserError
from mote_demo.explore.figures import SCALE, Figure
from mote_demo.files import replacing

# What a spreadsheet may take for the beginning of a formula, also in the full width of East Asian scripts.
_SIGNS = "=+@\\-\uff1d\uff0b\uff0d\uff20"
# Where a cell begins, also for a spreadsheet that separates at other signs than commas: there, quotes do not hold it.
_FORMULA = re.compile(rf"(?:^[\t\r]|(?:^|(?<=[;\t\r\n])) *(?=[{_SIGNS}]))")


def write_map_png(path: str | Path, figures: Sequence[Figure], title: str = "", dpi: int = 150) -> None:
    """Write figures side by side as a PNG image under a title."""
    picture = map_png(figures, title, dpi)
    with replacing(path) as temporary:
        temporary.write_bytes(picture)


def map_png(figures: Sequence[Figure], title: str = "", dpi: int = 150) -> bytes:
    """Return figures side by side as a PNG image under a title; needs matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise UserError("A PNG map needs matplotlib. Run 'pip install matplotlib', or write HTML or CSV.") from error

    canvas = Canvas(figsize=(7 * len(figures), 7), dpi=dpi, layout="constrained")
    for axes, figure in zip(canvas.subplots(1, len(figures), squeeze=False)[0], figures, strict=True):
        _draw(axes, figure)
    canvas.suptitle(_plain(title))
    picture = io.BytesIO()
    FigureCanvasAgg(canvas).print_png(picture, metadata={"Software": None})
    return picture.getvalue()


def _draw(axes: Any, figure: Figure) -> None:  # noqa: ANN401 - matplotlib's Axes, which is imported late
    symbols = {"circle": "o", "diamond": "D", "square": "s", "triangle-up": "^", "star": "*"}
    legend = {}
    for trace in figure["data"]:
        marker = trace["marker"]
        drawn = axes.scatter(
            trace["x"],
            trace["y"],
            s=marker["size"] ** 2 / 2,
            c=marker["color"],
            cmap=SCALE.lower() if "colorbar" in marker else None,
            marker=symbols[marker.get("symbol", "circle")],
            alpha=marker.get("opacity"),
            linewidths=0,
        )
        if "colorbar" in marker:
            axes.figure.colorbar(drawn, ax=axes, shrink=0.6, label=_plain(marker["colorbar"]["title"]["text"]))
        else:
            legend[_plain(trace["name"])] = drawn
    layout = figure["layout"]
    axes.set(title=_plain(layout["title"]["text"]), xlim=layout["xaxis"]["range"], ylim=layout["yaxis"]["range"])
    axes.set(aspect="equal")
    axes.axis("off")
    axes.legend(legend.values(), legend.keys(), loc="upper center", bbox_to_anchor=(0.5, 0), ncols=4, frameon=False)


def _plain(text: str) -> str:
    # "$" would start a formula in matplotlib.
    return html.unescape(text).replace("$", r"\$")


def write_csv(path: str | Path, frame: pd.DataFrame, *, index_label: str | None = None) -> None:
    """Write a table for spreadsheets: no cell is a formula; the index is a column where it has a label.

    Every cell is quoted, and the file begins with a mark by which spreadsheets know it for UTF-8.
    """
    plain = frame.rename(columns=plain_cell).map(plain_cell)
    with replacing(path) as temporary:
        plain.to_csv(
            temporary,
            index=index_label is not None,
            index_label=index_label,
            float_format="%.6f",
            quoting=csv.QUOTE_ALL,
            encoding="utf-8-sig",
            lineterminator="\r\n",
        )


def plain_cell(cell: Any) -> Any:  # noqa: ANN401 - a cell of any column
    """Return a cell for CSV that no spreadsheet takes for a formula: an apostrophe stands before what looks like one.

    A number stays as it is.
    """
    if not isinstance(cell, str) or not _FORMULA.search(cell):
        return cell
    try:
        float(cell)
    except ValueError:
        return _FORMULA.sub(lambda found: f"'{found[0]}", cell)
    return cell
