"""How long a growth will take, from a few steps that are timed."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from mote_demo.data.examples import Examples
from mote_demo.encoder import Encoder
from mote_demo.growing.settings import GrowthSettings
from mote_demo.growing.training import LayerTraining

_LEAST_SHARE = 0.25
_TEXTS_TIMED = 32


@dataclass(frozen=True)
class Estimate:
    """Hold what was timed.

    Attributes:
        steps: of the training.
        step: seconds of a step.
        reading: seconds in which what lies below the experts is computed, once for all texts.
        measuring: seconds of the measurements before and after.
    """

    steps: int
    step: float
    reading: float
    measuring: float

    @property
    def seconds(self) -> float:
        """Return how long all of it takes."""
        return self.measuring + self.reading + self.steps * self.step

    def steps_within(self, seconds: float) -> int:
        """Return how many steps fit into a budget for all of it, but a quarter of those planned at least."""
        fitting = (seconds - self.measuring - self.reading) / self.step
        return max(1, round(_LEAST_SHARE * self.steps), min(self.steps, int(fitting)))


def estimate(encoder: Encoder, train: Examples, test_rows: int, base: str, settings: GrowthSettings) -> Estimate:
    """Do two steps on a copy that is thrown away, the second on texts that are known by then, and time them.

    Args:
        encoder: the model.
        train: the rows to train on.
        test_rows: how many rows will be measured on, before and after.
        base: route to start from.
        settings: of the training.
    """
    training = LayerTraining(encoder, train, base, settings)
    batch = next(training.batches())
    first, again = (_timed(lambda: training.step(batch, 0.0)) for _ in range(2))
    columns = [name for name in ("text", "query", "positive", "sentence1", "sentence2") if name in train.frame]
    texts = [text for name in columns for text in train.frame[name]]
    timed = texts[:_TEXTS_TIMED]
    encoding = _timed(lambda: encoder.encode(timed, route=base)) / max(1, training.trunk.count_tokens(timed))
    tokens = training.trunk.count_tokens(texts)
    reading = max(0.0, first - again) * len(train.frame) / len(batch)
    share = 1 + test_rows / max(1, len(train.frame))
    return Estimate(training.steps, again, reading, 2 * encoding * tokens * share)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
