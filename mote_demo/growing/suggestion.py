"""Where to start from, and how hard to train, from a quick measurement on the rows themselves."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mote_demo.data.examples import Examples
from mote_demo.encoder import Encoder
from mote_demo.growing.expert import route_pair
from mote_demo.growing.heldout import Guess, Measured, measure
from mote_demo.growing.intervals import paired_intervals
from mote_demo.growing.rows import divide, draw_rows
from mote_demo.tasks import ROUTES, find_task

ROWS = 240
"""Rows that are looked at: a second or two for all routes."""

_HELD_OUT = 0.5
_FEW = 300
_NEARLY_ALL = 0.97


@dataclass(frozen=True)
class Suggestion:
    """Hold what is suggested, and why.

    Attributes:
        base: route to start from.
        effort: one of ``EFFORTS``.
        metric: what the routes were compared by, the last of the task's.
        scores: of each route, on the rows looked at.
        guess: what needs no model.
        reasons: one sentence for the route, one for the effort.
        rows: how many rows were measured.
    """

    base: str
    effort: str
    metric: str
    scores: Mapping[str, float]
    guess: Guess
    reasons: tuple[str, str]
    rows: int


def suggest(encoder: Encoder, examples: Examples, seed: int = 0) -> Suggestion:
    """Measure the tasks' routes on some of the rows; another than the own one must be better by more than chance.

    Experts that were grown, for one set of labels, are another's start only where a person says so.
    """
    task = find_task(examples.task)
    train, test = divide(draw_rows(examples, ROWS, seed), _HELD_OUT, seed)
    documents: Mapping[str, np.ndarray] | None = None
    measured: dict[str, Measured] = {}
    for route in dict.fromkeys([task.query_route, *_candidates(encoder, examples)]):
        found = measure(encoder, route_pair(task.name, route), train, test, documents=documents)
        documents = found.vectors if "query" in test.frame else None
        measured[route] = found
    own = measured[task.query_route]
    metric = list(own.metrics)[-1] if "label" in test.frame else next(iter(own.metrics))
    scores = {route: found.metrics[metric] for route, found in measured.items()}
    best = max(scores, key=lambda route: scores[route])
    words = f"'{task.query_route}' scores {scores[task.query_route]:.2f} on {own.rows} of your rows"
    if best != task.query_route and paired_intervals(own, measured[best])[metric].change[0] > 0:
        reason = f"{words}, '{best}' {scores[best]:.2f}, which is more than chance would give."
    else:
        others = [route for route in scores if route != task.query_route]
        better = f", '{best}' {scores[best]:.2f}: not surely more" if best != task.query_route else ""
        reason = f"{words}{better}." if better or not others else f"{words}; no other route does better."
        best = task.query_route
    effort, why = _effort(scores[best], len(examples.frame))
    return Suggestion(best, effort, metric, scores, own.guesses[metric], (reason, why), own.rows)


def _candidates(encoder: Encoder, examples: Examples) -> list[str]:
    # Documents are not asked, and keep their route.
    taken = {route_pair("retrieval", "")[1]} if "query" in examples.frame else set()
    return [route for route in encoder.routes if route in ROUTES and route not in taken]


def _effort(score: float, rows: int) -> tuple[str, str]:
    if score >= _NEARLY_ALL:
        return "quick", "Quick, because there is little left to gain."
    if rows < _FEW:
        return "quick", f"Quick, because {rows} rows are learnt by heart in no time."
    return "two-minutes", "Two minutes, because there is something to gain: the experts of all blocks learn."


def rows_needed(change: float = 0.05) -> int:
    """Return about how many held-out rows it takes for a change of an accuracy to be surely more than chance.

    Of rows that change, say a tenth, one standard error of the change is the root of a tenth over the rows; two of
    them must be less than the change.
    """
    return round(4 * 0.1 / change**2)
