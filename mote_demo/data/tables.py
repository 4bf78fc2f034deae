"""An uploaded file in, a clean table of text cells out, with notes on what was cleaned."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mote_demo.data.formats import SUPPORTED, parse
from mote_demo.data.records import MAX_CHARACTERS, Records
from mote_demo.errors import UserError

MAX_ROWS = 20_000
MAX_BYTES = 20_000_000


@dataclass(frozen=True)
class Table:
    """Hold a table as it was uploaded, cleaned.

    ``frame`` has unique column names, str cells ("" where missing) and a RangeIndex. ``notes``
    says what was cleaned, with counts, one sentence each. ``source`` is the file's name.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    source: str


def read_table(path: str | Path, *, max_rows: int = MAX_ROWS, max_bytes: int = MAX_BYTES) -> Table:
    """Read a CSV, TSV, JSONL or Parquet file; the content decides which it is.

    Args:
        path: the file.
        max_rows: rows beyond are left out, with a note.
        max_bytes: a larger file is a ``UserError``.

    Raises:
        UserError: it cannot be read; the message names the file, the line and the mend.
    """
    path = Path(path)
    return make_table(parse(_read_bytes(path, max_bytes), path.name, max_rows), path.name, max_rows=max_rows)


def make_table(records: Records, source: str, *, max_rows: int = MAX_ROWS) -> Table:
    """Clean records into a table: blank and double rows go, columns get unique names, long texts are cut."""
    notes = list(records.notes)
    rows = [[_clean(cell) for cell in row] for row in records.rows[:max_rows]]
    if len(rows) < records.total:
        notes.append(f"Kept the first {len(rows):,} of {records.total:,} rows.")
    frame = pd.DataFrame(rows, columns=range(len(records.columns)))
    frame = _drop_blank(frame, notes)
    if frame.empty:
        raise UserError(f"{source} has no rows with content. Please choose a file with a header and at least one row.")
    names = _unique_names([records.columns[int(position)] for position in frame.columns], notes)
    frame = _drop_double(frame.set_axis(names, axis=1), notes)
    return Table(_cut_long(frame, notes).reset_index(drop=True), tuple(notes), source)


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
    """Drop NULs and lone surrogates, which no tokenizer or hash takes, and outer white space."""
    cell = cell.replace("\0", "").replace("\r\n", "\n")
    return cell.encode("utf-8", "ignore").decode("utf-8").strip()


def _drop_blank(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    filled = frame != ""
    kept = frame.loc[filled.any(axis=1), filled.any(axis=0)]
    _note_dropped(notes, len(frame) - len(kept), "blank row(s)")
    _note_dropped(notes, frame.shape[1] - kept.shape[1], "blank column(s)")
    return kept


def _drop_double(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    kept = frame.drop_duplicates()
    _note_dropped(notes, len(frame) - len(kept), "duplicate row(s)")
    return kept


def _cut_long(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    cut = sum(int((frame[name].str.len() > MAX_CHARACTERS).sum()) for name in frame.columns)
    if not cut:
        return frame
    notes.append(f"Cut {cut:,} text(s) at {MAX_CHARACTERS:,} characters.")
    return frame.apply(lambda cells: cells.str.slice(0, MAX_CHARACTERS))


def _note_dropped(notes: list[str], count: int, what: str) -> None:
    if count:
        notes.append(f"Dropped {count:,} {what}.")


def _unique_names(names: list[str], notes: list[str]) -> list[str]:
    """Name the nameless by position and number the doubles: text, text (2)."""
    unique: dict[str, None] = {}
    for position, name in enumerate(names, start=1):
        name = _clean(name) or f"column {position}"
        candidate, count = name, 1
        while candidate in unique:
            count += 1
            candidate = f"{name} ({count})"
        if count > 1:
            notes.append(f"A second column {name!r} is called {candidate!r}.")
        unique[candidate] = None
    return list(unique)
