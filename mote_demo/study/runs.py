"""Train and measure every arm with every seed; what is done already is not done again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from datasets import DatasetDict

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError, unknown_choice
from mote_demo.evaluation.families import FAMILIES, PROTOCOL
from mote_demo.evaluation.labelled_sets import LabelledSet, fingerprint
from mote_demo.evaluation.reference import untouched
from mote_demo.evaluation.report import Report
from mote_demo.evaluation.suite import evaluate
from mote_demo.files import write_json
from mote_demo.model.backbones import backbone_path
from mote_demo.runtime.bfloat16 import bfloat16_pays
from mote_demo.runtime.precision import BFLOAT16, EXACT
from mote_demo.store import VectorStore
from mote_demo.study.arms import DERIVED, MAIN, SOUPS, UNTOUCHED
from mote_demo.study.derived import MAKERS
from mote_demo.study.summary import read_run
from mote_demo.training.digest import digest
from mote_demo.training.lesson import Lesson
from mote_demo.training.recipe import Recipe
from mote_demo.training.sources import Say, load_sources
from mote_demo.training.teacher import TEACHER, read_lessons
from mote_demo.training.trainer import is_trained, train_arm


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
    known = sorted({seed for arm in recipe.arms for seed in recipe.seeds_of(arm)})
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
        held_out: sets whose texts are kept out of training, whether they are measured on or not.
        work: folder for checkpoints and states, ``seed-N/ARM`` and ``seed-N/states``.
        results: folder that gets one report a model.
        say: called with a line whenever something happens.
    """

    def __init__(
        self,
        recipe: Recipe,
        data_dir: str | Path,
        sets: Sequence[LabelledSet],
        held_out: Sequence[LabelledSet],
        work: Path,
        results: Path,
        say: Say,
    ) -> None:
        missing = [arm for arm in MAIN if arm not in (UNTOUCHED, *recipe.arms)]
        if missing:
            raise UserError(f"A study compares {', '.join(MAIN)}; the recipe has no arm {missing[0]!r}.")
        self.recipe = recipe
        self.data_dir = data_dir
        self.sets = sets
        self.held_out = held_out
        self.work = work
        self.results = results
        self.say = say
        self._data: tuple[int, DatasetDict, dict[str, Lesson]] | None = None
        self._store = VectorStore(work / "vectors")

    def run(self, arms: Sequence[str], seeds: Sequence[int] | None = None) -> None:
        """Train and measure what is still missing of some arms, beginning with the untouched backbone.

        Args:
            arms: names of arms, and of ``DERIVED`` models, which come from the first seed of an arm, or from all.
            seeds: of those that an arm has in the recipe; None is all.
        """
        backbone = self.backbone()
        facts = {"recipe": backbone.weights_fingerprint("document"), "parameters": backbone.network.count_parameters()}
        self._measure(UNTOUCHED, backbone, facts)
        for run in plan(self.recipe, [arm for arm in arms if arm not in DERIVED], seeds):
            if not self._is_current(run.name, self._digest(run)):
                self._train(run)
                self._measure(run.name, self.encoder(run), self.facts(run))
        for name in arms:
            if name in DERIVED:
                self._derive(name)

    def matches(self, name: str, report: Report, training: str | None) -> bool:
        """Tell whether a report is of this recipe and these sets.

        Args:
            name: of its file, without the ending.
            report: what it holds.
            training: digest of its training, as its file notes it.
        """
        if not self._is_alike(report):
            return False
        arm, _, seed = name.partition("-seed-")
        if arm == UNTOUCHED:
            return True
        return training == (self._digest_of_derived(arm) if arm in DERIVED else self._digest(Run(arm, int(seed))))

    def first(self, arm: str) -> Run:
        """Return the training of an arm with its first seed."""
        return Run(arm, self.recipe.seeds_of(arm)[0])

    def folder(self, run: Run) -> Path:
        """Return the checkpoint of a training."""
        return self.work / f"seed-{run.seed}" / run.arm

    def encoder(self, run: Run) -> Encoder:
        """Load a trained model, named after its arm."""
        return Encoder.from_pretrained(self.folder(run), run.arm)

    def backbone(self) -> Encoder:
        """Load the model that every arm starts from."""
        return untouched(backbone_path(self.recipe.backbone), UNTOUCHED)

    def facts(self, run: Run) -> dict[str, Any]:
        """Return what training noted about the model."""
        return json.loads((self.folder(run) / "training.json").read_text(encoding="utf-8"))

    def _digest(self, run: Run) -> str:
        return digest(replace(self.recipe, seed=run.seed), run.arm)

    def _train(self, run: Run) -> None:
        folder, recipe = self.folder(run), replace(self.recipe, seed=run.seed)
        if not is_trained(recipe, run.arm, folder.parent):
            data, lessons = self._sources(run.seed)
            train_arm(recipe, run.arm, data, lessons, out=folder.parent, work=folder.parent / "states", say=self.say)

    def _derive(self, name: str) -> None:
        report = Run(name, self.first(DERIVED[name]).seed).name
        if not self._is_current(report, self._digest_of_derived(name)):
            encoder = self.derived(name)
            facts = {"recipe": self._digest_of_derived(name), "parameters": encoder.network.count_parameters()}
            self._measure(report, encoder, facts | {"seeds": self._seeds_behind(name)})

    def derived(self, name: str) -> Encoder:
        """Make a model of ``DERIVED`` from the trained ones."""
        seeds = [self.encoder(Run(DERIVED[name], seed)) for seed in self._seeds_behind(name)]
        return MAKERS[name](seeds, self.backbone())

    def _seeds_behind(self, name: str) -> list[int]:
        seeds = self.recipe.seeds_of(DERIVED[name])
        return list(seeds if name in SOUPS.values() else seeds[:1])

    def _digest_of_derived(self, name: str) -> str:
        runs = [Run(DERIVED[name], seed) for seed in self._seeds_behind(name)]
        return "+".join(map(self._digest, runs))

    def _sources(self, seed: int) -> tuple[DatasetDict, dict[str, Lesson]]:
        """Return the training rows of a seed, and what the teacher says of them; those of one seed are kept."""
        if self._data is None or self._data[0] != seed:
            recipe = replace(self.recipe, seed=seed)
            data = load_sources(recipe, self.data_dir, self.held_out, work=self.work, say=self.say)
            lessons = read_lessons(recipe, data, folder=self.work / TEACHER, say=self.say)
            self._data = (seed, data, lessons)
        return self._data[1:]

    def _measure(self, name: str, encoder: Encoder, facts: dict[str, Any]) -> None:
        """Write the report of a model, unless the one that is there is of the same training and sets."""
        if self._is_current(name, facts["recipe"]):
            return
        self.say(f"{name}: measuring on {len(self.sets)} sets")
        if encoder.precision == EXACT:
            encoder = quickest(encoder)
        report = evaluate([encoder], self.sets, store=self._store, on_set=self.say)
        training = facts | {"measured_in": encoder.precision}
        write_json(self.results / f"{name}.json", report.to_dict() | {"training": training})

    def _is_current(self, name: str, recipe: str) -> bool:
        file = self.results / f"{name}.json"
        if not file.is_file():
            return False
        report, training = read_run(file)
        return self._is_alike(report) and training.get("recipe") == recipe

    def _is_alike(self, report: Report) -> bool:
        """Tell whether a report is of the same sets, scored in the same way."""
        return report.protocol == PROTOCOL and tuple(one.fingerprint for one in report.sets) == self._fingerprints

    @cached_property
    def _fingerprints(self) -> tuple[str, ...]:
        return tuple(fingerprint(one.read()[0], FAMILIES[one.family]) for one in self.sets)


def quickest(encoder: Encoder) -> Encoder:
    """Return the encoder where, and as, it takes least time: a whole suite is some millions of tokens a model."""
    if torch.cuda.is_available():
        return encoder.with_network(encoder.model.cuda())
    return encoder.with_precision(BFLOAT16) if bfloat16_pays() else encoder
