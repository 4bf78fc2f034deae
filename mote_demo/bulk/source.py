"""A large file of texts, or a folder of such files, read in blocks of a fixed number of rows."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mote_demo.errors import UserError, unknown_choice

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 4096
_ENDS = 65_536
"""Bytes of each end of a file that tell it from another one of the same size; a Parquet file says at its end what is
in it."""


@dataclass(frozen=True)
class Source:
    """Hold where texts lie: which files, which column, and which columns go along with the vectors.

    Attributes:
        path: a Parquet, CSV or JSON Lines file, or a folder of such files, which are read in the order of their names.
        column: the column of texts.
        keep: columns to write beside the vectors.
    """

    path: Path
    column: str
    keep: tuple[str, ...] = ()

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Return the files, in order; none is a ``UserError``."""
        if self.path.is_file():
            if self.path.suffix.lower() not in _READERS:
                raise UserError(f"{self.path} is not one of {', '.join(_READERS)}. Please convert it to Parquet.")
            return (self.path,)
        if not self.path.is_dir():
            raise UserError(f"There is no file or folder {self.path}.")
        files = sorted(each for each in self.path.iterdir() if each.suffix.lower() in _READERS and each.is_file())
        if not files:
            raise UserError(f"The folder {self.path} holds no file that ends in {', '.join(_READERS)}.")
        return tuple(files)

    @cached_property
    def rows_of_files(self) -> tuple[int, ...]:
        """Return how many rows each file has; a missing column is a ``UserError`` that lists those there are."""
        return tuple(_reader(file).count(file, self.columns) for file in self.files)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that are read, that of the texts first."""
        return tuple(dict.fromkeys((self.column, *self.keep)))

    @property
    def rows(self) -> int:
        """Return how many rows there are in all."""
        return sum(self.rows_of_files)

    def describe(self) -> dict[str, Any]:
        """Return what tells this source from another one, wherever it lies."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(f"{file.name} {file.stat().st_size}\n".encode())
            with file.open("rb") as opened:
                digest.update(opened.read(_ENDS))
                opened.seek(max(0, file.stat().st_size - _ENDS))
                digest.update(opened.read())
        parts = {"name": self.path.name, "files": len(self.files), "rows": self.rows, "column": self.column}
        return {**parts, "keep": list(self.keep), "digest": digest.hexdigest()[:16]}

    def blocks(self, numbers: Sequence[int], size: int) -> Iterator[tuple[int, "pa.Table"]]:
        """Read the blocks of these numbers, where block n holds the rows from n * size on.

        Args:
            numbers: in rising order.
            size: rows of a block; the last one may have fewer.

        Yields:
            (number, table of ``columns``).
        """
        for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
            wanted = [number for _, number in run]
            stream = self._batches(wanted[0] * size, min((wanted[-1] + 1) * size, self.rows))
            yield from zip(wanted, _cut(stream, size), strict=True)

    def _batches(self, start: int, stop: int) -> Iterator["pa.RecordBatch"]:
        """Yield the rows from ``start`` to ``stop``, counted through all files."""
        offsets = accumulate(self.rows_of_files, initial=0)
        for file, rows, offset in zip(self.files, self.rows_of_files, offsets, strict=False):
            first, last = max(start - offset, 0), min(stop - offset, rows)
            if first < last:
                with _readable(file):
                    yield from _sliced(_reader(file).batches(file, self.columns, first), first, last)


def texts_of(block: "pa.Table", column: str) -> list[str | None]:
    """Return the texts of a block, None where there is none."""
    return list(block[column].to_pylist())


@dataclass(frozen=True)
class _Reader:
    """Read one kind of file.

    Attributes:
        count: rows of a file that has these columns.
        batches: (row where it starts, batch) of a file, from a row at or before the given one on.
    """

    count: Callable[[Path, Sequence[str]], int]
    batches: Callable[[Path, Sequence[str], int], Iterator[tuple[int, "pa.RecordBatch"]]]


def _reader(file: Path) -> _Reader:
    return _READERS[file.suffix.lower()]


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"Cannot read {file}: {reason}. Please write the file again.") from error


def _sliced(batches: Iterator[tuple[int, "pa.RecordBatch"]], first: int, last: int) -> Iterator["pa.RecordBatch"]:
    for start, batch in batches:
        if start >= last:
            return
        begin, end = max(first - start, 0), min(last - start, batch.num_rows)
        if begin < end:
            yield batch.slice(begin, end - begin)


def _cut(batches: Iterator["pa.RecordBatch"], size: int) -> Iterator["pa.Table"]:
    """Put batches of any length together to tables of ``size`` rows, whatever the row groups of the file are."""
    import pyarrow as pa

    held: list[pa.Table] = []
    rows = 0
    for batch in batches:
        while batch.num_rows:
            part = batch.slice(0, size - rows)
            held.append(pa.Table.from_batches([part]))
            rows, batch = rows + part.num_rows, batch.slice(part.num_rows)
            if rows == size:
                yield _together(held)
                held, rows = [], 0
    if held:
        yield _together(held)


def _together(tables: Sequence["pa.Table"]) -> "pa.Table":
    import pyarrow as pa

    # One file of a folder may say string where another says large_string.
    return pa.concat_tables(tables, promote_options="permissive")


def _check_columns(schema: "pa.Schema", columns: Sequence[str], file: Path) -> None:
    from pyarrow import types

    for column in columns:
        if column not in schema.names:
            raise unknown_choice(f"column of {file.name}", column, schema.names)
    kind = schema.field(columns[0]).type
    kind = kind.value_type if types.is_dictionary(kind) else kind
    if not (types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind)):
        raise UserError(f"The column {columns[0]!r} of {file.name} holds {kind}, not texts.")


def _count_parquet(file: Path, columns: Sequence[str]) -> int:
    import pyarrow.parquet as pq

    with _readable(file), pq.ParquetFile(file) as opened:
        _check_columns(opened.schema_arrow, columns, file)
        return int(opened.metadata.num_rows)


def _read_parquet(file: Path, columns: Sequence[str], first: int) -> Iterator[tuple[int, "pa.RecordBatch"]]:
    import pyarrow.parquet as pq

    # Without a buffered stream a whole column of a row group is in memory, however large it is.
    with pq.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20) as opened:
        rows = [opened.metadata.row_group(group).num_rows for group in range(opened.metadata.num_row_groups)]
        ends = list(accumulate(rows))
        groups = [group for group, end in enumerate(ends) if end > first]
        start = ends[groups[0]] - rows[groups[0]]
        for batch in opened.iter_batches(_ROWS_AT_ONCE, row_groups=groups, columns=list(columns), use_threads=False):
            yield start, batch
            start += batch.num_rows


def _open_csv(file: Path, columns: Sequence[str]) -> Any:  # noqa: ANN401 - a reader of pyarrow
    from pyarrow import csv, string

    cut = csv.ParseOptions(delimiter="\t" if file.suffix.lower() == ".tsv" else ",", newlines_in_values=True)
    with csv.open_csv(file, parse_options=cut) as opened:
        names = opened.schema.names
    for column in columns:
        if column not in names:
            raise unknown_choice(f"column of {file.name}", column, names)
    kinds = csv.ConvertOptions(column_types=dict.fromkeys(columns, string()), include_columns=list(columns))
    return csv.open_csv(file, parse_options=cut, convert_options=kinds)


def _open_json(file: Path, columns: Sequence[str]) -> Any:  # noqa: ANN401 - a reader of pyarrow
    from pyarrow import json

    reader = json.open_json(file)
    _check_columns(reader.schema, columns, file)
    return reader


def _streamed(open_file: Callable[[Path, Sequence[str]], Any]) -> _Reader:
    """Return the reader of a kind that knows neither its rows nor where they are: both are found by reading."""

    def count(file: Path, columns: Sequence[str]) -> int:
        with _readable(file), open_file(file, columns) as opened:
            return sum(batch.num_rows for batch in opened)

    def batches(file: Path, columns: Sequence[str], first: int) -> Iterator[tuple[int, "pa.RecordBatch"]]:
        del first
        start = 0
        with open_file(file, columns) as opened:
            for batch in opened:
                yield start, batch.select(list(columns))
                start += batch.num_rows

    return _Reader(count, batches)


_READERS = {
    ".parquet": _Reader(_count_parquet, _read_parquet),
    ".csv": _streamed(_open_csv),
    ".tsv": _streamed(_open_csv),
    ".jsonl": _streamed(_open_json),
    ".ndjson": _streamed(_open_json),
}
