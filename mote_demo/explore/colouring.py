"""Which colour and sign each point of a map gets, whoever draws it."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mote_demo.explore.measures import is_missing

# Okabe and Ito (2008) without black and yellow, then two hues of Tol's muted scheme: told apart with any colour vision.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#882255", "#999933")
SYMBOLS = ("circle", "diamond", "square", "triangle-up")
"""Each round of the colours has a sign of its own."""

MOST_GROUPS = len(COLOURS) * len(SYMBOLS)
"""Rarer values than these are one group, "other"."""

GREY = "#9A9A9A"
NOTHING, REST = "no value", "other"
_DISTINCT_OF_A_NUMBER = 12


@dataclass(frozen=True)
class Group:
    """Name points that look alike; a group without a colour is on the colour scale."""

    name: str
    colour: str = ""
    symbol: str = "circle"

    @property
    def is_missing(self) -> bool:
        """Tell whether its points have no value."""
        return self.colour == GREY and self.name == NOTHING

    @property
    def is_value(self) -> bool:
        """Tell whether its points have one value in common."""
        return self.colour not in ("", GREY)


@dataclass(frozen=True)
class Colouring:
    """Hold what each point looks like.

    Attributes:
        title: what the colours mean.
        groups: those that have points, in the order of a legend.
        codes: int64 [n], the group of each point.
        values: float64 [n], place of each point on the colour scale; None where every group has a colour.
    """

    title: str
    groups: tuple[Group, ...]
    codes: np.ndarray
    values: np.ndarray | None = None

    @classmethod
    def of(cls, labels: Sequence[Hashable] | pd.Series | None, count: int, title: str = "") -> "Colouring":
        """Sort points by their labels.

        Args:
            labels: one a point. Numbers with fractions or more than 12 values get a colour scale; else
                the most frequent values and "other" are groups. Missing ones are grey. None makes one group.
            count: number of points.
            title: what the labels are.
        """
        if labels is None:
            return cls(title, (Group("texts", COLOURS[0]),), np.zeros(count, dtype=np.int64))
        column = pd.Series(list(labels))
        missing = is_missing(column).to_numpy()
        known = column[~missing].infer_objects()
        if not _is_scale(known):
            return _of_categories(column, missing, title)
        values = np.full(count, np.nan)
        values[~missing] = known.to_numpy(dtype=float)
        groups = (Group("value"), Group(NOTHING, GREY)) if missing.any() else (Group("value"),)
        return cls(title, groups, missing.astype(np.int64), values)


def _is_scale(known: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(known) or pd.api.types.is_bool_dtype(known):
        return False
    return known.nunique() > _DISTINCT_OF_A_NUMBER or bool((known % 1 != 0).any())


def _of_categories(column: pd.Series, missing: np.ndarray, title: str) -> Colouring:
    names = np.array([_category_name(value) for value in column], dtype=object)
    # Equal counts go by name: the same label has the same colour in both maps.
    frequency = pd.Series(names[~missing]).value_counts().sort_index().sort_values(ascending=False, kind="stable")
    groups = [
        Group(str(name), COLOURS[place % len(COLOURS)], SYMBOLS[place // len(COLOURS)])
        for place, name in enumerate(frequency.index[:MOST_GROUPS])
    ]
    places = {group.name: place for place, group in enumerate(groups)}
    codes = np.array([places.get(name, MOST_GROUPS) for name in names], dtype=np.int64)
    for name, chosen in ((REST, (codes == MOST_GROUPS) & ~missing), (NOTHING, missing)):
        if chosen.any():
            codes[chosen] = len(groups)
            groups.append(Group(name, GREY))
    return Colouring(title, tuple(groups), codes)


def _category_name(value: Any) -> str:  # noqa: ANN401 - a cell of any column
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
