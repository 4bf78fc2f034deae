"""What was measured: the evaluation, how far the experts' spaces differ, what the arms of the ablation score."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field
from typing_extensions import NotRequired, TypedDict

from mote_demo.errors import UserError
from mote_demo.evaluation.report import Report, load_report
from mote_demo.study.arms import SHIPPED
from mote_demo.validation import read_json

COMMAND = "python -m mote_demo study RECIPE --data DIR"

_MEND = f"Please write it again with `{COMMAND}`, or delete it."
_MEND_SHIPPED = "Please write it again with `python scripts/shipped_experts.py measure`, or delete it."
_logger = logging.getLogger(__name__)

Content = TypeVar("Content")
Matrix = list[list[float]]
Scores = dict[str, float]
Interval = Annotated[list[float], Field(min_length=2, max_length=2)]
"""The lower and the upper end."""


class Layer(TypedDict):
    """Hold the distances of a block: experts by experts, of each expert from its start, and of the baseline from it."""

    block: int
    distance: Matrix
    from_start: NotRequired[list[float]]
    baseline_from_start: NotRequired[float]


class Spaces(TypedDict):
    """Hold what ``route_spaces.measure_spaces`` measured; ``cka`` and ``shared`` have a model's routes x routes."""

    texts: str
    count: int
    neighbours: int
    routes: list[str]
    experts: list[str]
    layers: list[Layer]
    cka: dict[str, Matrix]
    shared: dict[str, Matrix]


class Gain(TypedDict):
    """Hold how many points more than the arm without instructions."""

    baseline: float
    mote: float


class Difference(TypedDict):
    """Hold the points of one arm minus another, with a 95 % interval where there is one, and those of each seed."""

    points: float
    interval: Interval | None
    by_seed: NotRequired[list[float]]


class Part(TypedDict):
    """Hold the means over some of the sets, and what MoTE has more there than the other main arms."""

    sets: int
    means: Scores
    difference: Difference
    over_untouched: Difference


class Row(TypedDict):
    """Hold what one arm scores; what was not measured is None or missing."""

    title: str
    name: NotRequired[str]
    seeds: NotRequired[int | None]
    steps: NotRequired[int | None]
    minutes: NotRequired[float | None]
    stored: NotRequired[int | None]
    active: NotRequired[int | None]
    families: NotRequired[Scores]
    all: NotRequired[float | None]
    spread: NotRequired[float | None]
    to_mote: NotRequired[Difference | None]


class Summary(TypedDict):
    """Hold what ``summary.summarise`` made of the reports."""

    seeds: int
    gain: dict[str, Gain]
    families: dict[str, Scores]
    all: NotRequired[Scores]
    difference: NotRequired[dict[str, Difference]]
    over_untouched: NotRequired[dict[str, Difference]]
    seen: NotRequired[dict[str, Part]]
    interval: NotRequired[str]
    table: NotRequired[list[Row]]


class Estimate(TypedDict):
    """Hold a mean share, from 0 to 1 (a difference from -1 to 1), and its 95 % interval."""

    mean: float
    interval: Interval


class LensResult(TypedDict):
    """Hold how well a lens sorts texts by a label.

    ``neighbours`` is the share of the nearest texts that have the label, ``over_first`` the same minus that of the
    first lens, ``few_shot`` the accuracy of a probe that saw a few of the texts, and ``probe`` that of one that saw all
    labelled texts of other kinds, where there are any.
    """

    lens: str
    neighbours: Estimate
    over_first: Estimate
    few_shot: Estimate
    probe: Estimate | None


class LabelResult(TypedDict):
    """Hold what ``shipped_experts.measure_label`` measured."""

    label: str
    chance: float
    lenses: dict[str, LensResult]


class Trial(TypedDict):
    """Hold the share of right neighbours among texts that a trial left out, before and after it grew an expert."""

    label: str
    variant: str
    before: float
    after: float


class Grown(TypedDict):
    """Hold how a shipped expert was grown, and how many rows it learnt from and was measured on."""

    variant: str
    command: str
    learnt_from: int
    held_out: int


class ShippedExperts(TypedDict):
    """Hold what is known of the experts that ship as files."""

    texts: str
    count: int
    rows: int
    neighbours: int
    trials: list[Trial]
    grown: dict[str, Grown]
    labels: list[LabelResult]


@dataclass(frozen=True)
class Results:
    """Hold what there is to show of the study.

    Attributes:
        spaces: differences between experts and between the spaces of routes, None where there are none.
        summary: scores of the arms, None where there are none.
        spaces_problem: why ``spaces`` could not be read, or "".
        summary_problem: why ``summary`` could not be read, or "".
    """

    spaces: Spaces | None = None
    summary: Summary | None = None
    spaces_problem: str = ""
    summary_problem: str = ""


def load_results(spaces: Path, summary: Path) -> Results:
    """Read both files of the study; a damaged one becomes a problem to show, since the app runs without it."""
    found_spaces, spaces_problem = _attempt(read_spaces, spaces)
    found_summary, summary_problem = _attempt(read_summary, summary)
    return Results(found_spaces, found_summary, spaces_problem, summary_problem)


def _attempt(read: Callable[[Path], Content], path: Path) -> tuple[Content | None, str]:
    """Return what a file holds, None where there is no file or it is damaged, and what is wrong, or ""."""
    try:
        return read(path), ""
    except FileNotFoundError:
        return None, ""
    except UserError as error:
        _logger.warning("%s", error)
        return None, str(error)


def read_report(path: Path) -> tuple[Report | None, str]:
    """Return (report, ""), or (None, what is wrong with it), since the app runs without it."""
    if not path.is_file():
        return None, ""
    try:
        return load_report(path), ""
    except UserError as error:
        problem = f"{path.name} is damaged. {error} Please write it again with `evaluate --out`, or delete it."
        _logger.warning("%s", problem)
        return None, problem


def read_summary(path: Path) -> Summary:
    """Read a summary of arms. No file is a ``FileNotFoundError``."""
    return read_json(path, Summary, mend=_MEND)


def read_spaces(path: Path) -> Spaces:
    """Read a comparison of spaces. No file is a ``FileNotFoundError``."""
    spaces = read_json(path, Spaces, mend=_MEND)
    for number, layer in enumerate(spaces["layers"]):
        _check_square(layer["distance"], len(spaces["experts"]), f"{path}: layers[{number}].distance")
    for side in SHIPPED:
        for name, tables in (("cka", spaces["cka"]), ("shared", spaces["shared"])):
            _check_square(tables.get(side, []), len(spaces["routes"]), f"{path}: {name}.{side}")
    return spaces


def read_shipped(path: Path) -> ShippedExperts | None:
    """Read what is known of the experts that ship; None where there is no file or it is damaged, which is logged."""
    return _attempt(lambda path: read_json(path, ShippedExperts, mend=_MEND_SHIPPED), path)[0]


def _check_square(table: Matrix, size: int, where: str) -> None:
    if len(table) != size or any(len(row) != size for row in table):
        raise UserError(f"{where} is not {size} x {size}. {_MEND}")
