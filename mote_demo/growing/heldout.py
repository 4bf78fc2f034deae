"""Measure a route on rows that nothing was trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from mote_demo.data.examples import Examples
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.explore.measures import vote

FEW_ROWS = 50
"""Below this many held-out rows a difference may well be chance."""

_NEIGHBOURS = 5
_SEEDS = 5


@dataclass(frozen=True)
class Measured:
    """Hold what was measured.

    Attributes:
        metrics: higher is better, by what they say in plain words.
        rows: how many held-out rows are behind them.
        vectors: by text, float32 [d]: those of all texts with a label, or of all documents; none of pairs.
    """

    metrics: dict[str, float]
    rows: int
    vectors: Mapping[str, np.ndarray] = field(default_factory=lambda: MappingProxyType({}), compare=False)


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
        Accuracy of the nearest neighbours' vote, V-measure, nDCG@10 with hit rate, or Spearman.

    Raises:
        UserError: the held-out pairs all have the same score.
    """
    if "label" in test.frame:
        return _measure_labelled(encoder, routes[1], train, test)
    if test.task == "retrieval":
        return _measure_retrieval(encoder, routes, train, test, documents)
    return Measured(_similarity(encoder, routes, test), len(test.frame))


def _measure_labelled(encoder: Encoder, route: str, train: Examples, test: Examples) -> Measured:
    rows = len(test.frame)
    texts = [*test.frame["text"], *train.frame["text"]]
    vectors = encoder.encode(texts, route=route)
    labels = np.concatenate([test.frame["label"].to_numpy(), train.frame["label"].to_numpy()])
    of_task = _clustering if test.task == "clustering" else _classification
    return Measured(of_task(vectors, labels, rows), rows, dict(zip(texts, vectors, strict=True)))


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
    answers = test.frame.groupby("query", sort=False)["positive"].agg(set)
    queries = encoder.encode(answers.index.tolist(), route=routes[0])
    return Measured(_ranking(queries, documents, answers.tolist()), len(test.frame), documents)


def _classification(vectors: np.ndarray, labels: np.ndarray, rows: int) -> dict[str, float]:
    return {
        "Label of the nearest text is right (1-NN accuracy)": _vote_accuracy(vectors, labels, rows, 1),
        f"Vote of the {_NEIGHBOURS} nearest texts is right ({_NEIGHBOURS}-NN accuracy)": _vote_accuracy(
            vectors, labels, rows, _NEIGHBOURS
        ),
    }


def _vote_accuracy(vectors: np.ndarray, labels: np.ndarray, rows: int, k: int) -> float:
    right, known = 0, labels[rows:]
    for scores, label in zip(vectors[:rows] @ vectors[rows:].T, labels[:rows], strict=True):
        nearest = np.argsort(-scores, kind="stable")[:k]
        right += vote(known[nearest].tolist(), scores[nearest])[0][0] == label
    return right / rows


def _clustering(vectors: np.ndarray, labels: np.ndarray, rows: int) -> dict[str, float]:
    """Cluster all texts, because few would be a cluster each, and look at those held out."""
    from mote_demo.evaluation.metrics import v_measure

    values = [v_measure(vectors, labels, seed=seed, scored=rows) for seed in range(_SEEDS)]
    return {f"Clusters agree with the labels (V-measure, mean of {_SEEDS} k-means)": float(np.mean(values))}


def _ranking(queries: np.ndarray, documents: Mapping[str, np.ndarray], answers: Sequence[set[str]]) -> dict[str, float]:
    from mote_demo.evaluation.metrics import ndcg_at_k

    texts, vectors = list(documents), np.stack(list(documents.values()))
    gains, first = [], []
    for right, row in zip(answers, queries @ vectors.T, strict=True):
        ranked = [float(texts[place] in right) for place in np.argsort(-row, kind="stable")[:10]]
        gains.append(ndcg_at_k(ranked, [1.0] * len(right)))
        first.append(ranked[0])
    return {
        f"Right documents come early among {len(texts):,} (nDCG@10)": float(np.mean(gains)),
        "The first document is right (hit@1)": float(np.mean(first)),
    }


def _similarity(encoder: Encoder, routes: tuple[str, str], test: Examples) -> dict[str, float]:
    from mote_demo.evaluation.metrics import cosines, spearman

    scores = test.frame["score"].tolist()
    if len(set(scores)) == 1:
        raise UserError(
            f"All {len(scores)} pairs that were set aside to measure on have the same score, {scores[0]:g}, so their "
            "order tells nothing. Please add pairs, or choose another seed."
        )
    first, second = (encoder.encode(test.frame[name].tolist(), route=routes[0]) for name in ("sentence1", "sentence2"))
    return {"Order of the pairs agrees with the scores (Spearman)": spearman(cosines(first, second), scores)}
