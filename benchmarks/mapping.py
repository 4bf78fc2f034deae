"""Both maps of 5,000 texts, beside one plain UMAP."""

from collections.abc import Iterator
from functools import partial

from benchmarks.inputs import clustered
from benchmarks.rows import Row, alternate, median_s
from mote_demo.explore.projection import EPOCHS, joint_maps

_TEXTS, _DIMENSION = 5000, 384


def both_maps() -> Iterator[Row]:
    """Compare the first picture and the final, aligned maps with ``umap.UMAP().fit_transform`` of one model."""
    import umap

    first, second = (clustered(_TEXTS, _DIMENSION, seed) for seed in (0, 1))

    def plain() -> None:
        umap.UMAP().fit_transform(first)

    name = f"Map of {_TEXTS:,} texts, both models"
    for step, method, target in (("first picture (PCA)", "PCA", 0.2), ("final aligned UMAP", "UMAP", 2.2)):
        own, theirs = alternate(partial(joint_maps, first, second, method=method), plain)
        note = f"{median_s(own)} against {median_s(theirs)}; ours takes {EPOCHS} epochs, the plain one its own number"
        yield Row(f"{name}: {step}", "one plain UMAP, warm", tuple(own / theirs), target, "lower", note)
