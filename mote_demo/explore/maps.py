"""Two maps of the same texts, one a model, and what their neighbourhoods share."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from mote_demo.data.texts import Texts
from mote_demo.encoder import Stopped
from mote_demo.errors import UserError, unknown_choice
from mote_demo.explore.index import nearest
from mote_demo.explore.measures import label_agreement, neighbour_overlap
from mote_demo.explore.projection import Projection, align, pca, project
from mote_demo.serving.registry import BUILT_IN
from mote_demo.serving.sessions import SIDES, Session

NEIGHBOURS = 10
"""Neighbours of a text that are compared and listed."""

MOST_TEXTS = 10_000
"""Beyond this many texts a browser no longer zooms smoothly, so a random sample is drawn."""

SHARED = "neighbours shared"
"""Name of the colouring that shows where both spaces agree."""

_FEWEST_TEXTS = 3

Report = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all); 0 steps in all means that nobody can tell."""


@dataclass(frozen=True)
class MapSide:
    """Hold what one model makes of the texts.

    Attributes:
        query_route: route of a query.
        route: route of the texts.
        expert: name of the expert that ran, None for a dense model.
        instruction: what was put before each text.
        checkpoint: fingerprint of everything that decides the vectors.
        points: float32 [n, 2].
        scores: float32 [n, k], cosines of the nearest other texts of each text, best first.
        rows: int64 [n, k], which texts these are; found among the vectors, never on the map.
    """

    query_route: str
    route: str
    expert: str | None
    instruction: str
    checkpoint: str
    points: np.ndarray
    scores: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Maps:
    """Hold both maps of the same texts; MoTE's is aligned with the baseline's, so a move means something.

    Attributes:
        texts: what is drawn, which may be a sample; row numbers refer to it.
        baseline: the baseline's side.
        mote: MoTE's side.
        method: how the points were found, "PCA" or "UMAP".
        overlap: float32 [n], share of each text's neighbours that both spaces have in common.
        agreement: for each label column the share of neighbours with the same label, (baseline, MoTE).
    """

    texts: Texts
    baseline: MapSide
    mote: MapSide
    method: str
    overlap: np.ndarray
    agreement: dict[str, tuple[float, float]]

    def side(self, name: str) -> MapSide:
        """Return the side "baseline" or "mote"."""
        return self.mote if name == "mote" else self.baseline


def draw_maps(
    session: Session,
    *,
    task: str | None,
    route: str | None,
    texts: Texts,
    neighbours: int = 15,
    report: Report | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Maps]:
    """Map the texts with both models: by PCA at once, then by UMAP.

    Args:
        session: the visitor, whose models encode the texts.
        task: name of the task; its document route encodes the texts.
        route: query-side route, the task's own or one that the visitor trained.
        texts: what to map; above ``MOST_TEXTS`` a seeded sample is drawn, and its notes say so.
        neighbours: size of the neighbourhood that UMAP keeps together.
        report: called as the work goes on.
        stop: set it from another thread to end early with ``Stopped``.

    Yields:
        The PCA maps, then the UMAP maps; only points and method differ between them.
    """
    if len(texts) < _FEWEST_TEXTS:
        raise UserError(f"{texts.title} has {len(texts)} texts, a map needs at least {_FEWEST_TEXTS}. Add some.")
    texts, report, stop = sample(texts), report or _silent, stop or threading.Event()
    routes = {side: session.pair(side, task or "", route) for side in SIDES}
    vectors = {side: _vectors(session, side, routes[side][1], texts, report, stop) for side in SIDES}
    report("Comparing neighbours", 0, 0)
    reference = pca(vectors["baseline"])
    points = {"baseline": reference, "mote": align(pca(vectors["mote"]), reference)}
    maps = _compared(texts, {side: _side(session, side, texts, routes, vectors, points) for side in SIDES})
    yield maps
    yield _moved(maps, *_umaps(session, maps, vectors, neighbours, report, stop))


def sample(texts: Texts, most: int = MOST_TEXTS, seed: int = 0) -> Texts:
    """Return ``texts``, or a seeded random sample of ``most`` of them that says so in its notes."""
    if len(texts) <= most:
        return texts
    rows = np.sort(np.random.default_rng(seed).choice(len(texts), most, replace=False))
    note = f"The maps show a random sample of {most:,} of {len(texts):,} texts."
    return replace(texts, frame=texts.frame.iloc[rows].reset_index(drop=True), notes=(*texts.notes, note))


def colour_choices(texts: Texts) -> list[str]:
    """List what points can be coloured by: label columns, other columns with repeating values or numbers, overlap."""
    others = [
        str(name)
        for name, column in texts.frame.items()
        if name not in ("title", "text", *texts.labels) and (is_numeric_dtype(column) or not column.is_unique)
    ]
    return [*texts.labels, *others, SHARED]


def colour_values(maps: Maps, name: str | None) -> pd.Series:
    """Return one value a point for a choice of ``colour_choices``."""
    choices = colour_choices(maps.texts)
    if name not in choices:
        raise unknown_choice("column", name, choices)
    return pd.Series(maps.overlap) if name == SHARED else maps.texts.frame[name]


def _silent(stage: str, done: int, total: int) -> None:
    """Report to nobody."""


def _go_on(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped("Stopped while drawing the maps.")


def _vectors(
    session: Session, side: str, route: str, texts: Texts, report: Report, stop: threading.Event
) -> np.ndarray:
    _go_on(stop)
    progress = partial(report, f"Encoding with {session.encoder(side).name}")
    return session.vectors(side, route, texts, progress=progress, stop=stop)


def _side(
    session: Session,
    side: str,
    texts: Texts,
    routes: dict[str, tuple[str, str]],
    vectors: dict[str, np.ndarray],
    points: dict[str, np.ndarray],
) -> MapSide:
    query_route, route = routes[side]
    scores, rows = nearest(vectors[side], NEIGHBOURS)
    encoder = session.encoder(side)
    receipt = encoder.receipt("", route=route)
    return MapSide(
        query_route=query_route,
        route=route,
        expert=receipt.expert,
        instruction=receipt.text_sent,
        checkpoint=encoder.fingerprint(route),
        points=points[side],
        scores=scores,
        rows=rows,
    )


def _compared(texts: Texts, sides: dict[str, MapSide]) -> Maps:
    baseline, mote = (sides[side] for side in SIDES)
    agreement = {
        name: (label_agreement(baseline.rows, list(labels)), label_agreement(mote.rows, list(labels)))
        for name, labels in texts.frame[list(texts.labels)].items()
    }
    return Maps(texts, baseline, mote, "PCA", neighbour_overlap(baseline.rows, mote.rows), agreement)


def _umaps(
    session: Session,
    maps: Maps,
    vectors: dict[str, np.ndarray],
    neighbours: int,
    report: Report,
    stop: threading.Event,
) -> tuple[Projection, Projection]:
    """Project the baseline, then MoTE from there; both are kept for the next visitor where nothing is private."""
    store, built_in = session.registry.store, maps.texts.name in BUILT_IN
    _go_on(stop)
    report("Drawing the UMAP of Baseline", 0, 0)
    key = f"{maps.texts.fingerprint}/{neighbours}/{maps.baseline.checkpoint}"
    baseline = store.projection(key, lambda: project(vectors["baseline"], neighbours=neighbours), built_in)
    _go_on(stop)
    report("Drawing the UMAP of MoTE", 0, 0)
    mote = store.projection(
        f"{key}/{maps.mote.checkpoint}",
        lambda: project(vectors["mote"], neighbours=neighbours, start=baseline.points),
        built_in and maps.mote.route not in session.experts,
    )
    _go_on(stop)
    return baseline, mote


def _moved(maps: Maps, baseline: Projection, mote: Projection) -> Maps:
    return replace(
        maps,
        baseline=replace(maps.baseline, points=baseline.points),
        mote=replace(maps.mote, points=mote.points),
        method=mote.method,
    )
