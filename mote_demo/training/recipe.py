"""The one readable file that decides a training."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import yaml

from mote_demo.errors import UserError, unknown_choice
from mote_demo.tasks import DENSE, ROUTES, find_task

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

_TASK_RANGES = {
    "weight": 0,
    "batch_size": 2,
    "temperature": 1e-3,
    "max_tokens": 3,
    "bonus": 0,
    "learning_rate_factor": 0,
    "hard_negatives": 0,
}
_RECIPE_RANGES = {
    "teacher_share": 0,
    "steps": 1,
    "learning_rate": 0,
    "expert_learning_rate": 0,
    "chunk_tokens": 1,
    "save_every": 1,
}

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class TaskSettings:
    """Hold the settings that TACL keeps per task rather than per run.

    Attributes:
        weight: share of the steps, before normalising over tasks.
        batch_size: pairs in a batch; every other text of the batch is one that it is compared with.
        temperature: of the softmaxes (see ``tacl.guided_contrast``).
        bonus: is added to the teacher's cosine of two texts that labels call near; 0 learns from the teacher alone.
        max_tokens: texts are cut to this many tokens in training.
        learning_rate_factor: of the steps of this task, times the rates of the run. It is the rate of an expert
            of its own; weights that tasks share take this step with a momentum that other tasks had a part in.
        hard_negatives: how many the untouched backbone finds for each anchor of a source of pairs.
        one_topic: whether the rows of a batch are of one topic, so that telling them apart is hard (topic-aware
            sampling, Hofstätter et al. 2021; see ``sampler.TopicBatchSampler``).
    """

    weight: float
    batch_size: int
    temperature: float
    bonus: float
    max_tokens: int
    learning_rate_factor: float = 1.0
    hard_negatives: int = 0
    one_topic: bool = False


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

    name: str
    task: str
    shape: str
    columns: Mapping[str, str]
    licence: str
    path: str = ""
    keep: Mapping[str, Any] = field(default_factory=dict)
    grades: Mapping[Any, float] = field(default_factory=dict)
    max_rows: int | None = None
    weight: float | None = None
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

    instructions: bool
    expert_layers: tuple[int, ...]
    title: str = ""
    experts: Mapping[str, str] = field(default_factory=dict)
    start: str = ""
    steps: int | None = None
    labels: bool = True
    keep: Mapping[str, float] = field(default_factory=dict)
    expert_learning_rate: float | None = None
    seeds: tuple[int, ...] | None = None


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
        chunk_tokens: tokens computed at once; a batch is cut into chunks of texts of like length.
        recompute: compute each chunk again for its gradients, so that memory holds one chunk and not the
            batch: the same gradients (gradient caching, Gao et al. 2021) for a third more arithmetic.
        seed: of the data order, the pairing and the initialisation.
        seeds: what the study trains and averages over.
    """

    backbone: str
    base_model: str
    seed: int
    steps: int
    learning_rate: float
    expert_learning_rate: float
    warmup: float
    weight_decay: float
    max_grad_norm: float
    dropout: float
    frozen: tuple[str, ...]
    save_every: int
    expert_layers: tuple[int, ...]
    arms: Mapping[str, Arm]
    tasks: Mapping[str, TaskSettings]
    sources: tuple[Source, ...]
    teacher: str = ""
    teacher_share: float = 1.0
    chunk_tokens: int = 4096
    recompute: bool = False
    seeds: tuple[int, ...] = (0,)

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
    """Read a recipe; a wrong or missing key is a ``UserError`` that names it."""
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"Cannot read the recipe {path}: {error}") from error
    where = str(path)
    values = _section(values, where)
    arms = _section(values.get("arms", {}), "arms")
    tasks = _section(values.get("tasks", {}), "tasks")
    sources = _items(values.get("sources", []), "sources")
    lists = {key: _items(values[key], key) for key in ("frozen", "expert_layers", "seeds") if key in values}
    parts: dict[str, Any] = {
        "arms": {name: _build_arm(arm, f"arms.{name}") for name, arm in arms.items()},
        "tasks": {name: _build(TaskSettings, task, f"tasks.{name}") for name, task in tasks.items()},
        "sources": tuple(_build(Source, source, f"sources[{number}]") for number, source in enumerate(sources)),
    }
    parts |= {key: tuple(items) for key, items in lists.items()}
    recipe = _build(Recipe, {key: parts.get(key, value) for key, value in values.items()}, where)
    _check(recipe)
    return recipe


def _check(recipe: Recipe) -> None:
    for name, task in recipe.tasks.items():
        find_task(name)
        _check_ranges(f"tasks.{name}", task, _TASK_RANGES)
    _check_ranges("The recipe's", recipe, _RECIPE_RANGES)
    if recipe.teacher_share > 1:
        raise UserError(f"The recipe's teacher_share is a share from 0 to 1, not {recipe.teacher_share:g}.")
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
    if not isinstance(arm.instructions, bool):
        raise UserError(f"arms.{name}.instructions must be true or false, not {arm.instructions!r}.")
    _check_ranges(f"arms.{name}", arm, {"expert_learning_rate": 0, "steps": 1})
    for route in arm.experts:
        if route not in ROUTES:
            raise unknown_choice(f"route in arms.{name}.experts", route, ROUTES)
    known = [route.expert for route in ROUTES.values()] if arm.expert_layers else [DENSE]
    for expert, share in arm.keep.items():
        if expert not in known:
            raise unknown_choice(f"expert in arms.{name}.keep", expert, known)
        if not 0 <= share <= 1:
            raise UserError(f"arms.{name}.keep.{expert} is a share from 0 to 1, not {share:g}.")


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


def _check_ranges(where: str, values: object, lowest: Mapping[str, float]) -> None:
    for name, low in lowest.items():
        value = getattr(values, name)
        if value is not None and value < low:
            raise UserError(f"{where} {name} must be {low:g} or more, not {value:g}.")


def _build_arm(values: object, where: str) -> Arm:
    arm = _build(Arm, values, where)
    seeds = None if arm.seeds is None else tuple(_items(arm.seeds, f"{where}.seeds"))
    return replace(arm, expert_layers=tuple(_items(arm.expert_layers, f"{where}.expert_layers")), seeds=seeds)


def _section(values: object, where: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise UserError(f"{where} is not a mapping of keys to values.")
    return values


def _items(values: object, where: str) -> Sequence[Any]:
    if not isinstance(values, (list, tuple)):
        raise UserError(f"{where} is not a list.")
    return values


def _build(kind: type[Settings], values: object, where: str) -> Settings:
    values = _section(values, where)
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise UserError(f"{where}: unknown key {unknown[0]!r}. Known keys: {', '.join(sorted(known))}.")
    for name, item in known.items():
        if name not in values and item.default is MISSING and item.default_factory is MISSING:
            raise UserError(f"{where}: missing key {name!r}.")
    types = get_type_hints(kind)
    return kind(**{name: _number(value, types[name], f"{where}.{name}") for name, value in values.items()})


def _number(value: Any, kind: object, where: str) -> Any:
    """Return a number of the field's kind; YAML takes 1e-5 for text, and only 1.0e-5 for a number."""
    kinds = get_args(kind) if type(None) in get_args(kind) else (kind,)
    number_kind = next((one for one in (int, float) if one in kinds), None)
    if number_kind is None or (value is None and type(None) in kinds):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = None
    if number is None or isinstance(value, bool) or (number_kind is int and not number.is_integer()):
        raise UserError(f"{where} must be a {'whole ' if number_kind is int else ''}number, not {value!r}.")
    return number_kind(number)
