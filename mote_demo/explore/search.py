"""One question, and the texts nearest to it through one lens; what two such answers share."""

import threading
import time
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mote_demo.data.texts import Texts
from mote_demo.encoder import Receipt
from mote_demo.errors import UserError, unknown_choice
from mote_demo.explore.index import search
from mote_demo.explore.lens import Lens
from mote_demo.explore.measures import Hit, Move, Overlap, hits, overlap_at_k, pair_similarity, rank_moves, vote
from mote_demo.explore.progress import OnStage, silent

if TYPE_CHECKING:
    from mote_demo.store import VectorStore

MOST_HITS = 50
LONGEST_QUERY = 10_000
_DEEPER = 2 * MOST_HITS
"""Moves are told from rankings this deep, so "up 30 places" can be said of a list of ten."""


@dataclass(frozen=True)
class Question:
    """Hold what is asked.

    Attributes:
        query: plain text.
        k: number of hits, from 1 to ``MOST_HITS``.
        second: a text to compare the query with directly, as a document; "" for none.
        label: column whose values the hits vote on; None for none.
    """

    query: str
    k: int = 10
    second: str = ""
    label: str | None = None

    def checked(self, texts: Texts) -> "Question":
        """Return the question without outer white space.

        Raises:
            UserError: a text is empty or too long, ``k`` is out of range, or the texts have no such column.
        """
        if not 1 <= self.k <= MOST_HITS:
            raise UserError(f"The number of hits must be from 1 to {MOST_HITS}, not {self.k}.")
        if self.label is not None and self.label not in texts.frame.columns:
            raise unknown_choice("label column", self.label, texts.labels)
        second = self.second.strip() and checked_text(self.second, "second text")
        return Question(checked_text(self.query, "query"), self.k, second, self.label)


@dataclass(frozen=True)
class Ranking:
    """Hold the texts nearest to a query through one lens, deeper than what is shown.

    Attributes:
        lens: what looked.
        scores: float32 [n], cosines, best first.
        rows: int64 [n], which texts these are.
        receipt: what the query became.
        checkpoint: fingerprint of all that decides the query's vector.
        similarity: cosine of the query and the second text, if one was given.
        milliseconds: for encoding the query and searching.
    """

    lens: Lens
    scores: np.ndarray
    rows: np.ndarray
    receipt: Receipt
    checkpoint: str
    similarity: float | None
    milliseconds: float


@dataclass(frozen=True)
class LensAnswer:
    """Hold what one lens answered.

    Attributes:
        lens: what looked.
        hits: the nearest texts, best first.
        moves: where each hit stands compared with the other lens's ranking.
        votes: (label, share of the vote) of the hits by the chosen label column; empty without one.
        receipt: what the query became.
        checkpoint: fingerprint of all that decides the query's vector.
        similarity: cosine of the query and the second text, if one was given.
        milliseconds: for encoding the query and searching.
    """

    lens: Lens
    hits: tuple[Hit, ...]
    moves: tuple[Move, ...]
    votes: tuple[tuple[str, float], ...]
    receipt: Receipt
    checkpoint: str
    similarity: float | None
    milliseconds: float


@dataclass(frozen=True)
class Answer:
    """Hold what two lenses answered to one question."""

    texts: Texts
    question: Question
    left: LensAnswer
    right: LensAnswer
    overlap: Overlap

    @property
    def sides(self) -> tuple[LensAnswer, LensAnswer]:
        """Return (left, right)."""
        return self.left, self.right

    def to_frame(self) -> pd.DataFrame:
        """Return one row a hit: the lens, what it was sent, the hit's rank, score, move and row, and the text."""
        return pd.DataFrame([record for side in self.sides for record in _records(self.texts, side)])

    def __repr__(self) -> str:
        """Say what was asked and how much is shared."""
        return f"Answer({self.question.query!r}: {self.overlap.shared} of {self.overlap.of} shared)"

    def _repr_html_(self) -> str:
        frame, cells = self.to_frame()[["rank", "score", "text"]], []
        parts = frame.head(len(self.left.hits)), frame.tail(len(self.right.hits))
        for side, part in zip(self.sides, parts, strict=True):
            cells.append(f"<td><b>{escape(side.lens.title)}</b>{part.to_html(index=False, float_format='%.3f')}</td>")
        return f"<p>{escape(repr(self))}</p><table><tr>{''.join(cells)}</tr></table>"


def rank(
    lens: Lens,
    texts: Texts,
    question: Question,
    store: "VectorStore",
    on_stage: OnStage = silent,
    stop: threading.Event | None = None,
) -> Ranking:
    """Rank the texts by their similarity to a checked question through one lens."""
    progress = partial(on_stage, f"Encoding {texts.title} with {lens.encoder.name}")
    documents = lens.vectors(texts, store, progress, stop)
    started = time.perf_counter()
    vectors = lens.encode_query([question.query])
    scores, rows = search(documents, vectors, _DEEPER)
    milliseconds = (time.perf_counter() - started) * 1000
    second = pair_similarity(vectors[0], lens.encode_document([question.second])[0]) if question.second else None
    return Ranking(lens, scores[0], rows[0], lens.receipt(question.query), lens.query_fingerprint, second, milliseconds)


def compare(texts: Texts, question: Question, left: Ranking, right: Ranking) -> Answer:
    """Say what two rankings of the same texts share and where they differ."""
    overlap = overlap_at_k(left.rows[: question.k].tolist(), right.rows[: question.k].tolist())
    return Answer(
        texts, question, _answer(left, right, texts, question), _answer(right, left, texts, question), overlap
    )


def checked_text(text: str, what: str) -> str:
    """Return a query without outer white space; an empty or overlong one is a ``UserError`` that calls it ``what``."""
    text = text.strip()
    if not text:
        raise UserError(f"The {what} is empty. Type what you are looking for, or pick a sample query.")
    check_length(text, what)
    return text


def check_length(text: str, what: str) -> None:
    """Refuse a text that is longer than what anybody may have encoded at once."""
    if len(text) > LONGEST_QUERY:
        raise UserError(f"The {what} has {len(text):,} characters; the most is {LONGEST_QUERY:,}. Please shorten it.")


def _answer(own: Ranking, other: Ranking, texts: Texts, question: Question) -> LensAnswer:
    scores, rows = own.scores[: question.k], own.rows[: question.k]
    labels = [] if question.label is None else texts.frame[question.label].iloc[rows].tolist()
    return LensAnswer(
        lens=own.lens,
        hits=tuple(hits(scores, rows)),
        moves=tuple(rank_moves(rows.tolist(), other.rows.tolist())),
        votes=tuple((str(name), weight) for name, weight in vote(labels, scores)) if labels else (),
        receipt=own.receipt,
        checkpoint=own.checkpoint,
        similarity=own.similarity,
        milliseconds=own.milliseconds,
    )


def _records(texts: Texts, side: LensAnswer) -> list[dict[str, object]]:
    return [
        {
            "lens": str(side.lens),
            "route": side.receipt.route,
            "text_sent": side.receipt.text_sent,
            "rank": hit.rank,
            "score": round(hit.score, 6),
            "move": move.direction,
            "places": move.places,
            "row": hit.row,
            **{name: texts.frame[name].iloc[hit.row] for name in ("title", "text", *texts.labels)},
        }
        for hit, move in zip(side.hits, side.moves, strict=True)
    ]
