"""A Gradio component that shows one map of texts and tells which text was clicked."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

_STATIC = Path(__file__).parent.parent / "static"
_TEMPLATE = """
<div class="mote-scatter">
  <div class="mote-scatter-plot" tabindex="0" role="application" aria-label="Map, not drawn yet"></div>
  <div class="mote-scatter-note">${empty}</div>
  <div class="mote-scatter-spoken" aria-live="polite"></div>
</div>
"""


def scatter_map(heading: str, *, empty: str = "Not drawn yet.", elem_id: str | None = None) -> gr.HTML:
    """Build a component that shows a plotly figure whose points carry row numbers as ``customdata``.

    ``gr.Plot`` is rebuilt by every update, which loses the zoom; this one redraws only when its
    figure changes and otherwise moves the marks. Update it with ``drawing``, ``marks`` and
    ``no_marks``; its event ``select`` brings the attribute ``row``.

    Args:
        heading: name of the map for screen readers and for the exported picture.
        empty: what is shown until the first figure arrives.
        elem_id: id of the element in the page.
    """
    import plotly

    script = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    # The package brings plotly.js along, so the page asks no other host for it.
    gr.set_static_paths([script])
    return gr.HTML(
        "",
        html_template=_TEMPLATE,
        css_template=(_STATIC / "scatter.css").read_text("utf-8"),
        js_on_load=(_STATIC / "scatter.js").read_text("utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        heading=heading,
        empty=empty,
        marked=[],
        spot={},
        plotly_js=script.as_posix(),
    )


def drawing(figure: dict[str, Any], *, view: str, groups: str) -> dict[str, Any]:
    """Return the update that draws ``figure``; marks stay.

    Args:
        figure: {"data": [...], "layout": {...}}.
        view: the zoom stays as long as this name does.
        groups: groups hidden in the legend stay so as long as this name does.
    """
    layout = figure["layout"]
    layout = {**layout, "uirevision": view, "legend": {**layout.get("legend", {}), "uirevision": groups}}
    return gr.update(value=json.dumps({"data": figure["data"], "layout": layout}))


def marks(rows: Sequence[int], place: Sequence[float], kind: str) -> dict[str, Any]:
    """Return the update that lights up ``rows`` and puts a sign at ``place``.

    Args:
        rows: row numbers; all other points fade.
        place: x and y of the sign.
        kind: "text" rings a point, "query" draws a star.
    """
    x, y = place
    return gr.update(marked=[int(row) for row in rows], spot={"x": x, "y": y, "kind": kind})


def no_marks() -> dict[str, Any]:
    """Return the update that shows all points alike."""
    return gr.update(marked=[], spot={})
