"""The one readable file that decides a training."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PlainValidator, StrictBool

from mote_demo.errors import UserError, unknown_choice
from mote_demo.tasks import DENSE, ROUTES, find_task
from mote_demo.validation import Number, Whole, read_yaml

SHAPES: Mapping[str, tuple[str, ...]] = {
    "pairs": ("anchor", "positive"),
    "labelled": ("anchor", "label"),
    "entailment": ("anchor", "positive", "label"),
    "graded": ("anchor", "positive", "score"),
}
"""How a source becomes rows, and the columns this takes.

Given pairs; texts with labels; premise, hypothesis and what holds between them; or pairs of which
some are nearer than others.
"""

_NO_OTHER_KEYS = ConfigDict(extra="forbid")


def _share(value: Any) -> Any:
    """Check a share, but leave 1 and 1.0 as they were written: the hash of a training tells them apart."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"must be a share from 0 to 1, not {value!r}")
    return value


Count = Annotated[Whole, Field(ge=1)]
Rate = Annotated[Number, Field(ge=0)]
Share = Annotated[float, PlainValidator(_share)]


@dataclass(frozen=True)
class TaskSettings:
    """Hold the settings that TACL keeps per task rather than per run.

    Attributes:
        weight: share of the steps, before normalising over tasks.
        batch_size: pairs in a batch; every other text of the batch is one that it is compared with.
        temperature: of the softmaxes (see ``losses.guided_contrast``).
        bonus: is added to the teacher's cosine of two texts that labels call near; 0 learns from the teacher alone.
        max_tokens: texts are truncated to this many tokens in training.
        learning_rate_factor: of the steps of this task, times the rates of the run. It is the rate of an expert
            of its own; weights that tasks share take this step with a momentum that other tasks had a part in.
        hard_negatives: how many the untouched backbone finds for each anchor of a source of pairs.
        one_topic: whether the rows of a batch are of one topic, so that telling them apart is hard (topic-aware
            sampling, Hofstätter et al. 2021; see ``sampler.TopicBatchSampler``).
    """

    __pydantic_config__ = _NO_OTHER_KEYS

    weight: Rate
    batch_size: Annotated[Whole, Field(ge=2)]
    temperature: Annotated[Number, Field(ge=1e-3)]
    bonus: Rate
    max_tokens: Annotated[Whole, Field(ge=3)]
    learning_rate_factor: Rate = 1.0
    hard_negatives: Annotated[Whole, Field(ge=0)] = 0
    one_topic: StrictBool = False


@dataclass(frozen=True)
class Source:
    """Name one data set: its task, where it lies, and which columns mean what.

    Attributes:
        name: what the reports call it.
        task: name of the task whose settings and routes it trains.
        shape: one of ``SHAPES``.
        path: Parquet file below the data directory; "" where there is none.
        columns: ours to theirs, as the shape needs them; "pairs" may have a label too (equal ones are never negatives).
        keep: column and value that a row must have, such as ``{label: 1}``.
        grades: values of the score column to numbers from 0 to 1, where they are others.
        max_rows: a sample of this many rows is used, the same with every seed; None is all.
        weight: share within its task; None is the square root of its size.
        licence: as its source states it, for the model card.
        hub: keyword arguments of ``datasets.load_dataset`` for use without a data directory.
    """

    __pydantic_config__ = _NO_OTHER_KEYS

    name: str
    task: str
    shape: str
    columns: Mapping[str, str]
    licence: str
    path: str = ""
    keep: Mapping[str, Any] = field(default_factory=dict)
    grades: Mapping[Any, Share] = field(default_factory=dict)
    max_rows: Count | None = None
    weight: Rate | None = None
    hub: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Arm:
    """Describe one model of the comparison.

    Attributes:
        instructions: whether each text gets the instruction of its route.
        expert_layers: blocks (from 0) that carry task experts; none makes a dense model.
        experts: route to the expert it uses, where this is not one of its own (``{document: query}``).
        start: name of the dense arm whose trained weights this one begins with, in place of the backbone's; "" is none.
            It has the same instructions. MLPs that become experts are copied from it (sparse upcycling).
        steps: in place of the recipe's; None is the recipe's.
        labels: whether labels count; without them an arm learns from the teachers alone.
        keep: what share of the way from the backbone's MLP a trained one keeps, by the name of its expert, or "dense"
            in an arm without experts; one that is not named keeps all (see ``merging.part_way``).
        expert_learning_rate: in place of the recipe's, to see whether the rate favours an arm; None is the recipe's.
        seeds: those the study trains; None is all of the recipe's.
        title: what tables call it; "" is its name.
    """

    __pydantic_config__ = _NO_OTHER_KEYS

    instructions: StrictBool
    expert_layers: tuple[Whole, ...]
    title: str = ""
    experts: Mapping[str, str] = field(default_factory=dict)
    start: str = ""
    steps: Count | None = None
    labels: StrictBool = True
    keep: Mapping[str, Share] = field(default_factory=dict)
    expert_learning_rate: Rate | None = None
    seeds: tuple[Whole, ...] | None = None


@dataclass(frozen=True)
class Recipe:
    """Hold everything that decides a training; the arms share all but ``arms``.

    Attributes:
        backbone: folder, Hub name, or name of an installed package that carries the model.
        teacher: whose cosines every arm learns from: as the backbone, or "parts:PREFIX" for installed packages that
            carry a model in parts; "" is the untouched backbone alone.
        teacher_share: of the teacher in the cosines to learn; the rest is the untouched backbone's.
        base_model: what the model card calls the backbone.
        steps: optimiser steps of each arm.
        learning_rate: peak rate of the weights that all tasks share; 0 freezes them.
        expert_layers: blocks whose MLPs learn at the expert rate in the arms without experts.
        expert_learning_rate: peak rate of the MLPs in the blocks that carry experts, in every arm.
        warmup: share of the steps over which the rate rises; then it falls along a cosine.
        frozen: parameters whose name contains one of these stay as they are.
        chunk_tokens: tokens computed at once; a batch is divided into chunks of texts of like length.
        recompute: compute each chunk again for its gradients, so that memory holds one chunk and not the
            batch: the same gradients (gradient caching, Gao et al. 2021) for a third more arithmetic.
        seed: of the data order, the pairing and the initialisation.
        seeds: what the study trains and averages over.
        ship_soup: whether the study ships the mean of all seeds' weights, not the first seed.
    """

    __pydantic_config__ = _NO_OTHER_KEYS

    backbone: str
    base_model: str
    seed: Whole
    steps: Count
    learning_rate: Rate
    expert_learning_rate: Rate
    warmup: Number
    weight_decay: Number
    max_grad_norm: Number
    dropout: Number
    frozen: tuple[str, ...]
    save_every: Count
    expert_layers: tuple[Whole, ...]
    arms: Mapping[str, Arm]
    tasks: Mapping[str, TaskSettings]
    sources: tuple[Source, ...]
    teacher: str = ""
    teacher_share: Annotated[Number, Field(ge=0, le=1)] = 1.0
    chunk_tokens: Count = 4096
    recompute: StrictBool = False
    seeds: tuple[Whole, ...] = (0,)
    ship_soup: bool = False

    @property
    def names(self) -> frozenset[str]:
        """Return the names of the data sets that are trained on: those of the sources and of their files."""
        return frozenset(name for source in self.sources for name in (source.name, Path(source.path).stem))

    @property
    def teachers(self) -> Mapping[str, float]:
        """Return the models whose cosines are learnt from, each with its share in them."""
        if not self.teacher:
            return {self.backbone: 1.0}
        return {self.teacher: self.teacher_share, self.backbone: 1 - self.teacher_share}

    def trained_layers(self, arm: str) -> tuple[int, ...]:
        """Return the blocks whose MLPs learn at the expert rate in ``arm``."""
        return self.arms[arm].expert_layers or self.expert_layers

    def expert_rate(self, arm: str) -> float:
        """Return the peak rate of the expert blocks' MLPs in ``arm``."""
        chosen = self.arms[arm].expert_learning_rate
        return self.expert_learning_rate if chosen is None else chosen

    def settings(self, arm: str) -> Mapping[str, TaskSettings]:
        """Return each task's settings in ``arm``."""
        if self.arms[arm].labels:
            return self.tasks
        return {name: replace(task, bonus=0.0) for name, task in self.tasks.items()}

    def steps_of(self, arm: str) -> int:
        """Return the steps of ``arm``, without those of the arm that it starts from."""
        chosen = self.arms[arm].steps
        return self.steps if chosen is None else chosen

    def seeds_of(self, arm: str) -> tuple[int, ...]:
        """Return the seeds that the study trains ``arm`` with."""
        chosen = self.arms[arm].seeds
        return self.seeds if chosen is None else chosen


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe; a wrong or missing key or value is a ``UserError`` that names it."""
    recipe = read_yaml(path, Recipe)
    _check(recipe)
    return recipe


def _check(recipe: Recipe) -> None:
    for name in recipe.tasks:
        find_task(name)
    if not recipe.arms or not recipe.sources or not recipe.seeds:
        raise UserError("A recipe needs at least one arm, one source and one seed.")
    for name, arm in recipe.arms.items():
        _check_arm(name, arm)
        _check_start(name, arm, recipe)
    names = [source.name for source in recipe.sources]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"Two sources are called {twice!r}. Please name them apart.")
    for source in recipe.sources:
        _check_source(source, recipe)


def _check_arm(name: str, arm: Arm) -> None:
    for route in arm.experts:
        if route not in ROUTES:
            raise unknown_choice(f"route in arms.{name}.experts", route, ROUTES)
    known = [route.expert for route in ROUTES.values()] if arm.expert_layers else [DENSE]
    for expert in arm.keep:
        if expert not in known:
            raise unknown_choice(f"expert in arms.{name}.keep", expert, known)


def _check_start(name: str, arm: Arm, recipe: Recipe) -> None:
    if not arm.start:
        return
    if arm.start not in recipe.arms:
        raise unknown_choice(f"arm in arms.{name}.start", arm.start, recipe.arms)
    start = recipe.arms[arm.start]
    if start.expert_layers or start.start or start.instructions != arm.instructions:
        raise UserError(
            f"arms.{name}.start must name an arm without experts and without a start, and with instructions where "
            f"{name!r} has them; {arm.start!r} is another."
        )


def _check_source(source: Source, recipe: Recipe) -> None:
    if source.task not in recipe.tasks:
        raise unknown_choice(f"task of source {source.name!r}", source.task, recipe.tasks)
    if source.shape not in SHAPES:
        raise unknown_choice(f"shape of source {source.name!r}", source.shape, SHAPES)
    if not source.path and not source.hub:
        raise UserError(f"The source {source.name!r} needs a path below the data directory, or a Hub name.")
    missing = [column for column in SHAPES[source.shape] if column not in source.columns]
    if missing:
        raise UserError(f"The source {source.name!r} of shape {source.shape!r} needs the column {missing[0]!r}.")
