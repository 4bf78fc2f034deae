"""What came out of a study: means over the seeds, gains, differences with intervals."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mote_demo.evaluation.metrics import bootstrap_interval
from mote_demo.evaluation.report import Report, Score
from mote_demo.study.arms import ALL, BASELINE, MAIN, MOTE, UNTOUCHED, WITHOUT

INTERVAL = (
    "An interval is a 95 % paired bootstrap over the sets of the family (over the queries where it has one set): it "
    "says how the difference between these trained models would vary with other sets of the kind, not with other "
    "trainings."
)


@dataclass(frozen=True)
class ArmReports:
    """Hold the reports of one arm by seed, all on the same sets, and what training noted.

    A model without a training, such as the untouched one, has the seed None.
    """

    arm: str
    reports: Mapping[int | None, Report]
    facts: Mapping[int | None, Mapping[str, Any]]

    @property
    def families(self) -> Mapping[str, list[str]]:
        """Return family to the names of its sets."""
        names: dict[str, list[str]] = defaultdict(list)
        for one in next(iter(self.reports.values())).sets:
            names[one.family].append(_key(one.family, one.name))
        return names

    @cached_property
    def _scores(self) -> Mapping[str, list[Score]]:
        """Return set to its score of each seed."""
        found: dict[str, list[Score]] = defaultdict(list)
        for report in self.reports.values():
            for one in report.sets:
                found[_key(one.family, one.name)].append(next(iter(one.scores.values())))
        return found

    def points(self, name: str) -> float:
        """Return the score of a set, the mean over the seeds."""
        return float(np.mean([score.points for score in self._scores[name]]))

    def parts(self, name: str) -> np.ndarray:
        """Return the parts of the score of a set (queries, draws or starts), means over the seeds: float [parts]."""
        return np.mean([score.parts for score in self._scores[name]], axis=0)

    def mean(self, sets: Sequence[str]) -> float:
        """Return the mean score over sets, each set weighing the same."""
        return float(np.mean([self.points(name) for name in sets]))

    def spread(self, sets: Sequence[str]) -> float | None:
        """Return the standard deviation over the seeds of the mean over sets, None for one seed."""
        if len(self.reports) < 2:
            return None
        by_set = [[score.points for score in self._scores[name]] for name in sets]
        return float(np.std(np.mean(by_set, axis=0), ddof=1))


def read_study(runs: Path, arms: Sequence[str]) -> dict[str, ArmReports]:
    """Read the reports in the folder ``runs`` of some arms, those of each arm by seed; an arm may have none."""
    reports: dict[str, dict[int | None, Report]] = defaultdict(dict)
    facts: dict[str, dict[int | None, Mapping[str, Any]]] = defaultdict(dict)
    for file in sorted(runs.glob("*.json")):
        arm, _, number = file.stem.partition("-seed-")
        seed = int(number) if number else None
        if arm in arms:
            values = json.loads(file.read_text(encoding="utf-8"))
            reports[arm][seed], facts[arm][seed] = Report.from_dict(values), values["training"]
    return {arm: ArmReports(arm, reports[arm], facts[arm]) for arm in arms if arm in reports}


def on_equal_seeds(study: Mapping[str, ArmReports]) -> dict[str, ArmReports]:
    """Return the study with only those seeds of the main arms that all of them have."""
    trained = MAIN[1:]
    common = set.intersection(*(set(study[arm].reports) for arm in trained))
    return {
        name: ArmReports(
            name,
            {seed: arm.reports[seed] for seed in arm.reports if seed in common},
            {seed: arm.facts[seed] for seed in arm.facts if seed in common},
        )
        if name in trained
        else arm
        for name, arm in study.items()
    }


def summarise(study: Mapping[str, ArmReports], titles: Mapping[str, str]) -> dict[str, Any]:
    """Return the summary as JSON values.

    Args:
        study: the main arms, on equal seeds, and any others.
        titles: arm to what tables call it.

    Returns:
        ``seeds``; ``families``, family to the mean of each main arm; ``gain`` over the arm without instructions,
        of each family and of all sets; ``difference``, MoTE minus the baseline with a 95 % interval (see
        ``interval``); ``over_untouched``, the same of MoTE minus the untouched model; ``table``, a row an arm.
    """
    families = study[UNTOUCHED].families
    groups = {**families, ALL: [name for names in families.values() for name in names]}
    return {
        "seeds": len(study[MOTE].reports),
        "gain": {
            group: {arm: _round(study[arm].mean(sets) - study[WITHOUT].mean(sets)) for arm in (BASELINE, MOTE)}
            for group, sets in groups.items()
        },
        "families": {family: _means(study, sets) for family, sets in families.items()},
        "all": _means(study, groups[ALL]),
        "difference": {group: _difference(study[MOTE], study[BASELINE], sets) for group, sets in groups.items()},
        "over_untouched": {group: _difference(study[MOTE], study[UNTOUCHED], sets) for group, sets in groups.items()},
        "interval": INTERVAL,
        "table": [_row(study[arm], titles.get(arm, arm), groups) for arm in _order(study)],
    }


def interval(arm: ArmReports, other: ArmReports, sets: Sequence[str]) -> list[float] | None:
    """Return the 95 % paired bootstrap interval of the mean difference ``arm`` minus ``other`` over sets.

    Sets are resampled; where there is one, its queries are. None where that leaves a single number: draws and
    k-means starts share their texts, so they say nothing about other texts.
    """
    if len(sets) > 1:
        differences = np.array([arm.points(name) - other.points(name) for name in sets])
    else:
        differences = arm.parts(sets[0]) - other.parts(sets[0])
        of_queries = next(one for one in next(iter(arm.reports.values())).sets if _key(one.family, one.name) == sets[0])
        if of_queries.part != "query":
            return None
    return [_round(bound) for bound in bootstrap_interval(differences)] if len(differences) > 1 else None


def _difference(arm: ArmReports, other: ArmReports, sets: Sequence[str]) -> dict[str, Any]:
    return {"points": _round(arm.mean(sets) - other.mean(sets)), "interval": interval(arm, other, sets)}


def _means(study: Mapping[str, ArmReports], sets: Sequence[str]) -> dict[str, float]:
    return {arm: _round(study[arm].mean(sets)) for arm in MAIN}


def _row(arm: ArmReports, title: str, groups: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    facts = next(iter(arm.facts.values()))
    spread = arm.spread(groups[ALL])
    parameters = facts.get("parameters", {})
    return {
        "name": arm.arm,
        "title": title,
        "seeds": len(arm.reports),
        "steps": facts.get("steps"),
        "minutes": facts.get("minutes"),
        "stored": parameters.get("stored"),
        "active": parameters.get("active"),
        "families": {family: _round(arm.mean(sets)) for family, sets in groups.items() if family != ALL},
        "all": _round(arm.mean(groups[ALL])),
        "spread": None if spread is None else _round(spread),
    }


def _order(study: Mapping[str, ArmReports]) -> list[str]:
    return [*MAIN, *(arm for arm in study if arm not in MAIN)]


def _key(family: str, name: str) -> str:
    return f"{family}/{name}"


def _round(value: float) -> float:
    return round(float(value), 2)
