"""What came out of a study: means over the seeds, gains, differences with intervals."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mote_demo.errors import UserError
from mote_demo.evaluation.report import Report
from mote_demo.study.runs import MOTE, UNTOUCHED, read_runs

WITHOUT, BASELINE = "no_instruction", "baseline"
MAIN = (UNTOUCHED, WITHOUT, BASELINE, MOTE)
ALL = "all"
_SAMPLES = 2000


@dataclass(frozen=True)
class Measured:
    """Hold the reports of one arm, one a seed, on the same sets, and what training noted."""

    arm: str
    reports: tuple[Report, ...]
    facts: tuple[Mapping[str, Any], ...]

    @property
    def families(self) -> Mapping[str, list[str]]:
        """Return family to the names of its sets."""
        names: dict[str, list[str]] = defaultdict(list)
        for one in self.reports[0].sets:
            names[one.family].append(f"{one.family}/{one.name}")
        return names

    def parts(self) -> dict[str, np.ndarray]:
        """Return set to the parts of its score in points (queries, draws, starts), means over the seeds."""
        return {name: np.mean(values, axis=0) for name, values in self._parts_by_seed().items()}

    def mean(self, sets: Iterable[str]) -> float:
        """Return the mean score over sets, each set weighing the same."""
        parts = self.parts()
        return float(np.mean([parts[name].mean() for name in sets]))

    def spread(self, sets: Iterable[str]) -> float | None:
        """Return the standard deviation of the mean over the seeds, None for one seed."""
        if len(self.reports) < 2:
            return None
        by_seed = self._parts_by_seed()
        means = [np.mean([by_seed[name][seed].mean() for name in sets]) for seed in range(len(self.reports))]
        return float(np.std(means, ddof=1))

    def _parts_by_seed(self) -> dict[str, list[np.ndarray]]:
        found: dict[str, list[np.ndarray]] = defaultdict(list)
        for report in self.reports:
            for one in report.sets:
                found[f"{one.family}/{one.name}"].append(np.array(next(iter(one.scores.values())).parts))
        return found


def read_study(results: str | Path) -> dict[str, Measured]:
    """Read the reports below ``results`` by arm; the sets must be the same for all."""
    reports: dict[str, list[Report]] = defaultdict(list)
    facts: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for arm, _, values in read_runs(Path(results)):
        reports[arm].append(Report.from_dict(values))
        facts[arm].append(values.get("training", {}))
    missing = [arm for arm in MAIN if arm not in reports]
    if missing:
        raise UserError(f"{results} has no report of {', '.join(missing)}. Please run `study` to its end.")
    prints = {tuple(one.fingerprint for one in report.sets) for several in reports.values() for report in several}
    if len(prints) > 1:
        raise UserError(f"The reports in {results} are of different sets. Please remove those of an earlier study.")
    return {arm: Measured(arm, tuple(several), tuple(facts[arm])) for arm, several in reports.items()}


def summarise(study: Mapping[str, Measured], titles: Mapping[str, str]) -> dict[str, Any]:
    """Return the summary as JSON values.

    Args:
        study: what ``read_study`` found.
        titles: arm to what tables call it.

    Returns:
        ``seeds``; ``families``, family to the mean of each main arm; ``gain`` over the arm without instructions,
        of retrieval and of all sets; ``difference``, MoTE minus the baseline with a 95 % interval (see
        ``interval``); ``over_untouched``; ``table``, a row an arm.
    """
    groups = _groups(study)
    seeds = min(len(study[arm].reports) for arm in MAIN[1:])
    return {
        "seeds": seeds,
        "gain": {
            group: {arm: _round(_gain(study, arm, WITHOUT, groups[group])) for arm in (BASELINE, MOTE)}
            for group in groups
        },
        "families": {
            family: {arm: _round(study[arm].mean(sets)) for arm in MAIN}
            for family, sets in groups.items()
            if family != ALL
        },
        "all": {arm: _round(study[arm].mean(groups[ALL])) for arm in MAIN},
        "difference": {group: _difference(study, MOTE, BASELINE, sets) for group, sets in groups.items()},
        "over_untouched": {group: _difference(study, MOTE, UNTOUCHED, sets) for group, sets in groups.items()},
        "table": [_row(study[arm], titles.get(arm, arm), groups) for arm in _order(study)],
    }


def interval(
    first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray], sets: Sequence[str], seed: int = 0
) -> list[float] | None:
    """Return the 95 % interval of the mean difference over sets, by a paired bootstrap in two levels.

    Each sample draws sets (where there are several), and within each set queries, draws or starts, the same for both
    models. None where there is one set with one number.

    Args:
        first: set to its parts, of the model that is subtracted.
        second: the same of the other model.
        sets: names of the sets.
        seed: of the resampling.
    """
    gaps = [second[name] - first[name] for name in sets]
    if len(gaps) == 1 and len(gaps[0]) < 2:
        return None
    generator = np.random.default_rng(seed)
    # The mean of n resampled parts, many at once: each column is one sample.
    resampled = np.stack([generator.choice(gap, (_SAMPLES, len(gap))).mean(1) for gap in gaps])
    chosen = generator.integers(len(gaps), size=resampled.shape)
    means = np.take_along_axis(resampled, chosen, axis=0).mean(0)
    low, high = np.quantile(means, [0.025, 0.975])
    return [_round(low), _round(high)]


def _groups(study: Mapping[str, Measured]) -> dict[str, list[str]]:
    families = study[UNTOUCHED].families
    return {**families, ALL: [name for names in families.values() for name in names]}


def _gain(study: Mapping[str, Measured], arm: str, other: str, sets: Sequence[str]) -> float:
    return study[arm].mean(sets) - study[other].mean(sets)


def _difference(study: Mapping[str, Measured], arm: str, other: str, sets: Sequence[str]) -> dict[str, Any]:
    return {
        "points": _round(_gain(study, arm, other, sets)),
        "interval": interval(study[other].parts(), study[arm].parts(), sets),
    }


def _row(measured: Measured, title: str, groups: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    parameters = measured.facts[0].get("parameters", {})
    spread = measured.spread(groups[ALL])
    return {
        "name": measured.arm,
        "title": title,
        "seeds": len(measured.reports),
        "steps": measured.facts[0].get("steps"),
        "minutes": measured.facts[0].get("minutes"),
        "stored": parameters.get("stored"),
        "active": parameters.get("active"),
        "families": {family: _round(measured.mean(sets)) for family, sets in groups.items() if family != ALL},
        "all": _round(measured.mean(groups[ALL])),
        "spread": None if spread is None else _round(spread),
    }


def _order(study: Mapping[str, Measured]) -> list[str]:
    return [*MAIN, *(arm for arm in study if arm not in MAIN)]


def _round(value: float) -> float:
    return round(float(value), 2)
