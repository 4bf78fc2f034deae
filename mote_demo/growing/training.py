"""Train the layers of one new expert; everything else stays as it is."""

import copy
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from mote_demo.tasks import find_task

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
        planned_steps: how many there should have been; those that were done where a budget of time ended them.
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
    blocks: Sequence[int] | None = None,
    known: Mapping[str, np.ndarray] = _NOTHING,
    stop: threading.Event | None = None,
    seconds: float | None = None,
) -> Iterator[TrainingStep | TrainedLayers]:
    """Train a copy of one route's MLPs on ``examples``; every tensor of ``encoder`` keeps its value.

    Args:
        encoder: a model with task experts, or a dense one where ``blocks`` are given.
        examples: what to train on; their task decides the loss.
        base: route whose MLPs and instruction the new ones start from.
        settings: how.
        blocks: whose MLPs train; None takes those with experts, as the settings say.
        known: vectors by text, float32 [d], as far as they were computed already: those of the base route for texts
            with a label, those of the document route for documents. The first steps then meet all texts of the file.
        stop: set it from another thread to end after the current step with what was learnt so far.
        seconds: the training takes no longer, measured from here; the learning rate comes down in time.

    Yields:
        One ``TrainingStep`` a step and, last, ``TrainedLayers``.
    """
    started = time.monotonic()
    stop = stop or threading.Event()
    training = LayerTraining(encoder, examples, base, settings, blocks=blocks, known=known)
    clock = _Clock(training.steps, seconds)
    losses: list[float] = []
    for batch in training.batches():
        if stop.wait(_PAUSE_SECONDS) or (losses and clock.position(len(losses)) >= 1):
            break
        losses.append(training.step(batch, clock.position(len(losses))))
        yield TrainingStep(len(losses), training.steps, losses[-1], clock.left_after(len(losses)))
    planned = len(losses) if clock.position(len(losses)) >= 1 else training.steps
    yield TrainedLayers(training.finish(), tuple(losses), planned, time.monotonic() - started)


class LayerTraining:
    """Hold the copies that learn, and do one step after the other."""

    def __init__(
        self,
        encoder: Encoder,
        examples: Examples,
        base: str,
        settings: GrowthSettings,
        *,
        blocks: Sequence[int] | None = None,
        known: Mapping[str, np.ndarray] = _NOTHING,
    ) -> None:
        """Copy what learns (see ``train_layers``)."""
        if blocks is None:
            check_base(encoder, base)
            blocks = blocks_of(encoder, settings)
        # An encoder only infers; without this, autograd would record the shared layers as well.
        encoder.model.requires_grad_(False)
        self._encoder, self._base, self._settings = encoder, base, settings
        self._trained = copy_expert(encoder, base, blocks)
        view = replace_modules(encoder.model.dense(base), self._trained)
        self.trunk = FrozenTrunk(encoder, view, base, first=blocks[0])
        documents = None
        if not encoder.config.expert_layers and "positive" in examples.frame:
            # Without experts, what queries learn changes documents as well.
            documents = FrozenTrunk(encoder, view, find_task(examples.task).document_route, first=blocks[0])
        self.objective = make_objective(
            examples, encoder, self.trunk, settings.batch_size, settings.temperature, known, documents=documents
        )
        planned = settings.epochs * len(self.objective.epoch(np.random.default_rng(settings.seed)))
        self.steps = min(planned, settings.steps or planned)
        """How many steps there should be."""
        parameters = [each for layer in self._trained.values() for each in layer.requires_grad_().parameters()]
        self._optimiser = Optimiser(parameters, settings.learning_rate, self.steps)

    def batches(self) -> Iterator[np.ndarray]:
        """Yield the row numbers of the batch of each step."""
        random = np.random.default_rng(self._settings.seed)
        torch.manual_seed(self._settings.seed)
        every = (batch for _ in range(self._settings.epochs) for batch in self.objective.epoch(random))
        return itertools.islice(every, self.steps)

    def step(self, rows: np.ndarray, position: float) -> float:
        """Learn from a batch and return its loss; ``position`` is how much of the training is over, from 0 to 1."""
        return self._optimiser.step(self.objective.loss(rows), position)

    def finish(self) -> dict[str, nn.Module]:
        """Return the layers, rounded to half precision, by the paths of ``MoteModel.expert_paths``."""
        for module in self._trained.values():
            module.requires_grad_(False).half().float()
        model = self._encoder.model
        untrained = {path: model.dense(self._base).get_submodule(path) for path in model.expert_paths}
        return untrained | self._trained


def blocks_of(encoder: Encoder, settings: GrowthSettings) -> tuple[int, ...]:
    """Return the blocks whose experts train."""
    return tuple(encoder.config.expert_layers[-(settings.blocks or 0) :])  # from -0, None, that is all of them


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
    """Say how much is over, and how long the rest takes by the last steps: the first also compute what is kept."""

    def __init__(self, steps: int, seconds: float | None) -> None:
        self._steps = steps
        self._seconds = math.inf if seconds is None else max(seconds, 0.01)
        self._started = time.monotonic()
        self._times = deque([self._started], maxlen=_STEPS_TIMED + 1)

    def position(self, step: int) -> float:
        """Return how much of the training is over after so many steps, from 0 to 1."""
        return min(1.0, max(step / self._steps, (time.monotonic() - self._started) / self._seconds))

    def left_after(self, step: int) -> float:
        self._times.append(time.monotonic())
        left = (self._times[-1] - self._times[0]) / (len(self._times) - 1) * (self._steps - step)
        return max(0.0, min(left, self._seconds - (self._times[-1] - self._started)))


class Optimiser:
    """AdamW with warm-up, a cosine down to zero and clipped gradients."""

    def __init__(self, parameters: Sequence[nn.Parameter], learning_rate: float, steps: int) -> None:
        """Let ``parameters`` learn, at ``learning_rate`` at most, over so many steps."""
        self._parameters = list(parameters)
        self._adam = torch.optim.AdamW(self._parameters, lr=learning_rate, weight_decay=_WEIGHT_DECAY)
        self._highest, self._steps = learning_rate, steps

    def step(self, loss: Tensor, position: float) -> float:
        """Learn and return the loss as a number; ``position`` is how much is over, from 0 to 1."""
        value = loss.item()
        if not math.isfinite(value):
            raise UserError("The loss is no longer a number. Please choose a lower learning rate and train again.")
        for group in self._adam.param_groups:
            group["lr"] = self._highest * _rate(position * self._steps, self._steps)
        self._adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, _MAX_GRADIENT)
        self._adam.step()
        return value


def _rate(step: float, steps: int) -> float:
    warm_up = max(1, round(_WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))
