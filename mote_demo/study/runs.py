"""Train and measure every arm with every seed; what is done already is not done again."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import DatasetDict

from mote_demo.encoder import Encoder
from mote_demo.errors import unknown_choice
from mote_demo.evaluation.reference import untouched
from mote_demo.evaluation.report import Report
from mote_demo.evaluation.suite import evaluate
from mote_demo.evaluation.tables import LabelledSet
from mote_demo.files import replacing
from mote_demo.model.backbones import backbone_path
from mote_demo.store import VectorStore
from mote_demo.study.derived import DERIVED
from mote_demo.training.recipe import Recipe
from mote_demo.training.trainer import load_sources, train_arm

Say = Callable[[str], None]

UNTOUCHED = "untouched"
MOTE = "mote"


@dataclass(frozen=True)
class Run:
    """Name one training: an arm of the recipe and a seed."""

    arm: str
    seed: int

    @property
    def name(self) -> str:
        """Return the name of its files."""
        return f"{self.arm}-seed-{self.seed}"


def plan(recipe: Recipe, arms: Sequence[str], seeds: Sequence[int] | None = None) -> list[Run]:
    """List the trainings, seed by seed, in the order of the arms."""
    known = sorted({seed for arm in arms for seed in recipe.seeds_of(arm)})
    for seed in seeds or []:
        if seed not in known:
            raise unknown_choice("seed", seed, map(str, known))
    chosen = known if seeds is None else seeds
    return [Run(arm, seed) for seed in chosen for arm in arms if seed in recipe.seeds_of(arm)]


class Study:
    """Run a recipe's arms and seeds, resumably.

    Args:
        recipe: see ``load_recipe``.
        data_dir: folder of the training files and the labelled sets.
        sets: what to measure on.
        work: folder for checkpoints and states, ``seed-N/ARM`` and ``seed-N/states``.
        results: folder that gets one report a model.
        say: called with a line whenever something happens.
    """

    def __init__(
        self, recipe: Recipe, data_dir: str | Path, sets: Sequence[LabelledSet], work: Path, results: Path, say: Say
    ) -> None:
        self.recipe = recipe
        self.data_dir = data_dir
        self.sets = sets
        self.work = work
        self.results = results
        self.say = say
        self._data: tuple[int, DatasetDict] | None = None
        self._store = VectorStore(work / "vectors")

    def run(self, arms: Sequence[str], seeds: Sequence[int] | None = None) -> None:
        """Train and measure what is still missing of some arms, beginning with the untouched backbone.

        Args:
            arms: names of arms, and of ``DERIVED`` models, which come from the first seed of MoTE.
            seeds: of those that an arm has in the recipe; None is all.
        """
        self._measure(UNTOUCHED, self._untouched)
        for run in plan(self.recipe, [arm for arm in arms if arm not in DERIVED], seeds):
            self._train(run)
            self._measure(run.name, partial(self.encoder, run), self.facts(run))
        mote = self.first(MOTE)
        for name in arms:
            if name in DERIVED:
                self._measure(Run(name, mote.seed).name, partial(self._derived, name, mote))

    def first(self, arm: str) -> Run:
        """Return the training of an arm with its first seed."""
        return Run(arm, self.recipe.seeds_of(arm)[0])

    def folder(self, run: Run) -> Path:
        """Return the checkpoint of a training."""
        return self.work / f"seed-{run.seed}" / run.arm

    def encoder(self, run: Run) -> Encoder:
        """Load a trained model, named after its arm."""
        return Encoder.from_pretrained(self.folder(run), run.arm)

    def facts(self, run: Run) -> dict[str, Any]:
        """Return what training noted about the model."""
        return json.loads((self.folder(run) / "training.json").read_text(encoding="utf-8"))

    def _untouched(self) -> Encoder:
        return untouched(backbone_path(self.recipe.backbone), UNTOUCHED)

    def _derived(self, name: str, run: Run) -> Encoder:
        return DERIVED[name](self.encoder(run))

    def _train(self, run: Run) -> None:
        if (self.folder(run) / "training.json").is_file():
            return
        recipe = replace(self.recipe, seed=run.seed)
        out = self.folder(run).parent
        train_arm(recipe, run.arm, self._sources(run.seed), out=out, work=out / "states", say=self.say)

    def _sources(self, seed: int) -> DatasetDict:
        """Return the training rows of a seed; they are read once, and those of one seed are kept at a time."""
        if self._data is None or self._data[0] != seed:
            recipe = replace(self.recipe, seed=seed)
            self._data = (seed, load_sources(recipe, self.data_dir, self.work, self.say))
        return self._data[1]

    def _measure(self, name: str, load: Callable[[], Encoder], facts: dict[str, Any] | None = None) -> None:
        file = self.results / f"{name}.json"
        if file.is_file():
            return
        self.say(f"{name}: measuring on {len(self.sets)} sets")
        encoder = load()
        if torch.cuda.is_available():
            encoder.model.cuda()
        report = evaluate([encoder], self.sets, store=self._store, on_set=self.say)
        save_run(file, report, facts)


def save_run(file: Path, report: Report, facts: dict[str, Any] | None) -> None:
    """Write a report with what training noted beside it, atomically."""
    values = report.to_dict() | ({"training": facts} if facts is not None else {})
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False) + "\n", encoding="utf-8")


def read_runs(results: Path) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
    """Yield (arm, seed, values of the file) of every report below ``results``; the untouched model has no seed."""
    for file in sorted(results.glob("*.json")):
        arm, _, seed = file.stem.partition("-seed-")
        yield arm, int(seed) if seed else None, json.loads(file.read_text(encoding="utf-8"))
