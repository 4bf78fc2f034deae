import numpy as np
import pandas as pd
import pytest
import torch

from mote_demo.training.lesson import Lesson, sides_of

TEXTS = ["a", "b", "c", "d"]
VECTORS = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]], dtype=torch.float16)


def lesson(labels, **negatives):
    rows = pd.DataFrame({"anchor": ["a", "b", "c"], "positive": ["b", "d", "a"], **negatives, "label": labels})
    return Lesson.of(rows, TEXTS, VECTORS)


def test_texts_of_a_group_get_the_bonus_on_top_of_the_teachers_cosine():
    wanted, _ = lesson(np.array([5, 7, 5])).wanted(torch.tensor([0, 1]), bonus=0.3)
    # The batch is a, b, then their positives b, d; rows 0 and 1 are of two groups.
    cosines = torch.tensor([[1, 0.6, 0.6, -1], [0.6, 1, 1, -0.6], [0.6, 1, 1, -0.6], [-1, -0.6, -0.6, 1]])
    near = torch.tensor([[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1]])
    assert torch.allclose(wanted, cosines + 0.3 * near, atol=1e-3)


def test_rows_of_one_group_are_near_each_other_too():
    wanted, _ = lesson(np.array([5, 7, 5])).wanted(torch.tensor([0, 2]), bonus=1.0)
    without, _ = lesson(np.array([5, 7, 5])).wanted(torch.tensor([0, 2]), bonus=0.0)
    assert torch.equal(wanted - without, torch.ones(4, 4))


def test_the_same_text_does_not_count_wherever_it_stands():
    _, out = lesson(np.array([1, 2, 3])).wanted(torch.tensor([0, 1]), bonus=0.3)
    # b is the second anchor and the first positive.
    expected = torch.eye(4, dtype=torch.bool)
    expected[1, 2] = expected[2, 1] = True
    assert torch.equal(out, expected)


def test_grades_move_the_two_texts_of_a_row_together_or_apart_and_nothing_else():
    graded = lesson(np.array([1.0, 0.0, 0.5], dtype=np.float32))
    bonus = graded.wanted(torch.arange(3), 0.2)[0] - graded.wanted(torch.arange(3), 0.0)[0]
    expected = torch.zeros(6, 6)
    expected[0, 3] = expected[3, 0] = 0.2
    expected[1, 4] = expected[4, 1] = -0.2
    assert torch.allclose(bonus, expected, atol=1e-6)


def test_hard_negatives_get_no_bonus():
    with_negatives = lesson(np.array([1, 1, 1]), negative_1=["c", "c", "b"])
    bonus = with_negatives.wanted(torch.tensor([0, 1]), 1.0)[0] - with_negatives.wanted(torch.tensor([0, 1]), 0.0)[0]
    assert bonus.shape == (6, 6)
    assert torch.equal(bonus[4:], torch.zeros(2, 6))
    assert torch.equal(bonus[:4, :4], torch.ones(4, 4))


def test_the_sides_are_the_columns_that_hold_texts():
    rows = pd.DataFrame(columns=["anchor", "positive", "negative_1", "label"])
    assert sides_of(rows) == ["anchor", "positive", "negative_1"]


def test_a_text_without_a_vector_is_no_lesson():
    rows = pd.DataFrame({"anchor": ["a"], "positive": ["unknown"], "label": [0]})
    with pytest.raises(KeyError, match="unknown"):
        Lesson.of(rows, TEXTS, VECTORS)
