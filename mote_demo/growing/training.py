"""Train the layers of one new expert; everything else stays as it is."""

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
from mote_demo.growing.settings import GrowthSettings
from mote_demo.model.experts import replace_modules

_WARM_UP = 0.1
_WEIGHT_DECAY = 0.01
_MAX_GRADIENT = 1.0
# Searches of other visitors run in between.
_PAUSE_SECONDS = 0.005
_STEPS_TIMED = 8
_NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})


@dataclass(frozen=True)
class TrainingStep:
    """Say how far a training is: ``step`` of ``steps`` is done, with this loss; about so many seconds are left."""

    step: int
    steps: int
    loss: float
    seconds_left: float


@dataclass(frozen=True)
class TrainedLayers:
    """Hold what a training made.

    Attributes:
        layers: of the new expert, by the paths of ``MoteModel.expert_paths``, the base's own where nothing trained;
            their numbers are exact in half precision, so a file of them loses nothing.
        losses: of each step that was done.
        planned_steps: how many there should have been.
        seconds: wall-clock time.
    """

    layers: dict[str, nn.Module]
    losses: tuple[float, ...]
    planned_steps: int
    seconds: float

    @property
    def stopped(self) -> bool:
        """Tell whether the training ended before its last step."""
        return len(self.losses) < self.planned_steps


def train_layers(
    encoder: Encoder,
    examples: Examples,
    base: str,
    settings: GrowthSettings,
    *,
    known: Mapping[str, np.ndarray] = _NOTHING,
    stop: threading.Event | None = None,
) -> Iterator[TrainingStep | TrainedLayers]:
    """Train a copy of one route's expert on ``examples``; every tensor of ``encoder`` keeps its value.

    Args:
        encoder: a model with task experts.
        examples: what to train on; their task decides the loss.
        base: route whose expert and instruction the new one starts from.
        settings: how.
        known: vectors by text, float32 [d], as far as they were computed already: those of the base route for texts
            with a label, those of the document route for documents. The first steps then meet all texts of the file.
        stop: set it from another thread to end after the current step with what was learnt so far.

    Yields:
        One ``TrainingStep`` a step and, last, ``TrainedLayers``.
    """
    started = time.monotonic()
    stop = stop or threading.Event()
    check_base(encoder, base)
    # An encoder only infers; without this, autograd would record the shared layers as well.
    encoder.model.requires_grad_(False)
    blocks = encoder.config.expert_layers[-(settings.blocks or 0) :]  # from -0, None, that is all of them
    trained = copy_expert(encoder, base, blocks)
    view = replace_modules(encoder.model.dense(base), trained)
    trunk = FrozenTrunk(encoder, view, base, first=blocks[0])
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
        yield TrainingStep(len(losses), steps, losses[-1], clock.left_after(len(losses)))
    for module in trained.values():
        module.requires_grad_(False).half().float()
    untrained = {path: encoder.model.dense(base).get_submodule(path) for path in encoder.model.expert_paths}
    yield TrainedLayers(untrained | trained, tuple(losses), steps, time.monotonic() - started)


def check_base(encoder: Encoder, base: str) -> None:
    """Refuse a model without task experts, and a route to start from that it does not have."""
    if not encoder.config.expert_layers:
        raise UserError(f"{encoder.name} has no task experts, so none can be grown. Please use a MoTE model.")
    if base not in encoder.routes:
        raise unknown_choice("route to start from", base, encoder.routes)


def copy_expert(encoder: Encoder, route: str, blocks: Iterable[int] | None = None) -> dict[str, nn.Module]:
    """Copy the expert layers of ``route`` in some blocks (None is all), by the paths of ``MoteModel.expert_paths``."""
    model = encoder.model
    paths = model.expert_paths if blocks is None else model.paths_of(blocks)
    return {path: copy.deepcopy(model.dense(route).get_submodule(path)) for path in paths}


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
