"""Maps of the rows before and after an expert was grown on them."""

from dataclasses import dataclass, field

import numpy as np

from mote_demo.explore.projection import Projection, joint_maps
from mote_demo.growing.grow import GrowthResult

MOST_PAIRS = 150
"""Pairs on a map; with more lines nothing could be told apart."""


@dataclass(frozen=True)
class BeforeAfterMaps:
    """Hold maps of the same texts before and after, the second aligned with the first.

    Attributes:
        before: the map before.
        after: the map after.
        texts: of the points.
        labels: of the points; of pairs, which side of the pair a text is.
        held_out: whether each text was kept out of training, bool [n].
        pairs: the points of each pair, to be joined by a line, int64 [pairs, 2]; none of labelled texts.
    """

    before: Projection
    after: Projection
    texts: list[str]
    labels: list[str]
    held_out: np.ndarray
    pairs: np.ndarray = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))


def before_after_maps(result: GrowthResult, method: str = "PCA") -> BeforeAfterMaps | None:
    """Map the labelled texts, or the held-out pairs, before and after; None for texts without labels.

    Args:
        result: what was grown.
        method: one of ``projection.METHODS``.
    """
    if result.before.sides:
        return _pairs(result, method)
    test, train = result.test.frame, result.train.frame
    if "label" not in test:
        return None
    texts, labels = ([*test[column], *train[column]] for column in ("text", "label"))
    held_out = np.arange(len(texts)) < len(test)
    before, after = (np.stack([side.vectors[text] for text in texts]) for side in (result.before, result.after))
    first, second = joint_maps(before, after, method=method)
    return BeforeAfterMaps(first, second, texts, list(map(str, labels)), held_out)


def _pairs(result: GrowthResult, method: str) -> BeforeAfterMaps:
    frame = result.test.frame.head(MOST_PAIRS)
    columns = ("query", "positive") if "query" in frame else ("sentence1", "sentence2")
    names = ("Question", "Answer") if "query" in frame else ("First text", "Second text")
    # A text that is in several pairs is one point.
    points = {side: {text: None for text in frame[side]} for side in columns}
    places: dict[tuple[str, str], int] = {}
    texts: list[str] = []
    labels: list[str] = []
    vectors: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for number, (column, name) in enumerate(zip(columns, names, strict=True)):
        rows = {text: row for row, text in reversed(list(enumerate(frame[column])))}
        for text in points[column]:
            places[column, text] = len(texts)
            texts.append(text)
            labels.append(name)
            for side, found in zip((result.before, result.after), vectors, strict=True):
                found.append(side.sides[number][rows[text]])
    first, second = joint_maps(np.stack(vectors[0]), np.stack(vectors[1]), method=method)
    joined = [
        [places[column, text] for column, text in zip(columns, row, strict=True)]
        for row in frame[list(columns)].itertuples(index=False)
    ]
    return BeforeAfterMaps(
        first, second, texts, labels, np.ones(len(texts), dtype=bool), np.array(joined, dtype=np.int64)
    )
