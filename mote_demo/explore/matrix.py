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
        rows: int64 [n], the texts that are among the first k of any column; those found highest come first.
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
    def of(cls, rankings: Sequence[Ranking], texts: Texts, k: int) -> "TaskMatrix":
        """Put the rankings of the same texts by several lenses beside each other."""
        tops = [ranking.rows[:k].tolist() for ranking in rankings]
        best: dict[int, int] = {}
        for top in tops:
            for rank, row in enumerate(top, start=1):
                best[row] = min(rank, best.get(row, rank))
        rows = sorted(best, key=lambda row: (best[row], row))
        places = [{row: rank for rank, row in enumerate(each.rows.tolist(), start=1)} for each in rankings]
        ranks = np.array([[place.get(row, 0) for place in places] for row in rows], dtype=np.int64)
        pairs = [overlap_at_k(one, other).shared for one, other in combinations(tops, 2)]
        shared = float(np.mean(pairs)) if pairs else float(len(tops[0]))
        return cls(tuple(each.lens for each in rankings), texts, np.array(rows, dtype=np.int64), ranks, shared, k)

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
