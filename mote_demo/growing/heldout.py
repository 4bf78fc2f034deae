"""Measure a route on rows that nothing was trained on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mote_demo.data.examples import Examples
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.explore.measures import vote

FEW_ROWS = 50
"""Below this many held-out rows a difference may well be chance."""

_NEIGHBOURS = 5
_SEEDS = 5
_GUESSES = 20
_WORDS_TO_HALVE = 4
_NEAR_PLACE = 0.25

Of = Callable[[np.ndarray], float]
"""Returns a metric on some of the items it is measured on, int64 [items], where an item may come twice."""


@dataclass(frozen=True)
class Answer:
    """Say what a route made of one held-out row, in words, and whether that is right."""

    words: str
    right: bool


@dataclass(frozen=True)
class Guess:
    """Hold what needs no model: always the commonest answer of the training rows, and pure chance."""

    commonest: float
    chance: float


@dataclass(frozen=True)
class Measured:
    """Hold what was measured.

    Attributes:
        metrics: higher is better, by what they say in plain words.
        rows: how many held-out rows are behind them.
        vectors: by text, float32 [d]: those of all texts with a label, or of all documents; none of pairs.
        items: how many rows or queries a metric is computed of; ``of`` takes their numbers.
        of: each metric on some of its items.
        answers: one for each held-out row.
        guesses: by metric, where there is something to guess.
        sides: the vectors of both texts of each held-out row that is a pair, float32 [rows, d] each; none otherwise.
    """

    metrics: dict[str, float]
    rows: int
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict, compare=False)
    items: int = field(default=0, compare=False)
    of: Mapping[str, Of] = field(default_factory=dict, compare=False)
    answers: tuple[Answer, ...] = field(default=(), compare=False)
    guesses: Mapping[str, Guess] = field(default_factory=dict, compare=False)
    sides: tuple[np.ndarray, ...] = field(default=(), compare=False)


def measure(
    encoder: Encoder,
    routes: tuple[str, str],
    train: Examples,
    test: Examples,
    *,
    documents: Mapping[str, np.ndarray] | None = None,
) -> Measured:
    """Measure how well a pair of routes does the examples' task on the held-out part.

    Args:
        encoder: the model.
        routes: (query route, document route); the same one twice for symmetric tasks.
        train: the training part: the neighbours that vote, and further documents to search.
        test: the held-out part.
        documents: vectors of all documents by text, where another measurement with this document route has them.

    Returns:
        Accuracy of the nearest neighbours' vote, V-measure, nDCG@10 with hit rate, or Spearman; of texts without
        labels, how often the halves of a text find each other.

    Raises:
        UserError: the held-out pairs all have the same score, or the texts have no halves.
    """
    if "label" in test.frame:
        return _measure_labelled(encoder, routes[1], train, test)
    if "query" in test.frame:
        return _measure_retrieval(encoder, routes, train, test, documents)
    if "score" in test.frame:
        return _measure_pairs(encoder, routes[0], test)
    return _measure_halves(encoder, routes[0], test)


def _measured(of: Mapping[str, Of], items: int, rows: int, **more: Any) -> Measured:
    every = np.arange(items)
    return Measured({name: value(every) for name, value in of.items()}, rows, items=items, of=of, **more)


def _mean_of(parts: Sequence[float] | np.ndarray) -> Of:
    values = np.asarray(parts, dtype=np.float64)
    return lambda rows: float(values[rows].mean())


def _measure_labelled(encoder: Encoder, route: str, train: Examples, test: Examples) -> Measured:
    rows = len(test.frame)
    texts = [*test.frame["text"], *train.frame["text"]]
    vectors = encoder.encode(texts, route=route)
    labels = np.concatenate([test.frame["label"].to_numpy(), train.frame["label"].to_numpy()]).astype(str)
    nearest = _votes(vectors, labels, rows, 1)
    if test.task == "clustering":
        of, voted = _clustering(vectors, labels, rows), nearest
        guesses = _guesses_of_clusters(of, labels, rows)
    else:
        voted = _votes(vectors, labels, rows, _NEIGHBOURS)
        of = {
            "Label of the nearest text is right (1-NN accuracy)": _mean_of(nearest == labels[:rows]),
            f"Vote of the {_NEIGHBOURS} nearest texts is right ({_NEIGHBOURS}-NN accuracy)": _mean_of(
                voted == labels[:rows]
            ),
        }
        names, counts = np.unique(labels[rows:], return_counts=True)
        commonest = float(np.mean(labels[:rows] == names[counts.argmax()]))
        guesses = dict.fromkeys(of, Guess(commonest, 1 / len(np.unique(labels))))
    answers = tuple(Answer(str(word), word == label) for word, label in zip(voted, labels[:rows], strict=True))
    found = dict(zip(texts, vectors, strict=True))
    return _measured(of, rows, rows, vectors=found, answers=answers, guesses=guesses)


def _votes(vectors: np.ndarray, labels: np.ndarray, rows: int, k: int) -> np.ndarray:
    """Return the label that the ``k`` nearest training texts of each held-out one vote for, str [rows]."""
    known, winners = labels[rows:], []
    for scores in vectors[:rows] @ vectors[rows:].T:
        nearest = np.argsort(-scores, kind="stable")[:k]
        winners.append(vote(known[nearest].tolist(), scores[nearest])[0][0])
    return np.array(winners, dtype=str)


def _clustering(vectors: np.ndarray, labels: np.ndarray, rows: int) -> dict[str, Of]:
    """Cluster all texts, because few would be a cluster each, and look at those held out."""
    from mote_demo.evaluation.metrics import clusters

    drawn = [clusters(vectors, len(np.unique(labels)), seed=seed)[:rows] for seed in range(_SEEDS)]
    own = _codes(labels[:rows])

    def agreement(some: np.ndarray) -> float:
        return float(np.mean([_v_measure(own[some], found[some]) for found in drawn]))

    return {f"Clusters agree with the labels (V-measure, mean of {_SEEDS} k-means)": agreement}


def _guesses_of_clusters(of: Mapping[str, Of], labels: np.ndarray, rows: int) -> dict[str, Guess]:
    """One cluster of all agrees with nothing; clusters drawn by lot agree a little where there are many."""
    random, many, own = np.random.default_rng(0), len(np.unique(labels)), _codes(labels[:rows])
    lots = [_v_measure(own, random.integers(0, many, rows)) for _ in range(_GUESSES)]
    return dict.fromkeys(of, Guess(0.0, float(np.mean(lots))))


def _codes(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1]


def _v_measure(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Return what scikit-learn's ``v_measure_score`` does of int [n] twice, in a fiftieth of the time."""
    counts = np.bincount(labels * (clusters.max() + 1) + clusters).astype(np.float64)
    entropies = [_entropy(each) for each in (counts, np.bincount(labels), np.bincount(clusters))]
    both, of_labels, of_clusters = entropies
    if of_labels + of_clusters == 0:
        return 1.0
    # Homogeneity and completeness are shares of the mutual information; this is their harmonic mean.
    return float(2 * (of_labels + of_clusters - both) / (of_labels + of_clusters))


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _measure_retrieval(
    encoder: Encoder,
    routes: tuple[str, str],
    train: Examples,
    test: Examples,
    documents: Mapping[str, np.ndarray] | None,
) -> Measured:
    if not documents:
        texts = list(dict.fromkeys([*test.frame["positive"], *train.frame["positive"]]))
        documents = dict(zip(texts, encoder.encode(texts, route=routes[1]), strict=True))
    of_query = test.frame.groupby("query", sort=False)["positive"].agg(set)
    queries = dict(zip(of_query.index, encoder.encode(of_query.index.tolist(), route=routes[0]), strict=True))
    texts, vectors = list(documents), np.stack(list(documents.values()))
    ranked = {query: np.argsort(-(vectors @ vector), kind="stable")[:10] for query, vector in queries.items()}
    hits = [[texts[place] in of_query[query] for place in places] for query, places in ranked.items()]
    gains, first = _gains(hits, of_query), [row[0] for row in hits]
    names = (f"Right documents come early among {len(texts):,} (nDCG@10)", "The first document is right (hit@1)")
    of = {names[0]: _mean_of(gains), names[1]: _mean_of(first)}
    answers = [texts[ranked[query][0]] for query in test.frame["query"]]
    return _measured(
        of,
        len(of_query),
        len(test.frame),
        vectors=documents,
        answers=tuple(
            Answer(answer, answer in of_query[query])
            for answer, query in zip(answers, test.frame["query"], strict=True)
        ),
        guesses=dict(zip(names, _guesses_of_documents(train, texts, of_query), strict=True)),
        sides=(
            np.stack([queries[query] for query in test.frame["query"]]),
            np.stack([documents[text] for text in test.frame["positive"]]),
        ),
    )


def _gains(hits: Sequence[Sequence[bool]], of_query: pd.Series) -> list[float]:
    from mote_demo.evaluation.metrics import ndcg_at_k

    return [
        ndcg_at_k([float(hit) for hit in row], [1.0] * len(right)) for row, right in zip(hits, of_query, strict=True)
    ]


def _guesses_of_documents(train: Examples, texts: Sequence[str], of_query: pd.Series) -> list[Guess]:
    """Rank by how often the training rows have each document, and by lot."""
    often = train.frame["positive"].value_counts().index[:10].tolist()
    commonest = [[text in right for text in often] for right in of_query]
    random = np.random.default_rng(0)
    size = min(10, len(texts))
    lots = [
        [[texts[place] in right for place in random.permutation(len(texts))[:size]] for right in of_query]
        for _ in range(_GUESSES)
    ]
    gained = [float(np.mean([np.mean(_gains(hits, of_query)) for hits in some])) for some in ([commonest], lots)]
    first = [float(np.mean([row[0] for hits in some for row in hits])) for some in ([commonest], lots)]
    return [Guess(*gained), Guess(*first)]


def _measure_pairs(encoder: Encoder, route: str, test: Examples) -> Measured:
    from mote_demo.evaluation.metrics import cosines, spearman

    scores = test.frame["score"].to_numpy(dtype=np.float64)
    if len(set(scores)) == 1:
        raise UserError(
            f"All {len(scores)} pairs that were set aside to measure on have the same score, {scores[0]:g}, so their "
            "order tells nothing. Please add pairs, or choose another seed."
        )
    sides = tuple(encoder.encode(test.frame[name].tolist(), route=route) for name in ("sentence1", "sentence2"))
    found = cosines(*sides)
    name = "Order of the pairs agrees with the scores (Spearman)"
    # A draw of the rows may hold one score alone, of which no order can agree.
    of = {name: lambda rows: spearman(found[rows], scores[rows]) if len(set(scores[rows])) > 1 else 0.0}
    rows = len(test.frame)
    answers = _places(found, scores)
    return _measured(of, rows, rows, answers=answers, guesses={name: Guess(0.0, 0.0)}, sides=sides)


def _places(found: np.ndarray, scores: np.ndarray) -> tuple[Answer, ...]:
    """Tell where each pair stands in the order, and whether that is near the places of its score."""
    place = np.argsort(np.argsort(found)) / max(1, len(found) - 1)
    below = np.array([(scores < score).mean() for score in scores])
    upto = np.array([(scores <= score).mean() for score in scores])
    far = np.maximum(0, np.maximum(below - place, place - upto))
    return tuple(
        Answer(f"nearer than {100 * share:.0f} % of the pairs (cosine {cosine:.2f})", bool(off <= _NEAR_PLACE))
        for share, cosine, off in zip(place, found, far, strict=True)
    )


def _measure_halves(encoder: Encoder, route: str, test: Examples) -> Measured:
    """Let the first half of each text look for its second half: the only right answers that texts alone have."""
    words = [text.split() for text in test.frame["text"]]
    long = [row for row, one in enumerate(words) if len(one) >= _WORDS_TO_HALVE]
    if len(long) < 2:
        raise UserError(
            f"Texts without labels are measured by whether their halves find each other, which takes texts of "
            f"{_WORDS_TO_HALVE} words or more. Please give longer texts, or labels."
        )
    halves = [
        encoder.encode([" ".join(half(words[row])) for row in long], route=route)
        for half in (lambda one: one[: len(one) // 2], lambda one: one[len(one) // 2 :])
    ]
    scores = halves[0] @ halves[1].T
    best = scores.argmax(1)
    right = best == np.arange(len(long))
    ranks = 1 + (scores > np.diagonal(scores)[:, None]).sum(1)
    names = (
        f"Half a text finds its other half among {len(long):,} (hit@1)",
        "The other half comes early (mean reciprocal rank)",
    )
    of = {names[0]: _mean_of(right), names[1]: _mean_of(1 / ranks)}
    chance = 1 / len(long)
    reciprocal = float(np.mean(1 / np.arange(1, len(long) + 1)))
    guesses = {names[0]: Guess(chance, chance), names[1]: Guess(reciprocal, reciprocal)}
    texts = test.frame["text"].tolist()
    found = {row: Answer(texts[long[place]], bool(hit)) for row, place, hit in zip(long, best, right, strict=True)}
    answers = tuple(found.get(row, Answer("too short to halve", right=True)) for row in range(len(texts)))
    vectors = dict(zip(texts, encoder.encode(texts, route=route), strict=True))
    return _measured(of, len(long), len(test.frame), vectors=vectors, answers=answers, guesses=guesses)
