import numpy as np
import pandas as pd
import pytest

from mote_demo.explore.index import nearest
from mote_demo.explore.measures import (
    Hit,
    Move,
    count_ties,
    hits,
    label_agreement,
    linear_cka,
    neighbour_overlap,
    overlap_at_k,
    pair_similarity,
    rank_biased_overlap,
    rank_moves,
    similarity_weights,
    vote,
)


class TwoTopicEncoder:
    """Give each topic a fixed random direction; the route decides which word of a text is its topic."""

    def encode(self, texts, *, route):
        place = {"clustering": 0, "classification": 1}[route]
        rows = []
        for number, text in enumerate(texts):
            direction = np.random.default_rng([*text.split()[place].encode()]).normal(size=16)
            rows.append(direction + 0.05 * np.random.default_rng(number).normal(size=16))
        return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)


TEXTS = [f"{topic} {intent}" for topic in ("billing", "login", "delivery") for intent in ("ask", "complain") * 4]


def test_hits_are_ranked_from_one():
    copies = np.array([1, 1, 1, 2, 1, 1, 1, 1])
    found = hits(np.array([0.5, 0.25], dtype=np.float32), np.array([7, 3]), copies)
    assert found == [Hit(7, 1, 0.5), Hit(3, 2, 0.25, copies=2)]


def test_equal_scores_are_counted_among_the_first_and_with_the_next_one():
    assert count_ties(np.array([0.9, 0.8, 0.8, 0.7]), 2) == 1
    assert count_ties(np.array([0.9, 0.8, 0.8, 0.7]), 3) == 2
    assert count_ties(np.array([0.5]), 1) == 0


def test_rank_biased_overlap_is_1_for_equal_orders_and_0_for_nothing_in_common():
    assert rank_biased_overlap([3, 1, 2], [3, 1, 2]) == pytest.approx(1)
    assert rank_biased_overlap([1, 2, 3], [4, 5, 6]) == 0


def test_rank_biased_overlap_weighs_the_top_most():
    same = [1, 2, 3, 4]
    assert rank_biased_overlap(same, [2, 1, 3, 4]) < rank_biased_overlap(same, [1, 2, 4, 3]) < 1
    # By hand: agreements 0, 1 and 1 at the depths 1 to 3, so 0.1 (0.9 + 0.81) + 0.729.
    assert rank_biased_overlap([1, 2, 3], [2, 1, 3]) == pytest.approx(0.9)


def test_moves_say_how_far_each_hit_went_against_the_other_ranking():
    baseline, mote = [10, 11, 12, 13], [13, 11, 10, 99]
    assert rank_moves(mote, baseline) == [Move("up", 3), Move("same"), Move("down", 2), Move("new")]
    assert rank_moves(baseline, mote) == [Move("up", 2), Move("same"), Move("new"), Move("down", 3)]


def test_moves_against_a_longer_ranking_count_places_beyond_the_list():
    assert rank_moves([5], [1, 2, 3, 4, 5]) == [Move("up", 4)]


def test_overlap_counts_shared_hits_in_any_order():
    overlap = overlap_at_k(np.array([1, 2, 3, 4]), [4, 9, 1, 8])
    assert (overlap.shared, overlap.of, overlap.fraction) == (2, 4, 0.5)
    assert overlap_at_k([], []).fraction == 0


def rbo_by_its_definition(rows, other, p):
    """Sum the agreement of each depth far down, where what the lists share goes on as it ended."""
    short, long = sorted((rows, other), key=len)
    agreed = len(set(short) & set(long[: len(short)])) / len(short)
    total = 0.0
    for depth in range(1, 2000):
        end = min(depth, len(long))
        common = len(set(short[:end]) & set(long[:end])) + agreed * max(0, end - len(short))
        total += (1 - p) * p ** (depth - 1) * common / end
    return total


@pytest.mark.parametrize("p", [0.5, 0.9])
@pytest.mark.parametrize(
    ("rows", "other"),
    [([1, 2, 3, 4], [1, 2, 3, 4]), ([1, 2], [3, 4]), ([1, 2, 3, 4], [4, 3, 2, 1]), ([1, 2, 3], [2, 5, 1])]
    + [([1, 2], [2, 9, 1, 8, 7]), ([5, 6, 7, 1], [1])],
)
def test_rank_biased_overlap_is_its_sum_over_all_depths(rows, other, p):
    expected = rbo_by_its_definition(rows, other, p)
    assert rank_biased_overlap(rows, other, p) == pytest.approx(expected, abs=1e-9)
    assert rank_biased_overlap(other, rows, p) == pytest.approx(expected, abs=1e-9)


def test_rank_biased_overlap_counts_the_top_most_and_ends_at_0_and_1():
    rows = list(range(10))
    first, last = [1, 0, *rows[2:]], [*rows[:8], 9, 8]
    assert rank_biased_overlap(rows, first) < rank_biased_overlap(rows, last) < 1
    assert rank_biased_overlap(rows, rows) == pytest.approx(1)
    assert rank_biased_overlap(rows, [20, 21]) == 0
    assert np.isnan(rank_biased_overlap([], rows))


def test_neighbour_overlap_is_the_share_of_common_neighbours_per_text():
    shares = neighbour_overlap(np.array([[1, 2], [0, 2], [0, 1]]), np.array([[2, 1], [2, 3], [4, 5]]))
    assert shares.dtype == np.float32
    assert shares.tolist() == [1.0, 0.5, 0.0]


def test_neighbour_overlap_refuses_lists_of_different_length():
    with pytest.raises(ValueError, match=r"\[3, 2\] and \[3, 4\]"):
        neighbour_overlap(np.zeros((3, 2)), np.zeros((3, 4)))
    assert neighbour_overlap(np.zeros((1, 0)), np.zeros((1, 0))).tolist() == [0]


def test_a_much_nearer_hit_outvotes_two_farther_ones():
    ((winner, weight), (loser, rest)) = vote(["refund", "login", "login"], [0.9, 0.7, 0.7])
    assert (winner, loser) == ("refund", "login")
    assert weight + rest == pytest.approx(1)
    assert weight > 0.9


def test_equally_near_hits_vote_by_number():
    assert vote(["b", "a", "a"], np.array([0.5, 0.5, 0.5])) == [
        ("a", pytest.approx(2 / 3)),
        ("b", pytest.approx(1 / 3)),
    ]


def test_hits_without_a_label_have_no_vote():
    assert vote([None, "", float("nan"), "a"], [0.9, 0.9, 0.9, 0.1]) == [("a", pytest.approx(1))]
    assert vote([None, pd.NA], [0.9, 0.8]) == []
    assert vote([], []) == []


def test_similarity_weights_sum_to_one_and_follow_the_temperature():
    weights = similarity_weights(np.array([[0.9, 0.85], [0.1, 0.1]]))
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights[0, 0] / weights[0, 1] == pytest.approx(np.e)
    assert weights[1].tolist() == [0.5, 0.5]


def test_each_task_agrees_with_the_label_it_groups_by():
    topics, intents = zip(*(text.split() for text in TEXTS), strict=True)
    encoder = TwoTopicEncoder()
    _, by_topic = nearest(encoder.encode(TEXTS, route="clustering"), 3)
    _, by_intent = nearest(encoder.encode(TEXTS, route="classification"), 3)
    assert label_agreement(by_topic, topics) == label_agreement(by_intent, intents) == 1
    assert label_agreement(by_topic, intents) < 0.8
    assert label_agreement(by_intent, topics) < 0.8


def test_label_agreement_leaves_out_missing_labels():
    neighbours = np.array([[1, 2], [0, 2], [0, 1]])
    assert label_agreement(neighbours, ["a", "a", None]) == 1
    assert label_agreement(neighbours, pd.Series(["a", "b", " "])) == 0
    assert np.isnan(label_agreement(neighbours, ["", None, pd.NA]))


def test_pair_similarity_is_a_cosine_within_its_bounds():
    vector = np.full(3, 0.57735032, dtype=np.float32)
    assert pair_similarity(vector, vector) == pytest.approx(1)
    assert pair_similarity(vector, vector) <= 1
    assert pair_similarity(vector, -vector) >= -1


def test_linear_cka_ignores_rotation_scale_and_shift_but_not_content():
    random = np.random.default_rng(0)
    space = random.normal(size=(300, 6))
    turn = np.linalg.qr(random.normal(size=(6, 6)))[0]
    assert linear_cka(space, 3 * space @ turn + 5) == pytest.approx(1)
    assert linear_cka(space, random.normal(size=(300, 4))) < 0.1
    assert np.isnan(linear_cka(space, np.ones((300, 2))))


def test_linear_cka_equals_its_definition_by_kernels():
    random = np.random.default_rng(1)
    first = random.normal(size=(20, 3))
    second = np.hstack([first[:, :1], random.normal(size=(20, 4))])
    centring = np.eye(20) - 1 / 20
    k, m = centring @ first @ first.T @ centring, centring @ second @ second.T @ centring
    expected = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    assert linear_cka(first, second) == pytest.approx(expected)
