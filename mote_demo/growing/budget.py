"""What one training may cost where others wait: tokens of a step, and seconds of all of it."""

import math

import numpy as np

from mote_demo.data.examples import Examples
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.growing.estimate import Estimate
from mote_demo.growing.frozen_trunk import MAX_TOKENS
from mote_demo.growing.settings import EFFORTS, GrowthSettings
from mote_demo.limits import STEP_TOKENS, TRAINING_SECONDS

_NO_TEXT = ("label", "score")
_MOST_PLANNED = max(effort.steps for effort in EFFORTS.values())


def check_step(encoder: Encoder, train: Examples, base: str, batch_size: int, most: int = STEP_TOKENS) -> None:
    """Refuse batches of which the longest rows have more tokens than one step may read.

    Memory is bounded whatever the batch (see ``FrozenTrunk``), but a training can be stopped only between two steps.

    Args:
        encoder: the model.
        train: the rows to train on.
        base: route to start from.
        batch_size: rows in a batch.
        most: tokens of a step.

    Raises:
        UserError: there are more; it names the largest batch that fits.
    """
    columns = [name for name in train.frame.columns if name not in _NO_TEXT]
    if columns == ["text"] == list(train.frame.columns):
        columns *= 2  # of a text without a label, two views are learnt from
    rows = min(batch_size, len(train.frame))
    if rows * len(columns) * MAX_TOKENS <= most:
        return
    tokens = np.zeros(len(train.frame), dtype=np.int64)  # [rows]
    for name in columns:
        lengths = [len(ids) for ids in encoder.tokenize(train.frame[name].tolist(), base)]
        tokens += np.minimum(lengths, MAX_TOKENS)
    longest = np.cumsum(np.sort(tokens)[::-1])  # of the longest row, the two longest, and so on
    if longest[rows - 1] > most:
        fitting = int(np.searchsorted(longest, most, side="right"))
        raise UserError(
            f"{rows:,} rows in a batch have up to {longest[rows - 1]:,} tokens, and one step may read {most:,}. "
            f"Please choose {fitting:,} rows in a batch, or fewer."
        )


def check_time(
    timed: Estimate, settings: GrowthSettings, *, twin: bool = False, most: float = TRAINING_SECONDS
) -> None:
    """Refuse a training that would take longer than one may.

    Args:
        timed: how long it takes.
        settings: how it is trained.
        twin: whether the same training is done to a second model.
        most: seconds of all of it.

    Raises:
        UserError: it would; it names the most epochs that fit.
    """
    trainings = 2 if twin else 1
    seconds = trainings * timed.seconds
    if settings.seconds is not None or seconds <= most:
        return
    epochs = math.floor(
        settings.epochs * (most / trainings - timed.measuring - timed.reading) / (timed.steps * timed.step)
    )
    mend = f"Please choose {epochs:,} epochs, or fewer." if epochs > 0 else "Please take fewer rows, or another effort."
    raise UserError(
        f"This training would take about {seconds / 60:,.0f} minutes, and one may take {most / 60:,.0f}, since others "
        f"wait for their turn. {mend}"
    )


def needs_timing(settings: GrowthSettings, rows: int) -> bool:
    """Tell whether a training may take long enough to be timed before: it has more steps than any effort plans."""
    steps = settings.epochs * math.ceil(rows / settings.batch_size)
    return settings.seconds is None and min(steps, settings.steps or steps) > _MOST_PLANNED
