"""Small files that want much memory or time of whoever reads them, of every kind that can be uploaded."""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Make = Callable[[], bytes]


def _parquet(columns: Mapping[str, Any], **options: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), file, compression="zstd", **options)
    return file.getvalue()


def lists_of_zeros(rows: int, length: int) -> bytes:
    """Return a Parquet file of some hundred bytes with ``rows`` lists of ``length`` zeros, int8."""
    import pyarrow as pa

    ends = pa.array(np.arange(rows + 1, dtype=np.int32) * length)
    return _parquet({"numbers": pa.ListArray.from_arrays(ends, pa.array(np.zeros(rows * length, np.int8)))})


def dictionary_of_long_texts(rows: int, length: int) -> bytes:
    """Return a Parquet file of some kilobytes whose ``rows`` are one of two texts of ``length`` characters."""
    import pyarrow as pa

    places = pa.array(np.arange(rows, dtype=np.int32) % 2)
    return _parquet({"text": pa.DictionaryArray.from_arrays(places, ["x" * length, "y" * length])})


def _nested_lists(rows: int) -> bytes:
    import pyarrow as pa

    inner = pa.ListArray.from_arrays(
        pa.array(np.arange(rows * 1000 + 1, dtype=np.int32)), pa.nulls(rows * 1000, "int8")
    )
    return _parquet({"l": pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * 1000), inner)})


def _delta_texts() -> bytes:
    import pyarrow as pa

    columns = {"text": pa.array(["word " * 40_000] * 3_000)}
    return _parquet(columns, use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"}, row_group_size=500)


def _with_page_sizes(content: bytes) -> bytes:
    """Return a Parquet file whose first page says that it unpacks to two gigabytes."""
    head = content.index(b"\x15\x00\x15") + 3  # page type, then its unpacked size as a variable-length number
    return content[:head] + b"\xfe\xff\xff\xff\x0f" + content[head + 5 :]


def _zipped(parts: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def _workbook(sheet: bytes, strings: bytes = b"<sst/>") -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packed = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{packed}/content-types">'
        '<Default Extension="xml" ContentType="text/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}.sharedStrings+xml"/>'
        f'<Override PartName="/xl/worksheets/s.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{packed}/relationships"><Relationship Id="r1" '
        f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
        '<sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packed}/relationships"><Relationship Id="r1" '
        f'Type="{relations}/worksheet" Target="worksheets/s.xml"/></Relationships>',
    }
    opening = f'<worksheet xmlns="{main}"><sheetData>'.encode()
    sheets = {
        "xl/worksheets/s.xml": opening + sheet + b"</sheetData></worksheet>",
        "xl/sharedStrings.xml": strings.replace(b"<sst", f'<sst xmlns="{main}"'.encode(), 1),
    }
    return _zipped({**{name: part.encode() for name, part in parts.items()}, **sheets})


_CELL = '<c t="inlineStr"><is><t>{}</t></is></c>'
_ENTITIES = "".join(f'<!ENTITY e{n} "{"".join([f"&e{n - 1};"] * 10) if n else "x" * 50}">' for n in range(9))


def _expanding_workbook() -> bytes:
    return _workbook(b"", f"<!DOCTYPE sst [{_ENTITIES}]><sst><si><t>&e8;</t></si></sst>".encode())


def _expert_header(length: int, header: bytes) -> bytes:
    return struct.pack("<Q", length) + header


def _expert(about: object) -> bytes:
    tensor = {"dtype": "F16", "shape": [1, 1], "data_offsets": [0, 2]}
    header = json.dumps({"__metadata__": {"mote_expert": json.dumps(about)}, "a.weight": tensor}).encode()
    return _expert_header(len(header), header) + bytes(2)


def _expert_of_many_tensors(count: int) -> bytes:
    tensors = {f"t{n}.weight": {"dtype": "F16", "shape": [0, 1], "data_offsets": [0, 0]} for n in range(count)}
    header = json.dumps({"__metadata__": {"mote_expert": "{}"}, **tensors}).encode()
    return _expert_header(len(header), header)


BOMBS: Mapping[str, Make] = {
    # Parquet
    "one list of 60 million zeros.parquet": lambda: lists_of_zeros(1, 60_000_000),
    "one list of 19 million zeros.parquet": lambda: lists_of_zeros(1, 19_000_000),
    "20 lists of 2 million zeros.parquet": lambda: lists_of_zeros(20, 2_000_000),
    "20 lists of 900,000 zeros.parquet": lambda: lists_of_zeros(20, 900_000),
    "19,000 lists of 1,000 zeros.parquet": lambda: lists_of_zeros(19_000, 1_000),
    "lists of lists.parquet": lambda: _nested_lists(9_000),
    "long texts in a dictionary.parquet": lambda: dictionary_of_long_texts(20_000, 20_000_000),
    "long texts by their differences.parquet": _delta_texts,
    "a page that says two gigabytes.parquet": lambda: _with_page_sizes(lists_of_zeros(1, 1_000)),
    # Text
    "10 million one-letter lines.csv": lambda: b"a\n" * 9_990_000,
    "3 million quoted cells.csv": lambda: b'a,"b"\n' * 3_300_000,
    "quoted line ends.csv": lambda: b'"a\n",b\n' * 2_600_000,
    "200 columns of one letter.csv": lambda: (b",".join([b"a"] * 200) + b"\n") * 49_000,
    "one line.csv": lambda: b"a" * 19_900_000,
    "one row of 10 million cells.csv": lambda: b"a," * 9_900_000,
    "20 million line ends.csv": lambda: b"\n" * 19_900_000,
    "a quotation that never ends.csv": lambda: b'a,b\n"' + b"x,y\n" * 4_900_000,
    "invalid bytes in every line.csv": lambda: b"\xc3(\n" + b"text \xff\n" * 2_800_000,
    "tabs.tsv": lambda: b"\t" * 19_900_000,
    # JSON
    "one object of empty ones.json": lambda: b"{" + b",".join(b'"%x":{}' % n for n in range(1_700_000)) + b"}",
    "empty objects.json": lambda: b"[" + b",".join([b"{}"] * 6_600_000) + b"]",
    "empty lists in a list.json": lambda: b"[[" + b",".join([b"[]"] * 6_600_000) + b"]]",
    "numbers in a list.json": lambda: b'{"a":[' + b",".join([b"1"] * 9_900_000) + b"]}",
    "lists in lists.json": lambda: b"[" * 9_900_000 + b"]" * 9_900_000,
    "empty objects.jsonl": lambda: b"{}\n" * 6_600_000,
    "a new key in each line.jsonl": lambda: b"\n".join(b'{"k%d":1}' % n for n in range(1_300_000)),
    "texts in one list.jsonl": lambda: b'{"text":[' + b",".join([b'"a"'] * 4_900_000) + b"]}\n{}",
    # Packed
    "90 million letters.csv.gz": lambda: gzip.compress(b"a\n" * 45_000_000, 9),
    "10 gigabytes.csv.gz": lambda: gzip.compress(bytes(10_000_000), 9) * 1_000,
    "300 MB of nothing.zip": lambda: _zipped({"a.csv": bytes(300_000_000)}),
    "100,000 files.zip": lambda: _zipped({f"{n}.csv": b"" for n in range(100_000)}),
    "one cell of 90 MB.xlsx": lambda: _workbook(b"<row>" + _CELL.format("x" * 90_000_000).encode() + b"</row>"),
    "a million rows.xlsx": lambda: _workbook((b"<row>" + _CELL.format("x").encode() + b"</row>") * 1_000_000),
    "a row of a million cells.xlsx": lambda: _workbook(b"<row>" + _CELL.format("x").encode() * 1_000_000 + b"</row>"),
    "entities of entities.xlsx": _expanding_workbook,
    "a million shared texts.xlsx": lambda: _workbook(b"", b"<sst>" + b"<si><t>x</t></si>" * 1_000_000 + b"</sst>"),
    # Experts
    "a header that says an exabyte.safetensors": lambda: _expert_header(1 << 60, b"{}"),
    "a header of 19 MB.safetensors": lambda: _expert_header(19_000_000, b" " * 19_000_000),
    "lists in lists.safetensors": lambda: _expert_header(2_000_000, b"[" * 2_000_000),
    "100,000 tensors.safetensors": lambda: _expert_of_many_tensors(70_000),
    "facts of numbers.safetensors": lambda: _expert(
        {"version": 1, "facts": {"before": dict.fromkeys(map(str, range(300_000)), 1)}}
    ),
}
"""Name of the file to what makes it."""
