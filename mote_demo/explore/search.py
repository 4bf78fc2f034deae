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
from mote_demo.explore.lens import Lens
from mote_demo.explore.measures import (
    Hit,
    Move,
    Overlap,
    count_ties,
    hits,
    is_missing,
    overlap_at_k,
    pair_similarity,
    rank_biased_overlap,
    rank_moves,
    vote,
)
from mote_demo.explore.progress import OnStage, silent
from mote_demo.limits import LONGEST_QUERY, MOST_HITS

if TYPE_CHECKING:
    from mote_demo.store import VectorStore

_DEEPER = 2 * MOST_HITS
"""Moves are told from rankings this deep, so "up 30 places" can be said of a list of ten."""


@dataclass(frozen=True)
class Question:
    """Hold what is asked.

    Attributes:
        query: plain text.
        k: number of hits, from 1 to ``MOST_HITS``.
        second: a text to compare the query with directly, as a document; "" for none.
        label: column whose values the hits are counted by and vote on; None for none.
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
        tied: how many hits have the same score as another text, so that their order says nothing.
        tally: (label, hits that have it), most first, by the chosen label column; empty without one.
        votes: (label, share of the vote) of the hits by the chosen label column; empty without one.
        receipt: what the query became.
        checkpoint: fingerprint of all that decides the query's vector.
        similarity: cosine of the query and the second text, if one was given.
        milliseconds: for encoding the query and searching.
    """

    lens: Lens
    hits: tuple[Hit, ...]
    moves: tuple[Move, ...]
    tied: int
    tally: tuple[tuple[str, int], ...]
    votes: tuple[tuple[str, float], ...]
    receipt: Receipt
    checkpoint: str
    similarity: float | None
    milliseconds: float


@dataclass(frozen=True)
class Answer:
    """Hold what two lenses answered to one question.

    Attributes:
        texts: what was searched; of texts that are the same, the first one.
        question: what was asked.
        left: the answer of the first lens.
        right: the answer of the second lens.
        overlap: how many of the hits both have.
        rank_biased: how alike both orders are (see ``rank_biased_overlap``).
    """

    texts: Texts
    question: Question
    left: LensAnswer
    right: LensAnswer
    overlap: Overlap
    rank_biased: float

    @property
    def sides(self) -> tuple[LensAnswer, LensAnswer]:
        """Return (left, right)."""
        return self.left, self.right

    def to_frame(self) -> pd.DataFrame:
        """Return one row a hit: side and lens, what it was sent, the hit's rank, score, move and row, and the text.

        ``copies`` counts the rows that hold the same text.
        """
        sides = zip(("left", "right"), self.sides, strict=True)
        return pd.DataFrame([record for side, answer in sides for record in _records(self.texts, side, answer)])

    def __repr__(self) -> str:
        """Say what was asked and how much is shared."""
        return f"Answer({self.question.query!r}: {self.overlap.shared} of {self.overlap.of} shared)"

    def _repr_html_(self) -> str:
        frame, cells = self.to_frame(), []
        for side, answer in zip(("left", "right"), self.sides, strict=True):
            part = frame.loc[frame["side"] == side, ["rank", "score", "text"]]
            cells.append(f"<td><b>{escape(answer.lens.title)}</b>{part.to_html(index=False, float_format='%.3f')}</td>")
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
    index = lens.index(texts, store, progress, stop)
    started = time.perf_counter()
    vectors = lens.encode_query([question.query])
    scores, found = index.search(vectors, _DEEPER)
    milliseconds = (time.perf_counter() - started) * 1000
    second = pair_similarity(vectors[0], lens.encode_document([question.second])[0]) if question.second else None
    return Ranking(
        lens, scores[0], found[0], lens.receipt(question.query), lens.query_fingerprint, second, milliseconds
    )


def compare(texts: Texts, question: Question, left: Ranking, right: Ranking) -> Answer:
    """Say what two rankings of the same texts share and where they differ."""
    tops = left.rows[: question.k].tolist(), right.rows[: question.k].tolist()
    answers = _answer(left, right, texts, question), _answer(right, left, texts, question)
    return Answer(texts, question, *answers, overlap_at_k(*tops), rank_biased_overlap(*tops))


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
    labels = pd.Series([]) if question.label is None else texts.frame[question.label].iloc[rows]
    return LensAnswer(
        lens=own.lens,
        hits=tuple(hits(scores, rows, texts.copies)),
        moves=tuple(rank_moves(rows.tolist(), other.rows.tolist())),
        tied=count_ties(own.scores, question.k),
        tally=tuple((str(name), count) for name, count in labels[~is_missing(labels)].value_counts().items()),
        votes=tuple((str(name), weight) for name, weight in vote(labels.tolist(), scores)) if len(labels) else (),
        receipt=own.receipt,
        checkpoint=own.checkpoint,
        similarity=own.similarity,
        milliseconds=own.milliseconds,
    )


def _records(texts: Texts, side: str, answer: LensAnswer) -> list[dict[str, object]]:
    return [
        {
            "side": side,
            "lens": str(answer.lens),
            "route": answer.receipt.route,
            "text_sent": answer.receipt.text_sent,
            "rank": hit.rank,
            "score": round(hit.score, 6),
            "move": move.direction,
            "places": move.places,
            "row": hit.row,
            "copies": hit.copies,
            **{name: texts.frame[name].iloc[hit.row] for name in ("title", "text", *texts.labels)},
        }
        for hit, move in zip(answer.hits, answer.moves, strict=True)
    ]
