"""Bytes of an uploaded file in, rows of cells out; the format is told by the content, not by the name."""

import io
import re
from pathlib import PurePosixPath

from mote_demo.data.archive import GZIP, ZIP, Archive, unpack_gzip
from mote_demo.data.delimited import read_delimited
from mote_demo.data.encodings import decode
from mote_demo.data.file_kinds import SUPPORTED, has_known_suffix
from mote_demo.data.json_rows import is_json, read_json
from mote_demo.data.options import ReadOptions
from mote_demo.data.parquet import read_parquet
from mote_demo.data.records import Records
from mote_demo.data.workbook import read_workbook
from mote_demo.errors import UserError

_KNOWN_BINARIES = (
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
)
_TAR = (257, b"ustar")
_WEB_PAGE = re.compile(rb"\s*<(!doctype html|html)\b", re.IGNORECASE)
_WORKBOOK = "xl/workbook.xml"
_OFFICE = "[Content_Types].xml"
_LISTED = 6


def parse(data: bytes, source: str, options: ReadOptions) -> Records:
    """Read the content of a file of ``FILE_KINDS``; anything else is a ``UserError``."""
    if data.startswith(GZIP):
        data = unpack_gzip(data, source)
        source = re.sub(r"\.gz$", "", source, flags=re.IGNORECASE)
    if data.startswith(ZIP):
        archive = Archive(data, source)
        if _WORKBOOK in archive.names:
            archive.check_size()
            return read_workbook(data, source, options)
        name = _only_table(archive, source)
        data, source = archive.read(name), PurePosixPath(name).name
        if data.startswith(GZIP):
            data = unpack_gzip(data, source)
    return _parse_table(data, source, options)


def _parse_table(data: bytes, source: str, options: ReadOptions) -> Records:
    if not data.strip():
        raise UserError(f"{source} is empty. Please choose a file with a header and at least one row.")
    if data.startswith(b"PAR1"):
        return read_parquet(io.BytesIO(data), source, options)
    if data.startswith(ZIP) and _WORKBOOK in (archive := Archive(data, source)).names:
        archive.check_size()
        return read_workbook(data, source, options)
    for mark, kind in _KNOWN_BINARIES:
        if data.startswith(mark):
            raise UserError(f"{source} is {kind}. Please export the table as {SUPPORTED}.")
    if data.startswith((GZIP, ZIP)) or data[_TAR[0] :].startswith(_TAR[1]):
        raise UserError(f"{source} is an archive of archives. Please upload the table in it ({SUPPORTED}).")
    if _WEB_PAGE.match(data):
        raise UserError(f"{source} is a web page. Please download the data file itself ({SUPPORTED}).")
    text = decode(data, source, options.encoding)
    return read_json(text, source, options) if is_json(text, source) else read_delimited(text, source, options)


def _only_table(archive: Archive, source: str) -> str:
    """Return the one table of a zip archive; readmes and licences beside it do not count."""
    if _OFFICE in archive.names:
        raise UserError(f"{source} is an Office document, not a workbook. Please export the table as {SUPPORTED}.")
    tables = [name for name in archive.names if has_known_suffix(name)]
    if len(tables) > 1:
        tables = [name for name in tables if not name.lower().endswith(".txt")] or tables
    if len(tables) != 1:
        names = [PurePosixPath(name).name for name in (tables or archive.names)]
        listed = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
        what = f"{len(tables)} tables ({listed})" if tables else f"no table ({listed or 'it is empty'})"
        raise UserError(f"{source} holds {what}. Please upload one table of {SUPPORTED}, or a zip with one in it.")
    return tables[0]
