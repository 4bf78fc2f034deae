"""What settings are worth on sources that were left out of the training."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from datasets import DatasetDict
from typing_extensions import TypedDict

from mote_demo.encoder import Encoder
from mote_demo.errors import unknown_choice
from mote_demo.evaluation.labelled_sets import LabelledSet
from mote_demo.evaluation.reference import untouched
from mote_demo.evaluation.suite import evaluate
from mote_demo.files import write_json
from mote_demo.model.backbones import backbone_path
from mote_demo.study.runs import quickest
from mote_demo.training.digest import digest
from mote_demo.training.recipe import Count, Recipe, TaskSettings
from mote_demo.training.sources import Say
from mote_demo.training.teacher import TEACHER, read_lessons
from mote_demo.training.trainer import train_arm
from mote_demo.validation import read_json, read_yaml, validate

_OF_THE_RUN = ("expert_learning_rate", "teacher_share")
_SETTINGS = (*(item.name for item in fields(TaskSettings)), *_OF_THE_RUN)


@dataclass(frozen=True)
class Fold:
    """Leave some sources of a task out, and score on sets that are like them.

    Attributes:
        task: name of the task whose experts are trained, alone.
        left_out: names of sources that are not trained on.
        sets: names of the labelled sets to score; none of them may have a training part among what is trained on.
    """

    task: str
    left_out: tuple[str, ...]
    sets: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Hold what a search tries.

    Attributes:
        arm: of the recipe.
        steps: of one training, of one task.
        folds: what the results call each, to the fold.
        variants: task to name to changes of the task's settings, with ``expert_learning_rate`` and ``teacher_share``
            for the recipe's.
    """

    arm: str
    steps: Count
    folds: Mapping[str, Fold]
    variants: Mapping[str, Mapping[str, Mapping[str, Any]]]


def load_plan(path: str | Path) -> Plan:
    """Read a plan; a key or value that is missing, unknown or wrong is a ``UserError`` that names it."""
    plan = read_yaml(path, Plan)
    for task, variants in plan.variants.items():
        for name, changes in variants.items():
            for key in changes:
                if key not in _SETTINGS:
                    raise unknown_choice(f"setting in variants.{task}.{name}", key, _SETTINGS)
    return plan


class Tried(TypedDict):
    """Hold what a variant scored on a fold beside the untouched backbone; ``mark`` is the digest of its training."""

    fold: str
    task: str
    variant: str
    mark: str
    gain: float
    scores: dict[str, float]
    untouched: dict[str, float]


def read_tried(path: Path) -> list[Tried]:
    """Read the file that ``Transfer`` writes, ``{"rows": [...]}``; nothing was tried where there is none."""
    try:
        return read_json(path, dict[str, list[Tried]], mend="Please delete it: `transfer` writes it again.")["rows"]
    except FileNotFoundError:
        return []


class Transfer:
    """Try the variants of a plan on its folds; what is in the file of results already is not tried again."""

    def __init__(
        self,
        recipe: Recipe,
        plan: Plan,
        data: DatasetDict,
        sets: Sequence[LabelledSet],
        *,
        out: Path,
        work: Path,
        say: Say,
    ) -> None:
        """Prepare a search.

        Args:
            recipe: what the variants change.
            plan: what to try.
            data: rows of every source (see ``load_sources``).
            sets: the labelled sets.
            out: JSON file of the results (see ``read_tried``).
            work: folder of the trainings.
            say: called with a line whenever something happens.
        """
        self._recipe, self._plan, self._data, self._sets = recipe, plan, data, sets
        self._starts: dict[str, dict[str, float]] = {}
        self._out, self._work, self._say = out, work, say
        for title, fold in plan.folds.items():
            for kind, names, choices in (
                ("task", [fold.task], list(recipe.tasks)),
                ("set", fold.sets, sorted(one.name for one in sets)),
                ("source", fold.left_out, list(data)),
            ):
                for name in names:
                    if name not in choices:
                        raise unknown_choice(f"{kind} of the fold {title!r}", name, choices)
            for variant in plan.variants.get(fold.task, {}):
                validate(Recipe, asdict(self._of(fold, variant)), where=f"variants.{fold.task}.{variant}")

    def run(self) -> None:
        """Train and score each variant on each fold of its task, and write the results after each."""
        rows = read_tried(self._out)
        for name, fold in self._plan.folds.items():
            for variant in self._plan.variants.get(fold.task, {}):
                recipe = self._of(fold, variant)
                mark = digest(recipe, self._plan.arm)
                if not any((row["fold"], row["variant"], row["mark"]) == (name, variant, mark) for row in rows):
                    rows = [row for row in rows if (row["fold"], row["variant"]) != (name, variant)]
                    rows.append(self._row(recipe, name, variant, mark))
                    write_json(self._out, {"rows": rows}, indent=1)

    def _of(self, fold: Fold, variant: str) -> Recipe:
        """Return the recipe of one training: the fold's task alone, without the sources that are left out."""
        changes = dict(self._plan.variants[fold.task][variant])
        of_the_run = {key: changes.pop(key) for key in _OF_THE_RUN if key in changes}
        return replace(
            self._recipe,
            steps=self._plan.steps,
            tasks={fold.task: replace(self._recipe.tasks[fold.task], **changes)},
            sources=tuple(
                one for one in self._recipe.sources if one.task == fold.task and one.name not in fold.left_out
            ),
            **of_the_run,
        )

    def _row(self, recipe: Recipe, name: str, variant: str, mark: str) -> Tried:
        fold = self._plan.folds[name]
        # Named by all that decides it: other settings under the same name are another training.
        folder = self._work / "transfer" / name / mark
        data = DatasetDict({source.name: self._data[source.name] for source in recipe.sources})
        # The longest texts of any task decide where the teacher cuts them, so that all share its vectors.
        whole = replace(recipe, tasks=self._recipe.tasks)
        lessons = read_lessons(whole, data, folder=self._work / TEACHER, say=self._say)
        train_arm(recipe, self._plan.arm, data, lessons, out=folder, work=folder / "states", say=self._say)
        scores = self._scores(Encoder.from_pretrained(folder / self._plan.arm, variant), fold)
        start = self._start(name)
        gain = sum(scores[one] - start[one] for one in scores) / len(scores)
        self._say(f"{name}, {variant}: {gain:+.2f} over the untouched backbone {scores}")
        return Tried(
            fold=name,
            task=fold.task,
            variant=variant,
            mark=mark,
            gain=round(gain, 2),
            scores=scores,
            untouched=start,
        )

    def _start(self, name: str) -> dict[str, float]:
        """Return what the untouched backbone scores on a fold."""
        if name not in self._starts:
            backbone = untouched(backbone_path(self._recipe.backbone))
            self._starts[name] = self._scores(backbone, self._plan.folds[name])
        return self._starts[name]

    def _scores(self, encoder: Encoder, fold: Fold) -> dict[str, float]:
        sets = [one for one in self._sets if one.name in fold.sets]
        report = evaluate([quickest(encoder)], sets)
        return {one.name: round(next(iter(one.scores.values())).points, 2) for one in report.sets}
