"""One question to both models over the same texts."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mote_demo.data.texts import Texts
from mote_demo.encoder import Receipt
from mote_demo.errors import UserError, unknown_choice
from mote_demo.explore.index import IndexKey
from mote_demo.explore.measures import Hit, Move, Overlap, hits, overlap_at_k, pair_similarity, rank_moves, vote
from mote_demo.serving.sessions import SIDES, Session
from mote_demo.tasks import find_task

MOST_HITS = 50
LONGEST_QUERY = 10_000
_DEEPER = 2 * MOST_HITS
"""Moves are told from rankings this deep, so "up 30 places" can be said of a list of ten."""

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class SideAnswer:
    """Hold what one model answered.

    Attributes:
        hits: the nearest texts, best first.
        moves: where each hit stands compared with the other model's ranking.
        votes: (label, share of the vote) of the hits by the chosen label column; empty without one.
        receipt: what the query became.
        document_route: route of the texts.
        checkpoint: fingerprint of the model on the query's route.
        pair: cosine of the query and the second text, if one was given.
        milliseconds: for encoding the query and searching.
    """

    hits: tuple[Hit, ...]
    moves: tuple[Move, ...]
    votes: tuple[tuple[str, float], ...]
    receipt: Receipt
    document_route: str
    checkpoint: str
    pair: float | None
    milliseconds: float


@dataclass(frozen=True)
class Answer:
    """Hold both models' answers to one question."""

    task: str
    texts: Texts
    query: str
    second: str
    label: str | None
    baseline: SideAnswer
    mote: SideAnswer
    overlap: Overlap

    def side(self, name: str) -> SideAnswer:
        """Return the answer of the side "baseline" or "mote"."""
        return self.mote if name == "mote" else self.baseline


@dataclass(frozen=True)
class _Ranking:
    scores: np.ndarray
    rows: np.ndarray
    receipt: Receipt
    document_route: str
    checkpoint: str
    pair: float | None
    milliseconds: float


def ask(
    session: Session,
    *,
    task: str | None,
    texts: Texts,
    query: str,
    k: int = 10,
    route: str | None = None,
    second: str = "",
    label: str | None = None,
    report: Report | None = None,
    stop: threading.Event | None = None,
) -> Answer:
    """Find the texts nearest to a query with the baseline and with MoTE.

    Args:
        session: the visitor, whose models answer.
        task: name of the task; it decides the routes.
        texts: what is searched; its vectors are computed first where they are not known.
        query: plain text.
        k: number of hits, from 1 to ``MOST_HITS``.
        route: query-side route, the task's own (None) or one that the visitor trained.
        second: a text to compare the query with directly; it gets the route of the texts.
        label: column whose values the hits vote on.
        report: called with (what is being done, texts done, texts in all).
        stop: set it from another thread to end early with ``Stopped``.
    """
    query, second = checked(query, "query"), second.strip() and checked(second, "second text")
    chosen = find_task(task)
    if not 1 <= k <= MOST_HITS:
        raise UserError(f"The number of hits must be from 1 to {MOST_HITS}, not {k}.")
    if label is not None and label not in texts.frame.columns:
        raise unknown_choice("label column", label, texts.labels)
    found = {
        side: _rank(session, side, session.pair(side, chosen.name, route), texts, query, second, report, stop)
        for side in SIDES
    }
    answers = {
        side: _answer(found[side], found[other], texts, k, label)
        for side, other in (("baseline", "mote"), ("mote", "baseline"))
    }
    overlap = overlap_at_k(found["baseline"].rows[:k].tolist(), found["mote"].rows[:k].tolist())
    return Answer(chosen.name, texts, query, second, label, answers["baseline"], answers["mote"], overlap)


def checked(text: str, what: str) -> str:
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


def _rank(
    session: Session,
    side: str,
    routes: tuple[str, str],
    texts: Texts,
    query: str,
    second: str,
    report: Report | None,
    stop: threading.Event | None,
) -> _Ranking:
    query_route, document_route = routes
    encoder = session.encoder(side)
    key = IndexKey(encoder.name, encoder.fingerprint(document_route), texts.fingerprint)

    def progress(done: int, total: int) -> None:
        if report is not None:
            report(f"Encoding {texts.title} with {encoder.name}", done, total)

    index = session.registry.index(key, lambda: session.vectors(side, document_route, texts, progress, stop))
    started = time.perf_counter()
    vectors = encoder.encode([query], route=query_route)
    scores, rows = index.search(vectors, _DEEPER, key=key)
    milliseconds = (time.perf_counter() - started) * 1000
    pair = pair_similarity(vectors[0], encoder.encode([second], route=document_route)[0]) if second else None
    return _Ranking(
        scores=scores[0],
        rows=rows[0],
        receipt=encoder.receipt(query, route=query_route),
        document_route=document_route,
        checkpoint=encoder.fingerprint(query_route),
        pair=pair,
        milliseconds=milliseconds,
    )


def _answer(own: _Ranking, other: _Ranking, texts: Texts, k: int, label: str | None) -> SideAnswer:
    scores, rows = own.scores[:k], own.rows[:k]
    labels = [] if label is None else texts.frame[label].iloc[rows].tolist()
    return SideAnswer(
        hits=tuple(hits(scores, rows)),
        moves=tuple(rank_moves(rows.tolist(), other.rows.tolist())),
        votes=tuple((str(name), weight) for name, weight in vote(labels, scores)) if labels else (),
        receipt=own.receipt,
        document_route=own.document_route,
        checkpoint=own.checkpoint,
        pair=own.pair,
        milliseconds=own.milliseconds,
    )
