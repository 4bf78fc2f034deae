"""Bytes in, text out: the encoding is told by a mark, by being valid, or by what the text would say."""

import codecs
import io
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mote_demo.data.notes import Note, listed_rows
from mote_demo.errors import UserError, unknown_choice

ENCODINGS: Mapping[str, str] = MappingProxyType(
    {
        "utf-8": "UTF-8",
        "utf-16": "UTF-16",
        "cp1252": "Western European (Windows-1252)",
        "cp1250": "Central European (Windows-1250)",
        "cp1251": "Cyrillic (Windows-1251)",
        "cp1253": "Greek (Windows-1253)",
        "cp1254": "Turkish (Windows-1254)",
        "cp1255": "Hebrew (Windows-1255)",
        "cp1256": "Arabic (Windows-1256)",
        "cp1257": "Baltic (Windows-1257)",
        "cp1258": "Vietnamese (Windows-1258)",
        "cp874": "Thai (Windows-874)",
        "gb18030": "Chinese (GBK, GB18030)",
        "big5hkscs": "Chinese, traditional (Big5)",
        "cp932": "Japanese (Shift-JIS)",
        "euc_jis_2004": "Japanese (EUC-JP)",
        "cp949": "Korean (CP949, EUC-KR)",
        "koi8-r": "Russian (KOI8-R)",
        "koi8-u": "Ukrainian (KOI8-U)",
        "cp866": "Russian (DOS 866)",
    }
)
"""The encodings that are looked for, with what a picker calls them."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LATIN = ("cp1252", "cp1250", "cp1254", "cp1257", "cp1258")
_JAPANESE = ("cp932", "euc_jis_2004")
# The quotation marks, dashes and signs of Windows-1252: English text often has no other bytes above ASCII.
_PUNCTUATION = re.compile(rb"[\x00-\x7f\x80\x82\x84\x85\x91-\x97\x99\xa0\xa3\xa7\xa9\xab\xae\xb0\xbb]*")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_KANA = re.compile("[\u3041-\u30fe]")
_CONTROLS = bytes(set(range(32)) - set(b"\0\t\n\v\f\r\x1a\x1b\x1c\x1d\x1e\x1f"))
_LOOKED_AT = 200_000
_STEP = 1 << 20
_NOTED = 20_000
_REPLACED = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Decoded:
    """Hold text as bytes with their encoding, so that it can be read without holding all of it as str.

    The encoding is one in which LF and CR are the bytes that they are in ASCII, and there is no mark at the start.
    """

    data: bytes
    encoding: str
    notes: tuple[Note, ...] = ()

    def open(self, newline: str | None = "") -> io.TextIOWrapper:
        """Open it as text from its start; bytes that are not valid are replaced."""
        return io.TextIOWrapper(io.BytesIO(self.data), self.encoding, errors="replace", newline=newline)


def decode(data: bytes, source: str, encoding: str | None = None) -> Decoded:
    """Tell the encoding of ``data``, or take the given one; notes name an unusual one and what was replaced.

    Raises:
        UserError: the bytes are no text, or nobody knows the given encoding.
    """
    if encoding is not None:
        return _as_told(data, encoding)
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    found = marked or _utf_16_flavour(data)
    if found is None:
        _refuse_binary(data, source)
        return _guessed(data, source)
    return _plainly(data, found, () if found == "utf-8-sig" else (Note(f"Read as {found.upper()}."),))


def _plainly(data: bytes, encoding: str, notes: tuple[Note, ...] = ()) -> Decoded:
    """Return the text without a mark, and what is not ASCII beyond all else, such as UTF-16, as UTF-8."""
    notes = (*notes, *_replacements(data, encoding))
    if encoding == "utf-8-sig" or "\r\n".encode(encoding) == b"\r\n":
        is_utf_8 = encoding in ("utf-8", "utf-8-sig")
        return (
            Decoded(data.removeprefix(codecs.BOM_UTF8), "utf-8", notes) if is_utf_8 else Decoded(data, encoding, notes)
        )
    with io.TextIOWrapper(io.BytesIO(data), encoding, errors="replace", newline="") as text:
        data = b"".join(part.encode("utf-8", "replace") for part in iter(lambda: text.read(_STEP), ""))
    return Decoded(data, "utf-8", notes)


def _as_told(data: bytes, encoding: str) -> Decoded:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)  # codecs that are no text encodings, such as rot13, refuse
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise unknown_choice("encoding", encoding, ENCODINGS) from error
    return _plainly(data, name)


def _guessed(data: bytes, source: str) -> Decoded:
    if _is_valid(data, "utf-8"):
        return Decoded(data, "utf-8")
    if _is_utf_8_with_faults(data):
        return Decoded(data, "utf-8", _replacements(data, "utf-8"))
    found = _detect(data)
    if b"\0" in data or not found:
        raise UserError(
            f"{source} is a binary file, or text in an unknown encoding. Please save it as UTF-8 text, or choose "
            "its encoding."
        )
    note = Note(f"Read as {ENCODINGS.get(found, found)}, because it is not UTF-8.")
    return Decoded(data, found, (note, *_replacements(data, found)))


def _detect(data: bytes) -> str | None:
    """Guess an encoding that is not Unicode by its words; None where nothing fits.

    What script it is shows before any letter is read: in Latin words few bytes are above ASCII, in others most are.
    """
    import chardet

    sample = _lines_beyond_ascii(data)
    if _PUNCTUATION.fullmatch(sample):
        return "cp1252"
    if japanese := next((name for name in _JAPANESE if _kana(sample, name) > 0.3), None):
        return japanese
    high = _high_share(sample)
    others = [name for name in ENCODINGS if name not in _LATIN and not name.startswith("utf")]
    wanted = [*(_LATIN if high < 0.6 else ()), *(others if high > 0.45 else ())]
    # chardet tells Shift-JIS by its newer form alone, which its superset of Windows then stands for.
    found = chardet.detect(
        sample,
        include_encodings=[*wanted, "shift_jis_2004"] if "cp932" in wanted else wanted,
        prefer_superset=True,
        compat_names=False,
    )["encoding"]
    found = "cp932" if found == "shift_jis_2004" else found or "cp1252"
    return found if found != "cp1252" or _is_valid(data, found) else None


def _lines_beyond_ascii(data: bytes) -> bytes:
    """Return the lines that an encoding can be told by, the first few of a large file."""
    lines, size = [], 0
    for line in io.BytesIO(data):
        if not line.isascii():
            lines.append(line)
            size += len(line)
            if size > _LOOKED_AT:
                break
    return b"".join(lines)[:_LOOKED_AT]


def _high_share(sample: bytes) -> float:
    words = b"".join(_WORD.findall(sample))
    return sum(byte > 127 for byte in words) / max(1, len(words))


def _kana(sample: bytes, encoding: str) -> float:
    """Return the share of full-width kana among all that is not ASCII; bytes of another encoding give few."""
    text = [letter for letter in sample.decode(encoding, "replace") if not letter.isascii()]
    return len(_KANA.findall("".join(text))) / max(1, len(text)) if _REPLACED not in text else 0.0


def _is_valid(data: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(data), _STEP):
            decoder.decode(data[start : start + _STEP])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_utf_8_with_faults(data: bytes) -> bool:
    """Tell whether letters that are valid UTF-8 outnumber faults: other encodings give few of them, by chance."""
    sample = _lines_beyond_ascii(data)
    text = sample.decode("utf-8", "replace")
    faults = text.count(_REPLACED)
    valid = sum(not letter.isascii() for letter in text) - faults
    return valid >= faults * (1 if _high_share(sample) < 0.45 else 2)


def _replacements(data: bytes, encoding: str) -> tuple[Note, ...]:
    """Note the lines that have bytes which the encoding does not know."""
    if encoding.startswith(("utf-16", "utf-32")):
        valid = _is_valid(data, encoding)
        return () if valid else (Note(f"Replaced bytes that are not {encoding.upper()} by {_REPLACED}."),)
    if _is_valid(data, encoding):
        return ()
    lines = list(itertools.islice(_faulty_lines(data, encoding), _NOTED + 1))
    where = listed_rows(lines) if len(lines) <= _NOTED else f"more than {_NOTED:,} lines"
    name = ENCODINGS.get(encoding, encoding.removesuffix("-sig").upper())
    return (Note(f"Replaced bytes that are not {name} by {_REPLACED} in {where}.", lines),)


def _faulty_lines(data: bytes, encoding: str) -> Iterator[int]:
    for number, line in enumerate(io.BytesIO(data), start=1):
        if not _is_valid(line, encoding):
            yield number


def _utf_16_flavour(data: bytes) -> str | None:
    """Tell UTF-16 without a mark by every other byte of mostly Latin text being NUL."""
    sample = data[:4096]
    for encoding, nul_first in (("utf-16-be", 0), ("utf-16-le", 1)):
        nuls, others = sample[nul_first::2].count(0), sample[1 - nul_first :: 2].count(0)
        if others == 0 and nuls > 0.4 * len(sample) / 2:
            return encoding
    return None


def _refuse_binary(data: bytes, source: str) -> None:
    sample = data[:_LOOKED_AT]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if data.count(0) > 0.3 * len(data) or controls > 0.02 * len(sample):
        raise UserError(f"{source} is a binary file, not text. Please save it as UTF-8 text, or choose another file.")
