"""Many queries through two lenses: where the lenses disagree, and which of them finds the known answers."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from mote_demo.data.groups import text_key
from mote_demo.data.queries import Queries
from mote_demo.data.texts import Texts
from mote_demo.errors import UserError
from mote_demo.evaluation.metrics import ndcg_at_k, sets_interval
from mote_demo.explore.index import search
from mote_demo.explore.lens import Lens
from mote_demo.explore.measures import overlap_at_k, rank_biased_overlap
from mote_demo.explore.progress import OnStage, silent
from mote_demo.explore.search import checked_text
from mote_demo.limits import MOST_HITS, MOST_QUERIES

if TYPE_CHECKING:
    from mote_demo.store import VectorStore

Outcome = Literal["won", "lost", "tied", ""]
"""What became of a query through the right lens, by nDCG@10; "" where its answer is not known."""

_SCORED = 10
_AT_ONCE = 64
METRICS = (f"nDCG@{_SCORED}", "hit@1", "MRR")


@dataclass(frozen=True)
class AskedQuery:
    """Hold what two lenses found for one query.

    Attributes:
        query: plain text.
        disagreement: 1 - rank-biased overlap of the first k, from 0 (the same list) to 1 (nothing in common).
        tops: rows of the first k through the left and through the right lens, best first.
        answers: rows of the texts that answer it; empty where unknown.
        ranks: where the best placed answer stands on each side, from 1; None where unknown.
    """

    query: str
    disagreement: float
    tops: tuple[tuple[int, ...], tuple[int, ...]]
    answers: tuple[int, ...] = ()
    ranks: tuple[int, int] | None = None

    @property
    def shared(self) -> int:
        """Return how many of the first k are the same."""
        return overlap_at_k(*self.tops).shared

    @property
    def outcome(self) -> Outcome:
        """Say whether the right lens placed the answer better; beyond the tenth rank, places do not count."""
        if self.ranks is None:
            return ""
        left, right = (min(rank, _SCORED + 1) for rank in self.ranks)
        return "tied" if left == right else "won" if right < left else "lost"


@dataclass(frozen=True)
class PairedScore:
    """Hold a metric of both lenses, and the 95 % interval of right - left; None of fewer than two queries."""

    metric: str
    left: float
    right: float
    interval: tuple[float, float] | None

    @property
    def gain(self) -> float:
        """Return right - left."""
        return self.right - self.left


@dataclass(frozen=True)
class Disagreement:
    """Hold what two lenses found for many queries.

    Attributes:
        lenses: left and right.
        texts: what was searched; of texts that differ in case or spaces only, the first stands for all.
        k: depth of the lists.
        rows: one a query; those that the lenses disagree on most come first.
        scores: one a metric, over the queries whose answers are known; empty where none is.
        notes: what was left out, one sentence each.
    """

    lenses: tuple[Lens, Lens]
    texts: Texts
    k: int
    rows: tuple[AskedQuery, ...]
    scores: tuple[PairedScore, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def mean(self) -> float:
        """Return the mean disagreement."""
        return float(np.mean([row.disagreement for row in self.rows]))

    @property
    def answered(self) -> int:
        """Return how many queries have known answers."""
        return sum(row.ranks is not None for row in self.rows)

    def count(self, outcome: Outcome) -> int:
        """Return how many queries came out so."""
        return sum(row.outcome == outcome for row in self.rows)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a query: disagreement, shared hits, the rows found, and where its answer stands, if known."""
        left, right = map(str, self.lenses)
        names = (left, right if right != left else f"{right} (right)")
        records = []
        for row in self.rows:
            record: dict[str, object] = {
                "query": row.query,
                "disagreement": round(row.disagreement, 6),
                "shared": row.shared,
            }
            if self.scores:
                ranks = row.ranks or (None, None)
                record |= {"answer rows": _listed(row.answers), "outcome": row.outcome}
                record |= {f"{name} rank": rank for name, rank in zip(names, ranks, strict=True)}
            for name, top in zip(names, row.tops, strict=True):
                record |= {f"{name} rows": _listed(top), f"{name} first": self.texts.passages[top[0]]}
            records.append(record)
        frame = pd.DataFrame(records)
        return frame.astype({name: "Int64" for name in frame if str(name).endswith(" rank")})

    def scores_frame(self) -> pd.DataFrame:
        """Return one row a metric: both scores, right - left, and its 95 % interval."""
        columns = ["metric", "left", "right", "gain", "low", "high"]
        cells = [
            (each.metric, each.left, each.right, each.gain, *(each.interval or (np.nan, np.nan)))
            for each in self.scores
        ]
        return pd.DataFrame(cells, columns=columns)

    def __repr__(self) -> str:
        """Say how much the lenses disagree, and what came of the known answers."""
        left, right = self.lenses
        outcomes = ", ".join(f"{self.count(outcome)} {outcome}" for outcome in ("won", "lost", "tied"))
        known = f", {outcomes}" if self.scores else ""
        return f"Disagreement({left} | {right}: {self.mean:.2f} over {len(self.rows):,} queries{known})"

    def _repr_html_(self) -> str:
        scores = self.scores_frame().round(3).to_html(index=False) if self.scores else ""
        rows = self.to_frame().drop(columns=[f"{lens} rows" for lens in self.lenses], errors="ignore")
        return f"<p>{escape(repr(self))}</p>{scores}{rows.head(20).round(3).to_html(index=False)}"


def own_queries(texts: Texts) -> Queries:
    """Return the questions that the texts answer, with the rows of their answers; without such, the sample queries.

    Of more than ``MOST_QUERIES`` questions, a seeded sample.
    """
    asked = [row for row, question in enumerate(texts.questions) if question]
    if not asked:
        return Queries(texts.queries)
    chosen, notes = asked, []
    if len(asked) > MOST_QUERIES:
        drawn = np.random.default_rng(0).choice(len(asked), MOST_QUERIES, replace=False)
        chosen = [asked[at] for at in sorted(drawn)]
        notes = [f"A random {MOST_QUERIES:,} of {len(asked):,} questions, the same at each call."]
    return Queries(tuple(texts.questions[row] for row in chosen), tuple(chosen), tuple(notes))


def ask_all(
    lenses: tuple[Lens, Lens],
    queries: Sequence[str],
    texts: Texts,
    answers: Sequence[str | int | None] | None,
    k: int,
    store: "VectorStore",
    on_stage: OnStage = silent,
    stop: threading.Event | None = None,
) -> Disagreement:
    """Ask both lenses many queries (see ``Pair.ask_all``)."""
    if not 1 <= k <= MOST_HITS:
        raise UserError(f"The number of hits must be from 1 to {MOST_HITS}, not {k}.")
    distinct = _Distinct(texts)
    asked, wanted, notes = _checked(queries, answers, distinct)
    tops, ranks = [], []
    for lens in lenses:
        found, places = _ask_lens(lens, asked, texts, distinct, wanted, k, store, on_stage, stop)
        tops.append(found)
        ranks.append(places)
    rows = []
    for at, (query, answered) in enumerate(zip(asked, wanted, strict=True)):
        pair = tops[0][at], tops[1][at]
        known = (ranks[0][at], ranks[1][at]) if answered else None
        rows.append(
            AskedQuery(query, 1 - rank_biased_overlap(*pair), pair, tuple(distinct.rows[answered].tolist()), known)
        )
    rows.sort(key=lambda row: -row.disagreement)
    return Disagreement(lenses, texts, k, tuple(rows), _scores([row.ranks for row in rows if row.ranks]), notes)


class _Distinct:
    """Number the texts that are distinct, and find them by what they say.

    Attributes:
        rows: int64 [distinct], the first row of each.
        numbers: int64 [rows], the number of each row's text.
    """

    def __init__(self, texts: Texts) -> None:
        numbers, _ = pd.factorize(pd.Series(texts.passages).map(text_key))
        self.numbers = numbers
        self.rows = np.unique(numbers, return_index=True)[1]
        self._named: dict[str, dict[int, None]] = {}
        for names in (texts.passages, texts.frame["text"], texts.frame["title"]):
            for number, name in zip(numbers.tolist(), names, strict=True):
                if name:
                    self._named.setdefault(text_key(name), {})[number] = None

    def find(self, answer: str | int | None) -> list[int]:
        """Return the numbers of the texts that an answer names, by its words or by its row; none where it is none."""
        named = self._named.get(text_key(answer)) if isinstance(answer, str) else None
        if named is not None:
            return list(named)
        row = str(answer)
        return [int(self.numbers[int(row)])] if row.isdecimal() and int(row) < len(self.numbers) else []


def _checked(
    queries: Sequence[str], answers: Sequence[str | int | None] | None, distinct: _Distinct
) -> tuple[list[str], list[list[int]], tuple[str, ...]]:
    """Return each query once, the numbers of the texts that answer it, and what was left out."""
    if not queries:
        raise UserError("There are no queries. Please give one at least.")
    if len(queries) > MOST_QUERIES:
        raise UserError(f"{len(queries):,} queries are too many at once; please give at most {MOST_QUERIES:,}.")
    if answers is not None and len(answers) != len(queries):
        raise UserError(f"There are {len(queries):,} queries and {len(answers):,} answers. Please give one for each.")
    wanted: dict[str, dict[int, None]] = {}
    unknown = 0
    for number, (query, answer) in enumerate(zip(queries, answers or [None] * len(queries), strict=True), start=1):
        found = distinct.find(answer)
        unknown += not found and answer not in (None, "")
        wanted.setdefault(checked_text(query, f"query {number}"), {}).update(dict.fromkeys(found))
    if unknown and not any(wanted.values()):
        raise UserError(
            f"None of the {unknown:,} answers is one of the texts. Please give the words of a text, its title, or the "
            f"number of its row, from 0 to {len(distinct.numbers) - 1:,}."
        )
    repeated = len(queries) - len(wanted)
    notes = [f"{unknown:,} answer(s) are none of the texts; their queries have no score."] if unknown else []
    notes += [f"{repeated:,} quer{'y repeats' if repeated == 1 else 'ies repeat'} another."] if repeated else []
    return list(wanted), [list(numbers) for numbers in wanted.values()], tuple(notes)


def _ask_lens(
    lens: Lens,
    queries: Sequence[str],
    texts: Texts,
    distinct: _Distinct,
    wanted: Sequence[Sequence[int]],
    k: int,
    store: "VectorStore",
    on_stage: OnStage,
    stop: threading.Event | None,
) -> tuple[list[tuple[int, ...]], list[int]]:
    """Return the first k rows of each query, and the rank of the best placed of its answers; 0 without one."""
    documents = lens.vectors(texts, store, partial(on_stage, f"Encoding {texts.title} with {lens.encoder.name}"), stop)
    if len(distinct.rows) < len(documents):
        documents = documents[distinct.rows]
    progress = partial(on_stage, f"Encoding the queries with {lens.encoder.name}")
    vectors = lens.encode_query(queries, progress, stop)
    _, found = search(documents, vectors, k)
    return [tuple(rows) for rows in distinct.rows[found].tolist()], list(_best_ranks(documents, vectors, wanted))


def _best_ranks(documents: np.ndarray, vectors: np.ndarray, wanted: Sequence[Sequence[int]]) -> Iterable[int]:
    """Yield the rank of the best placed answer of each query, 0 without one; a tie with another text counts against."""
    for start in range(0, len(vectors), _AT_ONCE):
        scores = vectors[start : start + _AT_ONCE] @ documents.T
        for row, answers in zip(scores, wanted[start : start + _AT_ONCE], strict=True):
            best = row[answers].max(initial=-np.inf)
            yield 1 + int((row >= best).sum() - (row[answers] >= best).sum()) if answers else 0


def _scores(ranks: Sequence[tuple[int, int]]) -> tuple[PairedScore, ...]:
    """Compare both sides of the answers' ranks by each metric."""
    if not ranks:
        return ()
    scores = []
    for metric, score in zip(METRICS, (_ndcg, _hit, _reciprocal), strict=True):
        left, right = (np.array([score(pair[side]) for pair in ranks]) for side in (0, 1))
        interval = sets_interval(right - left) if len(ranks) > 1 else None
        scores.append(PairedScore(metric, float(left.mean()), float(right.mean()), interval))
    return tuple(scores)


def _ndcg(rank: int) -> float:
    # One answer is enough: texts that answer as well are alternatives, not further demands.
    return ndcg_at_k([0.0] * min(rank - 1, _SCORED) + [1.0], [1.0], _SCORED)


def _hit(rank: int) -> float:
    return float(rank == 1)


def _reciprocal(rank: int) -> float:
    return 1 / rank


def _listed(rows: Sequence[int]) -> str:
    return " ".join(map(str, rows))
