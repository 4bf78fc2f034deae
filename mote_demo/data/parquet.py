"""Parquet in, rows of cells out; a file of a few bytes can decode to gigabytes, so repeated values stay one value."""

import bisect
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mote_demo.data.class_names import named, names_in_metadata
from mote_demo.data.notes import Note
from mote_demo.data.options import ReadOptions
from mote_demo.data.records import KEPT_CHARACTERS, Records, check_columns, from_mappings
from mote_demo.errors import UserError
from mote_demo.limits import MAX_UNPACKED

MAX_VALUES = 20_000_000

_ROWS_AT_ONCE = 8192
_VALUES_AT_ONCE = 1_000_000
_DECODED_AT_ONCE = 32_000_000
_KEPT_ELEMENTS = 1000
_REPEATING = "DELTA_BYTE_ARRAY"
"""An encoding in which a value may be the one before it, at no cost in bytes."""


def read_parquet(file: Any, source: str, options: ReadOptions, *, trusted: bool = False) -> Records:
    """Read a sample of the rows of a Parquet file, with the names of classes where its schema has them.

    Args:
        file: a path or a buffer.
        source: name of the file, for errors.
        options: how many rows, and the seed.
        trusted: whether the limits that protect from a file made to fill the memory are lifted.

    Raises:
        UserError: the file is damaged, or has too many columns, values, or bytes in one of its parts.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with_names = pq.ParquetFile(file)
        schema = with_names.schema_arrow
        columns = [field.name for field in schema if not _is_binary(field.type)]
        check_columns(len(columns), source)
        metadata = with_names.metadata
        if not trusted:
            _check_size(metadata, set(columns), source)
        # A dictionary keeps a value that comes again once.
        leaves = (with_names.schema.column(position) for position in range(len(with_names.schema)))
        texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        parquet = pq.ParquetFile(file, read_dictionary=texts)
        left_out = len(schema) - len(columns)
        notes = (Note(f"Left out {left_out} column(s) of binary data."),) if left_out else ()
        names = names_in_metadata(schema.metadata)
        rows = _sampled_rows(parquet, columns, options)
        records = from_mappings(((n, named(row, names)) for n, row in rows), source, options, notes)
    except (UserError, MemoryError):
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise UserError(f"{source} is a damaged Parquet file. Please write it again, or upload CSV.") from error
    beyond = max(0, metadata.num_rows - options.max_rows)
    return replace(records, total=(records.total or 0) + beyond)


def count_rows(file: Any, source: str) -> int:
    """Return the rows of a Parquet file, of which only the end is read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(file).num_rows)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{source} is a damaged Parquet file. Please write it again, or upload CSV.") from error


def _sampled_rows(parquet: Any, columns: list[str], options: ReadOptions) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the drawn rows with their numbers; parts without any are not read."""
    metadata = parquet.metadata
    total = metadata.num_rows
    if not columns:
        return
    size = min(total, options.max_rows)
    drawn = range(total) if size == total else sorted(random.Random(options.seed).sample(range(total), size))
    position = start = 0
    for group in range(metadata.num_row_groups):
        end = start + metadata.row_group(group).num_rows
        if position < len(drawn) and drawn[position] < end:
            size = _rows_at_once(metadata.row_group(group))
            for batch in parquet.iter_batches(batch_size=size, row_groups=[group], columns=columns):
                stop = start + batch.num_rows
                rows = drawn[position : bisect.bisect_left(drawn, stop, position)]
                position += len(rows)
                yield from zip((row + 1 for row in rows), _mappings(batch, [row - start for row in rows]), strict=True)
                start = stop
        start = end


def _mappings(batch: Any, rows: list[int]) -> Iterator[Mapping[str, Any]]:
    if not rows:
        return
    taken = batch.take(rows) if len(rows) < batch.num_rows else batch
    cells = [_cells(column) for column in taken.columns]
    for values in zip(*cells, strict=True):
        yield dict(zip(taken.schema.names, values, strict=True))


def _cells(array: Any) -> list[Any]:
    """Return the cells as Python objects, cut to what is kept; a value of a dictionary is one object."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    kind = array.type
    if types.is_dictionary(kind):
        values = _cells(array.dictionary)
        return [None if index is None else values[index] for index in array.indices.to_pylist()]
    if types.is_string(kind) or types.is_large_string(kind):
        return list(pc.utf8_slice_codeunits(array, 0, KEPT_CHARACTERS).to_pylist())
    if types.is_list(kind) or types.is_large_list(kind):
        starts = array.offsets.to_numpy()
        lengths = np.minimum(np.diff(starts), _KEPT_ELEMENTS)
        # Those that are kept, before any of them becomes an object.
        ends = np.cumsum(lengths)
        kept = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts[:-1] - (ends - lengths), lengths)
        inner = _cells(array.values.take(pa.array(kept)))
        spans = zip((ends - lengths).tolist(), ends.tolist(), array.is_valid().to_pylist(), strict=True)
        return [inner[start:end] if valid else None for start, end, valid in spans]
    if types.is_struct(kind):
        fields = [_cells(part) for part in array.flatten()]
        names = [field.name for field in kind]
        rows = [dict(zip(names, values, strict=True)) for values in zip(*fields, strict=True)]
        return [row if valid else None for row, valid in zip(rows, array.is_valid().to_pylist(), strict=True)]
    return list(array.to_pylist())


def _check_size(metadata: Any, columns: set[str], source: str) -> None:
    """Refuse what would decode to more than the memory is for: by values, since bytes say little of repeated ones."""
    values = 0
    for group in _chunks(metadata, columns):
        size = sum(chunk.total_uncompressed_size for chunk in group)
        values += sum(chunk.num_values for chunk in group)
        if size > MAX_UNPACKED:
            raise UserError(
                f"{source} has {size / 1e6:,.1f} MB in one row group; the limit is {MAX_UNPACKED / 1e6:,.1f} MB. "
                "Please write it with smaller row groups, or upload a part of it."
            )
        if any(_REPEATING in chunk.encodings and "." in chunk.path_in_schema for chunk in group):
            raise UserError(f"{source} has lists in the encoding {_REPEATING}. Please write it with a dictionary.")
    if values > MAX_VALUES:
        raise UserError(
            f"{source} has {values:,} values; the limit is {MAX_VALUES:,}. "
            "Please upload a part of it, or fewer columns."
        )


def _rows_at_once(group: Any) -> int:
    """Return how many rows to decode at once, where no value is larger than the part of the file it is in."""
    chunks = [group.column(position) for position in range(group.num_columns)]
    largest = sum(chunk.total_uncompressed_size for chunk in chunks if _REPEATING in chunk.encodings)
    values = sum(chunk.num_values for chunk in chunks) // max(1, group.num_rows)
    return max(1, min(_ROWS_AT_ONCE, _DECODED_AT_ONCE // max(1, largest), _VALUES_AT_ONCE // max(1, values)))


def _chunks(metadata: Any, columns: set[str]) -> Iterator[list[Any]]:
    """Yield the parts of each row group that belong to the columns; those of a nested column have a path."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = (group.column(position) for position in range(group.num_columns))
        yield [chunk for chunk in chunks if str(chunk.path_in_schema).split(".", 1)[0] in columns]


def _is_binary(kind: Any) -> bool:
    """Tell bytes, also those within an object, as images are kept."""
    from pyarrow import types

    if types.is_struct(kind):
        return any(_is_binary(kind.field(position).type) for position in range(kind.num_fields))
    if types.is_list(kind) or types.is_large_list(kind):
        return _is_binary(kind.value_type)
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))
