"""Measure a route on rows that nothing was trained on."""

from dataclasses import dataclass

import numpy as np

from mote_demo.compare import vote
from mote_demo.data.examples import Examples
from mote_demo.encoder import Encoder
from mote_demo.tasks import TASKS

FEW_ROWS = 50
"""Below this many held-out rows a difference may well be chance."""

_NEIGHBOURS = 5
_SEEDS = 5


@dataclass(frozen=True)
class Measured:
    """Hold metrics, higher is better, by what they say in plain words, and the held-out rows behind them."""

    metrics: dict[str, float]
    rows: int


def measure(encoder: Encoder, routes: tuple[str, str], train: Examples, test: Examples) -> Measured:
    """Measure how well a pair of routes does the examples' task on the held-out part.

    Args:
        encoder: the model.
        routes: (query route, document route); the same one twice for symmetric tasks.
        train: the training part: the neighbours that vote, and further documents to search.
        test: the held-out part.

    Returns:
        Accuracy of the nearest neighbours' vote, V-measure, nDCG@10 with hit rate, or Spearman.
    """
    metrics = {
        "retrieval": _retrieval,
        "classification": _classification,
        "clustering": _clustering,
        "similarity": _similarity,
    }[TASKS[test.task].name](encoder, routes, train, test)
    return Measured(metrics, len(test.frame))


def _classification(encoder: Encoder, routes: tuple[str, str], train: Examples, test: Examples) -> dict[str, float]:
    known = encoder.encode(train.frame["text"].tolist(), route=routes[1])
    asked = encoder.encode(test.frame["text"].tolist(), route=routes[0])
    labels = train.frame["label"].to_numpy()
    return {
        "Label of the nearest text is right (1-NN accuracy)": _vote_accuracy(asked, known, labels, test, 1),
        f"Vote of the {_NEIGHBOURS} nearest texts is right ({_NEIGHBOURS}-NN accuracy)": _vote_accuracy(
            asked, known, labels, test, _NEIGHBOURS
        ),
    }


def _vote_accuracy(asked: np.ndarray, known: np.ndarray, labels: np.ndarray, test: Examples, k: int) -> float:
    right = 0
    for scores, label in zip(asked @ known.T, test.frame["label"], strict=True):
        nearest = np.argsort(-scores, kind="stable")[:k]
        right += vote(labels[nearest].tolist(), scores[nearest])[0][0] == label
    return right / len(asked)


def _clustering(encoder: Encoder, routes: tuple[str, str], train: Examples, test: Examples) -> dict[str, float]:
    from mote_demo.evaluation.metrics import v_measure

    vectors, labels = encoder.encode(test.frame["text"].tolist(), route=routes[1]), test.frame["label"].tolist()
    values = [v_measure(vectors, labels, seed=seed) for seed in range(_SEEDS)]
    return {f"Clusters agree with the labels (V-measure, mean of {_SEEDS} k-means)": float(np.mean(values))}


def _retrieval(encoder: Encoder, routes: tuple[str, str], train: Examples, test: Examples) -> dict[str, float]:
    from mote_demo.evaluation.metrics import ndcg_at_k

    documents = list(dict.fromkeys([*test.frame["positive"], *train.frame["positive"]]))
    answers = test.frame.groupby("query", sort=False)["positive"].agg(set)
    scores = encoder.encode(answers.index.tolist(), route=routes[0]) @ encoder.encode(documents, route=routes[1]).T
    gains, first = [], []
    for right, row in zip(answers, scores, strict=True):
        ranked = [float(documents[place] in right) for place in np.argsort(-row, kind="stable")[:10]]
        gains.append(ndcg_at_k(ranked, [1.0] * len(right)))
        first.append(ranked[0])
    return {
        f"Right documents come early among {len(documents):,} (nDCG@10)": float(np.mean(gains)),
        "The first document is right (hit@1)": float(np.mean(first)),
    }


def _similarity(encoder: Encoder, routes: tuple[str, str], train: Examples, test: Examples) -> dict[str, float]:
    from mote_demo.evaluation.metrics import cosines, spearman

    first, second = (encoder.encode(test.frame[name].tolist(), route=routes[0]) for name in ("sentence1", "sentence2"))
    return {
        "Order of the pairs agrees with the scores (Spearman)": spearman(
            cosines(first, second), test.frame["score"].tolist()
        )
    }
