"""Instruction and expert taken apart: one query through every combination of both."""

import threading
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mote_demo.data.texts import Texts
from mote_demo.encoder import as_mote
from mote_demo.errors import unknown_choice
from mote_demo.explore.lens import Lens
from mote_demo.explore.measures import Overlap, overlap_at_k
from mote_demo.explore.progress import OnStage, silent
from mote_demo.explore.search import Question, Ranking, rank
from mote_demo.model.configuration import AVERAGE
from mote_demo.store import VectorStore

INSTRUCTION = (True, False)
"""The rows: with the instruction and without."""


@dataclass(frozen=True)
class Lab:
    """Hold one query's nearest texts for each combination of instruction and expert.

    Attributes:
        texts: what was searched.
        k: depth of each list.
        experts: the columns: "" for the routes' own, then another task's, then the average of all.
        rankings: [2][experts], with the instruction and without it.
    """

    texts: Texts
    k: int
    experts: tuple[str, ...]
    rankings: tuple[tuple[Ranking, ...], ...]

    def rows_of(self, row: int, column: int) -> np.ndarray:
        """Return int64 [k], the texts nearest to the query in one cell, best first."""
        return self.rankings[row][column].rows[: self.k]

    def shared(self, row: int, column: int) -> Overlap:
        """Count what a cell has in common with the first: the own expert with its instruction."""
        return overlap_at_k(self.rows_of(row, column).tolist(), self.rows_of(0, 0).tolist())

    def to_frame(self) -> pd.DataFrame:
        """Return one row a hit: the lens, the rank, the score, the row and the text."""
        cells = [ranking for line in self.rankings for ranking in line]
        return pd.DataFrame(
            [
                (str(cell.lens), place, round(float(score), 6), int(row), self.texts.frame["text"].iloc[int(row)])
                for cell in cells
                for place, (score, row) in enumerate(
                    zip(cell.scores[: self.k], cell.rows[: self.k], strict=True), start=1
                )
            ],
            columns=["lens", "rank", "score", "row", "text"],
        )


def take_apart(
    lens: Lens,
    query: str,
    texts: Texts,
    store: VectorStore,
    k: int = 5,
    *,
    other: str,
    on_stage: OnStage = silent,
    stop: threading.Event | None = None,
) -> Lab:
    """Ask with the instruction on and off, through the own expert, another one, and the mean of all.

    Args:
        lens: of a model with experts; its own expert and instruction are the first cell.
        query: plain text.
        texts: what is searched; it is encoded once for each combination.
        store: vectors that were computed before.
        k: depth of each list.
        other: name of the other expert.
        on_stage: called as the work goes on.
        stop: set it from another thread to end early with ``Stopped``.

    Raises:
        UserError: the model has no experts, or not this one.
    """
    config = as_mote(lens.encoder).config
    if other not in config.experts:
        raise unknown_choice("expert", other, config.experts)
    question = Question(query, k).checked(texts)
    experts = ("", other, AVERAGE)
    looks = [_through(lens, expert) for expert in experts]
    rankings = tuple(
        tuple(rank(replace(look, instruction=on), texts, question, store, on_stage, stop) for look in looks)
        for on in INSTRUCTION
    )
    return Lab(texts, k, experts, rankings)


def _through(lens: Lens, expert: str) -> Lens:
    if not expert:
        return lens
    encoder = as_mote(lens.encoder).with_experts({lens.query: expert, lens.document: expert})
    return replace(lens, encoder=encoder, expert=expert)
