"""Whether the first row of a table names its columns or is a row like the others."""

import re
from collections.abc import Sequence

from mote_demo.data.columns import is_role_name

_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?%?")
_WORDS_IN_A_NAME = 6
_CHARACTERS_IN_A_NAME = 60
_FEW = 3


def has_header(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Tell whether ``first`` names the columns of ``others``, rows of the same length.

    Values that come again in their column are data; usual names are names, and so is a word above numbers or above
    classes that it is none of. What is left is told by length: a name is shorter than the texts below it.
    """
    cells = [cell.strip() for cell in first]
    below = [[row[position].strip() for row in others] for position in range(len(cells))]
    below = [[cell for cell in column if cell] for column in below]
    again = [bool(cell) and cell in column for cell, column in zip(cells, below, strict=True)]
    if all(cell in ("", *column) for cell, column in zip(cells, below, strict=True)) and _repeats(cells, others):
        again = [False] * len(cells)  # files that were joined repeat the whole header
    if any(is_role_name(cell) for cell, repeated in zip(cells, again, strict=True) if not repeated):
        return True
    if any(again) or any(_NUMBER.fullmatch(cell) for cell in cells) or not any(cells):
        return False
    if any(_is_long(cell) for cell in cells):
        return False
    if any(_is_above_numbers_or_classes(cell, column) for cell, column in zip(cells, below, strict=True)):
        return True
    texts = [(cell, column) for cell, column in zip(cells, below, strict=True) if cell and len(column) >= _FEW]
    return not texts or any(len(cell) < _low_length(column) for cell, column in texts)


def _repeats(cells: list[str], others: Sequence[Sequence[str]]) -> bool:
    return any(is_role_name(cell) for cell in cells) and any([cell.strip() for cell in row] == cells for row in others)


def _is_long(cell: str) -> bool:
    return len(cell.split()) > _WORDS_IN_A_NAME or len(cell) > _CHARACTERS_IN_A_NAME


def _is_above_numbers_or_classes(cell: str, column: list[str]) -> bool:
    if not cell or len(column) < _FEW:
        return False
    return all(map(_NUMBER.fullmatch, column)) or len(set(column)) <= len(column) / 3


def _low_length(column: list[str]) -> int:
    """Return a length that nine in ten texts have at least."""
    lengths = sorted(map(len, column))
    return lengths[len(lengths) // 10]
