"""What everything that searches vectors needs of an index, wherever it lies."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np


class VectorIndex(Protocol):
    """Search vectors: ``explore.index`` does in memory, and what ``bulk.index`` opens in files and services."""

    def search(self, queries: "np.ndarray", k: int) -> "tuple[np.ndarray, np.ndarray]":
        """Find the ``k`` vectors with the highest inner product for each query.

        Args:
            queries: float [q, d], rows of unit length.
            k: at least 1; more than there are vectors means all of them.

        Returns:
            (scores float32 [q, k], rows int64 [q, k]), best first.
        """
        ...
