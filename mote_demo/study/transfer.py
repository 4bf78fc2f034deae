"""What settings are worth on sources that were left out of the training."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml
from datasets import DatasetDict

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError, unknown_choice
from mote_demo.evaluation.reference import untouched
from mote_demo.evaluation.suite import evaluate
from mote_demo.evaluation.tables import LabelledSet
from mote_demo.files import write_json
from mote_demo.model.backbones import backbone_path
from mote_demo.study.runs import quickest
from mote_demo.training.recipe import Recipe, TaskSettings
from mote_demo.training.sources import Say
from mote_demo.training.teacher import TEACHER
from mote_demo.training.trainer import digest, read_lessons, train_arm

_OF_THE_RUN = ("expert_learning_rate", "teacher_share")
_SETTINGS = (*(item.name for item in fields(TaskSettings)), *_OF_THE_RUN)


@dataclass(frozen=True)
class Fold:
    """Leave some sources of a task out, and score on sets that are like them.

    Attributes:
        name: what the results call it.
        task: name of the task whose experts are trained, alone.
        left_out: names of sources that are not trained on.
        sets: names of the labelled sets to score; none of them may have a training part among what is trained on.
    """

    name: str
    task: str
    left_out: tuple[str, ...]
    sets: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Hold what a search tries.

    Attributes:
        arm: of the recipe.
        steps: of one training, of one task.
        folds: see ``Fold``.
        variants: task to name to changes of the task's settings, with ``expert_learning_rate`` and ``teacher_share``
            for the recipe's.
    """

    arm: str
    steps: int
    folds: tuple[Fold, ...]
    variants: Mapping[str, Mapping[str, Mapping[str, Any]]]


def load_plan(path: str | Path) -> Plan:
    """Read a plan; a key that is missing or unknown is a ``UserError`` that names it."""
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        folds = tuple(
            Fold(name, fold["task"], tuple(fold["left_out"]), tuple(fold["sets"]))
            for name, fold in values["folds"].items()
        )
        plan = Plan(values["arm"], int(values["steps"]), folds, values["variants"])
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"Cannot read the plan {path}: {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{path} is no plan of transfer: {error}. It needs arm, steps, folds and variants.") from error
    for task, variants in plan.variants.items():
        for name, changes in variants.items():
            for key in changes:
                if key not in _SETTINGS:
                    raise unknown_choice(f"setting in variants.{task}.{name}", key, _SETTINGS)
    return plan


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
            out: JSON file of the results, ``{"rows": [...]}``.
            work: folder of the trainings.
            say: called with a line whenever something happens.
        """
        known = {one.name for one in sets}
        for fold in plan.folds:
            for name in fold.sets:
                if name not in known:
                    raise unknown_choice(f"set of the fold {fold.name!r}", name, sorted(known))
            for name in fold.left_out:
                if name not in data:
                    raise unknown_choice(f"source of the fold {fold.name!r}", name, list(data))
        self._recipe, self._plan, self._data, self._sets = recipe, plan, data, sets
        self._starts: dict[str, dict[str, float]] = {}
        self._out, self._work, self._say = out, work, say

    def run(self) -> None:
        """Train and score each variant on each fold of its task, and write the results after each."""
        rows = json.loads(self._out.read_text(encoding="utf-8"))["rows"] if self._out.is_file() else []
        for fold in self._plan.folds:
            for variant in self._plan.variants.get(fold.task, {}):
                recipe = self._of(fold, variant)
                mark = digest(recipe, self._plan.arm)
                if not any((row["fold"], row["variant"], row["mark"]) == (fold.name, variant, mark) for row in rows):
                    rows = [row for row in rows if (row["fold"], row["variant"]) != (fold.name, variant)]
                    rows.append(self._row(recipe, fold, variant, mark))
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

    def _row(self, recipe: Recipe, fold: Fold, variant: str, mark: str) -> dict[str, Any]:
        # Named by all that decides it: other settings under the same name are another training.
        folder = self._work / "transfer" / fold.name / mark
        data = DatasetDict({source.name: self._data[source.name] for source in recipe.sources})
        # The longest texts of any task decide where the teacher cuts them, so that all share its vectors.
        whole = replace(recipe, tasks=self._recipe.tasks)
        lessons = read_lessons(whole, data, folder=self._work / TEACHER, say=self._say)
        train_arm(recipe, self._plan.arm, data, lessons, out=folder, work=folder / "states", say=self._say)
        scores = self._scores(Encoder.from_pretrained(folder / self._plan.arm, variant), fold)
        start = self._start(fold)
        gain = sum(scores[name] - start[name] for name in scores) / len(scores)
        self._say(f"{fold.name}, {variant}: {gain:+.2f} over the untouched backbone {scores}")
        found = {"fold": fold.name, "task": fold.task, "variant": variant, "mark": mark, "gain": round(gain, 2)}
        return found | {"scores": scores, "untouched": start}

    def _start(self, fold: Fold) -> dict[str, float]:
        """Return what the untouched backbone scores."""
        if fold.name not in self._starts:
            self._starts[fold.name] = self._scores(untouched(backbone_path(self._recipe.backbone)), fold)
        return self._starts[fold.name]

    def _scores(self, encoder: Encoder, fold: Fold) -> dict[str, float]:
        sets = [one for one in self._sets if one.name in fold.sets]
        report = evaluate([quickest(encoder)], sets)
        return {one.name: round(next(iter(one.scores.values())).points, 2) for one in report.sets}
