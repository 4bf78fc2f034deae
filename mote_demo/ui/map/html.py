"""The HTML of the Map tab."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from mote_demo.explore.maps import NEIGHBOURS, Maps
from mote_demo.explore.near import Near, PointDetail, QueryPlace
from mote_demo.ui.shared import templates
from mote_demo.ui.shared.streaming import Status

_EXCERPT = 120
_LISTED = 5
_TABLE_ROWS = 100
_render = partial(templates.render, "mote_demo.ui.map")


def idle_line() -> Markup:
    """Say what the tab is for, before anything is drawn."""
    return _line("Each point is a text; near points are texts that the model takes to be alike.")


def status_line(status: Status) -> Markup:
    """Say what is being done, with a bar where the end is known."""
    if not status.total:
        return _line(f"{status.stage} …", busy=True)
    words = f"{status.stage}: {status.done:,} of {status.total:,}"
    return _line(words, done=status.done, total=status.total)


def drawn_line(maps: Maps, *, final: bool) -> Markup:
    """Say what the maps show and how they were made."""
    what = f"{len(maps.texts):,} texts from {maps.texts.title}, projected with {maps.method}"
    if not final:
        return _line(f"{what}. UMAP follows …", busy=True)
    sampled = [note for note in maps.texts.notes if "random sample" in note]
    return _line(" ".join([f"{what}. The right map is aligned with the left one.", *sampled]))


def stale_note() -> str:
    """Say that the maps are not yet those of the controls."""
    return "These are the maps of what was chosen before."


def stopped_line() -> Markup:
    """Say that drawing was stopped."""
    return _line("Stopped. The maps show what was ready.")


def error_line(message: str) -> Markup:
    """Keep an error readable after its pop-up has gone."""
    return _line(message, error=True)


def _line(words: str, **values: Any) -> Markup:
    return _render(
        "line.html.jinja", **{"error": False, "busy": False, "done": 0, "total": 0, "words": words, **values}
    )


def summary(maps: Maps, unreadable: float = 0.0) -> Markup:
    """Measure what both spaces share and which labels each of them groups by.

    Args:
        maps: the maps.
        unreadable: share of the texts' tokens that the model does not know, from 0 to 1.
    """
    return _render("summary.html.jinja", maps=maps, share=unreadable, percent=_percent, change=_change)


def selection(maps: Maps, rows: Sequence[int]) -> Markup:
    """List the selected texts, those whose neighbours changed most first."""
    if not rows:
        return selection_hint()
    frame = maps.select(rows)
    changed = [round(100 * (1 - share)) for share in frame["neighbours_shared"].tolist()]
    listed = list(zip(frame.index.tolist(), changed, strict=True))[:_TABLE_ROWS]
    return _render("selection.html.jinja", maps=maps, count=len(rows), listed=listed, excerpt=_excerpt)


def selection_hint() -> Markup:
    """Say how texts are selected."""
    words = "Draw a box or a lasso around points of either map to list their texts here."
    return Markup('<p class="mote-empty">{}</p>').format(words)


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{share:.0%}".replace("%", " %")


def _change(left: float, right: float) -> str:
    if math.isnan(left) or math.isnan(right):
        return "–"
    # The difference of the numbers shown beside it, so that the row adds up.
    points = round(100 * right) - round(100 * left)
    return f"{'+' if points > 0 else '−' if points < 0 else '±'}{abs(points)}"


def empty_panel() -> Markup:
    """Say what the panel is for."""
    words = f"Click a point, or put a query on the maps, to see its {NEIGHBOURS} nearest texts in both spaces."
    return Markup('<p class="mote-empty">{}</p>').format(words)


def point_panel(maps: Maps, detail: PointDetail) -> Markup:
    """Show a text whole, with its labels and its neighbours on each side."""
    return _panel(maps, "Selected text", detail.text, detail.near, title=detail.title, labels=detail.labels)


def query_panel(maps: Maps, placed: QueryPlace) -> Markup:
    """Show a query with its nearest texts on each side and what each model was given."""
    sent = [(side.lens.title, spot.receipt.text_sent) for side, spot in zip(maps.sides, placed.sides, strict=True)]
    left, right = placed.sides
    return _panel(maps, "Query", placed.query, (left.near, right.near), sent=sent)


def _panel(maps: Maps, kind: str, text: str, near: tuple[tuple[Near, ...], tuple[Near, ...]], **values: Any) -> Markup:
    shown = {"title": "", "labels": {}, "sent": [], **values}
    sides = list(zip(("left", "right"), maps.sides, near, strict=True))
    return _render(
        "panel.html.jinja",
        maps=maps,
        kind=kind,
        text=text,
        near=near,
        sides=sides,
        most=_LISTED,
        excerpt=_excerpt,
        **shown,
    )


def _excerpt(text: str) -> str:
    text = " ".join(str(text).split())
    if len(text) <= _EXCERPT:
        return text
    start = text[:_EXCERPT]
    # Scripts without spaces are cut anywhere.
    return f"{start.rsplit(' ', 1)[0] if ' ' in start[-20:] else start} …"
