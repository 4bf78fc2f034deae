"""The dense twin: what the same training does to a model that has no expert to put it in.

The same rows, the same steps, the same objective, and the MLPs of the same blocks learn: as many weights as in the new
expert. But a dense model has these MLPs once, so every route of it changes.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mote_demo.data.examples import Examples
from mote_demo.encoder import Encoder
from mote_demo.growing.heldout import Measured, measure
from mote_demo.growing.intervals import Intervals, paired_intervals
from mote_demo.growing.other_tasks import OtherTask, compare_tasks, mean_loss, measure_tasks
from mote_demo.growing.settings import GrowthSettings
from mote_demo.growing.training import TrainedLayers, TrainingStep, train_layers
from mote_demo.runtime.precision import EXACT
from mote_demo.tasks import find_task


@dataclass(frozen=True)
class TwinStep:
    """Say how far the training of the twin is."""

    step: TrainingStep


@dataclass(frozen=True)
class Twin:
    """Hold what the training made of the twin.

    Attributes:
        model: name of the dense model.
        training: how it went.
        before: what the dense model made of the held-out rows.
        after: what the twin makes of them.
        intervals: by metric.
        others: small sets of every task, before and after.
    """

    model: str
    training: TrainedLayers
    before: Measured
    after: Measured
    intervals: dict[str, Intervals]
    others: tuple[OtherTask, ...]

    @property
    def lost(self) -> float:
        """Return how many points the small sets lost, their mean."""
        return mean_loss(self.others)


def train_twin(
    dense: Encoder,
    train: Examples,
    test: Examples,
    base: str,
    settings: GrowthSettings,
    blocks: Sequence[int],
    *,
    stop: threading.Event | None = None,
    seconds: float | None = None,
) -> Iterator[TwinStep | Twin]:
    """Train the twin, and measure it on the same rows and on the other tasks.

    Args:
        dense: a model without task experts; it stays as it is.
        train: the rows to train on.
        test: those to measure on.
        base: route whose instruction is put before the texts; one that the model does not have is the task's own.
        settings: those of the new expert, ``steps`` as many as it took.
        blocks: those whose experts learnt.
        stop: set it from another thread to end early.
        seconds: the training takes no longer.

    Yields:
        One ``TwinStep`` a step and, last, ``Twin``, unless it was stopped before.
    """
    task = find_task(train.task)
    exact = dense.with_precision(EXACT)
    asked = base if base in dense.routes else task.query_route
    routes = (asked, task.document_route if len(task.routes) > 1 and "query" in train.frame else asked)
    before, others = measure(exact, routes, train, test), measure_tasks(exact)
    known = before.vectors
    for event in train_layers(
        exact, train, asked, replace(settings, seconds=None), blocks=blocks, known=known, stop=stop, seconds=seconds
    ):
        if isinstance(event, TrainingStep):
            yield TwinStep(event)
            continue
        if event.stopped:
            return
        twin = exact.with_network(exact.model.with_layers(event.layers))
        after = measure(twin, routes, train, test)
        intervals = paired_intervals(before, after)
        yield Twin(dense.name, event, before, after, intervals, compare_tasks(others, measure_tasks(twin)))
