"""What came out of a study: means over the seeds, gains, differences with intervals."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from mote_demo.errors import UserError
from mote_demo.evaluation.metrics import bootstrap_interval, sets_interval
from mote_demo.evaluation.report import Report, Score
from mote_demo.study.arms import ALL, BASELINE, MAIN, MOTE, UNTOUCHED, WITHOUT
from mote_demo.study.results import Difference, Interval, Part, Row, Scores, Summary
from mote_demo.validation import read_json

INTERVAL = (
    "An interval holds 95 %, paired over the sets of the family: by bootstrap where there are twenty or more, by "
    "Student's t where there are fewer, because a bootstrap of few sets is too narrow, and by bootstrap over the "
    "queries where there is one set. It says how the difference between these trained models would vary with other "
    "sets of the kind, not with other trainings. It is blank where a family has one set whose score is a single number."
)
_SEEN, _UNSEEN = "seen", "unseen"


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

    def on_seeds(self, seeds: Collection[int | None]) -> "ArmReports":
        """Return the arm with only some of its seeds."""
        return ArmReports(
            self.arm,
            {seed: report for seed, report in self.reports.items() if seed in seeds},
            {seed: facts for seed, facts in self.facts.items() if seed in seeds},
        )

    def spread(self, sets: Sequence[str]) -> float | None:
        """Return the standard deviation over the seeds of the mean over sets, None for one seed."""
        if len(self.reports) < 2:
            return None
        by_set = [[score.points for score in self._scores[name]] for name in sets]
        return float(np.std(np.mean(by_set, axis=0), ddof=1))


def read_run(file: Path) -> tuple[Report, Mapping[str, Any]]:
    """Read what was measured of one model, and what its training noted."""
    values = read_json(file, dict[str, Any], mend="Please delete it: the study writes it again.")
    return Report.from_dict(values, file), values.get("training", {})


def read_study(
    runs: Path, arms: Sequence[str], wanted: Callable[[str, Report, str | None], bool]
) -> dict[str, ArmReports]:
    """Read the reports in the folder ``runs`` of some arms, those of each arm by seed; an arm may have none.

    ``wanted`` is called with the name of a file without its ending, the report, and the digest of its training; it
    leaves out what another recipe made.
    """
    reports: dict[str, dict[int | None, Report]] = defaultdict(dict)
    facts: dict[str, dict[int | None, Mapping[str, Any]]] = defaultdict(dict)
    for file in sorted(runs.glob("*.json")):
        arm, _, number = file.stem.partition("-seed-")
        seed = int(number) if number else None
        if arm in arms:
            report, training = read_run(file)
            if wanted(file.stem, report, training.get("recipe")):
                reports[arm][seed], facts[arm][seed] = report, training
    return {arm: ArmReports(arm, reports[arm], facts[arm]) for arm in arms if arm in reports}


def on_equal_seeds(study: Mapping[str, ArmReports]) -> dict[str, ArmReports]:
    """Return the study with only those seeds of the main arms that the two compared arms both have.

    The arm without instructions, which only gains are taken over, may have fewer of them.
    """
    compared, trained = (BASELINE, MOTE), MAIN[1:]
    common = set.intersection(*(set(study[arm].reports) for arm in compared))
    kept = {name: arm.on_seeds(common) if name in trained else arm for name, arm in study.items()}
    if not all(kept[arm].reports for arm in trained):
        raise UserError(f"There is no seed that {', '.join(trained)} were all measured with. Please train them alike.")
    return kept


def check_same_data(study: Mapping[str, ArmReports]) -> None:
    """Refuse to compare arms that, with the same seed, were trained on different rows."""
    for seed in {seed for arm in study.values() for seed in arm.facts if seed is not None}:
        trained = {name: arm.facts[seed] for name, arm in study.items() if "data" in arm.facts.get(seed, {})}
        for one, other in combinations(trained, 2):
            if _differ(trained[one], trained[other]):
                raise UserError(
                    f"{one} and {other} were trained on different rows with the seed {seed}. Please remove the report "
                    "and the checkpoint of one of them, and train it again on the data of the other."
                )


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    rows = [{source["name"]: source["rows"] for source in facts["data"]} for facts in (one, other)]
    digests = {facts["data_digest"] for facts in (one, other) if "data_digest" in facts}
    return rows[0] != rows[1] or len(digests) > 1


def summarise(study: Mapping[str, ArmReports], titles: Mapping[str, str], sources: Collection[str] = ()) -> Summary:
    """Return the summary.

    Args:
        study: the main arms, on equal seeds, and any others.
        titles: arm to what tables call it.
        sources: names of the data sets whose training part was trained on.

    Returns:
        ``seeds``; ``families``, family to the mean of each main arm; ``gain`` over the arm without instructions,
        of each family and of all sets; ``difference``, MoTE minus the baseline with a 95 % interval (see
        ``interval``) and the points of each seed; ``over_untouched``, the same of MoTE minus the untouched model;
        ``seen``, the means and both differences on sets whose training part was trained on, and on the others;
        ``table``, a row an arm, with its difference to MoTE on the seeds that both have.
    """
    families = study[UNTOUCHED].families
    groups = {**families, ALL: [name for names in families.values() for name in names]}
    return {
        "seeds": len(study[MOTE].reports),
        "gain": {
            group: {
                "baseline": _round(study[BASELINE].mean(sets) - study[WITHOUT].mean(sets)),
                "mote": _round(study[MOTE].mean(sets) - study[WITHOUT].mean(sets)),
            }
            for group, sets in groups.items()
        },
        "families": {family: _means(study, sets) for family, sets in families.items()},
        "all": _means(study, groups[ALL]),
        "difference": {group: _difference(study[MOTE], study[BASELINE], sets) for group, sets in groups.items()},
        "over_untouched": {group: _difference(study[MOTE], study[UNTOUCHED], sets) for group, sets in groups.items()},
        "seen": _by_seen(study, groups[ALL], sources),
        "interval": INTERVAL,
        "table": [_row(study[arm], study[MOTE], titles.get(arm, arm), groups) for arm in _order(study)],
    }


def interval(arm: ArmReports, other: ArmReports, sets: Sequence[str]) -> Interval | None:
    """Return the 95 % interval of the mean difference ``arm`` minus ``other`` over sets (see ``INTERVAL``).

    Where there is one set it is over its queries. None where that leaves a single number: draws and k-means starts
    share their texts, so they say nothing about other texts.
    """
    if len(sets) > 1:
        return [_round(bound) for bound in sets_interval([arm.points(name) - other.points(name) for name in sets])]
    differences = arm.parts(sets[0]) - other.parts(sets[0])
    of_queries = next(one for one in next(iter(arm.reports.values())).sets if _key(one.family, one.name) == sets[0])
    if of_queries.part != "query" or len(differences) < 2:
        return None
    return [_round(bound) for bound in bootstrap_interval(differences)]


def _difference(arm: ArmReports, other: ArmReports, sets: Sequence[str]) -> Difference:
    seeds = arm.reports if None not in arm.reports else other.reports
    return {
        "points": _round(arm.mean(sets) - other.mean(sets)),
        "interval": interval(arm, other, sets),
        "by_seed": [_round(_at(arm, seed).mean(sets) - _at(other, seed).mean(sets)) for seed in seeds],
    }


def _at(arm: ArmReports, seed: int | None) -> ArmReports:
    """Return the arm with one seed; a model without a training is the same for every seed."""
    return arm if None in arm.reports else arm.on_seeds([seed])


def _by_seen(study: Mapping[str, ArmReports], sets: Sequence[str], sources: Collection[str]) -> dict[str, Part]:
    """Return the number of sets, the means and the differences, of sets with training rows among the sources or not."""
    parts: dict[str, list[str]] = {_SEEN: [], _UNSEEN: []}
    for name in sets:
        parts[_SEEN if name.partition("/")[2] in sources else _UNSEEN].append(name)
    return {
        part: {
            "sets": len(names),
            "means": _means(study, names),
            "difference": _difference(study[MOTE], study[BASELINE], names),
            "over_untouched": _difference(study[MOTE], study[UNTOUCHED], names),
        }
        for part, names in parts.items()
        if names
    }


def _means(study: Mapping[str, ArmReports], sets: Sequence[str]) -> Scores:
    return {arm: _round(study[arm].mean(sets)) for arm in MAIN}


def _row(arm: ArmReports, mote: ArmReports, title: str, groups: Mapping[str, Sequence[str]]) -> Row:
    seeds = [seed for seed in arm.reports if seed in mote.reports]
    alike = (arm.on_seeds(seeds), mote.on_seeds(seeds)) if seeds else (arm, mote)
    facts = next(iter(arm.facts.values()))
    spread = arm.spread(groups[ALL])
    parameters = facts.get("parameters", {})
    return {
        "name": arm.arm,
        "title": title,
        "seeds": len([seed for seed in arm.reports if seed is not None]) or None,
        "steps": facts.get("steps"),
        "minutes": facts.get("minutes"),
        "stored": parameters.get("stored"),
        "active": parameters.get("active"),
        "families": {family: _round(arm.mean(sets)) for family, sets in groups.items() if family != ALL},
        "all": _round(arm.mean(groups[ALL])),
        "spread": None if spread is None else _round(spread),
        "to_mote": None if arm.arm == MOTE else _difference(*alike, groups[ALL]),
    }


def _order(study: Mapping[str, ArmReports]) -> list[str]:
    return [*MAIN, *(arm for arm in study if arm not in MAIN)]


def _key(family: str, name: str) -> str:
    return f"{family}/{name}"


def _round(value: float) -> float:
    return round(float(value), 2)
