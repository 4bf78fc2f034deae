"""Vectors to points in two dimensions."""

import atexit
import functools
import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mote_demo.errors import unknown_choice
from mote_demo.explore.index import nearest
from mote_demo.explore.measures import similarity_weights

METHODS = ("PCA", "UMAP")

EPOCHS = 200
"""Of UMAP's layout, which starts from PCA or from another map and not from chance."""

_FEWEST_FOR_UMAP = 16
# UMAP moves its start into a square of this side; noise far below it keeps equal points apart.
_SIDE, _NOISE = 10.0, 1e-3
# numba aborts the process when two fits run at once on its "workqueue" threads (the macOS default).
_FIT_LOCK = threading.Lock()
_LONGEST_FIT = 60
"""Seconds to wait for a fit when the process ends."""


OnEpoch = Callable[[int], None]
"""Called with the epochs of a layout that are done, of ``EPOCHS``; whatever it raises ends a fit of its own thread."""

_listeners: dict[OnEpoch, int] = {}


@dataclass(frozen=True)
class Projection:
    """Hold a map: ``points``, float32 [n, 2], and the ``method`` that made it, one of ``METHODS``."""

    points: np.ndarray
    method: str


def pca(vectors: np.ndarray) -> np.ndarray:
    """Project ``vectors``, float [n, d], on their two principal axes.

    Returns:
        float32 [n, 2]; the largest component of each axis is positive, so equal vectors give equal maps.
    """
    if not len(vectors):
        return np.zeros((0, 2), dtype=np.float32)
    from threadpoolctl import threadpool_limits

    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    # The threads of OpenBLAS wait for each other where the cores are busy: 2.4 s were seen instead of 0.03 s.
    with threadpool_limits(1, "blas"):
        _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :2]
    axes = axes * np.where(np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0) < 0, -1, 1)
    points = np.zeros((len(centred), 2), dtype=np.float32)
    points[:, : axes.shape[1]] = centred @ axes
    return points


def project(vectors: np.ndarray, *, neighbours: int = 15, start: np.ndarray | None = None, seed: int = 0) -> Projection:
    """Project ``vectors`` with UMAP (McInnes et al. 2018) by their cosines, or with PCA below 16 rows.

    Args:
        vectors: float [n, d], rows of unit length.
        neighbours: size of a neighbourhood, the text itself included; fewer where there are fewer texts.
        start: points [n, 2] of another map of the same texts. The layout starts from them instead
            of from PCA and is aligned with them, so that a point's movement means something.
        seed: makes the layout repeatable on one machine.

    Returns:
        The map and how it was made.
    """
    initial = pca(vectors) if start is None else start
    method = "UMAP" if len(vectors) >= _FEWEST_FOR_UMAP and np.ptp(vectors, axis=0).max() > 0 else "PCA"
    points = _umap(vectors, initial, neighbours, seed) if method == "UMAP" else pca(vectors)
    return Projection(points if start is None else align(points, start), method)


def joint_maps(
    first: np.ndarray, second: np.ndarray, *, method: str = "UMAP", neighbours: int = 15, seed: int = 0
) -> tuple[Projection, Projection]:
    """Map two models' vectors of the same texts, the second aligned with the first.

    Args:
        first: float [n, d1], such as the baseline's.
        second: float [n, d2], such as MoTE's; its UMAP starts from the map of the first.
        method: one of ``METHODS``.
        neighbours: see ``project``.
        seed: see ``project``.
    """
    if method not in METHODS:
        raise unknown_choice("projection", method, METHODS)
    if method == "PCA":
        reference = pca(first)
        return Projection(reference, method), Projection(align(pca(second), reference), method)
    reference_map = project(first, neighbours=neighbours, seed=seed)
    return reference_map, project(second, neighbours=neighbours, start=reference_map.points, seed=seed)


def align(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Rotate, reflect, shift and scale a map onto another one of the same texts (orthogonal Procrustes).

    The scale makes both maps equally large (root mean square distance from the centre). That of
    least squares would shrink a map the more, the less it agrees with the reference.

    Args:
        points: float [n, 2], the map to move.
        reference: float [n, 2], the map that stays.

    Returns:
        float32 [n, 2].
    """
    from scipy.linalg import orthogonal_procrustes

    centre = reference.mean(axis=0, dtype=np.float64)
    still = reference - centre
    moving = points - points.mean(axis=0, dtype=np.float64)
    rotation, _ = orthogonal_procrustes(moving, still)
    sizes = np.linalg.norm(still), np.linalg.norm(moving)
    scale = sizes[0] / sizes[1] if min(sizes) > 0 else 1.0
    return (moving @ rotation * scale + centre).astype(np.float32)


def place(query: np.ndarray, vectors: np.ndarray, points: np.ndarray, k: int = 10) -> np.ndarray:
    """Place a query on a finished map: the mean of its nearest texts, weighted by similarity.

    Args:
        query: float [d], of unit length.
        vectors: float [n, d], what the map was made of.
        points: float [n, 2], the map.
        k: number of nearest texts.

    Returns:
        float32 [2]. A query between two groups lands between them, where no text need be.
    """
    scores = vectors @ query
    rows = np.argsort(-scores, kind="stable")[:k]
    return (similarity_weights(scores[rows]) @ points[rows]).astype(np.float32)


@contextmanager
def told(on_epoch: OnEpoch) -> Iterator[None]:
    """Call ``on_epoch`` for each epoch of the fit that runs, one's own or another thread's that is waited for."""
    _listeners[on_epoch] = threading.get_ident()
    try:
        yield
    finally:
        del _listeners[on_epoch]


def warm_up() -> None:
    """Import UMAP and compile its numba kernels, which takes seconds, before the first visitor needs them."""
    project(np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32))


def _umap(vectors: np.ndarray, start: np.ndarray, neighbours: int, seed: int) -> np.ndarray:
    neighbours = max(2, min(neighbours, len(vectors) - 1))
    graph = _neighbour_graph(vectors, neighbours)
    with _FIT_LOCK, warnings.catch_warnings():
        # That maps cannot place new texts without a search index is known; see ``place``.
        warnings.filterwarnings("ignore", message="precomputed_knn", category=UserWarning)
        _find_numba_cache()
        _finish_before_exit()
        from umap import UMAP

        reducer = UMAP(
            n_neighbors=neighbours,
            metric="cosine",
            n_epochs=EPOCHS,
            init=_spread(start, seed),
            precomputed_knn=graph,
            random_state=seed,
            n_jobs=1,
        )
        with _epochs_told():
            return np.asarray(reducer.fit_transform(vectors), dtype=np.float32)


@contextmanager
def _epochs_told() -> Iterator[None]:
    """Tell the epochs of a fit: UMAP tells them to tqdm alone, and what is raised in there leaves its lock held."""
    from umap import layouts

    bar, layouts.tqdm = layouts.tqdm, _each_epoch
    try:
        yield
    finally:
        layouts.tqdm = bar


def _each_epoch(epochs: Iterable[int], **_: Any) -> Iterator[int]:
    for epoch in epochs:
        yield epoch
        _tell(epoch + 1)


def _tell(done: int) -> None:
    own = threading.get_ident()
    for on_epoch, thread in list(_listeners.items()):
        try:
            on_epoch(done)
        except Exception:
            # Who waits for another thread's fit does not end it.
            if thread == own:
                raise


@functools.cache
def _finish_before_exit() -> None:
    # A fit in a thread that goes on while Python takes itself down aborts the process.
    atexit.register(_FIT_LOCK.acquire, timeout=_LONGEST_FIT)


def _neighbour_graph(vectors: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows, cosine distances), both [n, neighbours]; each text comes first, as UMAP expects."""
    scores, rows = nearest(vectors, neighbours - 1)
    own = np.arange(len(vectors))[:, None]
    distances = np.clip(1.0 - scores, 0.0, None)
    return np.hstack([own, rows]), np.hstack([np.zeros_like(own, dtype=np.float32), distances])


def _spread(points: np.ndarray, seed: int) -> np.ndarray:
    """Scale ``points`` to UMAP's square and move equal ones apart: an axis without extent would become nan."""
    centred = points - points.mean(axis=0, dtype=np.float64)
    size = np.abs(centred).max()
    scaled = centred * (_SIDE / 2 / size) if size > 0 else centred
    return (scaled + np.random.default_rng(seed).normal(scale=_NOISE, size=scaled.shape)).astype(np.float32)


def _find_numba_cache() -> None:
    """Point numba to a folder of this user for its compiled kernels, unless the caller chose one."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mote_demo" / "numba"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        # Not a fixed name under /tmp: numba unpickles what it finds there.
        folder = Path(tempfile.mkdtemp(prefix="mote-numba-"))
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
