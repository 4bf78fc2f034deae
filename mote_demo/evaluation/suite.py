"""Score encoders on labelled sets."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mote_demo.data.texts import Texts
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.evaluation.families import FAMILIES, PROTOCOL, Tables
from mote_demo.evaluation.labelled_sets import LabelledSet, fingerprint
from mote_demo.evaluation.report import Report, Score, SetResult

if TYPE_CHECKING:
    from mote_demo.store import VectorStore


def evaluate(
    encoders: Sequence[Encoder],
    sets: Sequence[LabelledSet],
    *,
    seed: int = 0,
    store: "VectorStore | None" = None,
    on_set: Callable[[str], None] | None = None,
) -> Report:
    """Score every encoder on every set, with the same rows, draws and starts.

    Args:
        encoders: the models, each with a name of its own.
        sets: what to score them on (see ``labelled_sets.discover`` and ``choose``).
        seed: of the sampled rows, the draws and the k-means starts.
        store: where vectors are kept, so that a stopped run goes on where it was; None keeps nothing.
        on_set: called with one line after each set.
    """
    names = [encoder.name for encoder in encoders]
    if len(set(names)) < len(names):
        raise UserError(f"Two of the models have the same name: {', '.join(names)}. Please name them apart.")
    results = []
    for number, one in enumerate(sets, 1):
        results.append(_score_set(encoders, one, seed, store))
        if on_set is not None:
            on_set(f"{number}/{len(sets)} {_line(results[-1])}")
    models = {encoder.name: {route: encoder.fingerprint(route) for route in encoder.routes} for encoder in encoders}
    return Report(PROTOCOL, seed, models, tuple(results))


def _score_set(encoders: Sequence[Encoder], one: LabelledSet, seed: int, store: "VectorStore | None") -> SetResult:
    family = FAMILIES[one.family]
    tables, note = one.read(seed)
    return SetResult(
        one.name,
        one.family,
        family.metric,
        family.part,
        fingerprint(tables, family),
        note,
        {encoder.name: _score(encoder, one, tables, seed, store) for encoder in encoders},
    )


def _score(encoder: Encoder, one: LabelledSet, tables: Tables, seed: int, store: "VectorStore | None") -> Score:
    started = time.perf_counter()
    vectors = _Vectors(encoder, store)
    try:
        parts = FAMILIES[one.family].score(vectors, tables, seed)
    except UserError as error:
        raise UserError(f"{one.folder}: {error}") from error
    points = tuple(float(part) for part in np.round(100 * parts, 3))
    return Score(points, vectors.texts, time.perf_counter() - started)


def _line(result: SetResult) -> str:
    scores = ", ".join(f"{model} {score.points:.2f}" for model, score in result.scores.items())
    seconds = sum(score.seconds for score in result.scores.values())
    return f"{result.family}/{result.name} {result.metric}: {scores} ({seconds:.0f} s)"


class _Vectors:
    """Encode each distinct text once, through the store if there is one, and count the texts."""

    def __init__(self, encoder: Encoder, store: "VectorStore | None") -> None:
        self.texts = 0
        self._encoder = encoder
        self._store = store

    def __call__(self, texts: Sequence[str], route: str) -> np.ndarray:
        rows = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        self.texts += len(rows)
        return self._distinct(list(rows), route)[[rows[text] for text in texts]]

    def _distinct(self, texts: list[str], route: str) -> np.ndarray:
        if self._store is None:
            return self._encoder.encode(texts, route=route)
        frame = pd.DataFrame({"title": "", "text": texts})
        return self._store.vectors(self._encoder, route, Texts("evaluation", "Evaluation", frame))
