"""What a gzip or zip archive holds, unpacked no further than a limit: a few bytes can unpack to gigabytes."""

import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from mote_demo.errors import UserError
from mote_demo.limits import MAX_UNPACKED

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"

# Of a zip archive that is encrypted, or whose directory says places where nothing is.
_UNREADABLE = (
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError, ValueError, OSError, EOFError, struct.error),
    *(zlib.error, lzma.LZMAError),
)


def unpack_gzip(data: bytes, source: str) -> bytes:
    """Return what a gzip file holds."""
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        return _read(file, source)


class Archive:
    """Read the files of a zip archive; what systems add of their own, such as ``__MACOSX``, is passed over."""

    def __init__(self, data: bytes, source: str) -> None:
        self._source = source
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise _damaged(source) from error
        self._left: int = MAX_UNPACKED

    @property
    def names(self) -> list[str]:
        """Return the path of each file."""
        return list(self._files())

    def read(self, name: str) -> bytes:
        """Unpack one file; all that are read of an archive share the limit."""
        try:
            with self._zip.open(name) as file:
                data = _read(file, self._source, self._left)
        except UserError:
            raise
        except _UNREADABLE as error:
            raise _damaged(self._source) from error
        self._left -= len(data)
        return data

    def check_size(self) -> None:
        """Refuse an archive that another library is to unpack, where its files are larger than the limit."""
        for name in self.names:
            self.read(name)
        self._left = MAX_UNPACKED

    def _files(self) -> Iterator[str]:
        for entry in self._zip.infolist():
            parts = PurePosixPath(entry.filename).parts
            if not entry.is_dir() and parts and parts[0] != "__MACOSX" and not parts[-1].startswith("."):
                yield entry.filename


def _read(file: io.BufferedIOBase | object, source: str, limit: int = MAX_UNPACKED) -> bytes:
    try:
        data: bytes = file.read(limit + 1)  # type: ignore[union-attr]
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(source) from error
    if len(data) > limit:
        raise UserError(
            f"{source} unpacks to more than {MAX_UNPACKED / 1e6:,.0f} MB, which is the limit. "
            "Please upload a part of it."
        )
    return data


def _damaged(source: str) -> UserError:
    return UserError(
        f"{source} is a damaged archive, or one with a password. Please pack it again, or upload the file inside."
    )
