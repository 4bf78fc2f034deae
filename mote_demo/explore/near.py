"""What is near one text or one query of the maps, through both lenses."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mote_demo.encoder import Receipt
from mote_demo.explore.maps import NEIGHBOURS, LensMap, Maps, unknown_row
from mote_demo.explore.projection import place
from mote_demo.explore.search import checked_text

if TYPE_CHECKING:
    from mote_demo.store import VectorStore


@dataclass(frozen=True)
class Near:
    """Name a text that is near another one; ``shared`` tells whether it is near in both spaces."""

    row: int
    score: float
    shared: bool


@dataclass(frozen=True)
class PointDetail:
    """Describe one text of the maps: its labels, and its neighbours on the left and on the right."""

    row: int
    title: str
    text: str
    labels: dict[str, str]
    near: tuple[tuple[Near, ...], tuple[Near, ...]]


@dataclass(frozen=True)
class QuerySpot:
    """Say where a query falls through one lens: its place on the map, float32 [2], and the texts nearest to it."""

    receipt: Receipt
    place: np.ndarray
    near: tuple[Near, ...]


@dataclass(frozen=True)
class QueryPlace:
    """Hold a query's place on the left and on the right map."""

    query: str
    sides: tuple[QuerySpot, QuerySpot]


def describe_point(maps: Maps, row: int) -> PointDetail:
    """Describe the text in ``row`` with its neighbours in both spaces."""
    if not 0 <= row < len(maps.texts):
        raise unknown_row(row, len(maps.texts))
    record = maps.texts.frame.iloc[row]
    labels = {name: str(record[name]) for name in maps.texts.labels}
    left, right = ((side.rows[row], side.scores[row]) for side in maps.sides)
    return PointDetail(row, record["title"], record["text"], labels, _paired(left, right))


def place_query(maps: Maps, query: str, store: "VectorStore") -> QueryPlace:
    """Encode a query as each lens does, and find its nearest texts and its place on each map.

    Raises:
        UserError: the query is empty or too long.
    """
    query = checked_text(query, "query")
    found, places = [], []
    for side in maps.sides:
        vectors = side.lens.vectors(maps.texts, store)
        vector = side.lens.encode_query([query])[0]
        scores = vectors @ vector
        rows = np.argsort(-scores, kind="stable")[:NEIGHBOURS]
        found.append((rows, scores[rows]))
        places.append(place(vector, vectors, side.points, NEIGHBOURS))
    near = _paired(found[0], found[1])
    left, right = (_spot(side, query, places[at], near[at]) for at, side in enumerate(maps.sides))
    return QueryPlace(query, (left, right))


def _spot(side: LensMap, query: str, where: np.ndarray, near: tuple[Near, ...]) -> QuerySpot:
    return QuerySpot(side.lens.receipt(query), where, near)


def _paired(
    left: tuple[np.ndarray, np.ndarray], right: tuple[np.ndarray, np.ndarray]
) -> tuple[tuple[Near, ...], tuple[Near, ...]]:
    """Turn (rows, scores) of both sides into neighbours that know whether the other side has them too."""
    common = set(left[0].tolist()) & set(right[0].tolist())
    listed = [
        tuple(Near(row, score, row in common) for row, score in zip(rows.tolist(), scores.tolist(), strict=True))
        for rows, scores in (left, right)
    ]
    return listed[0], listed[1]
