"""What a file says before any cleaning, within limits that keep a small file from filling the memory."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mote_demo.errors import UserError

MAX_COLUMNS = 200
MAX_CHARACTERS = 10_000

# Cleaning drops characters before the table cuts a text and says so, hence more are kept than it needs.
_KEPT_CHARACTERS = 2 * MAX_CHARACTERS


@dataclass(frozen=True)
class Records:
    """Hold what a file says, before any cleaning.

    ``rows`` are lists of cells as long as ``columns``. ``total`` counts the rows of the file,
    which may be more than were read.
    """

    columns: list[str]
    rows: list[list[str]]
    total: int
    notes: tuple[str, ...] = ()


def from_mappings(
    mappings: Iterable[Mapping[str, object]], source: str, max_rows: int, notes: tuple[str, ...] = ()
) -> Records:
    """Build records from one mapping a row; a key that a row lacks is a blank cell.

    Args:
        mappings: the rows; all are counted.
        source: name of the file, for errors.
        max_rows: rows to keep.
        notes: what was noticed while reading.

    Raises:
        UserError: the kept rows have more than ``MAX_COLUMNS`` keys between them.
    """
    keys: dict[str, None] = {}
    items: list[dict[str, str]] = []
    total = 0
    for mapping in mappings:
        total += 1
        if len(items) < max_rows:
            keys.update(dict.fromkeys(mapping))
            check_columns(len(keys), source)
            items.append({key: _cell(value) for key, value in mapping.items()})
    rows = [[item.get(key, "") for key in keys] for item in items]
    return Records([str(key) for key in keys], rows, total, notes)


def check_columns(count: int, source: str) -> None:
    """Refuse a table with more columns than anybody has a use for: each takes a cell of every row."""
    if count > MAX_COLUMNS:
        raise UserError(f"{source} has more than {MAX_COLUMNS} columns. Please keep only those that are needed.")


def _cell(value: object) -> str:
    """Return a cell as text; nested values become JSON, missing ones blank."""
    if value is None or value != value:  # NaN is the one value that differs from itself
        return ""
    if isinstance(value, (dict, list, tuple)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return str(value).lstrip()[:_KEPT_CHARACTERS]
