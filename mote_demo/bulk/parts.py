"""Parts of vectors on disk: Parquet files that are written whole, checked when they are found, and read as arrays."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mote_demo.errors import UserError
from mote_demo.files import replacing, write_json

if TYPE_CHECKING:
    import pyarrow as pa

ROW, VECTOR = "row", "vector"
"""Columns of every part: the number of the row in the source, int64 from 0, and its vector, null without a text."""

DTYPES = ("float32", "float16")
_MANIFEST = "manifest.json"
_KEY = b"mote_manifest"


@dataclass(frozen=True)
class Manifest:
    """Say what the vectors of a folder are, in ``manifest.json`` beside the parts.

    Attributes:
        model: name of the model, as it was given.
        fingerprint: of all that decides the vectors (see ``Encoder.fingerprint``).
        route: name of the route.
        instruction: what was put before every text.
        precision: one of ``PRECISIONS``.
        dtype: of the vectors, one of ``DTYPES``.
        dimension: width of the vectors.
        source: which rows these are (see ``Source.describe``).
        batch_rows: rows of a part; the last one may have fewer.
    """

    model: str
    fingerprint: str
    route: str
    instruction: str
    precision: str
    dtype: str
    dimension: int
    source: dict[str, Any]
    batch_rows: int

    @property
    def rows(self) -> int:
        """Return the rows of the source."""
        return int(self.source["rows"])

    @property
    def parts(self) -> int:
        """Return how many parts there are when all is done."""
        return -(-self.rows // self.batch_rows)

    def rows_of(self, number: int) -> int:
        """Return the rows of a part."""
        return min(self.batch_rows, self.rows - number * self.batch_rows)

    def put_into(self, folder: Path) -> None:
        """Write the manifest, or compare it with the one that is there: one that differs is a ``UserError``."""
        if (folder / _MANIFEST).exists():
            there = asdict(Manifest.read(folder))
            changed = [
                f"{name} {there[name]!r}, now {value!r}" for name, value in asdict(self).items() if there[name] != value
            ]
            if changed:
                raise UserError(
                    f"{folder} holds vectors that were made with other settings: {'; '.join(changed)}. "
                    "Please use the same settings, or another folder."
                )
            return
        if folder.is_dir() and any(folder.glob("*")):
            raise UserError(f"{folder} holds files, but no {_MANIFEST}. Please choose an empty or new folder.")
        write_json(folder / _MANIFEST, asdict(self), indent=1)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the manifest of a folder; one that is missing or damaged is a ``UserError``."""
        file = folder / _MANIFEST
        if not file.is_file():
            raise UserError(f"{folder} holds no {_MANIFEST}. Please point at a folder that 'mote embed' wrote.")
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise UserError(f"{file} is damaged. Please embed into a new folder.") from error


def part_file(folder: Path, number: int) -> Path:
    """Return where a part lies."""
    return folder / f"part-{number:07d}.parquet"


def write_part(
    folder: Path, manifest: Manifest, number: int, vectors: np.ndarray, texts: Sequence[str | None], kept: "pa.Table"
) -> None:
    """Write a part, whole or not at all.

    Args:
        folder: where parts lie.
        manifest: what the vectors are.
        number: which part.
        vectors: float [rows, d].
        texts: as many, None where the vector means nothing.
        kept: the columns that go along.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    start = number * manifest.batch_rows
    flat = pa.array(vectors.astype(manifest.dtype).reshape(-1))
    missing = pa.array([text is None for text in texts])
    table = pa.table(
        {
            ROW: pa.array(np.arange(start, start + len(vectors), dtype=np.int64)),
            **{name: kept[name] for name in kept.column_names},
            VECTOR: pa.FixedSizeListArray.from_arrays(flat, manifest.dimension, mask=missing),
        }
    ).replace_schema_metadata({_KEY: manifest.fingerprint.encode()})
    with replacing(part_file(folder, number)) as temporary:
        # Dictionaries and statistics of random numbers only take time; the checksums find a flipped bit.
        pq.write_table(
            table, temporary, use_dictionary=False, write_statistics=[ROW], write_page_checksum=True, compression="zstd"
        )


def state_of_part(folder: Path, manifest: Manifest, number: int) -> str:
    """Return "whole", "missing" or "damaged"; the whole file is read."""
    import pyarrow as pa

    file = part_file(folder, number)
    if not file.exists():
        return "missing"
    try:
        rows = sum(batch.num_rows for batch in _batches(file, manifest))
    except (pa.ArrowException, OSError, ValueError):
        return "damaged"
    return "whole" if rows == manifest.rows_of(number) else "damaged"


def read_parts(folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Read the finished vectors of a folder.

    Yields:
        (rows int64 [n], vectors float32 [n, d]) of one part after the other; rows without a text are left out.

    Raises:
        UserError: parts are missing or damaged.
    """
    import pyarrow as pa

    manifest = Manifest.read(folder)
    missing = [number for number in range(manifest.parts) if not part_file(folder, number).exists()]
    if missing:
        raise UserError(
            f"{folder} lacks {len(missing):,} of {manifest.parts:,} parts. Please run the same 'mote embed' again."
        )
    for number in range(manifest.parts):
        file = part_file(folder, number)
        try:
            table = pa.Table.from_batches(_batches(file, manifest))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise UserError(f"{file} is damaged. Please run the same 'mote embed' again.") from error
        table = table.filter(table[VECTOR].is_valid())
        if table.num_rows:
            column = table[VECTOR].combine_chunks()
            flat = column.flatten().to_numpy(zero_copy_only=False)
            yield table[ROW].to_numpy(), flat.reshape(-1, manifest.dimension).astype(np.float32)


def kept_of_rows(folder: Path, rows: Sequence[int]) -> list[str]:
    """Return the kept columns of these rows in one line each; only the parts they are in are read."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    manifest = Manifest.read(folder)
    wanted = pa.array(rows, pa.int64())
    names = list(manifest.source["keep"])
    lines: dict[int, str] = {}
    for number in {row // manifest.batch_rows for row in rows}:
        table = pq.read_table(part_file(folder, number), columns=[ROW, *names])
        found = table.filter(pc.is_in(table[ROW], wanted)).to_pylist()
        lines |= {each[ROW]: " | ".join(" ".join(str(each[name]).split()) for name in names) for each in found}
    return [lines.get(row, "") for row in rows]


def _batches(file: Path, manifest: Manifest) -> "Iterator[pa.RecordBatch]":
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, page_checksum_verification=True) as opened:
        if (opened.schema_arrow.metadata or {}).get(_KEY) != manifest.fingerprint.encode():
            raise ValueError(f"{file} holds vectors of another model.")
        yield from opened.iter_batches()
