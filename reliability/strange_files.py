"""Files as nobody should upload them: well-formed with odd content, and damaged; each made by its number and a seed."""

import csv
import functools
import gzip
import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

_PROSE = "a the card parcel was late charged twice how do I reset my password 你好 世界 привет мир مرحبا été 🙂 x"
_LABELS = ("yes", "no", "billing", "1", "0", "entailment", "neutral", "4/5", "80%", "train")
_NAMES = (
    *("text", "label", "query", "positive", "negative", "score", "sentence1", "sentence2", "title", "id", "_id"),
    *(
        "Text",
        "labels",
        "tokens",
        "",
        " ",
        "text",
        "=1+1",
        "a\nb",
        "\u202etxet",
        "x" * 300,
        "<b>",
        "\0",
        "🙂",
        "toString",
    ),
)
_ODD: tuple[Any, ...] = (
    *(
        "",
        " ",
        "\0",
        "\ud83d",
        "\udfff",
        "\u202e",
        "\ufeff",
        "\u2028",
        "\x1e",
        "\x1f",
        "\r",
        "\n",
        "\r\n",
        '"',
        '""',
        "'",
    ),
    *(
        "=HYPERLINK(1)",
        "@SUM(1)",
        "<script>alert(1)</script>",
        "${7*7}",
        "{{7*7}}",
        "../../etc/passwd",
        "%s%n",
        "NaN",
        "nan",
    ),
    *(
        "1e999",
        "-1e999",
        "٣",
        "1_000",
        "0x10",
        "½",
        "9" * 400,
        "1.",
        ".",
        "-",
        "+",
        ",",
        ";",
        "\t",
        "|",
        "[",
        "]",
        "{",
        "}",
    ),
    *(
        "[]",
        "{}",
        '["a", "b"]',
        "['a' 'b']",
        '{"a": 1}',
        "[[",
        "https://" + "a." * 200,
        "a@" + "a." * 200,
        "x" * 11_000,
    ),
    *("2024-01-01", "12:30", "true", "None", "null", "#N/A", "_x000D_", "İ", "ß", "\u0301" * 50, "👩‍👩‍👧" * 20),
    *(0, -1, 1.5, float("nan"), float("inf"), -0.0, 10**30, True, False, None, [], {}, [[]], [None], {"": None}),
    *(["a", "b"], [1, 2], ["a", 1, None], [["a"], ["b", "c"]], [{"text": "a"}], {"a": {"b": ["c"]}}, {"text": "x"}),
)
_TOKENS = (
    *(
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\r",
        b"\n",
        b"\r\n",
        b'"',
        b'""',
        b"\\",
        b"\\ud83d",
        b"\\u0000",
    ),
    *(
        b"," * 50,
        b"\t",
        b";",
        b"|",
        b"[" * 600,
        b"{" * 600,
        b'{"a":' * 400,
        b"]",
        b"}",
        b"1e999",
        b"NaN",
        b"-",
        b"null",
    ),
    *(b"sep=;\n", b"PAR1", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff\x0f"),
    *(b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"<html>", b"&lt;", b"<c r='ZZZ9'/>", b"99999999999999999999", b"F4", b"I64"),
)
_ENCODINGS = (
    "utf-8",
    "utf-8",
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-32",
    "cp1252",
    "cp1251",
    "cp932",
    "gb18030",
)
_DATE = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_BEIR = ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv")

Chance = random.Random


@dataclass(frozen=True)
class StrangeFile:
    """Hold a file: its kind, its name, and its bytes."""

    kind: str
    name: str
    content: bytes


def strange_file(number: int, seed: int) -> StrangeFile:
    """Make a file; the same number and seed give the same one."""
    chance = Chance(f"{seed} {number}")
    kind = list(_MAKERS)[number % len(_MAKERS)]
    content = _MAKERS[kind](chance)
    if chance.random() < 0.6:
        content = _damaged(content, chance)
    name = f"{number}.{kind}" if chance.random() < 0.9 else f"{number}.{chance.choice(list(_MAKERS))}"
    return StrangeFile(kind, name, content)


# Content


def _cell(chance: Chance) -> Any:
    kind = chance.random()
    if kind < 0.45:
        return " ".join(chance.choices(_PROSE.split(" "), k=chance.randrange(1, 12)))
    if kind < 0.65:
        return chance.choice(_LABELS)
    return chance.random() if kind < 0.7 else chance.choice(_ODD)


def _names(chance: Chance) -> list[str]:
    return chance.choices(_NAMES, k=chance.randrange(1, 6))


def _rows(chance: Chance) -> list[dict[str, Any]]:
    names = _names(chance)
    rows = [{name: _cell(chance) for name in names} for _ in range(chance.randrange(0, 25))]
    if chance.random() < 0.2:
        rows = [{name: cell for name, cell in row.items() if chance.random() < 0.7} for row in rows]
    return rows


def _delimited(chance: Chance, delimiter: str | None = None) -> bytes:
    file = io.StringIO()
    quoting: Literal[0, 1, 2] = chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC))
    delimiter = delimiter or chance.choice(",,,;|\t")
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=chance.choice(("\n", "\r\n", "\r")))
    names = _names(chance)
    writer.writerow(names)
    for _ in range(chance.randrange(0, 25)):
        writer.writerow([_cell(chance) for _ in names][: len(names) - (chance.random() < 0.05)])
    encoding = chance.choice(_ENCODINGS)
    return file.getvalue().encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")


def _json(chance: Chance) -> bytes:
    rows = _rows(chance)
    names = _names(chance)
    shapes: tuple[Any, ...] = (
        rows,
        [list(row.values()) for row in rows],
        {name: [_cell(chance) for _ in range(5)] for name in names},
        {name: {str(n): _cell(chance) for n in range(5)} for name in names},
        {"columns": names, "data": [[_cell(chance) for _ in names] for _ in range(5)]},
        {"data": rows, "version": 1},
        {"schema": {"fields": [], "primaryKey": chance.choice((None, ["index"], 7))}, "data": rows},
        [_cell(chance) for _ in range(6)],
        _cell(chance),
        functools.reduce(lambda inner, _: [inner], range(chance.randrange(900)), _cell(chance)),
    )
    return _dumped(chance.choice(shapes), chance)


def _json_lines(chance: Chance) -> bytes:
    return chance.choice((b"\n", b"\r\n", b"\n\n", b" ")).join(_dumped(row, chance) for row in _rows(chance))


def _dumped(value: Any, chance: Chance) -> bytes:
    ascii_only = chance.random() < 0.5
    text = json.dumps(value, ensure_ascii=ascii_only, indent=chance.choice((None, None, 1)))
    return text.encode("utf-8", "surrogatepass")


def _parquet(chance: Chance) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = chance.randrange(0, 25)
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: pa.array([_words(chance) for _ in range(count)]),
        lambda: pa.array([chance.choice(_LABELS) for _ in range(count)]).dictionary_encode(),
        lambda: pa.array([chance.choice((None, 1, -5, 2**40)) for _ in range(count)]),
        lambda: pa.array([chance.choice((None, 0.5, float("nan"), float("inf"))) for _ in range(count)]),
        lambda: pa.array([[_words(chance)] * chance.randrange(4) for _ in range(count)], pa.list_(pa.string())),
        lambda: pa.array([{"text": _words(chance), "n": [1, 2]} for _ in range(count)], _struct(pa)),
        lambda: pa.array([bytes([n]) for n in range(count)]),
        lambda: pa.array([n * 10**15 for n in range(count)], pa.timestamp("us")),
        lambda: pa.array([[[n], []] for n in range(count)], pa.list_(pa.list_(pa.int8()))),
        lambda: pa.array([[n, n] for n in range(count)], pa.list_(pa.int16(), 2)),
        lambda: pa.array([[("a", n)] for n in range(count)], pa.map_(pa.string(), pa.int64())),
        lambda: pa.nulls(count),
    )
    names = [name.replace("\0", "") for name in _names(chance)]
    table = pa.Table.from_arrays([chance.choice(kinds)() for _ in names], names=names)
    if chance.random() < 0.2:
        features = {"info": {"features": {names[0]: {"names": chance.choice((["a", "b"], [], "ab", [1, None]))}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    file = io.BytesIO()
    compression = chance.choice(("none", "snappy", "zstd", "gzip"))
    pq.write_table(table, file, compression=compression, row_group_size=chance.choice((3, 1000)))
    return file.getvalue()


def _struct(pa: Any) -> Any:
    return pa.struct([("text", pa.string()), ("n", pa.list_(pa.int64()))])


def _words(chance: Chance) -> str:
    return str(_cell(chance)).encode("utf-8", "replace").decode()


@functools.lru_cache(16)
def _sheets(variant: int) -> Mapping[str, bytes]:
    """Return the parts of a workbook, which takes long to make."""
    import openpyxl
    from openpyxl.utils.exceptions import IllegalCharacterError

    chance, book = Chance(variant), openpyxl.Workbook()
    for name in ("S", "Data")[: 1 + variant % 2]:
        sheet = book.create_sheet(name)
        for _ in range(12):
            try:
                sheet.append(
                    [cell if not isinstance(cell, (list, dict)) else str(cell) for cell in map(_cell, [chance] * 3)]
                )
            except (IllegalCharacterError, ValueError, UnicodeError):
                continue
    file = io.BytesIO()
    try:
        book.save(file)
    except UnicodeError:  # half an emoji
        return _sheets(variant + 16)
    with zipfile.ZipFile(file) as archive:
        return {name: _DATE.sub(b"2026-01-01T00:00:00Z", archive.read(name)) for name in archive.namelist()}


def _workbook(chance: Chance) -> bytes:
    parts = dict(_sheets(chance.randrange(16)))
    for _ in range(chance.randrange(3)):
        name = chance.choice(list(parts))
        parts[name] = _damaged(parts[name], chance)
    if chance.random() < 0.1:
        del parts[chance.choice(list(parts))]
    return _zipped(parts)


def _zip(chance: Chance) -> bytes:
    if chance.random() < 0.3:
        folder = chance.choice(("", "set/", "../"))
        queries = [{"_id": f"q{n}", "text": _cell(chance)} for n in range(5)]
        corpus = [{"_id": f"d{n}", "title": _cell(chance), "text": _cell(chance)} for n in range(8)]
        lines = [[f"q{n % 5}", f"d{n}", chance.choice(("1", "0", "x", "nan", ""))] for n in range(8)]
        judged = "\n".join("\t".join(line) for line in [["query-id", "corpus-id", "score"], *lines]).encode()
        contents = [b"\n".join(_dumped(row, chance) for row in rows) for rows in (corpus, queries)] + [judged]
        if chance.random() < 0.5:
            place = chance.randrange(3)
            contents[place] = _damaged(contents[place], chance)
        return _zipped({folder + name: content for name, content in zip(_BEIR, contents, strict=True)})
    names = chance.choice(
        (["a.csv"], ["../a.csv"], ["a.csv", "b.csv"], ["a.csv", "readme.txt"], ["a"], [], ["a.zip"], ["/a.json"])
    )
    return _zipped({name: _plain(chance) for name in names})


def _zipped(parts: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            # Without a date: the same number gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _gzip(chance: Chance) -> bytes:
    return gzip.compress(_plain(chance), 1, mtime=0)


def _plain(chance: Chance) -> bytes:
    content = chance.choice((_delimited, _json, _json_lines))(chance)
    return _damaged(content, chance) if chance.random() < 0.3 else content


def _expert(chance: Chance) -> bytes:
    from safetensors.numpy import save

    about: dict[str, Any] = {
        "version": 1,
        "fingerprint": "0" * 16,
        **{"name": "mine", "task": "classification", "base": "classification"},
        "route": {"expert": "mine", "instruction": "classification: "},
        "facts": {
            "settings": {"epochs": 3},
            "steps": 9,
            "before": {"a": 0.5},
            "after": {"a": 0.6},
            "trained_on": ["0a"],
        },
        "card": "# mine",
    }
    for _ in range(chance.randrange(3)):
        inside = about
        while isinstance(inside[key := chance.choice(list(inside))], dict) and inside[key] and chance.random() < 0.7:
            inside = inside[key]
        inside[key] = chance.choice(_ODD)
    kind = chance.choice((np.float16, np.float16, np.float32, np.float64, np.int8))
    shapes = chance.choice((((4, 8), (4,)), ((4, 8), (5,)), ((0, 8), (0,)), ((2, 2, 2), (2,)), ((4, 8), ())))
    numbers = chance.choice((0.5, 0.5, float("nan"), 1e9))
    with np.errstate(all="ignore"):
        tensors = {
            f"layer.{part}": np.full(shape, numbers).astype(kind)
            for part, shape in zip(("weight", "bias"), shapes, strict=True)
        }
    return save(tensors, {"mote_expert": json.dumps(about)})


_MAKERS: Mapping[str, Callable[[Chance], bytes]] = {
    "csv": _delimited,
    "tsv": functools.partial(_delimited, delimiter="\t"),
    "json": _json,
    "jsonl": _json_lines,
    "parquet": _parquet,
    "xlsx": _workbook,
    "zip": _zip,
    "gz": _gzip,
    "safetensors": _expert,
}


# Damage


def _damaged(content: bytes, chance: Chance) -> bytes:
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        chance.choice(_DAMAGES)(data, chance)
    return bytes(data)


def _place(data: bytearray, chance: Chance) -> int:
    """Return a place anywhere, or near an end, where formats say how long they are."""
    return chance.choice((chance.randrange(len(data) + 1), min(len(data), chance.randrange(64)))) if data else 0


def _flip(data: bytearray, chance: Chance) -> None:
    place = _place(data, chance)
    data[place : place + 1] = bytes([byte ^ (1 << chance.randrange(8)) for byte in data[place : place + 1]])


def _flip_near_end(data: bytearray, chance: Chance) -> None:
    place = max(0, len(data) - 1 - chance.randrange(400))
    data[place : place + 1] = bytes([chance.randrange(256)])


def _cut(data: bytearray, chance: Chance) -> None:
    del data[_place(data, chance) :]


def _drop(data: bytearray, chance: Chance) -> None:
    place = _place(data, chance)
    del data[place : place + chance.randrange(1, 40)]


def _repeat(data: bytearray, chance: Chance) -> None:
    place = _place(data, chance)
    data[place:place] = data[place : place + chance.randrange(1, 200)] * chance.randrange(1, 20)


def _insert(data: bytearray, chance: Chance) -> None:
    place = _place(data, chance)
    data[place:place] = chance.choice(_TOKENS)


def _overwrite(data: bytearray, chance: Chance) -> None:
    place, token = _place(data, chance), chance.choice((*_TOKENS, bytes(40), chance.randbytes(8)))
    data[place : place + len(token)] = token


_DAMAGES = (_flip, _flip, _flip_near_end, _cut, _drop, _repeat, _insert, _insert, _overwrite)
