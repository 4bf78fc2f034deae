"""Exact nearest neighbours by inner product."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial

import numpy as np

from mote_demo.errors import UserError

Search = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""(queries [q, d], k) to (scores float32 [q, k], rows int64 [q, k]), best first; 1 <= k <= number of vectors."""

_QUERIES_AT_ONCE = 1024


@dataclass(frozen=True)
class IndexKey:
    """Say what an index was built from.

    Attributes:
        model: name of the model.
        route: fingerprint of the model on the route of the texts.
        texts: fingerprint of the texts.
    """

    model: str
    route: str
    texts: str


class VectorIndex:
    """Search vectors that one model made of one set of texts, and no others."""

    def __init__(self, search: Search, shape: tuple[int, int], key: IndexKey) -> None:
        self._search = search
        self._shape = shape
        self.key = key

    @classmethod
    def build(cls, vectors: np.ndarray, *, key: IndexKey) -> "VectorIndex":
        """Index ``vectors``, float [n, d] with n >= 1 and rows of unit length: scores are then cosines.

        float32 vectors in C order are not copied, so they must keep their values.
        """
        vectors = _matrix(vectors)
        if not len(vectors):
            raise UserError("There are no texts to search. Please choose or upload texts first.")
        return cls(_searcher(vectors), vectors.shape, key)

    def __len__(self) -> int:
        return self._shape[0]

    def search(self, queries: np.ndarray, k: int, *, key: IndexKey) -> tuple[np.ndarray, np.ndarray]:
        """Find the ``k`` vectors with the highest inner product for each query.

        Args:
            queries: float [q, d], rows of unit length.
            k: at least 1; more than there are vectors means all of them.
            key: what the caller believes the index holds; a ``UserError`` names what differs.

        Returns:
            (scores float32 [q, k], rows int64 [q, k]), best first.
        """
        self._check_key(key)
        queries = _matrix(queries)
        if k < 1:
            raise UserError(f"The number of hits must be at least 1, not {k}.")
        if queries.shape[1] != self._shape[1]:
            raise UserError(f"The query has {queries.shape[1]} dimensions, the index {self._shape[1]}. Use one model.")
        return self._search(queries, min(k, len(self)))

    def _check_key(self, key: IndexKey) -> None:
        names = [field.name for field in fields(IndexKey)]
        differing = [name for name in names if getattr(key, name) != getattr(self.key, name)]
        if differing:
            detail = ", ".join(f"{name} ({getattr(self.key, name)}, not {getattr(key, name)})" for name in differing)
            raise UserError(f"The index was built with a different {detail}. Please encode the texts again.")


def nearest(vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the ``k`` nearest other vectors of every vector.

    Args:
        vectors: float [n, d], rows of unit length.
        k: more than n - 1 means n - 1.

    Returns:
        (scores float32 [n, k], rows int64 [n, k]), best first; no row is its own neighbour.
    """
    vectors = _matrix(vectors)
    count = len(vectors)
    k = max(0, min(k, count - 1))
    if k == 0:
        return np.empty((count, 0), np.float32), np.empty((count, 0), np.int64)
    scores, rows = _searcher(vectors)(vectors, k + 1)
    drop = rows == np.arange(count)[:, None]
    # Among many equal vectors a row may miss itself: then the last neighbour goes instead.
    drop[~drop.any(axis=1), -1] = True
    return scores[~drop].reshape(count, k), rows[~drop].reshape(count, k)


def _matrix(vectors: np.ndarray) -> np.ndarray:
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2:
        raise ValueError(f"Vectors need the shape [number, dimension], not {list(vectors.shape)}.")
    return vectors


def _searcher(vectors: np.ndarray) -> Search:
    # On macOS the OpenMP runtimes of faiss and torch can abort the process (faiss-wheels#73).
    if sys.platform == "darwin":
        return _numpy_searcher(vectors)
    try:
        import faiss
    except ImportError:
        return _numpy_searcher(vectors)
    # An IndexFlatIP would answer the same from a copy of its own; the store holds these vectors already.
    return partial(_faiss_search, faiss.knn, faiss.METRIC_INNER_PRODUCT, vectors)


def _faiss_search(
    knn: Callable[..., tuple[np.ndarray, np.ndarray]], metric: int, vectors: np.ndarray, queries: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    return knn(queries, vectors, k, metric=metric)


def _numpy_searcher(vectors: np.ndarray) -> Search:
    def search(queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        scores = np.empty((len(queries), k), np.float32)
        rows = np.empty((len(queries), k), np.int64)
        for start in range(0, len(queries), _QUERIES_AT_ONCE):
            block = slice(start, start + _QUERIES_AT_ONCE)
            every = queries[block] @ vectors.T
            best = np.argpartition(every, -k, axis=1)[:, -k:]
            found = np.take_along_axis(every, best, axis=1)
            order = np.argsort(-found, axis=1, kind="stable")
            scores[block] = np.take_along_axis(found, order, axis=1)
            rows[block] = np.take_along_axis(best, order, axis=1)
        return scores, rows

    return search
