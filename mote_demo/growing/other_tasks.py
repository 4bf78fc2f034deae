"""Small labelled sets of every task that come with the package, to see what a training does to the other tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd

from mote_demo.data.examples import Examples
from mote_demo.data.texts import Texts
from mote_demo.encoder import Encoder
from mote_demo.evaluation.labelled_sets import LabelledSet, bundled_sets
from mote_demo.growing.heldout import Measured, measure
from mote_demo.growing.intervals import Interval, paired_intervals
from mote_demo.tasks import TASKS

_OTHER_NAMES = {"sts": "similarity"}


@dataclass(frozen=True)
class OtherTask:
    """Hold what a model made of one small set before and after a training on something else.

    Attributes:
        task: name of its task.
        name: of the set.
        metric: what it was measured by, the first of the task's.
        rows: how many were measured.
        before: the metric before, from 0 to 1.
        after: after.
        change: 95 % interval of the change.
    """

    task: str
    name: str
    metric: str
    rows: int
    before: float
    after: float
    change: Interval

    @property
    def points(self) -> float:
        """Return the change in points, a hundredth each."""
        return 100 * (self.after - self.before)


def measure_tasks(encoder: Encoder) -> dict[str, Measured]:
    """Measure a model on each of the sets with the task's own routes, by the set's name."""
    found = {}
    for name, (train, test) in _sets().items():
        task = TASKS[test.task]
        found[name] = measure(encoder, (task.query_route, task.document_route), train, test)
    return found


def compare_tasks(before: dict[str, Measured], after: dict[str, Measured]) -> tuple[OtherTask, ...]:
    """Compare two measurements of ``measure_tasks``."""
    compared = []
    for name, (_, test) in _sets().items():
        first, second = before[name], after[name]
        metric = next(iter(first.metrics))
        change = paired_intervals(first, second)[metric].change
        values = (first.metrics[metric], second.metrics[metric])
        compared.append(OtherTask(test.task, name, metric, first.rows, *values, change))
    return tuple(compared)


def mean_loss(others: Sequence[OtherTask]) -> float:
    """Return how many points the sets lost, their mean; less than 0 where they gained."""
    return -sum(one.points for one in others) / len(others)


@cache
def _sets() -> dict[str, tuple[Examples, Examples]]:
    return {one.name: _read(one) for one in bundled_sets()}


def _read(one: LabelledSet) -> tuple[Examples, Examples]:
    """Return what may be used to measure, and what is measured."""
    tables, _ = one.read()
    task = _OTHER_NAMES.get(one.family, one.family)
    if task == "retrieval":
        passages = dict(zip(tables["corpus"]["id"], Texts("", "", tables["corpus"]).passages, strict=True))
        words = tables["queries"].set_index("id")["text"]
        right = tables["qrels"][tables["qrels"]["score"] > 0]
        pairs = {"query": right["query_id"].map(words), "positive": right["doc_id"].map(passages)}
        test = Examples(task, pd.DataFrame(pairs).reset_index(drop=True))
        # Nothing is asked of the rest: these are the other documents to search.
        return Examples(task, pd.DataFrame({"query": "", "positive": list(passages.values())})), test
    frames = {part: table.rename(columns={"label_text": "label"}) for part, table in tables.items()}
    test = Examples(task, frames["test"])
    # Neither clusters nor cosines of pairs learn from other rows.
    return Examples(task, frames["train"]) if "train" in frames else test, test
