"""How sure a change of a metric is: a bootstrap over the held-out rows, the same draws before and after."""

from dataclasses import dataclass

import numpy as np

from mote_demo.growing.heldout import Measured

LEVEL = 0.95
_DRAWS = 300

Interval = tuple[float, float]


@dataclass(frozen=True)
class Intervals:
    """Hold the 95 % intervals of one metric before, after, and of its change: (low, high) each."""

    before: Interval
    after: Interval
    change: Interval


def paired_intervals(before: Measured, after: Measured, seed: int = 0) -> dict[str, Intervals]:
    """Return the percentile bootstrap intervals of each metric (Efron & Tibshirani, 1993).

    Both were measured on the same held-out rows, so a row that is drawn twice counts twice on both sides: the change is
    surer than either metric.
    """
    random = np.random.default_rng(seed)
    draws = random.integers(0, before.items, (_DRAWS, before.items))
    found = {}
    for name in before.metrics:
        values = np.array([[side.of[name](rows) for side in (before, after)] for rows in draws])  # [draws, 2]
        columns = (*values.T, values[:, 1] - values[:, 0])
        found[name] = Intervals(*(_interval(column) for column in columns))
    return found


def _interval(values: np.ndarray) -> Interval:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
