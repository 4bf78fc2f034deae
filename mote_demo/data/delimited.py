"""Text with delimiters in, rows of cells out: what is wrong is told with its line number."""

import csv
import io
import re
from dataclasses import dataclass

from mote_demo.data.columns import is_role_name
from mote_demo.data.records import check_columns
from mote_demo.errors import UserError

_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a pipe"}
_SAMPLED = 50
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")
_WORDS_IN_A_NAME = 6


@dataclass(frozen=True)
class Delimited:
    """Hold the cells of a delimited file; every row is as long as ``columns``."""

    columns: list[str]
    rows: list[list[str]]
    notes: tuple[str, ...]


def read_delimited(text: str, source: str) -> Delimited:
    """Parse CSV, TSV and their relatives; the delimiter and the header are told by the content.

    Quoted line breaks are kept. Too many columns, and a row with another number of cells than the header or a
    broken quotation, are a ``UserError``; the latter two name the line.
    """
    delimiter = guess_delimiter(text)
    numbered = _records(text, delimiter, source)
    if not numbered:
        raise UserError(f"{source} has no rows. Please choose a file with a header and at least one row.")
    line, header = numbered[0]
    check_columns(len(header), source)
    notes: tuple[str, ...] = ()
    if _is_header(header):
        del numbered[0]
    else:
        notes = ("There is no header row; columns are called by their position.",)
        header = [""] * len(header)
    _check_lengths(numbered, len(header), line, delimiter, source)
    return Delimited(header, [cells for _, cells in numbered], notes)


def guess_delimiter(text: str) -> str:
    """Return the delimiter that cuts the first rows into the same number of cells, and into most."""
    return max(_DELIMITERS, key=lambda delimiter: _fit(text, delimiter))


def _fit(text: str, delimiter: str) -> tuple[int, int]:
    """Rate a delimiter by (rows that are as long as the header, cells in the header)."""
    lengths: list[int] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            if cells:
                lengths.append(len(cells))
            if len(lengths) == _SAMPLED:
                break
    except csv.Error:
        pass  # The rows up to here are rated; reading with the chosen delimiter reports the error.
    if not lengths or lengths[0] == 1:
        return (0, 0)
    return (lengths.count(lengths[0]), lengths[0])


def _records(text: str, delimiter: str, source: str) -> list[tuple[int, list[str]]]:
    """Return (line where it starts, cells) of each record; NULs are dropped, which old readers refuse."""
    reader = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter, strict=True)
    records = []
    start = 1
    try:
        for cells in reader:
            if cells:
                records.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{source}, line {start}: a broken quotation or an overlong value ({error}). "
            'Please put values that contain quotation marks in double quotes and write each inner mark twice ("").'
        ) from error
    return records


def _is_header(cells: list[str]) -> bool:
    """Tell whether the first row names the columns: data holds numbers or long texts."""
    if any(is_role_name(cell) for cell in cells):
        return True
    return not any(_NUMBER.fullmatch(cell.strip()) or len(cell.split()) > _WORDS_IN_A_NAME for cell in cells)


def _check_lengths(
    numbered: list[tuple[int, list[str]]], expected: int, header_line: int, delimiter: str, source: str
) -> None:
    for line, cells in numbered:
        if len(cells) != expected:
            raise UserError(
                f"{source}, line {line}: {len(cells)} columns where line {header_line} has {expected}. "
                f"Please put double quotes around values that contain {_DELIMITERS[delimiter]}, or add what is missing."
            )
