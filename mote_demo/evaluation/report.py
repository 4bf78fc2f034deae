"""What was measured: sets as rows, models as columns."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from mote_demo.errors import UserError, unknown_choice
from mote_demo.evaluation.metrics import bootstrap_interval, sets_interval
from mote_demo.files import write_json
from mote_demo.validation import read_json, validate

_MEND = "Please give a file that `evaluate --out` wrote."


@dataclass(frozen=True)
class Score:
    """Hold one model's score on one set, in points (fractions x 100).

    Attributes:
        parts: the values the score is the mean of (one per query, draw or start), in an order that
            is the same for every model; a single value where the metric is one number.
        texts: distinct texts that were encoded.
        seconds: time it took, less where vectors were on disk already.
    """

    parts: Annotated[tuple[float, ...], Field(min_length=1)]
    texts: int
    seconds: float

    @property
    def points(self) -> float:
        """Return the score."""
        return float(np.mean(self.parts))

    @property
    def error(self) -> float | None:
        """Return the standard error of the mean over the parts, None where there is one part."""
        return float(np.std(self.parts, ddof=1) / len(self.parts) ** 0.5) if len(self.parts) > 1 else None


@dataclass(frozen=True)
class SetResult:
    """Hold the scores of all models on one set.

    Attributes:
        part: what the parts of a score are ("query", "draw", "start", or "" for one number).
        fingerprint: hash of the rows that were scored.
        note: what differs from the full set, or "".
        scores: model name to score.
    """

    name: str
    family: str
    metric: str
    part: str
    fingerprint: str
    note: str
    scores: Mapping[str, Score]

    def gain(self, first: str, second: str) -> float:
        """Return how many points ``second`` has more than ``first``."""
        return self.scores[second].points - self.scores[first].points

    def interval(self, first: str, second: str, seed: int = 0) -> tuple[float, float] | None:
        """Return the 95 % paired bootstrap interval of the gain over the queries.

        None for other sets: draws and k-means starts share their texts, and say nothing about other texts.
        """
        before, after = self.scores[first].parts, self.scores[second].parts
        if self.part != "query" or len(before) < 2:
            return None
        return bootstrap_interval(np.subtract(after, before), seed=seed)


@dataclass(frozen=True)
class Report:
    """Hold an evaluation of one or more models.

    Attributes:
        protocol: how the sets were scored, in words.
        seed: of the sampled rows, the draws, the k-means starts and the intervals.
        models: model name to the fingerprint of each route, which says exactly what was measured.
        sets: one result per set.
    """

    protocol: str
    seed: int
    models: Annotated[Mapping[str, Mapping[str, str]], Field(min_length=1)]
    sets: Annotated[tuple[SetResult, ...], Field(min_length=1)]

    def __post_init__(self) -> None:
        for one in self.sets:
            for model in self.models:
                if model not in one.scores:
                    raise ValueError(f"lacks the score of {model!r} on the set {one.name!r}")

    @property
    def families(self) -> tuple[str, ...]:
        """Return the families that have a set, in the order of the sets."""
        return tuple(dict.fromkeys(one.family for one in self.sets))

    def family_mean(self, model: str, family: str) -> float:
        """Return the mean score of a model over the sets of a family."""
        if family not in self.families:
            raise unknown_choice("family", family, self.families)
        return float(np.mean([one.scores[model].points for one in self.sets if one.family == family]))

    def mean_of_families(self, model: str) -> float:
        """Return the mean of a model's family means: every family weighs the same."""
        return float(np.mean([self.family_mean(model, family) for family in self.families]))

    def mean_of_sets(self, model: str) -> float:
        """Return the mean score of a model over all sets: every set weighs the same."""
        return float(np.mean([one.scores[model].points for one in self.sets]))

    def interval(self, first: str, second: str, family: str | None = None) -> tuple[float, float] | None:
        """Return the 95 % interval of the mean gain over the sets of a family, or over all (see ``sets_interval``).

        None for a single set.
        """
        gains = [one.gain(first, second) for one in self.sets if family in (None, one.family)]
        return sets_interval(gains, self.seed) if len(gains) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values, with the means, and the gains over the first model, for who reads it."""
        return {
            "protocol": self.protocol,
            "seed": self.seed,
            "models": {model: dict(routes) for model, routes in self.models.items()},
            "means": {model: self._means(model) for model in self.models},
            "gains": self._gains(),
            "sets": [_set_to_dict(one) for one in self.sets],
        }

    def _means(self, model: str) -> dict[str, Any]:
        return {
            "families": {family: round(self.family_mean(model, family), 2) for family in self.families},
            "mean_of_families": round(self.mean_of_families(model), 2),
            "mean_of_sets": round(self.mean_of_sets(model), 2),
            "seconds": round(sum(one.scores[model].seconds for one in self.sets), 1),
        }

    def _gains(self) -> dict[str, Any]:
        first, *others = self.models
        return {
            f"{other} - {first}": {
                "sets": {
                    f"{one.family}/{one.name}": _gain(one.gain(first, other), one.interval(first, other, self.seed))
                    for one in self.sets
                },
                "families": {
                    family: _gain(
                        self.family_mean(other, family) - self.family_mean(first, family),
                        self.interval(first, other, family),
                    )
                    for family in self.families
                },
                "mean_of_sets": _gain(self.mean_of_sets(other) - self.mean_of_sets(first), self.interval(first, other)),
            }
            for other in others
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str | Path = "The report") -> "Report":
        """Build a report from what ``to_dict`` gave; what is missing or wrong is a ``UserError`` that names it."""
        return validate(cls, values, where=where, mend=_MEND)

    def save(self, path: str | Path) -> None:
        """Write the report as JSON, atomically."""
        write_json(path, self.to_dict())


def load_report(path: str | Path) -> Report:
    """Read a report that ``Report.save`` wrote."""
    try:
        return read_json(path, Report, mend=_MEND)
    except FileNotFoundError as error:
        raise UserError(f"There is no report {path}. Please write one with `evaluate --out`.") from error


def _set_to_dict(one: SetResult) -> dict[str, Any]:
    return asdict(one) | {"scores": {model: _score_to_dict(score) for model, score in one.scores.items()}}


def _score_to_dict(score: Score) -> dict[str, Any]:
    return {
        "points": round(score.points, 2),
        "error": None if score.error is None else round(score.error, 2),
        "texts": score.texts,
        "seconds": round(score.seconds, 1),
        "parts": [round(part, 3) for part in score.parts],
    }


def _gain(points: float, interval: tuple[float, float] | None) -> dict[str, Any]:
    bounds = None if interval is None else [round(bound, 2) for bound in interval]
    return {"points": round(points, 2), "interval": bounds}
