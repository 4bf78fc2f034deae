"""One text under all tasks of a model: what each of them calls near."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import combinations

import numpy as np
import pandas as pd

from mote_demo.data.texts import Texts
from mote_demo.explore.lens import Lens
from mote_demo.explore.measures import overlap_at_k
from mote_demo.explore.search import Ranking


@dataclass(frozen=True)
class TaskMatrix:
    """Hold where each text stands under each task of one model.

    Attributes:
        lenses: one a task or expert, the columns.
        texts: what was searched.
        rows: int64 [n], the texts that are listed: those among the first k of any column, here or in a matrix beside
            it, the ones found highest first.
        ranks: int64 [n, columns], from 1; 0 where a text is not among those that were ranked.
        shared: how many of the first k two columns have in common, on average.
        k: depth of each list.
    """

    lenses: tuple[Lens, ...]
    texts: Texts
    rows: np.ndarray
    ranks: np.ndarray
    shared: float
    k: int

    @classmethod
    def of(cls, rankings: Sequence[Ranking], texts: Texts, k: int, rows: np.ndarray | None = None) -> "TaskMatrix":
        """Put the rankings of the same texts by several lenses beside each other.

        Args:
            rankings: one a column.
            texts: what was ranked.
            k: depth of each list.
            rows: the texts to list; None takes those of ``found_by(rankings, k)``.
        """
        if rows is None:
            rows = found_by(rankings, k)
        places = [{row: rank for rank, row in enumerate(each.rows.tolist(), start=1)} for each in rankings]
        ranks = np.array([[place.get(row, 0) for place in places] for row in rows.tolist()], dtype=np.int64)
        tops = [ranking.rows[:k].tolist() for ranking in rankings]
        pairs = [overlap_at_k(one, other).shared for one, other in combinations(tops, 2)]
        shared = float(np.mean(pairs)) if pairs else float(len(tops[0]))
        return cls(tuple(each.lens for each in rankings), texts, rows, ranks, shared, k)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a text: row, text, then its rank through each lens; 0 where it was not ranked."""
        found = self.texts.frame.iloc[self.rows]
        ranks = {str(lens): self.ranks[:, column] for column, lens in enumerate(self.lenses)}
        return pd.DataFrame({"row": self.rows, "text": found["text"].to_numpy(), **ranks})

    def __repr__(self) -> str:
        """Say how much the tasks share."""
        if len(self.lenses) == 1:
            return f"TaskMatrix({self.lenses[0]}: the same for every task)"
        return f"TaskMatrix({len(self.lenses)} tasks share {self.shared:.1f} of {self.k})"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.to_frame().to_html(index=False)}"


def found_by(rankings: Sequence[Ranking], k: int) -> np.ndarray:
    """Return int64 [n], the texts among the first ``k`` of any ranking; those found highest come first."""
    best: dict[int, int] = {}
    for ranking in rankings:
        for rank, row in enumerate(ranking.rows[:k].tolist(), start=1):
            best[row] = min(rank, best.get(row, rank))
    return np.array(sorted(best, key=lambda row: (best[row], row)), dtype=np.int64)
