import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from mote_demo.training.memory import VectorMemory
from mote_demo.training.tacl import cosent, cosine_distillation, info_nce, supervised_contrast

DISTINCT = torch.arange(4)


@pytest.fixture
def vectors():
    """Unit vectors of 4 anchors, positives and hard negatives, each [4, 8]."""
    random = torch.Generator().manual_seed(0)
    return [normalize(torch.randn(4, 8, generator=random), dim=-1) for _ in range(3)]


def by_hand(anchor, positive, others, temperature):
    scores = [float(anchor @ other) / temperature for other in [positive, *others]]
    return math.log(sum(math.exp(score) for score in scores)) - scores[0]


def test_info_nce_of_orthogonal_pairs_has_the_value_of_the_formula():
    pairs = torch.eye(3)
    loss = info_nce(pairs, pairs, torch.arange(3), temperature=0.5)
    assert float(loss) == pytest.approx(math.log(1 + 2 * math.exp(-1 / 0.5)))


def test_every_other_positive_is_a_negative(vectors):
    anchors, positives, _ = vectors
    expected = [
        by_hand(anchors[row], positives[row], [positives[other] for other in range(4) if other != row], 0.1)
        for row in range(4)
    ]
    assert float(info_nce(anchors, positives, DISTINCT, temperature=0.1)) == pytest.approx(sum(expected) / 4, rel=1e-5)


def test_rows_of_one_group_are_left_out_of_each_other_and_of_nothing_else(vectors):
    anchors, positives, _ = vectors
    expected = [
        by_hand(anchors[row], positives[row], [positives[other] for other in others], 0.1)
        for row, others in enumerate([[2, 3], [2, 3], [0, 1, 3], [0, 1, 2]])
    ]
    loss = info_nce(anchors, positives, torch.tensor([7, 7, 1, 2]), temperature=0.1)
    assert float(loss) == pytest.approx(sum(expected) / 4, rel=1e-5)


def test_hard_negatives_are_candidates_and_each_row_keeps_its_own(vectors):
    anchors, positives, negatives = vectors
    expected = [
        by_hand(
            anchors[row],
            positives[row],
            [positives[other] for other in others] + [negatives[other] for other in (row, *others)],
            0.1,
        )
        for row, others in enumerate([[2, 3], [2, 3], [0, 1, 3], [0, 1, 2]])
    ]
    loss = info_nce(anchors, positives, torch.tensor([7, 7, 1, 2]), temperature=0.1, negatives=negatives)
    assert float(loss) == pytest.approx(sum(expected) / 4, rel=1e-5)


def test_symmetric_loss_is_the_mean_of_both_directions_with_the_own_side_as_candidates(vectors):
    anchors, positives, _ = vectors
    expected = []
    for own, other in ((anchors, positives), (positives, anchors)):
        for row in range(4):
            rest = [index for index in range(4) if index != row]
            expected.append(by_hand(own[row], other[row], [*other[rest], *own[rest]], 0.1))
    loss = info_nce(anchors, positives, DISTINCT, temperature=0.1, symmetric=True)
    assert float(loss) == pytest.approx(sum(expected) / 8, rel=1e-5)
    swapped = info_nce(positives, anchors, DISTINCT, temperature=0.1, symmetric=True)
    assert float(swapped) == pytest.approx(float(loss))


def test_several_hard_negatives_a_row_are_all_candidates_but_those_of_its_group(vectors):
    anchors, positives, negatives = vectors
    second = normalize(negatives + 0.1, dim=-1)
    expected = []
    for row, others in enumerate([[2, 3], [2, 3], [0, 1, 3], [0, 1, 2]]):
        hard = [part[other] for part in (negatives, second) for other in (row, *others)]
        expected.append(by_hand(anchors[row], positives[row], [positives[other] for other in others] + hard, 0.1))
    both = torch.cat([negatives, second])
    loss = info_nce(anchors, positives, torch.tensor([7, 7, 1, 2]), temperature=0.1, negatives=both)
    assert float(loss) == pytest.approx(sum(expected) / 4, rel=1e-5)


def test_candidates_that_beat_the_positive_by_more_than_the_margin_are_left_out():
    anchors = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    positives = torch.tensor([[0.6, 0.8], [0.0, 1.0]])
    negatives = torch.tensor(
        [[0.8, 0.6], [0.28, 0.96]]
    )  # cosines with the first anchor: 0.8 and 0.28, its positive 0.6
    kept = by_hand(anchors[0], positives[0], [positives[1], negatives[0], negatives[1]], 0.1)
    cut = by_hand(anchors[0], positives[0], [positives[1], negatives[1]], 0.1)
    second = by_hand(anchors[1], positives[1], [positives[0], *negatives], 0.1)
    for margin, first in ((None, kept), (0.25, kept), (0.1, cut)):
        loss = info_nce(anchors, positives, torch.arange(2), temperature=0.1, negatives=negatives, margin=margin)
        assert float(loss) == pytest.approx((first + second) / 2, rel=1e-5)


def test_a_mined_negative_that_is_the_positive_of_another_row_is_no_candidate_of_that_row(vectors):
    anchors, positives, negatives = (part[:2] for part in vectors)
    mined = torch.stack([positives[1], negatives[1]])  # what was mined for the first row is the second row's positive
    first = by_hand(anchors[0], positives[0], [positives[1], *mined], 0.1)
    second = by_hand(anchors[1], positives[1], [positives[0], negatives[1]], 0.1)
    loss = info_nce(anchors, positives, torch.arange(2), temperature=0.1, negatives=mined)
    assert float(loss) == pytest.approx((first + second) / 2, rel=1e-5)


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_batch_of_one_group_has_no_negatives_no_loss_and_finite_gradients(vectors, symmetric):
    leaves = [part.clone().requires_grad_() for part in vectors[:2]]
    loss = info_nce(*leaves, torch.zeros(4, dtype=torch.int64), temperature=0.05, symmetric=symmetric)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)
    assert all(torch.isfinite(leaf.grad).all() for leaf in leaves)


def test_gradients_pull_the_positive_and_push_the_negatives(vectors):
    anchors, positives, negatives = (part.clone().requires_grad_() for part in vectors)
    info_nce(anchors, positives, DISTINCT, temperature=0.1, negatives=negatives).backward()
    assert torch.isfinite(anchors.grad).all()
    assert float((negatives.grad[0] @ anchors[0]).detach()) > 0
    assert float((positives.grad[0] @ anchors[0]).detach()) < 0


def test_distillation_is_the_mean_square_of_what_the_cosines_are_off():
    student, teacher = torch.eye(2), torch.tensor([[0.6, 0.8], [0.0, 1.0]])
    # Cosines of the student: 1, 0, 0, 1; of the teacher: 0.6, 0.8, 0, 1.
    expected = (0.4**2 + 0.8**2) / 4
    assert float(cosine_distillation(student, student, teacher, torch.eye(2))) == pytest.approx(expected)
    turned = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert float(cosine_distillation(student, student, turned, turned)) == 0


def test_cosent_has_the_value_of_the_formula():
    left = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    right = torch.tensor([[0.6, 0.8], [0.8, 0.6]])
    loss = cosent(left, right, torch.tensor([1.0, 0.0]), temperature=0.5)
    assert float(loss) == pytest.approx(math.log(1 + math.exp((0.8 - 0.6) / 0.5)))


def test_cosent_is_lower_where_the_order_is_right_and_ignores_equal_scores(vectors):
    left, right, _ = vectors
    cosines = (left * right).sum(1)
    assert float(cosent(left, right, cosines)) < float(cosent(left, right, -cosines))
    assert float(cosent(left, right, torch.ones(4))) == 0


def test_cosent_gradients_are_finite_where_all_scores_are_equal(vectors):
    left, right = (part.clone().requires_grad_() for part in vectors[:2])
    cosent(left, right, torch.ones(4)).backward()
    assert torch.isfinite(left.grad).all()


def contrast(candidates, groups, places=(0,), temperature=0.5):
    """Contrast some candidates with all others; a group below zero leaves a candidate out."""
    places, groups = torch.tensor(places), torch.tensor(groups)
    out = torch.nn.functional.one_hot(places, len(groups)).bool() | (groups < 0)
    positive = (groups[places].unsqueeze(1) == groups) & ~out
    return supervised_contrast(candidates[places], candidates, positive, out, temperature=temperature)


def test_supervised_contrast_has_the_value_of_the_formula():
    candidates = normalize(torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [-1.0, 0.0]]), dim=-1)
    exponents = [math.exp(cosine / 0.5) for cosine in (math.sqrt(0.5), 0.0, -1.0)]
    expected = -sum(math.log(2 * positive / sum(exponents)) for positive in exponents[:2]) / 2
    assert float(contrast(candidates, [7, 7, 7, 1])) == pytest.approx(expected, rel=1e-5)


def test_supervised_contrast_is_zero_where_only_the_group_is_near():
    candidates = torch.eye(4)[[0, 0, 0, 1, 1]]
    assert float(contrast(candidates, [0, 0, 0, 1, 1], range(5), temperature=0.01)) == pytest.approx(0, abs=1e-6)


def test_supervised_contrast_does_not_meet_what_is_left_out(vectors):
    anchors = vectors[0]
    with_unseen = contrast(torch.cat([anchors, torch.zeros(3, 8)]), [0, 0, 1, 1, -1, -1, -1], range(4))
    assert float(with_unseen) == pytest.approx(float(contrast(anchors, [0, 0, 1, 1], range(4))))


def test_supervised_contrast_of_anchors_without_positives_teaches_nothing(vectors):
    anchors = vectors[0].requires_grad_()
    loss = contrast(anchors, [0, 1, 2, 3], range(4))
    loss.backward()
    assert loss.item() == 0
    assert not anchors.grad.any()
    assert contrast(anchors, [0, -1, -1, -1]).item() == 0


def test_the_memory_holds_the_last_vectors_and_passes_gradients_to_the_new_ones_only(vectors):
    first, second, _ = (each.requires_grad_() for each in vectors)
    memory = VectorMemory(list("abcdef"), {})
    memory.update(torch.tensor([0, 1, 2, 5]), first)
    everything = memory.update(torch.tensor([5, 4, 0, 1]), second)
    assert memory.seen.tolist() == [True, True, True, False, True, True]
    assert torch.equal(everything, torch.stack([second[2], second[3], first[2], torch.zeros(8), second[1], second[0]]))
    everything.sum().backward()
    assert first.grad is None
    assert torch.equal(second.grad, torch.ones_like(second))


def test_the_memory_starts_with_what_is_known(vectors):
    known = {"b": np.ones(8, dtype=np.float32), "of another file": np.zeros(8, dtype=np.float32)}
    memory = VectorMemory(["a", "b", "c"], known)
    assert memory.seen.tolist() == [False, True, False]
    everything = memory.update(torch.tensor([2]), vectors[0][:1])
    assert torch.equal(everything, torch.stack([torch.zeros(8), torch.ones(8), vectors[0][0]]))
