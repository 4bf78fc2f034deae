"""The families of labelled sets: their files, their routes and how a model scores on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import pandas as pd

from mote_demo.data.texts import Texts
from mote_demo.errors import UserError
from mote_demo.evaluation import metrics
from mote_demo.tasks import TASKS

Tables: TypeAlias = Mapping[str, pd.DataFrame]
"""The tables of a set by file name, without the ending."""

Encode: TypeAlias = Callable[[Sequence[str], str], np.ndarray]
"""Called with (texts, route); returns float32 [n, d], rows of unit length."""

EXAMPLES = 8
DRAWS = 10
STARTS = 5
TOP = 10
PROTOCOL = (
    f"Retrieval: nDCG@{TOP} by exact search, documents are title and text. "
    "Reranking: mean average precision over the candidates given for a query. "
    f"Classification: accuracy of a logistic regression on {EXAMPLES} examples a class, mean of {DRAWS} draws. "
    f"Clustering: V-measure of mini-batch k-means, mean of {STARTS} starts. "
    "STS: Spearman's correlation of the cosine. Pairs: average precision of the cosine. "
    "NLI: the same, entailment against contradiction."
)


@dataclass(frozen=True)
class Family:
    """Describe sets that are scored alike.

    Attributes:
        metric: name of the metric.
        part: what the score is a mean over ("query", "draw", "start"), or "" where it is one number.
        files: file name, without the ending, to the columns it must have.
        score: (encode, tables, seed) to the parts of the score, fractions, float64 [parts].
    """

    metric: str
    part: str
    files: Mapping[str, tuple[str, ...]]
    score: Callable[[Encode, Tables, int], np.ndarray]


def _retrieval(encode: Encode, tables: Tables, seed: int) -> np.ndarray:
    """Rank all documents for each query that has a relevant one; return nDCG per query."""
    task = TASKS["retrieval"]
    grades = _grades(tables["qrels"])
    queries = tables["queries"]
    queries = queries[queries["id"].isin(grades)]
    if queries.empty:
        raise UserError("No query of qrels.parquet has a relevant document in it. Please check its query_id and score.")
    documents = encode(Texts("corpus", "Corpus", tables["corpus"]).passages, task.document_route)
    ids = tables["corpus"]["id"].to_numpy()
    found = []
    for query, vector in zip(queries["id"], encode(list(queries["text"]), task.query_route), strict=True):
        best = ids[np.argsort(-(documents @ vector), kind="stable")[:TOP]]
        judged = grades[query]
        found.append(metrics.ndcg_at_k([judged.get(doc, 0) for doc in best], list(judged.values()), TOP))
    return np.array(found)


def _grades(qrels: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return query to document to grade, for the queries that have a relevant document."""
    grades: dict[str, dict[str, float]] = {}
    for query, document, grade in qrels[["query_id", "doc_id", "score"]].itertuples(index=False):
        grades.setdefault(query, {})[document] = float(grade)
    return {query: judged for query, judged in grades.items() if max(judged.values()) > 0}


def _reranking(encode: Encode, tables: Tables, seed: int) -> np.ndarray:
    """Rank the candidates of each query that has a right one; return the average precision per query."""
    task, test = TASKS["retrieval"], tables["test"]
    predicted = metrics.cosines(
        encode(list(test["query"]), task.query_route), encode(list(test["text"]), task.document_route)
    )
    right = (test["label"] > 0).to_numpy()
    found = [
        metrics.average_precision(predicted[rows], right[rows])
        for rows in test.groupby("query", sort=False).indices.values()
        if right[rows].any()
    ]
    if not found:
        raise UserError("No query of test.parquet has a candidate labelled 1. Please check its column label.")
    return np.array(found)


def _classification(encode: Encode, tables: Tables, seed: int) -> np.ndarray:
    """Return the accuracy per draw of a few examples a class."""
    pool, test = tables["train"], tables["test"]
    if pool["label_text"].nunique() < 2:
        raise UserError("train.parquet has fewer than two labels in label_text. Please give two or more.")
    draws = metrics.few_shot_draws(pool["label_text"], k=EXAMPLES, draws=DRAWS, seed=seed)
    drawn = np.unique(np.concatenate(draws))
    route = TASKS["classification"].query_route
    vectors = encode([*pool["text"].iloc[drawn], *test["text"]], route)
    train, labels = vectors[: len(drawn)], pool["label_text"].to_numpy()
    return np.array(
        [
            metrics.probe_accuracy(
                train[np.searchsorted(drawn, rows)],
                labels[rows],
                vectors[len(drawn) :],
                test["label_text"].to_numpy(),
                seed=seed,
            )
            for rows in draws
        ]
    )


def _clustering(encode: Encode, tables: Tables, seed: int) -> np.ndarray:
    """Return the V-measure per start of k-means."""
    test = tables["test"]
    vectors = encode(list(test["text"]), TASKS["clustering"].query_route)
    labels = test["label_text"].to_numpy()
    return np.array([metrics.v_measure(vectors, labels, seed=seed + start) for start in range(STARTS)])


def _sts(encode: Encode, tables: Tables, seed: int) -> np.ndarray:
    """Return the rank correlation of the cosines with the scores people gave."""
    test = tables["test"]
    return np.array([metrics.spearman(_pair_cosines(encode, test["sentence1"], test["sentence2"]), test["score"])])


def _pairs(encode: Encode, tables: Tables, seed: int) -> np.ndarray:
    """Return the average precision of the cosines for the pairs labelled 1."""
    test = tables["test"]
    if set(test["label"]) != {0, 1}:
        raise UserError("The column label of test.parquet must hold 0 and 1, and both of them.")
    predicted = _pair_cosines(encode, test["sentence1"], test["sentence2"])
    return np.array([metrics.average_precision(predicted, test["label"])])


def _nli(encode: Encode, tables: Tables, seed: int) -> np.ndarray:
    """Return the average precision for entailment against contradiction; neutral pairs do not count, as in MTEB."""
    test = tables["test"][tables["test"]["label_text"].isin(["entailment", "contradiction"])]
    if test["label_text"].nunique() != 2:
        raise UserError("The column label_text of test.parquet must hold 'entailment' and 'contradiction'.")
    predicted = _pair_cosines(encode, test["premise"], test["hypothesis"])
    return np.array([metrics.average_precision(predicted, (test["label_text"] == "entailment").astype(int))])


def _pair_cosines(encode: Encode, first: pd.Series, second: pd.Series) -> np.ndarray:
    vectors = encode([*first, *second], TASKS["similarity"].query_route)
    return metrics.cosines(vectors[: len(first)], vectors[len(first) :])


_LABELLED = ("text", "label_text")

TEXT_COLUMNS = frozenset({"title", "text", "query", "sentence1", "sentence2", "premise", "hypothesis"})
"""The columns, of any family, that hold what is encoded."""

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "retrieval": Family(
            f"nDCG@{TOP}",
            "query",
            {
                "corpus": ("id", "title", "text"),
                "queries": ("id", "text"),
                "qrels": ("query_id", "doc_id", "score"),
            },
            _retrieval,
        ),
        "reranking": Family("MAP", "query", {"test": ("query", "text", "label")}, _reranking),
        "classification": Family("accuracy", "draw", {"train": _LABELLED, "test": _LABELLED}, _classification),
        "clustering": Family("V-measure", "start", {"test": _LABELLED}, _clustering),
        "sts": Family("Spearman", "", {"test": ("sentence1", "sentence2", "score")}, _sts),
        "pairs": Family("average precision", "", {"test": ("sentence1", "sentence2", "label")}, _pairs),
        "nli": Family("average precision", "", {"test": ("premise", "hypothesis", "label_text")}, _nli),
    }
)
