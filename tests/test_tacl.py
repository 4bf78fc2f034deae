import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from mote_demo.growing.vector_memory import VectorMemory
from mote_demo.training.losses import cosent, guided_contrast, supervised_contrast

ITSELF = torch.eye(4, dtype=torch.bool)


@pytest.fixture
def vectors():
    """Unit vectors of 4 anchors, positives and hard negatives, each [4, 8]."""
    random = torch.Generator().manual_seed(0)
    return [normalize(torch.randn(4, 8, generator=random), dim=-1) for _ in range(3)]


def softmax(scores, temperature):
    exponents = [math.exp(score / temperature) for score in scores]
    return [exponent / sum(exponents) for exponent in exponents]


def test_guided_contrast_has_the_value_of_the_formula(vectors):
    texts, teacher, _ = vectors
    found, wanted = texts @ texts.T, teacher @ teacher.T
    expected = 0.0
    for row in range(4):
        others = [other for other in range(4) if other != row]
        shares, targets = (
            softmax([float(cosines[row, other]) for other in others], 0.5) for cosines in (found, wanted)
        )
        expected += sum(target * math.log(target / share) for target, share in zip(targets, shares, strict=True)) / 4
    assert float(guided_contrast(texts, wanted, ITSELF, temperature=0.5)) == pytest.approx(expected, rel=1e-5)


def test_guided_contrast_is_zero_where_the_cosines_are_those_wanted_up_to_a_constant(vectors):
    texts = vectors[0]
    assert float(guided_contrast(texts, texts @ texts.T - 0.3, ITSELF, temperature=0.05)) == pytest.approx(0, abs=1e-6)


def test_guided_contrast_with_a_large_bonus_is_the_supervised_contrast(vectors):
    texts = vectors[0]
    near = (torch.tensor([0, 0, 1, 1]).unsqueeze(1) == torch.tensor([0, 0, 1, 1])) & ~ITSELF
    expected = supervised_contrast(texts, texts, near, ITSELF, temperature=0.1)
    loss = guided_contrast(texts, 100.0 * near, ITSELF, temperature=0.1)
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)


def test_guided_contrast_does_not_meet_what_is_left_out(vectors):
    texts, teacher, _ = vectors
    out = ITSELF.clone()
    out[0, 3] = out[3, 0] = True
    wanted = teacher @ teacher.T
    changed = wanted.clone()
    changed[0, 3] = changed[3, 0] = 0.9
    first, second = (guided_contrast(texts, cosines, out, temperature=0.1) for cosines in (wanted, changed))
    assert float(first) == float(second)


def test_a_batch_of_one_text_teaches_nothing_and_its_gradients_are_finite(vectors):
    texts = vectors[0][[0, 0, 0]].requires_grad_()
    loss = guided_contrast(texts, torch.zeros(3, 3), torch.ones(3, 3, dtype=torch.bool), temperature=0.05)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(texts.grad).all()


def test_gradients_draw_those_with_a_bonus_together_and_the_others_apart(vectors):
    texts = vectors[0].clone().requires_grad_()
    wanted = (texts @ texts.T).detach()
    wanted[0, 1] = wanted[1, 0] = wanted[0, 1] + 0.3
    guided_contrast(texts, wanted, ITSELF, temperature=0.1).backward()
    moved = normalize((texts - 0.01 * texts.grad).detach(), dim=-1)
    before, after = (part[0] @ part[1] for part in (texts.detach(), moved))
    assert after > before


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
