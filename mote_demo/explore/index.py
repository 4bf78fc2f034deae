"""Nearest neighbours by inner product: of vectors in memory, exactly, or in an index that lies elsewhere."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mote_demo.errors import UserError
from mote_demo.vector_index import VectorIndex

_ASKED_BEYOND = 1000
_QUERIES_AT_ONCE = 1024
_NEIGHBOURS_AT_ONCE = 4096
"""Texts between two signs of progress, a few seconds among 20,000."""


@dataclass(frozen=True)
class MemoryIndex:
    """Search vectors in memory, exactly.

    Attributes:
        vectors: float [n, d] with n >= 1, rows of unit length.
        rows: int64 [m], the rows that are searched; the others stand for texts that are there already.
    """

    vectors: np.ndarray
    rows: np.ndarray

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (scores, rows), best first (see ``search``)."""
        every = len(self.rows) == len(self.vectors)
        scores, found = search(self.vectors if every else self.vectors[self.rows], queries, k)
        return scores, self.rows[found]


@dataclass(frozen=True)
class PartOfIndex:
    """Search an index that has more than the rows that are asked for.

    Attributes:
        index: of all rows.
        rows: int64 [m], in rising order: those that may be found.
        beyond: how many others there are.
    """

    index: VectorIndex
    rows: np.ndarray
    beyond: int

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (scores, rows), best first; fewer than ``k`` where others stand before too many of them."""
        scores, found = self.index.search(queries, k + min(self.beyond, _ASKED_BEYOND))
        wanted = np.isin(found, self.rows)
        k = min(k, int(wanted.sum(axis=1).min()))
        order = np.argsort(~wanted, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, order, axis=1), np.take_along_axis(found, order, axis=1)


def search(vectors: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the ``k`` vectors with the highest inner product for each query.

    Args:
        vectors: float [n, d] with n >= 1 and rows of unit length: scores are then cosines. float32 vectors in C order
            are searched where they lie; no index holds a second copy.
        queries: float [q, d], rows of unit length.
        k: at least 1; more than there are vectors means all of them.

    Returns:
        (scores float32 [q, k], rows int64 [q, k]), best first.
    """
    vectors, queries = _matrix(vectors), _matrix(queries)
    if not len(vectors):
        raise UserError("There are no texts to search. Please choose or upload texts first.")
    if k < 1:
        raise UserError(f"The number of hits must be at least 1, not {k}.")
    if queries.shape[1] != vectors.shape[1]:
        raise UserError(f"The query has {queries.shape[1]} dimensions, the texts {vectors.shape[1]}. Use one model.")
    return _knn(vectors, queries, min(k, len(vectors)))


def nearest(
    vectors: np.ndarray, k: int, progress: Callable[[int, int], None] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find the ``k`` nearest other vectors of every vector.

    Args:
        vectors: float [n, d], rows of unit length.
        k: more than n - 1 means n - 1.
        progress: called with (vectors done, vectors in all) as the work goes on.

    Returns:
        (scores float32 [n, k], rows int64 [n, k]), best first; no row is its own neighbour.
    """
    vectors = _matrix(vectors)
    count = len(vectors)
    k = max(0, min(k, count - 1))
    if k == 0:
        return np.empty((count, 0), np.float32), np.empty((count, 0), np.int64)
    blocks = []
    for start in range(0, count, _NEIGHBOURS_AT_ONCE):
        if progress is not None:
            progress(start, count)
        blocks.append(_knn(vectors, vectors[start : start + _NEIGHBOURS_AT_ONCE], k + 1))
    scores, rows = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    drop = rows == np.arange(count)[:, None]
    # Among many equal vectors a row may miss itself: then the last neighbour goes instead.
    drop[~drop.any(axis=1), -1] = True
    return scores[~drop].reshape(count, k), rows[~drop].reshape(count, k)


def _matrix(vectors: np.ndarray) -> np.ndarray:
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2:
        raise ValueError(f"Vectors need the shape [number, dimension], not {list(vectors.shape)}.")
    return vectors


def _knn(vectors: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    # On macOS the OpenMP runtimes of faiss and torch can abort the process (faiss-wheels#73).
    if sys.platform == "darwin":
        return _knn_by_numpy(vectors, queries, k)
    try:
        import faiss
    except ImportError:
        return _knn_by_numpy(vectors, queries, k)
    # An IndexFlatIP would answer the same from a copy of its own; the store holds these vectors already.
    return faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)


def _knn_by_numpy(vectors: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    scores = np.empty((len(queries), k), np.float32)
    rows = np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        block = slice(start, start + _QUERIES_AT_ONCE)
        every = queries[block] @ vectors.T  # [block, n]
        best = np.argpartition(every, -k, axis=1)[:, -k:]
        found = np.take_along_axis(every, best, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        scores[block] = np.take_along_axis(found, order, axis=1)
        rows[block] = np.take_along_axis(best, order, axis=1)
    return scores, rows
