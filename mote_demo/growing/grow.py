"""Grow one new task expert on a person's own examples; everything else stays as it is."""

import copy
import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from mote_demo.data.examples import Examples
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError, unknown_choice
from mote_demo.growing.frozen_trunk import FrozenTrunk
from mote_demo.growing.objectives import make_objective
from mote_demo.model.configuration import check_name
from mote_demo.model.experts import replace_modules
from mote_demo.tasks import find_task


@dataclass(frozen=True)
class Effort:
    """Say how long and how deep to train.

    Attributes:
        steps: about how many optimiser steps.
        most_epochs: passes over the examples, however few these are.
        blocks: how many blocks with experts train, from the top; None is all.
    """

    steps: int
    most_epochs: int
    blocks: int | None


EFFORTS: Mapping[str, Effort] = MappingProxyType(
    {
        # What enters the lower of the two experts is computed once per text.
        "quick": Effort(steps=125, most_epochs=10, blocks=2),
        "thorough": Effort(steps=200, most_epochs=10, blocks=None),
    }
)


@dataclass(frozen=True)
class Tuning:
    """Say what suits the loss of a task.

    Attributes:
        learning_rate: the highest one, of AdamW.
        temperature: of the softmax in the loss.
    """

    learning_rate: float
    temperature: float


# A text meets all of the file: most are easy, and a flatter softmax learns from more of them.
_OF_LABELS = Tuning(learning_rate=1e-3, temperature=0.1)

TUNINGS: Mapping[str, Tuning] = MappingProxyType(
    {
        # Where the model is good already and only queries can move, a higher rate costs held-out rows.
        "retrieval": Tuning(learning_rate=1e-4, temperature=0.05),
        "classification": _OF_LABELS,
        "clustering": _OF_LABELS,
        "similarity": Tuning(learning_rate=2e-4, temperature=0.05),
    }
)

_WARM_UP = 0.1
_WEIGHT_DECAY = 0.01
_MAX_GRADIENT = 1.0
# Searches of other visitors run in between.
_PAUSE_SECONDS = 0.005
_STEPS_TIMED = 8
_NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})


@dataclass(frozen=True)
class Growth:
    """Hold the settings of one growth.

    Attributes:
        name: of the new route and its expert.
        task: name of the task to train.
        base: route whose expert and instruction the new one starts from.
        epochs: passes over the examples.
        batch_size: rows in a batch.
        learning_rate: the highest one, of AdamW.
        temperature: of the softmax in the loss.
        seed: of the order of the examples.
        blocks: how many blocks with experts train, from the top; in those below, the new expert stays a copy of
            the base's. None is all.
    """

    name: str
    task: str
    base: str
    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 2e-4
    temperature: float = 0.05
    seed: int = 0
    blocks: int | None = None

    def __post_init__(self) -> None:
        check_name("expert", self.name)
        find_task(self.task)
        if self.blocks is not None and self.blocks < 1:
            raise UserError(f"At least one block must train, not {self.blocks}.")
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
    def suited(cls, name: str, task: str, rows: int, *, base: str | None = None, effort: str = "quick") -> "Growth":
        """Choose settings for a number of training rows.

        Args:
            name: of the new route.
            task: name of the task.
            rows: training rows; few rows mean small batches and more epochs.
            base: route to start from; None takes the task's own.
            effort: one of ``EFFORTS``.
        """
        if effort not in EFFORTS:
            raise unknown_choice("effort", effort, EFFORTS)
        query_route, chosen, tuning = find_task(task).query_route, EFFORTS[effort], TUNINGS[task]
        batch_size = min(32, max(8, rows // 4))
        steps_of_epoch = max(1, math.ceil(rows / batch_size))
        return cls(
            name,
            task,
            base or query_route,
            epochs=min(chosen.most_epochs, max(1, round(chosen.steps / steps_of_epoch))),
            batch_size=batch_size,
            learning_rate=tuning.learning_rate,
            temperature=tuning.temperature,
            blocks=chosen.blocks,
        )


@dataclass(frozen=True)
class GrowStep:
    """Say how far a growth is: ``step`` of ``steps`` is done, with this loss; about so many seconds are left."""

    step: int
    steps: int
    loss: float
    seconds_left: float


@dataclass(frozen=True)
class Grown:
    """Hold a new expert.

    Attributes:
        settings: what it was grown with.
        experts: its layers by the paths of ``MoteModel.expert_paths``, the base's own where nothing trained;
            their numbers are exact in half precision, so a file of it loses nothing.
        losses: of each step that was done.
        steps: how many were planned.
        seconds: wall-clock time.
    """

    settings: Growth
    experts: dict[str, nn.Module]
    losses: tuple[float, ...]
    steps: int
    seconds: float

    @property
    def stopped(self) -> bool:
        """Tell whether the growth ended before its last step."""
        return len(self.losses) < self.steps


def grow(
    encoder: Encoder,
    examples: Examples,
    settings: Growth,
    *,
    known: Mapping[str, np.ndarray] = _NOTHING,
    stop: threading.Event | None = None,
) -> Iterator[GrowStep | Grown]:
    """Train a copy of one route's expert on ``examples``; every tensor of ``encoder`` keeps its value.

    Args:
        encoder: a model with task experts.
        examples: what to train on, of ``settings.task``.
        settings: how.
        known: vectors by text, float32 [d], as far as they were computed already: those of the base route for texts
            with a label, those of the document route for documents. The first steps then meet all texts of the file.
        stop: set it from another thread to end after the current step with what was learnt so far.

    Yields:
        One ``GrowStep`` a step and, last, ``Grown``.
    """
    started = time.monotonic()
    stop = stop or threading.Event()
    _check(encoder, examples, settings)
    # An encoder only infers; without this, autograd would record the shared layers as well.
    encoder.model.requires_grad_(False)
    layers = _trained_layers(encoder, settings)
    trained = copy_expert(encoder, settings.base, layers)
    view = replace_modules(encoder.model.dense(settings.base), trained)
    trunk = FrozenTrunk(encoder, view, settings.base, first=layers[0])
    objective = make_objective(examples, encoder, trunk, settings.batch_size, settings.temperature, known)
    random = np.random.default_rng(settings.seed)
    steps = settings.epochs * len(objective.epoch(np.random.default_rng(settings.seed)))
    optimiser = _Optimiser(trained.values(), settings.learning_rate, steps)
    clock = _Clock(steps)
    losses: list[float] = []
    batches = (batch for _ in range(settings.epochs) for batch in objective.epoch(random))
    for batch in batches:
        if stop.wait(_PAUSE_SECONDS):
            break
        losses.append(optimiser.step(objective.loss(batch)))
        yield GrowStep(len(losses), steps, losses[-1], clock.left_after(len(losses)))
    for module in trained.values():
        module.requires_grad_(False).half().float()
    base = {path: encoder.model.dense(settings.base).get_submodule(path) for path in encoder.model.expert_paths}
    yield Grown(settings, base | trained, tuple(losses), steps, time.monotonic() - started)


def copy_expert(encoder: Encoder, route: str, blocks: Iterable[int] | None = None) -> dict[str, nn.Module]:
    """Copy the expert layers of ``route`` in some blocks (None is all), by the paths of ``MoteModel.expert_paths``."""
    model = encoder.model
    paths = model.expert_paths if blocks is None else model.paths_of(blocks)
    return {path: copy.deepcopy(model.dense(route).get_submodule(path)) for path in paths}


def _trained_layers(encoder: Encoder, settings: Growth) -> list[int]:
    layers = encoder.config.expert_layers
    return layers if settings.blocks is None else layers[-settings.blocks :]


def _check(encoder: Encoder, examples: Examples, settings: Growth) -> None:
    config = encoder.config
    if not config.expert_layers:
        raise UserError(f"{encoder.name} has no task experts, so none can be grown. Please use a MoTE model.")
    config.check_new(settings.name, settings.name)
    if settings.base not in config.routes:
        raise unknown_choice("route to start from", settings.base, config.routes)
    if examples.task != settings.task:
        raise UserError(f"These are examples of {examples.task}, not of {settings.task}. Please choose one task.")


class _Clock:
    """Say how long the rest takes, by the last steps: those of the first epoch also compute what is kept."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._times = deque([time.monotonic()], maxlen=_STEPS_TIMED + 1)

    def left_after(self, step: int) -> float:
        self._times.append(time.monotonic())
        return (self._times[-1] - self._times[0]) / (len(self._times) - 1) * (self._steps - step)


class _Optimiser:
    """AdamW with warm-up, a cosine down to zero and clipped gradients, on the new layers alone."""

    def __init__(self, layers: Iterable[nn.Module], learning_rate: float, steps: int) -> None:
        self._parameters = [parameter for layer in layers for parameter in layer.requires_grad_().parameters()]
        self._adam = torch.optim.AdamW(self._parameters, lr=learning_rate, weight_decay=_WEIGHT_DECAY)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._adam, lambda step: _rate(step, steps))

    def step(self, loss: Tensor) -> float:
        value = loss.item()
        if not math.isfinite(value):
            raise UserError("The loss is no longer a number. Please choose a lower learning rate and train again.")
        self._adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, _MAX_GRADIENT)
        self._adam.step()
        self._schedule.step()
        return value


def _rate(step: int, steps: int) -> float:
    warm_up = max(1, round(_WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))
