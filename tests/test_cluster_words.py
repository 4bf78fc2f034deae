import numpy as np
import pytest

from mote_demo.explore.cluster_words import clusters_of, group_words
from mote_demo.explore.colouring import Colouring

TEXTS = [
    *("please refund my order", "a refund for two orders", "Refunds take long, 100 days"),
    *("the parcel is late", "late parcels again", "my parcel came late"),
]
CODES = np.array([0, 0, 0, 1, 1, 1])


def test_words_tell_the_groups_apart_in_their_most_frequent_form():
    assert group_words(TEXTS, CODES, 2, most=2) == [("refund", "order"), ("late", "parcel")]


def test_common_words_numbers_and_words_of_all_groups_are_left_out():
    words = group_words(["the order one 7", "an order two 8"], np.array([0, 1]), 2)
    assert words == [(), ()]


def test_a_text_without_a_group_says_nothing():
    assert group_words(TEXTS, np.where(CODES == 1, -1, 0), 1, most=9) == [()]
    assert group_words([], np.zeros(0, dtype=int), 0) == []


def test_labels_are_the_groups_of_both_maps_and_missing_ones_are_none():
    colouring = Colouring.of(["money", "money", None, "post", "post", "post"], 6, "topic")
    left, right = clusters_of(TEXTS, [np.zeros((6, 2))] * 2, colouring)
    assert left is right
    assert dict(zip(left.names, left.words, strict=True))["post"][0] in ("late", "parcel")
    assert left.codes[2] == -1


@pytest.mark.parametrize("labels", [None, [0.5, 1.5, 2.5, 3.5, 4.5, 5.5], ["same"] * 6])
def test_without_labels_each_map_has_groups_of_its_own(labels):
    apart = np.array([[0, 0], [0, 1], [1, 0], [9, 9], [9, 8], [8, 9]], dtype=float)
    mixed = apart[[0, 3, 1, 4, 2, 5]]
    left, right = clusters_of(TEXTS, [apart, mixed], Colouring.of(labels, 6))
    assert len(set(left.codes[:3])) == len(set(left.codes[3:])) == 1
    assert set(left.names) == {""}
    assert {frozenset(words[:2]) for words in left.words} == {
        frozenset(("refund", "order")),
        frozenset(("late", "parcel")),
    }
    assert right.codes.tolist() != left.codes.tolist()
    again, _ = clusters_of(TEXTS, [apart, mixed], Colouring.of(labels, 6))
    np.testing.assert_array_equal(again.codes, left.codes)
