"""Maps of labelled texts before and after an expert was grown on them."""

from dataclasses import dataclass

import numpy as np

from mote_demo.explore.projection import Projection, joint_maps
from mote_demo.growing.grow import GrowthResult


@dataclass(frozen=True)
class BeforeAfterMaps:
    """Hold maps of the same labelled texts before and after, the second aligned with the first.

    ``held_out`` tells for each text, bool [n], whether it was kept out of training.
    """

    before: Projection
    after: Projection
    texts: list[str]
    labels: list[str]
    held_out: np.ndarray


def before_after_maps(result: GrowthResult, method: str = "PCA") -> BeforeAfterMaps | None:
    """Map the labelled texts before and after; None for a task without labels.

    Args:
        result: what was grown.
        method: one of ``projection.METHODS``.
    """
    test, train = result.test.frame, result.train.frame
    if "label" not in test:
        return None
    texts, labels = ([*test[column], *train[column]] for column in ("text", "label"))
    held_out = np.arange(len(texts)) < len(test)
    before, after = (
        np.stack([vectors[text] for text in texts]) for vectors in (result.vectors_before, result.vectors_after)
    )
    first, second = joint_maps(before, after, method=method)
    return BeforeAfterMaps(first, second, texts, labels, held_out)
