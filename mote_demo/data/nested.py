"""Lists and objects in cells, made rows and columns of plain text by what they are lists of."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mote_demo.data.columns import is_role_name
from mote_demo.data.notes import Note, listed_rows
from mote_demo.data.options import ReadOptions
from mote_demo.data.records import KEPT_CHARACTERS, Records
from mote_demo.data.sampling import reservoir
from mote_demo.plain_text import plain_values

_LABEL = re.compile(r"label|categor|class|topic|tag|intent|genre|emotion|sentiment|keyword|annotation|choice", re.I)
_NEGATIVE = re.compile(r"(?<![a-z])negs?(?![a-z])|negative", re.IGNORECASE)
_TOKENS = re.compile(r"tokens?|words?", re.IGNORECASE)
_NO_COMMA = re.compile(r"""(?<=['"])\s+(?=['"])""")
_LABEL_CHARACTERS = 60
_LABELS_OF_A_TEXT = 5
_COLUMNS_OF_A_LIST = 8
_PARSED_CHARACTERS = 100_000
_NUMBERS = re.compile(r"[\d\s.,#|;]*")
_SEPARATORS = "#|;,"


@dataclass(frozen=True)
class Unnested:
    """Hold records whose cells are all text.

    Attributes:
        records: the records; lists have become rows, columns or text.
        objects: places of the columns that hold objects, or lists of what is no text, as JSON: nobody's texts.
    """

    records: Records
    objects: frozenset[int] = frozenset()


def unnest(records: Records, options: ReadOptions) -> Unnested:
    """Turn lists and objects into plain cells.

    A list of one element is that element, and an empty one is blank. Several labels are joined in alphabetical order,
    so that their order makes no difference; of several texts each becomes a row of its own, and negatives, which stay
    with the row, columns. Objects stay as JSON.
    """
    columns = _Columns(records)
    columns.parse()
    columns.unwrap()
    columns.settle()
    return columns.result(options)


class _Columns:
    """Work on the cells of records, column by column."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._names = list(records.columns)
        rows = [cells for _, cells in records.rows]
        self._cells: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in self._names]
        self._notes = list(records.notes)
        self._objects: list[int] = []
        self._rows: list[int] = []
        self._columns: list[int] = []

    def parse(self) -> None:
        """Read lists and objects that are written as text, where a whole column is."""
        for place, cells in enumerate(self._cells):
            parsed = _parse_column(cells)
            if parsed is not None:
                self._cells[place] = parsed

    def unwrap(self) -> None:
        """Replace lists of one element by it, and empty ones by a blank."""
        for place, cells in enumerate(self._cells):
            if any(isinstance(cell, list) for cell in cells):
                self._cells[place] = [_unwrapped(cell) for cell in cells]

    def settle(self) -> None:
        """Decide for each column that still holds lists or objects what becomes of it."""
        for place, cells in enumerate(self._cells):
            lists = [cell for cell in cells if isinstance(cell, list)]
            if any(isinstance(cell, dict) for cell in cells) or not all(map(_is_of_text, lists)):
                self._objects.append(place)
            elif not lists:
                self._sort_joined(place)
            elif _TOKENS.fullmatch(self._names[place]):
                self._cells[place] = [" ".join(cell) if isinstance(cell, list) else cell for cell in cells]
            elif _holds_labels(self._names[place], cells):
                self._join_labels(place)
            elif _NEGATIVE.search(self._names[place]):
                self._columns.append(place)
            else:
                self._rows.append(place)
        self._choose_rows()
        for place in self._objects:
            if any(isinstance(cell, (dict, list)) for cell in self._cells[place]):
                what = f"The column {self._names[place]!r} holds objects or lists, so it is not taken for text."
                self._notes.append(Note(what, column=self._names[place]))

    def result(self, options: ReadOptions) -> Unnested:
        """Build the rows, one for each text in the lists that become rows."""
        made_of = [(place, name) for place, name in enumerate(self._names) for name in self._names_of(place, name)]
        total = self._records.total
        rows: Iterable[tuple[int, list[Any]]] = self._exploded()
        if self._rows:
            rows, made = reservoir(rows, options.max_rows, options.seed)
            listed = " and ".join(repr(self._names[place]) for place in self._rows)
            what = f"One row for each text in {listed}: {len(self._records.rows):,} rows became {made:,}."
            self._notes.append(Note(what, column=self._names[self._rows[0]]))
            if len(rows) < made:
                self._notes.append(Note(f"Kept a random {len(rows):,} of them."))
        objects = frozenset(new for new, (place, _) in enumerate(made_of) if place in self._objects)
        texts = [(number, [_text(cell) for cell in cells]) for number, cells in rows]
        records = Records([name for _, name in made_of], texts, total, tuple(self._notes))
        return Unnested(records, objects)

    def _choose_rows(self) -> None:
        """Keep the lists that become rows together: those of one length, or the one that is named as the answer."""
        if len(self._rows) == 1 and self._is_the_only_text(self._rows[0]):
            self._columns, self._rows = [*self._columns, *self._rows], []
            return
        first = min(self._rows, key=lambda place: not is_role_name(self._names[place]), default=None)
        together = [place for place in self._rows if first is not None and self._is_as_long(place, first)]
        self._objects += [place for place in self._rows if place not in together]
        self._rows = together
        along = [] if first is None else [place for place in self._objects if self._is_as_long(place, first)]
        scores = [place for place in along if all(map(_is_of_numbers, self._lists(place)))]
        self._objects = [place for place in self._objects if place not in scores]
        self._rows += scores

    def _is_the_only_text(self, place: int) -> bool:
        """Tell whether lists, all of two or three texts, are what else would be columns."""
        lengths = {_length(cell) for cell in self._cells[place] if cell is not None}
        others = [other for other in range(len(self._cells)) if other != place and other not in self._objects]
        texts = [other for other in others if _is_prose(self._names[other], self._cells[other])]
        return len(lengths) == 1 and lengths <= {2, 3} and not texts

    def _is_as_long(self, place: int, other: int) -> bool:
        return all(
            _length(one) == _length(two) for one, two in zip(self._cells[place], self._cells[other], strict=True)
        )

    def _lists(self, place: int) -> list[list[Any]]:
        return [cell for cell in self._cells[place] if isinstance(cell, list)]

    def _join_labels(self, place: int) -> None:
        cells, name = self._cells[place], self._names[place]
        several = [
            number for (number, _), cell in zip(self._records.rows, cells, strict=True) if isinstance(cell, list)
        ]
        self._cells[place] = [", ".join(sorted(set(cell))) if isinstance(cell, list) else cell for cell in cells]
        what = f"{len(several):,} row(s) have several values in {name!r}, which are joined in alphabetical order"
        self._notes.append(Note(f"{what} ({listed_rows(several, 'row')}).", several, name))

    def _sort_joined(self, place: int) -> None:
        """Make labels that differ only in the order of their parts the same, such as ``a#b`` and ``b#a``."""
        cells = self._cells[place]
        texts = {cell for cell in cells if isinstance(cell, str) and cell}
        if len(texts) > len(cells) / 2 or any(len(text) > _LABEL_CHARACTERS for text in texts):
            return
        for separator in _SEPARATORS:
            ordered = {text: separator.join(sorted(text.split(separator))) for text in texts if separator in text}
            if len(set(ordered.values())) < len(ordered) and not any(map(re.compile(r"[\d\s.,#|;]*").fullmatch, texts)):
                self._cells[place] = [ordered.get(cell, cell) if isinstance(cell, str) else cell for cell in cells]
                what = (
                    f"Values of {self._names[place]!r} that differ only in the order around {separator!r} are the same."
                )
                self._notes.append(Note(what, column=self._names[place]))
                return

    def _names_of(self, place: int, name: str) -> list[str]:
        return [name, *(f"{name} ({number})" for number in range(2, self._width(place) + 1))]

    def _width(self, place: int) -> int:
        """Return how many columns a column becomes."""
        if place not in self._columns:
            return 1
        return min(_COLUMNS_OF_A_LIST, max((_length(cell) for cell in self._cells[place]), default=1))

    def _exploded(self) -> Iterator[tuple[int, list[Any]]]:
        widths = [self._width(place) for place in range(len(self._cells))]
        for (number, _), cells in zip(self._records.rows, zip(*self._cells, strict=True), strict=True):
            size = max((_length(cells[place]) for place in self._rows), default=1)
            for turn in range(size):
                made: list[Any] = []
                for place, cell in enumerate(cells):
                    made += self._parts(place, cell, turn, widths[place])
                yield number, made

    def _parts(self, place: int, cell: Any, turn: int, width: int) -> list[Any]:
        """Return the cells that one cell becomes in the row for the text number ``turn`` of its list."""
        if place in self._rows:
            return [cell[turn] if isinstance(cell, list) else cell]
        if place not in self._columns:
            return [cell]
        values = cell if isinstance(cell, list) else [cell]
        # Each row of a list begins with another negative, so that all are seen where only the first is used.
        first = turn % len(values)
        turned = [*values[first:], *values[:first]][:width]
        return [*turned, *[None] * (width - len(turned))]


def _parse_column(cells: Sequence[Any]) -> list[Any] | None:
    """Return the values of a column of lists or of objects written as JSON or as Python writes them, else None."""
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip()]
    if not texts or len(texts) < sum(cell is not None and cell != "" for cell in cells):
        return None
    if not (all(map(_is_bracketed, texts)) or all(text[0] == "{" and text[-1] == "}" for text in texts)):
        return None
    try:
        return [_parse(cell.strip()) if isinstance(cell, str) and cell.strip() else None for cell in cells]
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _is_bracketed(text: str) -> bool:
    return text[0] == "[" and text[-1] == "]"


def _parse(text: str) -> Any:
    try:
        return plain_values(json.loads(text))
    except ValueError:
        if len(text) > _PARSED_CHARACTERS:
            raise
        # NumPy writes no commas between texts.
        return ast.literal_eval(_NO_COMMA.sub(", ", text) if "," not in text else text)


def _unwrapped(cell: Any) -> Any:
    if not isinstance(cell, list):
        return cell
    elements = [element for element in map(_unwrapped, cell) if element is not None and element != ""]
    return elements[0] if len(elements) == 1 else elements or None


def _is_of_text(cell: Sequence[Any]) -> bool:
    return all(isinstance(element, str) for element in cell)


def _is_of_numbers(cell: Sequence[Any]) -> bool:
    return all(isinstance(element, (int, float)) for element in cell)


def _holds_labels(name: str, cells: Sequence[Any]) -> bool:
    """Tell labels by the column's name or, where it says nothing, by few short values that come again."""
    lists = [cell if isinstance(cell, list) else [cell] for cell in cells if cell is not None]
    values = [str(value) for cell in lists for value in cell]
    if any(len(value) > _LABEL_CHARACTERS for value in values):
        return False
    if _LABEL.search(name):
        return True
    again = len(set(values)) <= len(values) / 3
    return again and not is_role_name(name) and len(values) <= len(lists) * _LABELS_OF_A_TEXT


def _is_prose(name: str, cells: Sequence[Any]) -> bool:
    texts = [cell for cell in cells if isinstance(cell, str)]
    usual = bool(texts) and is_role_name(name) and not _LABEL.search(name)
    return usual or sum(" " in text for text in texts) > len(cells) / 2


def _length(cell: Any) -> int:
    return len(cell) if isinstance(cell, list) else 1


def _text(cell: Any) -> str:
    """Return a cell as text; what is nested becomes JSON, what is missing blank."""
    if cell is None or cell != cell:  # NaN is the one value that differs from itself
        return ""
    if isinstance(cell, (dict, list, tuple)):
        cell = json.dumps(cell, ensure_ascii=False, default=str)
    return str(cell).lstrip()[:KEPT_CHARACTERS]
