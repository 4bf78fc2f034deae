import os
import threading
from pathlib import Path

import numpy as np
import pytest

from mote_demo.errors import UserError
from mote_demo.explore.projection import EPOCHS, align, joint_maps, pca, place, project, told, warm_up

TOPICS = 4


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def topic_vectors(count: int, dimension: int = 16, seed: int = 0) -> np.ndarray:
    """Give each of four topics a random direction; row i is about topic i % 4."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(TOPICS, dimension))
    return unit(directions[np.arange(count) % TOPICS] + 0.2 * random.normal(size=(count, dimension)))


def moved_by(points: np.ndarray, reference: np.ndarray) -> float:
    radius = np.sqrt(((reference - reference.mean(0)) ** 2).sum(1).mean())
    return float(np.linalg.norm(points - reference, axis=1).mean() / radius)


def separation(points: np.ndarray) -> float:
    """Share of points whose nearest other point is about the same topic."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return float((distances.argmin(axis=1) % TOPICS == np.arange(len(points)) % TOPICS).mean())


def rotate(points: np.ndarray, angle: float) -> np.ndarray:
    return points @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def test_pca_finds_the_axes_of_most_variance():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(200, 5)) * [0.1, 5, 0.1, 2, 0.1] + 7
    points = pca(vectors)
    assert points.dtype == np.float32
    assert abs(np.corrcoef(points[:, 0], vectors[:, 1])[0, 1]) > 0.99
    assert abs(np.corrcoef(points[:, 1], vectors[:, 3])[0, 1]) > 0.99
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-5)


def test_pca_has_signs_that_do_not_depend_on_the_order_of_texts():
    vectors = topic_vectors(30)
    order = np.random.default_rng(1).permutation(30)
    np.testing.assert_allclose(pca(vectors[order]), pca(vectors)[order], atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 4), (2, 4), (5, 1), (0, 4)])
def test_pca_of_few_rows_or_one_dimension_is_finite(shape):
    points = pca(np.ones(shape, dtype=np.float32))
    assert points.shape == (shape[0], 2)
    assert np.isfinite(points).all()


def test_umap_keeps_topics_together_and_repeats_with_its_seed():
    vectors = topic_vectors(80)
    vectors.flags.writeable = False
    made = project(vectors)
    assert made.method == "UMAP"
    assert made.points.dtype == np.float32
    assert separation(made.points) > 0.95
    assert np.array_equal(project(vectors).points, made.points)
    assert not np.array_equal(project(vectors, seed=1).points, made.points)


@pytest.mark.parametrize(
    ("count", "method"), [(0, "PCA"), (1, "PCA"), (4, "PCA"), (15, "PCA"), (16, "UMAP"), (17, "UMAP")]
)
def test_few_texts_fall_back_to_pca_or_to_smaller_neighbourhoods(count, method):
    made = project(topic_vectors(count), neighbours=30)
    assert made.method == method
    assert made.points.shape == (count, 2)
    assert np.isfinite(made.points).all()


@pytest.mark.parametrize("distinct", [1, 2, 3])
@pytest.mark.parametrize("start", [None, np.zeros((60, 2), dtype=np.float32)])
def test_duplicates_and_constant_vectors_do_not_crash(distinct, start):
    vectors = np.repeat(topic_vectors(distinct), 60 // distinct, axis=0)
    assert np.isfinite(project(vectors, start=start).points).all()


def test_a_map_started_from_another_stays_closer_to_it_than_an_independent_one():
    first, second = topic_vectors(120, seed=0), topic_vectors(120, seed=1)
    reference, followed = joint_maps(first, second)
    independent = align(project(second).points, reference.points)
    assert reference.method == followed.method == "UMAP"
    assert moved_by(followed.points, reference.points) < 0.7 * moved_by(independent, reference.points)
    assert separation(followed.points) > 0.95


def test_joint_pca_maps_of_a_rotated_space_coincide():
    first = topic_vectors(40)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(16, 16)))[0].astype(np.float32)
    reference, turned = joint_maps(first, first @ turn, method="PCA")
    assert reference.method == turned.method == "PCA"
    assert moved_by(turned.points, reference.points) < 1e-3


def test_joint_maps_refuse_an_unknown_method():
    with pytest.raises(UserError, match="'PCA', 'UMAP'"):
        joint_maps(topic_vectors(4), topic_vectors(4), method="t-SNE")


def test_align_undoes_rotation_reflection_shift_and_scale():
    reference = np.random.default_rng(0).normal(size=(20, 2))
    points = rotate(reference, 2.0) * [1, -1] * 3 + [5, -7]
    aligned = align(points, reference)
    assert aligned.dtype == np.float32
    np.testing.assert_allclose(aligned, reference, atol=1e-5)


def test_align_keeps_the_size_of_a_map_that_agrees_with_nothing():
    random = np.random.default_rng(0)
    reference, points = random.normal(size=(500, 2)), 9 * random.normal(size=(500, 2))
    assert np.std(align(points, reference)) == pytest.approx(np.std(reference), rel=0.05)


def test_align_with_a_constant_map_keeps_the_points_apart():
    points = np.array([[0, 0], [1, 0], [0, 1]])
    assert np.ptp(align(points, np.full((3, 2), 4.0))) > 0.5
    assert align(np.zeros((3, 2)), points).tolist() == [points.mean(axis=0).astype(np.float32).tolist()] * 3


def test_a_query_lands_among_the_texts_it_is_near_to():
    vectors = topic_vectors(80)
    points = project(vectors).points
    own = points[2::TOPICS]
    landed = place(vectors[2], vectors, points)
    assert landed.shape == (2,)
    assert landed.dtype == np.float32
    assert np.linalg.norm(landed - own.mean(axis=0)) < np.ptp(own, axis=0).max()


def test_a_query_equal_to_a_text_lands_on_it():
    vectors = np.eye(6, dtype=np.float32)
    points = np.arange(12, dtype=np.float32).reshape(6, 2)
    np.testing.assert_allclose(place(vectors[4], vectors, points, k=3), points[4], atol=1e-3)


def test_a_query_can_be_placed_among_fewer_texts_than_k():
    assert place(np.array([1.0, 0.0]), np.eye(2), np.array([[3.0, 4.0], [9.0, 9.0]])) == pytest.approx([3, 4], abs=1e-3)


def test_fits_never_run_at_once(monkeypatch):
    import umap

    running, most = [], []

    class Reducer:
        def __init__(self, **_):
            pass

        def fit_transform(self, vectors):
            running.append(1)
            most.append(len(running))
            threading.Event().wait(0.01)
            running.pop()
            return np.zeros((len(vectors), 2))

    monkeypatch.setattr(umap, "UMAP", Reducer)
    threads = [threading.Thread(target=project, args=(topic_vectors(20),)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 5


def test_a_fit_tells_its_epochs_and_ends_where_one_of_its_own_listeners_raises():
    vectors, epochs = topic_vectors(40), []
    with told(epochs.append):
        project(vectors)
    assert epochs == list(range(1, EPOCHS + 1))

    def refuse(epoch):
        raise LookupError("stop")

    with told(refuse), pytest.raises(LookupError):
        project(vectors)
    # The fit of another thread goes on.
    with told(refuse):
        other = threading.Thread(target=lambda: epochs.append(project(vectors).method))
        other.start()
        other.join()
    assert epochs[-1] == "UMAP"


def test_numba_gets_a_folder_that_can_be_written(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "put back after the test")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    warm_up()
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "mote_demo" / "numba")
    (tmp_path / "file").touch()
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    warm_up()
    assert Path(os.environ["NUMBA_CACHE_DIR"]).is_dir()
