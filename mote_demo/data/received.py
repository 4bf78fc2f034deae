"""A table from a stranger: read in a confined process, and taken over from there as Arrow and JSON."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from mote_demo.confined import confined
from mote_demo.data.beir import KnownAnswers
from mote_demo.data.notes import Note
from mote_demo.data.options import ReadOptions
from mote_demo.data.tables import Table, read_table
from mote_demo.files import write_json
from mote_demo.validation import read_json

PRELOADED = ("pyarrow.parquet", "pyarrow.compute", "pyarrow.ipc", "openpyxl", "chardet")
"""What readers import when they need it."""

_ABOUT, _ROWS, _CORPUS = "about.json", "rows.arrow", "corpus.arrow"
_MEND = "Please upload it again."


@dataclass(frozen=True)
class _Said:
    """Hold a note."""

    words: str
    rows: tuple[int, ...]
    column: str


@dataclass(frozen=True)
class _Answers:
    """Hold what ``KnownAnswers`` holds beside its corpus."""

    queries: dict[str, str]
    relevance: dict[str, dict[str, float]]
    notes: tuple[_Said, ...]
    source: str


@dataclass(frozen=True)
class _About:
    """Hold what ``Table`` holds beside its frame."""

    notes: tuple[_Said, ...]
    source: str
    lines: tuple[int, ...]
    objects: tuple[str, ...]
    answers: _Answers | None = None


def receive_table(path: str | Path, options: ReadOptions | None = None) -> Table:
    """Read a file as ``read_table`` does, in a child process with limits of memory and time.

    Raises:
        UserError: as ``read_table``; or the limits do not allow for what the file takes.
    """
    path, options = Path(path), options or ReadOptions()
    with confined(write_table, path.name, path=str(path.absolute()), options=asdict(options)) as folder:
        return take_table(folder)


def take_table(folder: Path) -> Table:
    """Take over what ``write_table`` wrote."""
    about = read_json(folder / _ABOUT, _About, mend=_MEND)
    known = about.answers
    answers = None
    if known is not None:
        corpus = _read_frame(folder / _CORPUS)
        answers = KnownAnswers(corpus, known.queries, known.relevance, _notes(known.notes), known.source)
    frame = _read_frame(folder / _ROWS)
    return Table(frame, _notes(about.notes), about.source, about.lines, about.objects, answers)


def write_table(folder: Path, path: str, options: dict[str, object]) -> None:
    """Read a file and write what is in it to a folder: the work of the child."""
    table = read_table(path, ReadOptions(**options))  # type: ignore[arg-type]
    known, answers = table.answers, None
    if known is not None:
        relevance = {query: dict(grades) for query, grades in known.relevance.items()}
        answers = _Answers(dict(known.queries), relevance, _said(known.notes), known.source)
        _write_frame(folder / _CORPUS, known.corpus)
    about = _About(_said(table.notes), table.source, table.lines, table.objects, answers)
    _write_frame(folder / _ROWS, table.frame)
    write_json(folder / _ABOUT, asdict(about))


def _write_frame(path: Path, frame: pd.DataFrame) -> None:
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _read_frame(path: Path) -> pd.DataFrame:
    import pyarrow as pa

    with pa.OSFile(str(path), "rb") as file:
        table = pa.ipc.open_file(file).read_all()
    table.validate(full=True)  # offsets that point outside of the text, for one
    return table.to_pandas()


def _said(notes: Iterable[str]) -> tuple[_Said, ...]:
    return tuple(_Said(str(note), getattr(note, "rows", ()), getattr(note, "column", "")) for note in notes)


def _notes(said: Iterable[_Said]) -> tuple[Note, ...]:
    return tuple(Note(each.words, each.rows, each.column) for each in said)
