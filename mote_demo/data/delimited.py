"""Text with delimiters in, rows of cells out: what is wrong is told with its line number."""

import contextlib
import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mote_demo.data.encodings import Decoded
from mote_demo.data.header import has_header
from mote_demo.data.lines import draw_lines, quotes_are_closed
from mote_demo.data.notes import Note, listed_rows
from mote_demo.data.options import ReadOptions
from mote_demo.data.records import Records, Row, blank_rows, from_rows
from mote_demo.errors import UserError

DELIMITERS: Mapping[str, str] = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a pipe"}
_ALONE = "\x1f"
"""What stands for a delimiter where each line is one cell: no text has it."""

_QUOTED: Mapping[str, Any] = {"strict": True}
_SPACED: Mapping[str, Any] = {"strict": True, "skipinitialspace": True}
_ESCAPED: Mapping[str, Any] = {"strict": True, "doublequote": False, "escapechar": "\\"}
_PLAIN: Mapping[str, Any] = {}
"""Quotation marks mean nothing: no reader of csv is needed, which has a limit for the length of a cell."""

_SAMPLED = 200
_LOOKED_AT = 1000
_SURVEYED = 200_000
_FEW = 4
_SAMPLED_CHARACTERS = 1_000_000
_SEPARATOR_LINE = re.compile(r'"?sep=(.|\\t)"?;*\s*', re.IGNORECASE)
# Stands for a line end inside a value until the reader of csv, to which it would end a row, is done.
_LINE_END = "\x1e"


_Record = tuple[int, list[str], int]
"""The line where it starts, its cells, and how many lines it goes over."""


@dataclass(frozen=True)
class _Dialect:
    """Say how lines are cut: where one ends, the delimiter, and what quotation marks mean."""

    newline: str
    delimiter: str
    quoting: Mapping[str, Any]
    skipped: int
    """Lines before the first row: ``sep=;`` is one."""
    is_by_line: bool = False
    """Whether each line is a row."""


@dataclass(frozen=True)
class _Survey:
    """Count what a dialect makes of a whole file."""

    lengths: Counter[int]
    first: int
    joined: set[int]
    """Lines of records that go over several."""
    broken: bool

    @property
    def is_even(self) -> bool:
        """Whether every row has as many cells as the first, and that is more than one."""
        return not self.broken and len(self.lengths) == 1 and self.first > 1

    @property
    def even_rows(self) -> int:
        return self.lengths[self.first]


class _BrokenRecord(Exception):
    """Report the line where a record begins that has no end, and why."""

    def __init__(self, line: int, reason: object) -> None:
        super().__init__(reason)
        self.line = line


def read_delimited(text: Decoded, source: str, options: ReadOptions) -> Records:
    """Read CSV, TSV and their relatives; the dialect and the header are told by the content.

    Quoted line breaks are kept, and quotation marks where no value is quoted.

    Raises:
        UserError: too many columns, a row with another number of cells than the first, or a broken quotation; the
            latter two name the line.
    """
    dialect, notes = _find_dialect(text, source, options)
    head = [cells for _, cells, _ in _first(text, dialect)]
    if not head:
        raise UserError(f"{source} has no rows. Please choose a file with a header and at least one row.")
    shape = _Shape(head, dialect, source)
    headed = options.header if options.header is not None else has_header(head[0], shape.even)
    if not headed and options.header is None:
        notes.append(Note("There is no header row; columns are called by their position."))
    columns = head[0] if headed else [""] * len(head[0])
    said = itertools.chain(text.notes, notes, shape.notes())
    if dialect.is_by_line:
        records, total, blank = _drawn_records(text, dialect, options, headed)
        said = itertools.chain(said, blank_rows(blank))
        return replace(from_rows(columns, shape.check(records), source, options, said), total=total)
    records = itertools.islice(_records(text, dialect), int(headed), None)
    return from_rows(columns, shape.check(records), source, options, said)


def _drawn_records(
    text: Decoded, dialect: _Dialect, options: ReadOptions, headed: bool
) -> tuple[Iterator[_Record], int, int]:
    """Draw from a file whose rows are its lines before they are cut, which takes a hundredth of the time.

    Returns:
        The drawn rows, how many there were to draw from, and how many were blank.
    """
    drawn, total, blank = draw_lines(
        text,
        options.max_rows,
        options.seed,
        newline=dialect.newline,
        blank=dialect.delimiter if dialect.delimiter.isascii() else "",
        skipped=dialect.skipped + headed,
    )
    cut = (_cut_lines([_clean_line(line, dialect.newline)], dialect, number) for number, line in drawn)
    return itertools.chain.from_iterable(cut), total, blank


class _Shape:
    """Check rows against the first ones, and mend those whose text has delimiters in it without quotation marks."""

    def __init__(self, head: list[list[str]], dialect: _Dialect, source: str) -> None:
        self._width = len(head[0])
        self._delimiter, self._source = dialect.delimiter, source
        self.even = [cells for cells in head[1:] if len(cells) == self._width]
        self._longest = max(range(self._width), key=lambda place: sum(len(cells[place]) for cells in self.even))
        self._seen = [{cells[place] for cells in self.even} for place in range(self._width)]
        self._mended: list[int] = []

    def check(self, records: Iterable[_Record]) -> Iterator[Row]:
        """Yield the rows; one that fits no column, or a broken quotation, is an error with its line."""
        try:
            for line, cells, _ in records:
                if len(cells) != self._width:
                    cells = self._mend(line, cells)
                yield line, [cell.replace(_LINE_END, "\n") if _LINE_END in cell else cell for cell in cells]
        except _BrokenRecord as broken:
            raise UserError(
                f"{self._source}, line {broken.line}: a broken quotation or an overlong value ({broken}). "
                'Please put values that contain quotation marks in double quotes and write each inner mark twice ("").'
            ) from broken

    def notes(self) -> Iterator[Note]:
        """Note the lines that were mended, once all are read."""
        if self._mended:
            what = f"{_name(self._delimiter)} without quotation marks is taken for a part of the text"
            yield Note(f"In {listed_rows(self._mended)} {what}.", self._mended)

    def _mend(self, line: int, cells: list[str]) -> list[str]:
        surplus = len(cells) - self._width
        if surplus > 0 and not any(cells[self._width :]):
            return cells[: self._width]
        if surplus > 0:
            end = self._longest + surplus + 1
            text = self._delimiter.join(cells[self._longest : end])
            mended = [*cells[: self._longest], text, *cells[end:]]
            if self._fits(mended):
                self._mended.append(line)
                return mended
        raise UserError(
            f"{self._source}, line {line}: {len(cells)} columns where the first row has {self._width}. "
            f"Please put double quotes around values that contain {_name(self._delimiter)}, or add what is missing."
        )

    def _fits(self, cells: list[str]) -> bool:
        """Tell whether all cells but the text are values that other rows have, of which there are few."""
        others = [place for place in range(self._width) if place != self._longest]
        few = [place for place in others if len(self._seen[place]) <= len(self.even) / 2]
        return bool(few) and all(cells[place] in self._seen[place] for place in few)


def _find_dialect(text: Decoded, source: str, options: ReadOptions) -> tuple[_Dialect, list[Note]]:
    newline = _newline(text)
    head = list(_some_lines(text, newline))
    told = _SEPARATOR_LINE.fullmatch(head[0].rstrip("\r\n")) if head else None
    skipped = 1 if told else 0
    delimiter = options.delimiter or (told[1].replace("\\t", "\t") if told else None)
    if delimiter is None:
        delimiter = _guess_delimiter(head, source)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UserError(f"The delimiter must be one character, not {delimiter!r}. Please choose a comma or another.")
    if delimiter == _ALONE:
        plain = _Dialect(newline, _ALONE, _PLAIN, skipped, is_by_line=True)
        if b'"' not in text.data:
            return plain, []
        quoted = _Dialect(newline, ",", _QUOTED, skipped, is_by_line=quotes_are_closed(text, newline))
        survey = _survey(text, quoted)
        alone = survey.broken or survey.lengths.keys() != {1}
        return (plain if alone else quoted), []
    if b'"' not in text.data:
        return _Dialect(newline, delimiter, _PLAIN, skipped, is_by_line=True), []
    spaced = any(f'"{delimiter} "' in line for line in head)
    chosen = _choose_quoting(text, _Dialect(newline, delimiter, _SPACED if spaced else _QUOTED, skipped))
    if chosen.quoting is not _PLAIN:
        return chosen, []
    return chosen, [Note("Quotation marks are kept as a part of the texts, because no value is put in them.")]


def _choose_quoting(text: Decoded, quoted: _Dialect) -> _Dialect:
    """Choose what quotation marks mean: that by which all rows are of one length."""
    usual = _survey(text, quoted)
    if usual.is_even and not usual.joined:
        return replace(quoted, is_by_line=quotes_are_closed(text, quoted.newline))
    plain = replace(quoted, quoting=_PLAIN, is_by_line=True)
    by_line = _survey(text, plain)
    if by_line.is_even and (not usual.is_even or _lines_are_rows(text, plain, usual.joined)):
        return plain
    if usual.is_even:
        return quoted
    for quoting in (_SPACED, _ESCAPED):
        other = replace(quoted, quoting=quoting)
        if _survey(text, other).is_even:
            return other
    return plain if quoted.delimiter == "\t" and by_line.even_rows > usual.even_rows else quoted


def _lines_are_rows(text: Decoded, plain: _Dialect, joined: set[int]) -> bool:
    """Tell whether lines that quotation marks would join are rows like the others.

    They are where they have the values of columns with few of them. Where there are no such columns, a quoted text
    with a line break and a delimiter in it is likelier with commas, and with marks that are written twice.
    """
    rows = [(line, cells) for line, cells, _ in itertools.islice(_records(text, plain), _SURVEYED)]
    alone = [cells for line, cells in rows if line not in joined]
    within = [cells for line, cells in rows if line in joined]
    values = [set(column) for column in zip(*alone, strict=True)]
    few = [place for place, each in enumerate(values) if len(each) <= len(alone) / 2]
    if few and len(alone) >= _FEW:
        return all(cells[place] in values[place] for cells in within for place in few)
    return plain.delimiter != "," and b'""' not in text.data


def _guess_delimiter(head: list[str], source: str) -> str:
    """Return the delimiter that cuts the first lines evenly and into most cells."""
    rated = {delimiter: _fit(head, delimiter) for delimiter in DELIMITERS}
    best = max(rated, key=lambda delimiter: rated[delimiter])
    share, cells = rated[best]
    if cells <= 1 or (share < 0.5 and source.lower().endswith(".txt")):
        return _ALONE
    return best


def _fit(head: list[str], delimiter: str) -> tuple[float, int]:
    """Rate a delimiter by (share of rows that are as long as the first, cells in the first)."""
    lengths = [len(_cut(line, delimiter)) for line in head if not line.isspace()]
    ratings = [(lengths.count(lengths[0]) / len(lengths), lengths[0])] if lengths and lengths[0] > 1 else []
    for quoting in (_QUOTED, _SPACED, _ESCAPED):
        try:
            cut = csv.reader(head, delimiter=delimiter, **{**quoting, "strict": False})
            lengths = [len(cells) for cells in cut if cells]
        except csv.Error:
            continue
        if lengths and lengths[0] > 1:
            ratings.append((lengths.count(lengths[0]) / len(lengths), lengths[0]))
    if not ratings:
        return (0.0, 0)
    share, cells = max(ratings)
    return (share * (1.0 if _stands_apart(head, delimiter) else 0.5), cells)


def _stands_apart(head: list[str], delimiter: str) -> bool:
    """Tell a delimiter from punctuation, which is followed by a blank, or is a comma between digits."""
    text = "".join(head)
    punctuation = re.findall(r"(?<=\d),(?=\d)|,(?= )" if delimiter == "," else rf"{re.escape(delimiter)}(?= )", text)
    return len(punctuation) <= text.count(delimiter) / 2


def _newline(text: Decoded) -> str:
    """Return what ends a line: CR only where there is no LF but inside quotations."""
    with text.open() as file:
        outside = re.sub(r'"[^"]*"', "", file.read(_SAMPLED_CHARACTERS))
    return "\r" if "\r" in outside and "\n" not in outside else "\n"


def _some_lines(text: Decoded, newline: str) -> Iterator[str]:
    size = 0
    for line in itertools.islice(_lines(text, newline), _SAMPLED):
        yield line
        size += len(line)
        if size > _SAMPLED_CHARACTERS:
            return


def _lines(text: Decoded, newline: str) -> Iterator[str]:
    with text.open(newline) as file:
        for line in file:
            yield _clean_line(line, newline)


def _clean_line(line: str, newline: str) -> str:
    """Return a line that ends with LF and holds no other line end, nor NUL, which old readers refuse."""
    body = line.replace("\0", "").removesuffix(newline).removesuffix("\r")
    return body.replace("\r\n", _LINE_END).replace("\r", _LINE_END).replace("\n", _LINE_END) + "\n"


def _records(text: Decoded, dialect: _Dialect) -> Iterator[_Record]:
    """Yield each record that is not blank."""
    first = dialect.skipped
    return _cut_lines(itertools.islice(_lines(text, dialect.newline), first, None), dialect, first + 1)


def _cut_lines(lines: Iterable[str], dialect: _Dialect, number: int) -> Iterator[_Record]:
    """Cut lines, of which the first has a number."""
    if dialect.quoting is _PLAIN:
        for place, line in enumerate(lines, start=number):
            if not line.isspace():
                yield place, _cut(line, dialect.delimiter), 1
        return
    reader = csv.reader(lines, delimiter=dialect.delimiter, **dialect.quoting)
    before = 0
    try:
        for cells in reader:
            if cells:
                yield number + before, cells, reader.line_num - before
            before = reader.line_num
    except csv.Error as error:
        raise _BrokenRecord(number + before, error) from error


def _cut(line: str, delimiter: str) -> list[str]:
    return line.removesuffix("\n").split(delimiter)


def _survey(text: Decoded, dialect: _Dialect) -> _Survey:
    lengths: Counter[int] = Counter()
    first, joined, broken = 0, set[int](), False
    try:
        for line, cells, span in itertools.islice(_records(text, dialect), _SURVEYED):
            first = first or len(cells)
            lengths[len(cells)] += 1
            if span > 1:
                joined.update(range(line, line + span))
    except _BrokenRecord:
        broken = True
    return _Survey(lengths, first, joined, broken)


def _first(text: Decoded, dialect: _Dialect) -> list[_Record]:
    """Return the first records, as far as none is broken."""
    found: list[_Record] = []
    with contextlib.suppress(_BrokenRecord):
        for record in itertools.islice(_records(text, dialect), _LOOKED_AT):
            found.append(record)
    return found


def _name(delimiter: str) -> str:
    return DELIMITERS.get(delimiter, repr(delimiter))
