import sys

import numpy as np
import pytest

from mote_demo.errors import UserError
from mote_demo.explore.index import nearest, search


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(params=["faiss", "numpy", "numpy on macOS"])
def backend(request, monkeypatch):
    """Run a test with each implementation of the search; the second one as if faiss were not installed."""
    if request.param == "faiss":
        pytest.importorskip("faiss")
    elif request.param == "numpy":
        monkeypatch.setitem(sys.modules, "faiss", None)
    else:
        monkeypatch.setattr(sys, "platform", "darwin")


@pytest.fixture
def vectors():
    return unit(np.random.default_rng(0).normal(size=(50, 8)))


@pytest.mark.usefixtures("backend")
class TestSearch:
    def test_finds_what_brute_force_finds_best_first(self, vectors):
        queries = unit(np.random.default_rng(1).normal(size=(5, 8)))
        scores, rows = search(vectors, queries, 7)
        every = queries @ vectors.T
        expected = np.argsort(-every, axis=1)[:, :7]
        assert rows.tolist() == expected.tolist()
        np.testing.assert_allclose(scores, np.take_along_axis(every, expected, axis=1), atol=1e-6)
        assert (scores.dtype, rows.dtype) == (np.float32, np.int64)

    def test_clips_k_to_the_number_of_texts(self, vectors):
        scores, rows = search(vectors[:3], vectors[:2], 10)
        assert scores.shape == rows.shape == (2, 3)
        assert sorted(rows[0].tolist()) == [0, 1, 2]

    def test_reads_vectors_that_are_read_only_and_not_contiguous(self, vectors):
        vectors.flags.writeable = False
        assert search(vectors[::2], vectors[4:5], 1)[1].tolist() == [[2]]

    def test_neighbours_exclude_the_text_itself(self, vectors):
        scores, rows = nearest(vectors, 4)
        every = vectors @ vectors.T
        np.fill_diagonal(every, -np.inf)
        assert rows.tolist() == np.argsort(-every, axis=1)[:, :4].tolist()
        np.testing.assert_allclose(scores, -np.sort(-every, axis=1)[:, :4], atol=1e-6)

    def test_equal_vectors_are_neighbours_of_each_other_never_of_themselves(self, vectors):
        scores, rows = nearest(np.repeat(vectors[:1], 40, axis=0), 3)
        assert rows.shape == (40, 3)
        assert not (rows == np.arange(40)[:, None]).any()
        assert all(len(set(row)) == 3 for row in rows.tolist())
        np.testing.assert_allclose(scores, 1, atol=1e-6)

    def test_there_are_no_more_neighbours_than_other_texts(self, vectors):
        assert nearest(vectors[:3], 10)[1].shape == (3, 2)
        assert nearest(vectors[:1], 10)[1].shape == (1, 0)
        assert nearest(vectors[:0], 10)[1].shape == (0, 0)

    def test_blocks_of_queries_fit_together(self, vectors, monkeypatch):
        monkeypatch.setattr("mote_demo.explore.index._QUERIES_AT_ONCE", 7)
        assert nearest(vectors, 1)[1][:, 0].tolist() == (vectors @ vectors.T - 2 * np.eye(50)).argmax(1).tolist()


def test_queries_of_another_dimension_are_refused(vectors):
    with pytest.raises(UserError, match="5 dimensions, the texts 8"):
        search(vectors, vectors[:1, :5], 1)


def test_no_texts_and_no_hits_are_refused(vectors):
    with pytest.raises(UserError, match="no texts"):
        search(vectors[:0], vectors[:1], 1)
    with pytest.raises(UserError, match="at least 1"):
        search(vectors, vectors[:1], 0)


def test_one_vector_in_place_of_a_matrix_is_an_error(vectors):
    with pytest.raises(ValueError, match=r"not \[8\]"):
        search(vectors, vectors[0], 1)
