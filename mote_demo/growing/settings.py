"""How a new expert is trained: what suits a task and a number of rows, and what a person may change."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from mote_demo.errors import UserError, unknown_choice
from mote_demo.tasks import find_task

LEAST_SECONDS = 5
"""A shorter budget would hardly train."""


@dataclass(frozen=True)
class Effort:
    """Say how long and how deep to train.

    Attributes:
        steps: about how many optimiser steps.
        blocks: how many blocks with experts train, from the top; None is all.
        seconds: how long all of it may take, measuring included; None is as long as it takes.
    """

    steps: int
    blocks: int | None
    seconds: float | None = None


EFFORTS: Mapping[str, Effort] = MappingProxyType(
    {
        # What enters the lower of the two experts is computed once per text.
        "quick": Effort(steps=125, blocks=2),
        "two-minutes": Effort(steps=600, blocks=None, seconds=120),
        "thorough": Effort(steps=300, blocks=None),
    }
)


@dataclass(frozen=True)
class LossSettings:
    """Say what suits the loss of a task.

    Attributes:
        learning_rate: the highest one, of AdamW.
        temperature: of the softmax in the loss.
        most_epochs: passes over the examples, however few these are.
    """

    learning_rate: float
    temperature: float
    most_epochs: int


# A text meets all of the file: most are easy, and a flatter softmax learns from more of them. Few rows go on teaching
# for many epochs.
_OF_LABELS = LossSettings(learning_rate=1e-3, temperature=0.1, most_epochs=30)

LOSS_SETTINGS: Mapping[str, LossSettings] = MappingProxyType(
    {
        # Where the model is good already and only queries can move, a higher rate costs held-out rows.
        "retrieval": LossSettings(learning_rate=1e-4, temperature=0.05, most_epochs=10),
        "classification": _OF_LABELS,
        "clustering": _OF_LABELS,
        "similarity": LossSettings(learning_rate=2e-4, temperature=0.05, most_epochs=10),
    }
)


@dataclass(frozen=True)
class GrowthSettings:
    """Hold how one expert is trained.

    Attributes:
        epochs: passes over the examples.
        batch_size: rows in a batch.
        learning_rate: the highest one, of AdamW.
        temperature: of the softmax in the loss.
        seed: of the order of the examples, and of which are held out.
        blocks: how many blocks with experts train, from the top; in those below, the new expert stays a copy of
            the base's. None is all.
        steps: optimiser steps after which the training ends, however many epochs there should be; None is all.
        seconds: a budget for all of it: fewer steps are planned where they would take longer, and the training ends
            in time even where the machine slows down. None is no limit.
    """

    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 2e-4
    temperature: float = 0.05
    seed: int = 0
    blocks: int | None = None
    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.blocks is not None and self.blocks < 1:
            raise UserError(f"At least one block must train, not {self.blocks}.")
        if self.steps is not None and self.steps < 1:
            raise UserError(f"At least one step must be done, not {self.steps}.")
        if self.seconds is not None and self.seconds < LEAST_SECONDS:
            raise UserError(f"The time must be {LEAST_SECONDS} seconds or more, not {self.seconds:g}.")
        for setting, low, high in (
            ("epochs", 1, 1000),
            ("batch_size", 4, 512),
            ("learning_rate", 1e-7, 1e-1),
            ("temperature", 1e-3, 1.0),
            ("seed", 0, 2**32 - 1),
        ):
            value = getattr(self, setting)
            if not low <= value <= high:
                raise UserError(f"The {setting.replace('_', ' ')} must be from {low:g} to {high:g}, not {value:g}.")

    @classmethod
    def for_rows(cls, rows: int, task: str, effort: str = "quick", **changes: Any) -> "GrowthSettings":
        """Choose settings for a number of training rows.

        Args:
            rows: training rows; few rows mean small batches and more epochs.
            task: name of the task.
            effort: one of ``EFFORTS``.
            **changes: settings to use instead; one that is None or 0 is chosen.
        """
        if effort not in EFFORTS:
            raise unknown_choice("effort", effort, EFFORTS)
        chosen, loss = EFFORTS[effort], LOSS_SETTINGS[find_task(task).name]
        batch_size = min(32, max(8, rows // 4))
        steps_of_epoch = max(1, math.ceil(rows / batch_size))
        settings = cls(
            epochs=min(loss.most_epochs, max(1, round(chosen.steps / steps_of_epoch))),
            batch_size=batch_size,
            learning_rate=loss.learning_rate,
            temperature=loss.temperature,
            blocks=chosen.blocks,
            seconds=chosen.seconds,
        )
        return replace(settings, **{name: value for name, value in changes.items() if value})
