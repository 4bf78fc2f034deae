"""An uploaded file in, a clean table of text cells out, with notes on what was cleaned."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mote_demo.data.archive import ZIP, Archive
from mote_demo.data.beir import KnownAnswers, is_beir, read_beir
from mote_demo.data.file_kinds import SUPPORTED
from mote_demo.data.formats import parse
from mote_demo.data.nested import unnest
from mote_demo.data.notes import Note
from mote_demo.data.options import ReadOptions
from mote_demo.data.records import MAX_CHARACTERS, Records, Row
from mote_demo.data.sampling import reservoir
from mote_demo.errors import UserError
from mote_demo.plain_text import plain_text

MAX_TEXT = 64_000_000
"""Bytes of all cells together, as UTF-8: more than what any file of text has that is not packed."""

_Cells = tuple[int, tuple[str, ...]]
"""The line that a row began on, and its cells."""


@dataclass(frozen=True)
class Table:
    """Hold a table as it was uploaded, cleaned.

    Attributes:
        frame: unique column names, str cells ("" where missing) and a RangeIndex.
        notes: what was cleaned, with counts, one sentence each; those about some rows or one column say which.
        source: the file's name.
        lines: line of the file that each row began on, or its number where a file has no lines, from 1.
        objects: columns that hold objects as JSON, which have no role of themselves.
        answers: of a set of texts with known answers all of it; the rows are then its pairs.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    source: str
    lines: tuple[int, ...] = ()
    objects: tuple[str, ...] = ()
    answers: KnownAnswers | None = None

    @property
    def plain(self) -> pd.DataFrame:
        """Return the columns that a role may be guessed for: those without objects."""
        return self.frame.drop(columns=list(self.objects))

    def count_letters(self) -> int:
        """Count the letters of all cells, and of the texts with known answers."""
        frames = [self.frame] if self.answers is None else [self.frame, self.answers.corpus]
        return sum(int(column.str.len().sum()) for frame in frames for _, column in frame.items())


def read_table(path: str | Path, options: ReadOptions | None = None) -> Table:
    """Read a file of any of ``FILE_KINDS``; the content decides which it is.

    Args:
        path: the file.
        options: what is not to be guessed, and the limits; of a file with more rows a sample is kept, with a note.

    Raises:
        UserError: it cannot be read; the message names the file, the line and the mend.
    """
    path, options = Path(path), options or ReadOptions()
    data = _read_bytes(path, options.max_bytes)
    try:
        if data.startswith(ZIP) and is_beir(archive := Archive(data, path.name)):
            answers = read_beir(archive, path.name, options)
            return make_table(answers.pairs(), path.name, options, answers)
        return make_table(parse(data, path.name, options), path.name, options)
    except RecursionError as error:
        raise UserError(f"{path.name} has lists in lists, too deep to read. Please write it as plain rows.") from error


def make_table(
    records: Records, source: str, options: ReadOptions | None = None, answers: KnownAnswers | None = None
) -> Table:
    """Clean records into a table: double rows and blank columns go, columns get unique names, long texts are cut."""
    options = options or ReadOptions()
    unnested = unnest(records, options)
    records, notes = unnested.records, [*_sample_notes(records, options), *unnested.records.notes]
    kept = _within_memory(records.rows, options, notes)
    # Rows stay tuples of shared strings until they are short: a frame has a copy of each cell.
    rows = [(number, tuple(_clean(cell) for cell in cells)) for number, cells in kept]
    rows, places = _drop_blank(rows, len(records.columns), notes)
    if not rows:
        raise UserError(f"{source} has no rows with content. Please choose a file with a header and at least one row.")
    names = _unique_names([records.columns[place] for place in places], notes)
    rows = _cut_long(_drop_double(rows, notes), notes)
    frame = pd.DataFrame([cells for _, cells in rows], columns=names, dtype="str")
    lines = tuple(number for number, _ in rows)
    objects = tuple(name for name, place in zip(names, places, strict=True) if place in unnested.objects)
    return Table(frame, tuple(notes), source, lines, objects, answers)


def _sample_notes(records: Records, options: ReadOptions) -> list[Note]:
    kept, total = len(records.rows), records.total
    if total is None or kept >= total:
        return []
    how = f"at random from the whole file (seed {options.seed})"
    return [Note(f"Kept {kept:,} of {total:,} rows, drawn {how}.")]


def _read_bytes(path: Path, max_bytes: int) -> bytes:
    if not path.is_file():
        raise UserError(f"There is no file {path.name!r}. Please choose a {SUPPORTED} file.")
    size = path.stat().st_size
    if size > max_bytes:
        raise UserError(
            f"{path.name} has {size / 1e6:,.1f} MB; the limit is {max_bytes / 1e6:,.1f} MB. Please upload a part of it."
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path.name} cannot be read ({error.strerror}). Please check the file.") from error


def _clean(cell: str) -> str:
    """Drop what no tokenizer takes, and outer white space; lines end in one way."""
    return plain_text(cell).replace("\r\n", "\n").replace("\r", "\n").strip()


def _within_memory(rows: Sequence[Row], options: ReadOptions, notes: list[Note]) -> Sequence[Row]:
    """Keep as many rows as the limit of all text allows, at random."""
    size = sum(_bytes(cell) for _, cells in rows for cell in cells)
    if size <= MAX_TEXT:
        return rows
    kept, _ = reservoir(rows, max(1, len(rows) * MAX_TEXT // size), options.seed)
    notes.append(Note(f"Kept a random {len(kept):,} of these rows, because all have {size / 1e6:,.0f} MB of text."))
    return kept


def _bytes(cell: str) -> int:
    """Return how many bytes of a cell are kept."""
    if len(cell) > MAX_CHARACTERS:
        cell = cell[:MAX_CHARACTERS]
    return len(cell) if cell.isascii() else len(cell.encode("utf-8", "replace"))


def _drop_blank(rows: list[_Cells], width: int, notes: list[Note]) -> tuple[list[_Cells], list[int]]:
    """Return the rows that are not blank, and the places of the columns that are not."""
    filled = [(number, cells) for number, cells in rows if any(cells)]
    places = [place for place in range(width) if any(cells[place] for _, cells in filled)]
    _note_dropped(notes, len(rows) - len(filled), "blank row(s)")
    _note_dropped(notes, width - len(places), "blank column(s)")
    if len(places) == width:
        return filled, places
    return [(number, tuple(cells[place] for place in places)) for number, cells in filled], places


def _drop_double(rows: list[_Cells], notes: list[Note]) -> list[_Cells]:
    first: dict[tuple[str, ...], int] = {}
    for number, cells in rows:
        first.setdefault(cells, number)
    _note_dropped(notes, len(rows) - len(first), "duplicate row(s)")
    return [(number, cells) for cells, number in first.items()]


def _cut_long(rows: list[_Cells], notes: list[Note]) -> list[_Cells]:
    cut = sum(len(cell) > MAX_CHARACTERS for _, cells in rows for cell in cells)
    if not cut:
        return rows
    notes.append(Note(f"Cut {cut:,} text(s) at {MAX_CHARACTERS:,} characters."))
    return [(number, tuple(cell[:MAX_CHARACTERS] for cell in cells)) for number, cells in rows]


def _note_dropped(notes: list[Note], count: int, what: str) -> None:
    if count:
        notes.append(Note(f"Dropped {count:,} {what}."))


def _unique_names(names: list[str], notes: list[Note]) -> list[str]:
    """Name the nameless by position and number the doubles: text, text (2)."""
    unique: dict[str, None] = {}
    for position, name in enumerate(names, start=1):
        name = _clean(name) or f"column {position}"
        candidate, count = name, 1
        while candidate in unique:
            count += 1
            candidate = f"{name} ({count})"
        if count > 1:
            notes.append(Note(f"A second column {name!r} is called {candidate!r}.", column=candidate))
        unique[candidate] = None
    return list(unique)
