"""A Gradio component that draws two maps of the same texts as one, and tells what was clicked or selected."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np

from mote_demo.explore.linked_maps import markup, script, style


def linked_maps(elem_id: str, *, selectable: bool = True) -> gr.HTML:
    """Build the component; what it draws are its properties ``points``, ``texts`` and ``colours``, as JSON.

    ``gr.Plot`` is rebuilt by every update, which loses the zoom; this one keeps it. Its events: ``select`` brings the
    clicked ``row``, ``submit`` the ``rows`` inside a box or lasso, and ``clear`` says that Escape was pressed.

    Args:
        elem_id: id of the element in the page.
        selectable: whether many texts can be selected; else those tools are not offered.
    """
    return gr.HTML(
        "",
        html_template=markup(),
        css_template=style(),
        js_on_load=script(),
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes=[] if selectable else ["mote-maps-plain"],
        points="",
        texts="",
        colours="",
        marked=[],
        spots=[],
        selected=[],
        stale="",
    )


def marks(rows: Sequence[Sequence[int]], spots: Sequence[int | np.ndarray]) -> dict[str, Any]:
    """Return the properties that light up some texts and put a sign in each map.

    Args:
        rows: row numbers for the left and for the right map; all other points fade.
        spots: for each map the row that is ringed, or the place [2] of a star.
    """
    told = [{"row": spot} if isinstance(spot, int) else {"place": spot.round(4).tolist()} for spot in spots]
    return {"marked": [[int(row) for row in each] for each in rows], "spots": told}


NO_MARKS: dict[str, Any] = {"marked": [], "spots": []}
"""The properties that show all points alike."""
