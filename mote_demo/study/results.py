"""What the study wrote: how far the experts' spaces differ, and what the arms of the ablation score."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mote_demo.errors import UserError

COMMAND = "python -m mote_demo study RECIPE --data DIR"
SIDES = ("baseline", "mote")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Results:
    """Hold what there is to show of the study.

    Attributes:
        spaces: differences between experts and between the spaces of routes, None where there are none.
        summary: scores of the arms, None where there are none.
        spaces_problem: why ``spaces`` could not be read, or "".
        summary_problem: why ``summary`` could not be read, or "".
    """

    spaces: dict[str, Any] | None = None
    summary: dict[str, Any] | None = None
    spaces_problem: str = ""
    summary_problem: str = ""


def load_results(spaces: Path, summary: Path) -> Results:
    """Read both files of the study; a damaged one becomes a problem to show, since the app runs without it."""
    read_spaces, spaces_problem = _attempt(spaces, check_spaces)
    read_summary, summary_problem = _attempt(summary, check_summary)
    return Results(read_spaces, read_summary, spaces_problem, summary_problem)


def _attempt(path: Path, check: Callable[[Mapping[str, Any]], None]) -> tuple[dict[str, Any] | None, str]:
    try:
        return read_results(path, check), ""
    except UserError as error:
        _logger.warning("%s", error)
        return None, str(error)


def read_results(path: str | Path, check: Callable[[Mapping[str, Any]], None] | None = None) -> dict[str, Any] | None:
    """Read a file that the study wrote.

    Args:
        path: a JSON file.
        check: raises ``KeyError``, ``TypeError`` or ``ValueError`` where something is missing in what was read.

    Returns:
        What the file holds; None where there is no file.
    """
    mend = f"Please write it again with `{COMMAND}`, or delete it."
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error}). {mend}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} does not hold a JSON object. {mend}")
    if check is None:
        return values
    try:
        check(values)
    except KeyError as error:
        raise UserError(f"{path} lacks the key {error}. {mend}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{path} holds something unexpected ({error}). {mend}") from error
    return values


def check_spaces(values: Mapping[str, Any]) -> None:
    """Refuse what is not a comparison of spaces."""
    routes, experts = len(values["routes"]), len(values["experts"])
    _check_counts([values["count"], values["neighbours"]])
    _check_texts([values["texts"], *values["routes"], *values["experts"]])
    for layer in values["layers"]:
        _check_counts([layer["block"]])
        _check_square(layer["distance"], experts)
    for measure in ("cka", "shared"):
        for side in SIDES:
            _check_square(values[measure][side], routes)


def check_summary(values: Mapping[str, Any]) -> None:
    """Refuse what is not a summary of arms; whatever is not required may be missing."""
    _check_counts([values["seeds"]])
    for gain in values["gain"].values():
        _check_numbers([gain[side] for side in SIDES])
    for arms in (*values["families"].values(), values.get("all", {})):
        _check_numbers(arms.values())
    for difference in values.get("difference", {}).values():
        _check_numbers([difference["points"], *_ends(difference.get("interval"))])
    for row in values.get("table", []):
        _check_texts([row["title"]])
        _check_numbers([*row.get("families", {}).values(), *map(row.get, ("seeds", "stored", "active"))])
        _check_numbers([row.get("all"), row.get("spread")])


def _ends(interval: Sequence[float] | None) -> Sequence[float]:
    if interval is not None and len(interval) != 2:
        raise ValueError(f"an interval has two ends, not {len(interval)}")
    return interval or ()


def _check_square(matrix: Sequence[Sequence[float]], size: int) -> None:
    if len(matrix) != size or any(len(row) != size for row in matrix):
        raise ValueError(f"a table is not {size} x {size}")
    for row in matrix:
        _check_numbers(row)


def _check_texts(values: Iterable[Any]) -> None:
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is not a text")


def _check_counts(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{value!r} is not a whole number")


def _check_numbers(values: Iterable[Any]) -> None:
    """Refuse what is no number; None stands for what was not measured."""
    for value in values:
        if value is not None and not isinstance(value, int | float):
            raise TypeError(f"{value!r} is not a number")
