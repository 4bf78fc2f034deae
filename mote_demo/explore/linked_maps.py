"""Two maps of the same texts as one drawing that moves, zooms and fades as one: what it is told, and as a page.

The script beside this module, ``static/linked_maps.js``, draws what is said here; in the app and on a saved page alike.
"""

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mote_demo.explore.cluster_words import Clusters
from mote_demo.explore.colouring import Colouring
from mote_demo.files import replacing
from mote_demo.plain_text import shown_label

LONGEST_TEXT = 300
"""Characters of a text that are sent to the page, to be read under the pointer and to be filtered by."""

# Of the scale Cividis (Nunez, Anderton and Renslow 2018), which colour-blind people see as others do.
_SCALE = ("#00224E", "#35456C", "#666970", "#948E77", "#C8B866", "#FEE838")
_TRAIL = ("#8FA3B8", "#C2569B", "#E11D48")
_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Side:
    """Hold one of the two maps.

    Attributes:
        title: of the map.
        points: float [n, 2].
        receipt: (what, value) of how the map came to be, such as ("route", "sts").
    """

    title: str
    points: np.ndarray
    receipt: tuple[tuple[str, str], ...] = ()


def points_json(
    sides: tuple[Side, Side],
    *,
    view: str,
    churn: np.ndarray | None = None,
    faint: Iterable[int] = (),
    pairs: np.ndarray | None = None,
) -> str:
    """Say where the points are, for the property ``points``.

    Args:
        sides: the left and the right map.
        view: name of what is drawn; the zoom stays as long as this name does.
        churn: float [n], share of the neighbours that the other space does not have; it colours the trails.
        faint: rows that are drawn weakly.
        pairs: int [pairs, 2], rows that are joined by a line.
    """
    told = [
        {
            "title": side.title,
            "receipt": side.receipt,
            "x": np.round(side.points[:, 0].astype(float), 4).tolist(),
            "y": np.round(side.points[:, 1].astype(float), 4).tolist(),
        }
        for side in sides
    ]
    shares = [] if churn is None else np.round(churn.astype(float), 3).tolist()
    joined = [] if pairs is None else pairs.tolist()
    return _json({"view": view, "sides": told, "churn": shares, "trail": _TRAIL, "faint": list(faint), "pairs": joined})


def texts_json(passages: Sequence[str]) -> str:
    """Say what the texts are, for the property ``texts``; long ones are cut."""
    flat = [" ".join(text.split()) for text in passages]
    cut = any(len(text) > LONGEST_TEXT for text in flat)
    shown = [text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…" for text in flat]
    return _json({"texts": shown, "longest": LONGEST_TEXT if cut else 0})


def colours_json(colouring: Colouring, clusters: Sequence[Clusters] = ()) -> str:
    """Say what the points look like and which words stand between them, for the property ``colours``."""
    groups = [{"name": each.name, "colour": each.colour, "symbol": each.symbol} for each in colouring.groups]
    names = [colouring.title, *(each.name for each in colouring.groups)]
    told: dict[str, Any] = {"title": colouring.title, "groups": groups, "codes": colouring.codes.tolist()}
    told["shown"] = {name: shown_label(name) for name in names if shown_label(name) != name}
    if colouring.values is not None:
        known = colouring.values[~np.isnan(colouring.values)]
        values = [None if np.isnan(value) else round(value, 4) for value in colouring.values.tolist()]
        told |= {"values": values, "low": float(known.min()), "high": float(known.max()), "scale": _SCALE}
    # Both sides of a label have the same groups, which are sent once.
    different = list({id(each): each for each in clusters}.values())
    told["clusters"] = [
        {"codes": each.codes.tolist(), "names": each.names, "words": [" · ".join(words) for words in each.words]}
        for each in different
    ]
    return _json(told)


@cache
def script() -> str:
    """Return what draws: JavaScript over ``element``, ``props``, ``watch`` and ``trigger``."""
    return (_STATIC / "linked_maps.js").read_text("utf-8")


@cache
def style() -> str:
    """Return the style sheet, to be nested in a rule of the element."""
    return (_STATIC / "linked_maps.css").read_text("utf-8")


@cache
def markup() -> str:
    """Return the HTML of the element's inside, which never changes."""
    return (_STATIC / "linked_maps.html").read_text("utf-8")


def write_page(path: str | Path, properties: dict[str, Any], title: str = "Maps") -> None:
    """Write both maps as one page that needs no network: ``properties`` are points, texts and colours."""
    # "<" as an escape: no text can end the script element.
    told = json.dumps(properties, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    parts = {"title": html.escape(title), "properties": told, "markup": markup(), "style": style(), "script": script()}
    page = (_STATIC / "page.html").read_text("utf-8")
    for name, part in parts.items():
        # Not a template language: the parts hold braces of their own. What is put in last is searched by none.
        page = page.replace(f"<!-- {name} -->", part, 1)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _json(value: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
