"""Bytes of an uploaded file in, rows of cells out; the format is told by the content, not by the name."""

import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mote_demo.data.delimited import read_delimited
from mote_demo.errors import UserError

SUPPORTED = "CSV, TSV, JSONL or Parquet"

_KNOWN_BINARIES = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"SQLite format 3", "an SQLite database"),
)
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_WEB_PAGE = re.compile(r"\s*<(!doctype html|html)\b", re.IGNORECASE)
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Records:
    """Hold what a file says, before any cleaning.

    ``rows`` are lists of cells as long as ``columns``. ``total`` counts the rows of the file,
    which may be more than were read.
    """

    columns: list[str]
    rows: list[list[str]]
    total: int
    notes: tuple[str, ...] = ()


def parse(data: bytes, source: str, max_rows: int) -> Records:
    """Read the content of a CSV, TSV, JSONL or Parquet file; anything else is a ``UserError``."""
    if not data.strip():
        raise UserError(f"{source} is empty. Please choose a file with a header and at least one row.")
    if data.startswith(b"PAR1"):
        return _parse_parquet(data, source, max_rows)
    text, notes = _decode(data, source)
    if _WEB_PAGE.match(text):
        raise UserError(f"{source} is a web page. Please download the data file itself ({SUPPORTED}).")
    if source.lower().endswith(_JSON_SUFFIXES) or _starts_with_object(text):
        return _parse_json_lines(text, source, notes)
    delimited = read_delimited(text, source)
    return Records(delimited.columns, delimited.rows, len(delimited.rows), (*notes, *delimited.notes))


def from_mappings(mappings: Iterable[Mapping[str, object]], notes: tuple[str, ...] = ()) -> Records:
    """Build records from one mapping a row; a key that a row lacks is a blank cell."""
    items = list(mappings)
    keys = list(dict.fromkeys(key for item in items for key in item))
    rows = [[_cell(item.get(key)) for key in keys] for item in items]
    return Records([str(key) for key in keys], rows, len(rows), notes)


def read_parquet(file: object, source: str, max_rows: int) -> Records:
    """Read at most ``max_rows`` rows of a Parquet path or buffer; a damaged one is a ``UserError``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    items: list[dict[str, object]] = []
    try:
        parquet = pq.ParquetFile(file)
        total = parquet.metadata.num_rows
        names = [field.name for field in parquet.schema_arrow if not _is_binary(field.type)]
        for batch in parquet.iter_batches(batch_size=min(max_rows, 1000), columns=names):
            items += batch.to_pylist()
            if len(items) >= max_rows:
                break
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise UserError(f"{source} is a damaged Parquet file. Please write it again, or upload CSV.") from error
    left_out = len(parquet.schema_arrow) - len(names)
    notes = (f"Left out {left_out} column(s) of binary data.",) if left_out else ()
    records = from_mappings(items[:max_rows], notes)
    return Records(records.columns, records.rows, total, notes)


def _parse_parquet(data: bytes, source: str, max_rows: int) -> Records:
    return read_parquet(io.BytesIO(data), source, max_rows)


def _is_binary(kind: object) -> bool:
    import pyarrow.types as types

    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def _decode(data: bytes, source: str) -> tuple[str, tuple[str, ...]]:
    """Return the text and notes that name an unusual encoding."""
    for mark, kind in _KNOWN_BINARIES:
        if data.startswith(mark):
            raise UserError(f"{source} is {kind}. Please export the table as {SUPPORTED}.")
    encoding = _utf_16_flavour(data)
    if encoding is None:
        encoding = "utf-8-sig" if _decodes(data, "utf-8") else "cp1252"
    if not _decodes(data, encoding) or _looks_binary(data, encoding):
        raise UserError(f"{source} is a binary file, or text in an unknown encoding. Please save it as UTF-8 text.")
    notes = () if encoding == "utf-8-sig" else (f"Read as {encoding}, because it is not UTF-8.",)
    return data.decode(encoding), notes


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _utf_16_flavour(data: bytes) -> str | None:
    """Tell UTF-16 by its mark or, without one, by every other byte of mostly Latin text being NUL."""
    if data.startswith(_UTF_16_MARKS):
        return "utf-16"
    sample = data[:4096]
    for encoding, nul_first in (("utf-16-be", 0), ("utf-16-le", 1)):
        nuls, others = sample[nul_first::2].count(0), sample[1 - nul_first :: 2].count(0)
        if others == 0 and nuls > 0.4 * len(sample) / 2:
            return encoding
    return None


def _looks_binary(data: bytes, encoding: str) -> bool:
    if encoding.startswith("utf-16"):
        return False
    nuls = data.count(0)
    return nuls > (0 if encoding == "cp1252" else 0.3 * len(data))


def _starts_with_object(text: str) -> bool:
    first = text.lstrip().split("\n", 1)[0]
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _parse_json_lines(text: str, source: str, notes: tuple[str, ...]) -> Records:
    # Only "\n" ends a line here: str.splitlines would also cut at U+2028, which is legal inside JSON strings.
    lines = enumerate(text.split("\n"), start=1)
    return from_mappings((_json_object(line, number, source) for number, line in lines if line.strip()), notes)


def _json_object(line: str, number: int, source: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "it is not readable")
        raise UserError(
            f"{source}, line {number}: broken JSON ({reason}). Please write one whole object a line."
        ) from error
    if not isinstance(value, dict):
        raise UserError(
            f'{source}, line {number}: not a JSON object. Please write one object a line, such as {{"text": "..."}}.'
        )
    return value


def _cell(value: object) -> str:
    """Return a cell as text; nested values become JSON, missing ones blank."""
    if value is None or value != value:  # NaN is the one value that differs from itself
        return ""
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
