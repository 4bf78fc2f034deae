"""An Excel workbook in, rows of cells out, each as the text that a person sees in it."""

import datetime
import io
import itertools
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from mote_demo.data.header import has_header
from mote_demo.data.notes import Note
from mote_demo.data.options import ReadOptions
from mote_demo.data.records import MAX_COLUMNS, Records, Row, from_rows
from mote_demo.errors import UserError, unknown_choice

_HEAD = 200
_ROWS_ABOVE = 20


def read_workbook(data: bytes, source: str, options: ReadOptions) -> Records:
    """Read one sheet of an .xlsx file, by default the first that is not empty; formulas give the values they had.

    Titles and blank rows above the header are left out, with a note, and other sheets are named.

    Raises:
        UserError: a damaged file, no rows, or no sheet of the given name.
    """
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that are not read
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
            return _read_book(book, source, options)
    except (UserError, MemoryError):
        raise
    # XML, zip and the format itself each fail with types of their own.
    except Exception as error:
        raise UserError(f"{source} is a damaged Excel workbook. Please save it again, or upload CSV.") from error


def _read_book(book: Any, source: str, options: ReadOptions) -> Records:
    names = [sheet.title for sheet in book.worksheets]
    if options.sheet is not None and options.sheet not in names:
        raise unknown_choice("sheet", options.sheet, names)
    for name in [options.sheet] if options.sheet is not None else names:
        rows = _rows(book[name])
        head = list(itertools.islice(rows, _HEAD))
        if head:
            others = [other for other in names if other != name]
            notes = [Note(f"Read the sheet {name!r}; not {', '.join(map(repr, others))}.")] if others else []
            return _read_rows(head, rows, source, options, notes)
    raise UserError(f"{source} has no rows. Please choose a file with a header and at least one row.")


def _read_rows(head: list[Row], rest: Iterable[Row], source: str, options: ReadOptions, notes: list[Note]) -> Records:
    top = _top(head)
    if top:
        notes.append(Note(f"Left out {top} row(s) above the header."))
    width = max(len(cells) for _, cells in head)
    first, *others = [_as_long(cells, width) for _, cells in head[top:]]
    headed = options.header if options.header is not None else has_header(first, others)
    if not headed and options.header is None:
        notes.append(Note("There is no header row; columns are called by their position."))
    rows = itertools.islice(itertools.chain(head, rest), top + headed, None)
    even = ((number, _as_long(cells, width)) for number, cells in rows)
    return from_rows(first if headed else [""] * width, even, source, options, notes)


def _top(head: list[Row]) -> int:
    """Return the place of the first row that is as wide as the table; titles and remarks above it are narrower."""
    filled = [sum(map(bool, cells)) for _, cells in head]
    width = sorted(filled)[len(filled) // 2]
    wide = max(min(width, 2), width * 3 // 4)
    return next((place for place, count in enumerate(filled[:_ROWS_ABOVE]) if count >= wide), 0)


def _as_long(cells: Any, width: int) -> list[str]:
    return [*cells, *[""] * (width - len(cells))][:width]


def _rows(sheet: Any) -> Iterator[Row]:
    """Yield the rows that are not blank; the size that a sheet states is not believed."""
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        texts = [_text(cell) for cell in cells[: MAX_COLUMNS + 1]]
        while texts and not texts[-1]:
            texts.pop()
        if texts:
            yield number, texts


def _text(cell: Any) -> str:
    from openpyxl.utils.escape import unescape

    value = cell.value
    if value is None or cell.data_type == "e":
        return ""
    if isinstance(value, str):
        return unescape(value).strip() if "_x" in value else value.strip()
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (int, float)):
        percent = "%" in (cell.number_format or "")
        return f"{value * 100:.15g}%" if percent else f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    return str(value)
