from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, ConcatDataset, RandomSampler

from mote_demo.training.sampler import TopicBatchSampler, WeightedBatchSampler, source_weights

SIZES = (40, 12)


def sampler(weights=(1, 1), steps=200, seed=0):
    """Sample batches of 4 from rows 0 to 39 and 40 to 51."""
    parts = [range(size) for size in SIZES]
    batches = [
        BatchSampler(RandomSampler(part, generator=torch.Generator().manual_seed(0)), 4, drop_last=True)
        for part in parts
    ]
    return WeightedBatchSampler(ConcatDataset(parts), batches, weights, steps, seed)


def source_of(batch):
    return {row >= SIZES[0] for row in batch}


def test_the_same_seed_gives_the_same_batches_and_another_seed_others():
    assert list(sampler(seed=3)) == list(sampler(seed=3))
    assert list(sampler(seed=3)) != list(sampler(seed=4))


def test_there_are_as_many_batches_as_steps():
    assert len(list(sampler(steps=17))) == len(sampler(steps=17)) == 17


def test_a_batch_holds_one_data_set():
    assert all(len(source_of(batch)) == 1 for batch in sampler())


@pytest.mark.parametrize("weights", [(3, 1), (1, 3), (30, 10)])
def test_batches_are_shared_out_by_weight(weights):
    small = sum(source_of(batch) == {True} for batch in sampler(weights, steps=2000)) / 2000
    assert small == pytest.approx(weights[1] / sum(weights), abs=0.04)


def test_a_data_set_of_weight_zero_is_never_drawn():
    assert all(source_of(batch) == {False} for batch in sampler((1, 0)))


def test_a_data_set_that_runs_out_starts_over_reshuffled():
    batches = list(sampler((0, 1), steps=6))
    first, again = sum(batches[:3], []), sum(batches[3:], [])
    assert sorted(first) == sorted(again) == list(range(40, 52))
    assert first != again


def test_no_row_comes_again_before_all_of_its_data_set_came():
    rows = Counter(row for batch in sampler((1, 0), steps=10) for row in batch)
    assert set(rows.values()) == {1}


def test_a_resumed_run_that_skips_batches_sees_the_same_continuation():
    assert list(islice(sampler(), 70, None)) == list(sampler())[70:]


def test_weight_is_the_tasks_and_divided_by_given_weight_or_root_of_size():
    weights = source_weights(
        {"small": 100, "large": 400, "told": 7},
        {"small": None, "large": None, "told": 5.0},
        {"small": "retrieval", "large": "retrieval", "told": "similarity"},
        {"retrieval": 0.6, "similarity": 0.4, "clustering": 0.0},
    )
    assert weights == pytest.approx([0.2, 0.4, 0.4])


def topics(rows=60, seed=0):
    """Vectors of four topics far from each other, and the topic of each row."""
    random = np.random.default_rng(seed)
    of_row = random.integers(4, size=rows)
    return np.eye(8)[of_row] + 0.01 * random.normal(size=(rows, 8)), of_row


def test_a_batch_by_topic_holds_rows_of_one_topic_save_at_the_borders():
    vectors, of_row = topics(200)
    batches = list(TopicBatchSampler(vectors, 5, batches=10))
    mixed = [batch for batch in batches if len(set(of_row[batch])) > 1]
    assert len(batches) == 40
    assert len(mixed) <= 3


def test_every_pass_by_topic_meets_each_row_at_most_once_in_other_batches():
    vectors, _ = topics(62)
    sampler = TopicBatchSampler(vectors, 5, batches=3)
    first, second = list(sampler), list(sampler)
    for batches in (first, second):
        rows = [row for batch in batches for row in batch]
        assert len(rows) == len(set(rows)) == 60
    assert {tuple(sorted(batch)) for batch in first} != {tuple(sorted(batch)) for batch in second}


def test_batches_by_topic_depend_on_the_seed_alone():
    vectors, _ = topics()
    one, again, other = (list(TopicBatchSampler(vectors, 5, seed=seed)) for seed in (3, 3, 4))
    assert one == again != other


def test_as_few_rows_as_one_batch_are_one_topic():
    vectors, _ = topics(5)
    assert [sorted(batch) for batch in TopicBatchSampler(vectors, 5)] == [[0, 1, 2, 3, 4]]
