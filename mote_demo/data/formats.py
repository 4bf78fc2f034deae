"""Bytes of an uploaded file in, rows of cells out; the format is told by the content, not by the name."""

import io
import json
import re

from mote_demo.data.delimited import read_delimited
from mote_demo.data.parquet import read_parquet
from mote_demo.data.records import Records, from_mappings
from mote_demo.errors import UserError

SUPPORTED = "CSV, TSV, JSONL or Parquet"

# Text of the largest upload is rarely more, once decompressed.
_DECODED = 100_000_000

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


def parse(data: bytes, source: str, max_rows: int) -> Records:
    """Read the content of a CSV, TSV, JSONL or Parquet file; anything else is a ``UserError``."""
    if not data.strip():
        raise UserError(f"{source} is empty. Please choose a file with a header and at least one row.")
    if data.startswith(b"PAR1"):
        return read_parquet(io.BytesIO(data), source, max_rows, _DECODED)
    text, notes = _decode(data, source)
    if _WEB_PAGE.match(text):
        raise UserError(f"{source} is a web page. Please download the data file itself ({SUPPORTED}).")
    if source.lower().endswith(_JSON_SUFFIXES) or _starts_with_object(text):
        return _parse_json_lines(text, source, max_rows, notes)
    delimited = read_delimited(text, source)
    return Records(delimited.columns, delimited.rows, len(delimited.rows), (*notes, *delimited.notes))


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


def _parse_json_lines(text: str, source: str, max_rows: int, notes: tuple[str, ...]) -> Records:
    # Only "\n" ends a line here: str.splitlines would also cut at U+2028, which is legal inside JSON strings.
    lines = enumerate(text.split("\n"), start=1)
    objects = (_json_object(line, number, source) for number, line in lines if line.strip())
    return from_mappings(objects, source, max_rows, notes)


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
