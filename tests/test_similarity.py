"""A few texts compared with each other: cosines, pairs whose order differs, and one pair under all tasks."""

import numpy as np
import pytest

from mote_demo.data.samples import load_samples
from mote_demo.errors import UserError
from mote_demo.explore.lens import Lens
from mote_demo.explore.pair import Pair
from mote_demo.explore.similarity import Similarities
from mote_demo.store import VectorStore
from mote_demo.tasks import TASKS
from tests.own_experts import copied_expert

TEXTS = ["the cat", "a small dog", "where is my parcel", "refund the payment please"]


@pytest.fixture(scope="module")
def store() -> VectorStore:
    """What is known of the sample texts, for all tests here."""
    return VectorStore(None)


@pytest.fixture
def pair(tiny_baseline_encoder, tiny_encoder, store):
    models = {"baseline": tiny_baseline_encoder, "mote": tiny_encoder}
    return Pair(*(Lens.of(encoder, "similarity", model=name) for name, encoder in models.items()), store)


def test_cosines_are_those_of_the_texts_as_documents_and_nothing_else_is_encoded(pair, monkeypatch):
    vectors = [lens.encode_document(TEXTS) for lens in pair.lenses]
    encode, seen = type(pair.left.encoder).encode, []
    monkeypatch.setattr(
        type(pair.left.encoder),
        "encode",
        lambda self, texts, **options: seen.append(len(texts)) or encode(self, texts, **options),
    )
    found = pair.similarities([f" {text}\n" for text in TEXTS])
    assert seen == [4, 4]
    assert found.texts == tuple(TEXTS)
    for cosines, each in zip(found.cosines, vectors, strict=True):
        np.testing.assert_allclose(cosines, each @ each.T, atol=1e-6)
    frame = found.to_frame()
    assert len(frame) == found.pairs == 6
    assert frame["left rank"].tolist() == [
        int((frame["left cosine"] > cosine + 1e-6).sum()) + 1 for cosine in frame["left cosine"]
    ]


def similarities(left, right):
    """Return similarities with these cosines of the pairs (0, 1), (0, 2) and (1, 2)."""
    both = []
    for cosines in (left, right):
        square = np.eye(3, dtype=np.float32)
        square[np.triu_indices(3, 1)] = cosines
        both.append(np.maximum(square, square.T))
    return Similarities((), ("a", "b", "c"), tuple(both))


def test_pairs_whose_order_differs_most_are_named_first():
    contrasts = similarities((0.9, 0.5, 0.1), (0.2, 0.3, 0.4)).contrasts()
    assert [(each.first, each.second, each.ranks) for each in contrasts] == [(0, 1, (1, 3)), (1, 2, (3, 1))]
    assert len(similarities((0.9, 0.5, 0.1), (0.2, 0.3, 0.4)).contrasts(1)) == 1


def test_equal_orders_and_rounding_are_no_contrast():
    assert similarities((0.9, 0.5, 0.1), (0.3, 0.2, 0.1)).contrasts() == []
    assert similarities((0.5, 0.5, 0.1), (0.5, 0.5 + 1e-7, 0.1)).contrasts() == []


@pytest.mark.parametrize(
    ("texts", "words"), [(["one"], "2 to 50"), (["x"] * 51, "there are 51"), (["a", " "], "text 2 is empty")]
)
def test_what_cannot_be_compared_is_said(pair, texts, words):
    with pytest.raises(UserError, match=words):
        pair.similarities(texts)


def test_a_pair_is_compared_under_every_task_of_both_models(pair):
    found = pair.similarity("the cat", "a small dog", placed=False)
    assert list(found.rows) == [task.title for task in TASKS.values()]
    for task in TASKS.values():
        for side, lens in zip(found.rows[task.title], pair.lenses, strict=True):
            look = Lens.of(lens.encoder, task.name)
            expected = look.encode_query(["the cat"])[0] @ look.encode_document(["a small dog"])[0]
            assert side.cosine == pytest.approx(float(expected), abs=1e-5)
            assert side.percentile is None


def test_a_cosine_is_placed_among_the_pairs_of_sample_texts(pair):
    samples = load_samples().passages[:5]
    found = pair.similarity(samples[0], samples[1])
    lens = Lens.of(pair.right.encoder, "retrieval")
    queries, documents = lens.encode_query(load_samples().passages), lens.encode_document(load_samples().passages)
    cosines = queries @ documents.T
    others = cosines[~np.eye(len(cosines), dtype=bool)]
    expected = (others < cosines[0, 1]).mean()
    assert found.rows["Retrieval"][1].percentile == pytest.approx(expected, abs=1e-4)
    assert found.to_frame()["right percentile"].between(0, 1).all()
    same = pair.similarity("the cat", "the cat")
    assert same.rows["Similarity"][0].percentile == pytest.approx(1, abs=1e-3)


def test_the_samples_are_encoded_once(pair, monkeypatch):
    pair.similarity("the cat", "a dog")
    encode, seen = type(pair.left.encoder).encode, []
    monkeypatch.setattr(
        type(pair.left.encoder),
        "encode",
        lambda self, texts, **options: seen.append(len(texts)) or encode(self, texts, **options),
    )
    pair.similarity("a bird", "a fish")
    assert set(seen) == {1}


def test_a_model_with_one_way_to_look_has_it_beside_every_task_and_own_experts_have_a_row(
    tiny_untouched_encoder, tiny_encoder
):
    grown = copied_expert(tiny_encoder, instruction="mine: ").plugged_into(tiny_encoder)
    pair = Pair(Lens.of(tiny_untouched_encoder), Lens.of(grown, "sts", model="mote"))
    found = pair.similarity("the cat", "a small dog", placed=False)
    assert list(found.rows) == [*(task.title for task in TASKS.values()), "mine"]
    assert len({left.cosine for left, _ in found.rows.values()}) == 1
    alone = Pair(pair.left, pair.left).similarity("the cat", "a small dog", placed=False)
    assert list(alone.rows) == [""]
    other, _ = Pair(Lens.of(tiny_encoder, "sts"), pair.right).similarity("a cat", "a dog", placed=False).rows["mine"]
    assert other is None


def test_what_a_notebook_shows_is_escaped(pair):
    assert "<b>" not in pair.similarities(["<b>", "x"])._repr_html_()
    assert "<b>" not in pair.similarity("<b>", "x", placed=False)._repr_html_()
