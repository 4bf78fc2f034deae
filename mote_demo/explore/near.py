"""What is near one text or one query of the maps, in both spaces."""

from dataclasses import dataclass

import numpy as np

from mote_demo.encoder import Encoder, Receipt
from mote_demo.errors import UserError
from mote_demo.explore.maps import NEIGHBOURS, Maps, MapSide
from mote_demo.explore.projection import place
from mote_demo.explore.search import checked
from mote_demo.serving.sessions import SIDES, Session


@dataclass(frozen=True)
class Near:
    """Name a text that is near another one; ``shared`` tells whether it is near in both spaces."""

    row: int
    score: float
    shared: bool


@dataclass(frozen=True)
class PointDetail:
    """Describe one text of the maps: its labels, and its neighbours on each side."""

    row: int
    title: str
    text: str
    labels: dict[str, str]
    baseline: tuple[Near, ...]
    mote: tuple[Near, ...]


@dataclass(frozen=True)
class QuerySide:
    """Say where a query falls on one side: its place on the map, float32 [2], and the texts nearest to it."""

    receipt: Receipt
    place: np.ndarray
    near: tuple[Near, ...]


@dataclass(frozen=True)
class QueryPlace:
    """Hold a query's place on both maps."""

    query: str
    baseline: QuerySide
    mote: QuerySide


def describe_point(maps: Maps, row: int) -> PointDetail:
    """Describe the text in ``row`` with its neighbours in both spaces."""
    if not 0 <= row < len(maps.texts):
        raise UserError(f"There is no text {row} on the maps, which show {len(maps.texts)}. Please draw them again.")
    record = maps.texts.frame.iloc[row]
    baseline, mote = _paired(
        (maps.baseline.rows[row], maps.baseline.scores[row]), (maps.mote.rows[row], maps.mote.scores[row])
    )
    labels = {name: str(record[name]) for name in maps.texts.labels}
    return PointDetail(row, record["title"], record["text"], labels, baseline, mote)


def place_query(session: Session, maps: Maps, query: str) -> QueryPlace:
    """Encode a query with each side's query route and find its nearest texts and its place on each map.

    Raises:
        UserError: the query is empty or too long, or the maps show what an expert made before it changed.
    """
    query = checked(query, "query")
    for side in SIDES:
        _check_fresh(session.encoder(side), maps.side(side))
    found, places = [], []
    for side in SIDES:
        part = maps.side(side)
        vectors = session.vectors(side, part.route, maps.texts)
        vector = session.encoder(side).encode([query], route=part.query_route)[0]
        scores = vectors @ vector
        rows = np.argsort(-scores, kind="stable")[:NEIGHBOURS]
        found.append((rows, scores[rows]))
        places.append(place(vector, vectors, part.points, NEIGHBOURS))
    sides = [
        QuerySide(session.encoder(side).receipt(query, route=maps.side(side).query_route), where, near)
        for side, where, near in zip(SIDES, places, _paired(*found), strict=True)
    ]
    return QueryPlace(query, *sides)


def _check_fresh(encoder: Encoder, part: MapSide) -> None:
    """Refuse to mix a new expert's vectors with the places that an old one of the same name gave the texts."""
    known = part.query_route in encoder.routes and part.route in encoder.routes
    if not known or encoder.fingerprint(part.route) != part.checkpoint:
        raise UserError(f"The expert {part.query_route!r} changed since these maps were drawn. Please draw them again.")


def _paired(
    baseline: tuple[np.ndarray, np.ndarray], mote: tuple[np.ndarray, np.ndarray]
) -> tuple[tuple[Near, ...], tuple[Near, ...]]:
    """Turn (rows, scores) of both sides into neighbours that know whether the other side has them too."""
    common = set(baseline[0].tolist()) & set(mote[0].tolist())
    listed = [
        tuple(Near(row, score, row in common) for row, score in zip(rows.tolist(), scores.tolist(), strict=True))
        for rows, scores in (baseline, mote)
    ]
    return listed[0], listed[1]
