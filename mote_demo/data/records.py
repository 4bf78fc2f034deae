"""What a file says before any cleaning, within limits that keep a small file from filling the memory."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mote_demo.data.notes import Note
from mote_demo.data.options import ReadOptions
from mote_demo.data.sampling import reservoir
from mote_demo.errors import UserError

MAX_COLUMNS = 200
MAX_CHARACTERS = 10_000

# Cleaning drops characters before the table cuts a text and says so, hence more are kept than it needs.
KEPT_CHARACTERS = 2 * MAX_CHARACTERS

Row = tuple[int, Sequence[Any]]
"""A line of a file, or a row where it has no lines, from 1, and its cells: text, numbers, lists, objects or None."""


@dataclass(frozen=True)
class Records:
    """Hold what a file says, before any cleaning.

    Attributes:
        columns: names, which may be blank or doubled.
        rows: the rows that were kept, in order; each has as many cells as there are columns.
        total: rows of the file that are not blank, or None where it was not read to its end.
        notes: what was noticed while reading.
    """

    columns: list[str]
    rows: Sequence[Row]
    total: int | None
    notes: tuple[Note, ...] = ()


def from_rows(
    columns: list[str], rows: Iterable[Row], source: str, options: ReadOptions, notes: Iterable[Note] = ()
) -> Records:
    """Keep a sample of rows of equal length; those without content are left out and counted.

    Raises:
        UserError: there are more than ``MAX_COLUMNS`` columns.
    """
    check_columns(len(columns), source)
    blank = _Counter()
    filled = ((number, cells) for number, cells in rows if any(map(_has_content, cells)) or blank.add())
    kept, total = reservoir(filled, options.max_rows, options.seed)
    return Records(columns, [_short(row) for row in kept], total, (*notes, *blank_rows(blank.count)))


def from_mappings(
    mappings: Iterable[tuple[int, Mapping[Any, Any]]], source: str, options: ReadOptions, notes: Iterable[Note] = ()
) -> Records:
    """Keep a sample of rows that are mappings; a key that a row lacks is a blank cell.

    Raises:
        UserError: the kept rows have more than ``MAX_COLUMNS`` keys between them.
    """
    blank = _Counter()
    filled = (row for row in mappings if any(map(_has_content, row[1].values())) or blank.add())
    kept, total = reservoir(filled, options.max_rows, options.seed)
    keys = list(dict.fromkeys(itertools.chain.from_iterable(mapping for _, mapping in kept)))
    check_columns(len(keys), source)
    rows = [_short((number, [mapping.get(key) for key in keys])) for number, mapping in kept]
    return Records([str(key) for key in keys], rows, total, (*notes, *blank_rows(blank.count)))


def check_columns(count: int, source: str) -> None:
    """Refuse a table with more columns than anybody has a use for: each takes a cell of every row."""
    if count > MAX_COLUMNS:
        raise UserError(f"{source} has more than {MAX_COLUMNS} columns. Please keep only those that are needed.")


def blank_rows(count: int) -> list[Note]:
    """Note how many rows had nothing in them, if any."""
    return [Note(f"Dropped {count:,} blank row(s).")] if count else []


class _Counter:
    """Count rows that are passed over."""

    count = 0

    def add(self) -> bool:
        self.count += 1
        return False


def _has_content(cell: object) -> bool:
    if isinstance(cell, str):
        return bool(cell) and not cell.isspace()
    return cell is not None and cell == cell and cell != [] and cell != {}  # NaN differs from itself


def _short(row: Row) -> Row:
    number, cells = row
    return number, [cell.lstrip()[:KEPT_CHARACTERS] if isinstance(cell, str) else cell for cell in cells]
