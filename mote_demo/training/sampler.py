"""Which data set each batch comes from."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from sentence_transformers.base.sampler import MultiDatasetDefaultBatchSampler
from torch.utils.data import BatchSampler, ConcatDataset

from mote_demo.training.processes import own_share


class WeightedBatchSampler(MultiDatasetDefaultBatchSampler):
    """Draw each batch's data set by weight, for a fixed number of steps.

    A data set that runs out starts over, reshuffled. The order depends on the seeds alone, so arms
    that share a recipe see the same batches, and a resumed run continues where it stopped. Where several processes
    train together, each gets its share of every batch.

    Args:
        dataset: the data sets, one after the other.
        batch_samplers: of each data set, with at least one batch.
        weights: share of the batches of each data set, before normalising.
        steps: number of batches.
        seed: of the draw of the data sets.
    """

    def __init__(
        self,
        dataset: ConcatDataset,
        batch_samplers: Sequence[BatchSampler],
        weights: Sequence[float],
        steps: int,
        seed: int,
    ) -> None:
        super().__init__(dataset, list(batch_samplers), None, seed)
        self.weights = np.asarray(weights, dtype=np.float64) / sum(weights)
        self.steps = steps

    def __iter__(self) -> Iterator[list[int]]:
        random = np.random.default_rng(self.seed)
        starts = np.cumsum([0, *[len(part) for part in self.dataset.datasets]])
        batches = [_endless(sampler) for sampler in self.batch_samplers]
        for chosen in random.choice(len(batches), size=self.steps, p=self.weights):
            yield own_share([int(row + starts[chosen]) for row in next(batches[chosen])])

    def __len__(self) -> int:
        return self.steps


class TopicBatchSampler(BatchSampler):
    """Draw the rows of each batch from one topic, as k-means finds them.

    Each pass goes through all rows in another order and in other batches; a batch at the border of two topics holds
    rows of both, and rows that fill no batch are left out of the pass.

    Args:
        vectors: float [rows, d], unit length.
        batch_size: rows of a batch.
        batches: of a topic, about.
        seed: of the topics and the orders.
    """

    def __init__(self, vectors: np.ndarray, batch_size: int, *, batches: int = 8, seed: int = 0) -> None:
        from sklearn.cluster import MiniBatchKMeans

        topics = max(1, len(vectors) // (batch_size * batches))
        kmeans = MiniBatchKMeans(topics, batch_size=4096, n_init=1, random_state=seed)
        self._topics = kmeans.fit_predict(vectors)
        self._random = np.random.default_rng(seed)
        self.batch_size = batch_size
        self.drop_last = True

    def __iter__(self) -> Iterator[list[int]]:
        rows = self._random.permutation(len(self._topics))
        places = self._random.permutation(self._topics.max() + 1)
        rows = rows[np.argsort(places[self._topics[rows]], kind="stable")]
        for number in self._random.permutation(len(self)):
            yield rows[number * self.batch_size : (number + 1) * self.batch_size].tolist()

    def __len__(self) -> int:
        return len(self._topics) // self.batch_size


def source_weights(
    sizes: Mapping[str, int],
    given: Mapping[str, float | None],
    tasks: Mapping[str, str],
    task_weights: Mapping[str, float],
) -> list[float]:
    """Return each source's share of the steps: its task's weight, divided within the task.

    Within a task a source counts by its given weight, or by the square root of its size.
    """
    raw = {name: size**0.5 if (weight := given[name]) is None else weight for name, size in sizes.items()}
    totals = {task: sum(raw[name] for name in sizes if tasks[name] == task) for task in task_weights}
    return [task_weights[tasks[name]] * raw[name] / totals[tasks[name]] for name in sizes]


def _endless(sampler: BatchSampler) -> Iterator[list[int]]:
    while True:
        yield from sampler
