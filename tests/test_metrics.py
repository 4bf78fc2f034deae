import math

import numpy as np
import pytest

from mote_demo.evaluation import metrics


def test_ndcg_uses_linear_gains_and_a_log2_discount():
    # grades 1, 0, 2 were returned; 2, 1, 1 would have been best
    expected = (1 + 2 / math.log2(4)) / (2 + 1 / math.log2(3) + 1 / math.log2(4))
    assert metrics.ndcg_at_k([1, 0, 2], [2, 1, 1, 0]) == pytest.approx(expected)


def test_ndcg_is_one_for_the_best_ranking_and_zero_for_no_hit():
    assert metrics.ndcg_at_k([3, 2, 1], [1, 2, 3]) == pytest.approx(1)
    assert metrics.ndcg_at_k([0, 0], [1]) == 0


def test_ndcg_counts_only_the_first_k_ranks_of_both_rankings():
    assert metrics.ndcg_at_k([0, 0, 1], [1], k=2) == 0
    assert metrics.ndcg_at_k([1, 1], [1] * 20, k=2) == pytest.approx(1)


def test_ndcg_gives_negative_grades_no_gain():
    assert metrics.ndcg_at_k([-1, 1], [1, -1]) == pytest.approx(1 / math.log2(3))


def test_ndcg_refuses_a_query_without_a_relevant_document():
    with pytest.raises(ValueError, match="without a relevant document"):
        metrics.ndcg_at_k([0], [0, 0])


def test_few_shot_draws_take_k_rows_of_each_label_and_differ():
    labels = ["a"] * 20 + ["b"] * 30 + ["rare"] * 3
    draws = metrics.few_shot_draws(labels, k=8, draws=4, seed=0)
    assert len(draws) == 4
    for rows in draws:
        drawn = [labels[row] for row in rows]
        assert (drawn.count("a"), drawn.count("b"), drawn.count("rare")) == (8, 8, 3)
        assert len(set(rows)) == len(rows)
    assert set(draws[0]) != set(draws[1])


def test_few_shot_draws_depend_on_the_seed_alone():
    labels = ["a", "b"] * 20
    first, again, other = (metrics.few_shot_draws(labels, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not all(np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_probe_accuracy_is_the_share_of_right_answers():
    train = np.array([[1.0, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]])
    test = np.array([[1.0, 0.1], [0.1, 1], [0.9, 0], [0, 0.9]])
    assert metrics.probe_accuracy(train, ["x", "x", "y", "y"], test, ["x", "y", "x", "x"]) == 0.75


def test_v_measure_is_one_for_clear_clusters_whatever_their_order():
    vectors = np.repeat(np.eye(3), 10, axis=0)
    assert metrics.v_measure(vectors, ["c"] * 10 + ["a"] * 10 + ["b"] * 10) == pytest.approx(1)


def test_v_measure_can_look_at_the_first_texts_alone():
    vectors = np.repeat(np.eye(2), 10, axis=0)[[0, 10, 1, 11, *range(2, 10), *range(12, 20)]]
    labels = ["a", "b", "a", "b", *["a", "b"] * 8]
    assert metrics.v_measure(vectors, labels, scored=4) == pytest.approx(1)
    assert metrics.v_measure(vectors, labels) < 0.2


def test_v_measure_is_low_for_labels_that_cut_across_the_clusters():
    vectors = np.repeat(np.eye(2), 10, axis=0)
    assert metrics.v_measure(vectors, ["a", "b"] * 10) == pytest.approx(0, abs=1e-6)


def test_cosines_pair_the_rows():
    first = np.array([[1.0, 0], [0.6, 0.8]])
    second = np.array([[0.0, 1], [0.6, 0.8]])
    assert metrics.cosines(first, second) == pytest.approx([0, 1])


def test_spearman_compares_ranks():
    assert metrics.spearman(np.array([0.1, 0.2, 0.9]), [1, 2, 300]) == pytest.approx(1)
    # ranks 1 2 3 against 2 1 3: 1 - 6 * 2 / (3 * 8)
    assert metrics.spearman(np.array([0.1, 0.2, 0.9]), [2, 1, 3]) == pytest.approx(0.5)


def test_average_precision_averages_the_precision_at_each_hit():
    # ranked: hit, miss, hit -> (1/1 + 2/3) / 2
    assert metrics.average_precision(np.array([0.9, 0.8, 0.7]), [1, 0, 1]) == pytest.approx(5 / 6)


def test_bootstrap_interval_holds_the_mean_and_narrows_with_agreement():
    wide = metrics.bootstrap_interval([-4, 6, -4, 6, 1])
    narrow = metrics.bootstrap_interval([0.9, 1.1, 1.0, 1.0, 1.0])
    assert wide[0] < 1 < wide[1]
    assert wide[0] < 0 < narrow[0]
    assert narrow[1] - narrow[0] < wide[1] - wide[0]
    assert metrics.bootstrap_interval([2, 2, 2]) == (2, 2)


def test_an_interval_over_few_sets_is_as_wide_as_a_t_interval_and_over_many_a_bootstrap():
    few, many = [1.0, 3.0], [*range(20)]
    assert metrics.sets_interval(few) == pytest.approx((2 - 12.706, 2 + 12.706), abs=0.01)
    assert metrics.sets_interval(many, 3) == metrics.bootstrap_interval(many, seed=3)


def test_bootstrap_interval_is_repeatable_and_needs_two_values():
    assert metrics.bootstrap_interval([1, 2, 5], seed=3) == metrics.bootstrap_interval([1, 2, 5], seed=3)
    with pytest.raises(ValueError, match="two or more"):
        metrics.bootstrap_interval([1])
