"""Which rows belong together because they share a text, directly or through others."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd


def text_key(text: str) -> str:
    """Return what two texts have in common that differ in case or spaces only."""
    return " ".join(text.split()).casefold()


def text_hash(text: str) -> str:
    """Return 16 hexadecimal digits that say whether two texts have the same key, without saying the text."""
    return hashlib.sha256(text_key(text).encode()).hexdigest()[:16]


def linked_rows(texts: pd.DataFrame) -> list[list[int]]:
    """Group the index of rows that share a text in any of the columns (see ``text_key``), by first appearance."""
    numbers = connected_groups([column.map(text_key) for _, column in texts.items()])
    return [list(rows) for _, rows in texts.index.to_series().groupby(numbers, sort=False)]


def connected_groups(*keys: Sequence[pd.Series]) -> np.ndarray:
    """Number the rows so that rows which share any value, directly or through others, share a number.

    Args:
        keys: columns that say the same thing, such as the two texts of a pair: a value is the same in any of them.
            Values of different keys, such as a text and an image, have nothing to do with each other.

    Returns:
        int64 [rows].
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    size = len(keys[0][0])
    codes = [pd.factorize(pd.concat(columns, ignore_index=True))[0] for columns in keys]
    # Rows are nodes 0 to size - 1; the values of each key follow, a block of nodes a key.
    offsets = np.cumsum([size, *[code.max(initial=-1) + 1 for code in codes]])
    nodes = np.concatenate([code + offset for code, offset in zip(codes, offsets, strict=False)])
    rows = np.tile(np.arange(size), len(nodes) // size if size else 0)
    total = int(offsets[-1])
    graph = coo_matrix((np.ones(len(rows), dtype=np.int8), (rows, nodes)), shape=(total, total))
    return connected_components(graph, directed=False)[1][:size].astype(np.int64)
