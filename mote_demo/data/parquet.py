"""Parquet in, rows of cells out; a file of a few bytes can decode to gigabytes, so it is read in small steps."""

from collections.abc import Iterator, Mapping
from typing import Any

from mote_demo.data.records import Records, check_columns, from_mappings
from mote_demo.errors import UserError

_DECODED_AT_ONCE = 32_000_000
_ROWS_AT_ONCE = 500


def read_parquet(file: object, source: str, max_rows: int, max_bytes: int | None = None) -> Records:
    """Read the first rows of a Parquet file.

    Args:
        file: a path or a buffer.
        source: name of the file, for errors.
        max_rows: rows to read at most.
        max_bytes: most bytes to decode: reading ends there, with a note. None trusts the file.

    Raises:
        UserError: the file is damaged, has too many columns, or one of its parts alone is larger than ``max_bytes``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(file)
        names = [field.name for field in parquet.schema_arrow if not _is_binary(field.type)]
        check_columns(len(names), source)
        left_out = len(parquet.schema_arrow) - len(names)
        notes: tuple[str, ...] = (f"Left out {left_out} column(s) of binary data.",) if left_out else ()
        part = _largest_part(parquet.metadata, set(names))
        if max_bytes is not None and part > max_bytes:
            raise UserError(
                f"{source} has {part / 1e6:,.1f} MB in one row group; the limit is {max_bytes / 1e6:,.1f} MB. "
                "Please write it with smaller row groups, or upload a part of it."
            )
        # No value is larger than the part it is in, but a part may repeat one value in all of its rows.
        rows = max(1, min(_ROWS_AT_ONCE, max_rows, _DECODED_AT_ONCE // max(1, part)))
        batches = parquet.iter_batches(batch_size=rows, columns=names)
        records = from_mappings(_rows(batches, max_rows, max_bytes), source, max_rows, notes)
        total = parquet.metadata.num_rows
    except UserError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise UserError(f"{source} is a damaged Parquet file. Please write it again, or upload CSV.") from error
    if max_bytes is not None and len(records.rows) < min(total, max_rows):
        notes += (f"Stopped reading after {max_bytes / 1e6:,.1f} MB.",)
    return Records(records.columns, records.rows, total, notes)


def _rows(batches: Iterator[Any], max_rows: int, max_bytes: int | None) -> Iterator[Mapping[str, object]]:
    """Yield rows until there are enough of them, or of their bytes."""
    rows = decoded = 0
    for batch in batches:
        yield from batch.to_pylist()
        rows, decoded = rows + batch.num_rows, decoded + batch.nbytes
        if rows >= max_rows or (max_bytes is not None and decoded >= max_bytes):
            return


def _largest_part(metadata: Any, names: set[str]) -> int:  # noqa: ANN401 - pyarrow has no types
    """Return the bytes of the largest row group before compression, of the columns that are read."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    chunks = ([group.column(number) for number in range(group.num_columns)] for group in groups)
    return max(
        (sum(chunk.total_uncompressed_size for chunk in part if _column(chunk) in names) for part in chunks), default=0
    )


def _column(chunk: Any) -> str:  # noqa: ANN401 - pyarrow has no types
    """Return the column a chunk belongs to: those of a nested one have a path."""
    return str(chunk.path_in_schema).split(".", 1)[0]


def _is_binary(kind: object) -> bool:
    import pyarrow.types as types

    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))
