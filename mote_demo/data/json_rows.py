"""JSON in, rows out: one object a line, a list, or one of the shapes that pandas and web services write."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mote_demo.data.columns import is_role_name
from mote_demo.data.encodings import Decoded
from mote_demo.data.header import has_header
from mote_demo.data.lines import draw_lines
from mote_demo.data.notes import Note
from mote_demo.data.options import ReadOptions
from mote_demo.data.records import Records, from_mappings, from_rows
from mote_demo.errors import UserError
from mote_demo.plain_text import plain_values

Items = Iterable[tuple[int, Any]]
"""Values with the line each begins on, or its place in a list, from 1."""

_LINES = (".jsonl", ".ndjson")
_OPENING = re.compile(r"\s*(\[\s*[\[{]|\{\s*[\"}])")
_BETWEEN = re.compile(r"[\s,]*")
_ROW_NUMBER = re.compile(r"\d+")
_USUAL_WRAPS = ("data", "rows", "records", "items", "results", "examples", "instances", "documents")
_HEAD = 1000
_LOOKED_AT = 100
_LISTED = 8
_MOST_AT_ONCE = 3_000_000
"""Values of one object: each takes some hundred bytes once it is decoded, however short it is written."""
_KINDS = {dict: "object", list: "list", str: "text", type(None): "null"}


def is_json(text: Decoded, source: str) -> bool:
    """Tell JSON by its name, or by the first characters of what is in it."""
    if source.lower().endswith((".json", *_LINES)):
        return True
    with text.open("\n") as file:
        head = file.read(_HEAD)
        first = head.split("\n")[0]
    return bool(_OPENING.match(head)) or (first.startswith("[") and _is_whole(first))


def read_json(text: Decoded, source: str, options: ReadOptions) -> Records:
    """Read JSON of any usual shape.

    These are objects one after the other (one a line, or over several), a list of objects, of lists or of texts, an
    object of columns or of rows, and whatever of these is the one list in an object.

    Raises:
        UserError: broken JSON, with its line, or another shape, which is named.
    """
    if _is_lines(text):
        lines, total, _ = draw_lines(text, options.max_rows, options.seed)
        records = _read_items(_decoded(lines, source), source, options, text.notes)
        return replace(records, total=total)
    with text.open() as file:
        content = file.read()
    start = len(content) - len(content.lstrip())
    if content.startswith("[", start):
        return _read_items(enumerate(_values(content, start + 1, source, "]"), 1), source, options, text.notes)
    if sum(map(content.count, ",{[")) > _MOST_AT_ONCE:
        raise UserError(
            f"{source} holds more than {_MOST_AT_ONCE:,} values in what may be one object. Please write one object a "
            "line, or upload a part of it."
        )
    values = list(itertools.islice(_values(content, start, source), 2))
    if len(values) > 1 or not isinstance(values[0], dict):
        return _read_items(enumerate(_values(content, start, source), 1), source, options, text.notes)
    return _read_object(values[0], source, options, text.notes)


# Values, one after the other


def _is_lines(text: Decoded) -> bool:
    """Tell whether the first line is a value of its own, and another follows."""
    with text.open("\n") as file:
        first, second = (*itertools.islice(filter(str.strip, file), 2), "", "")[:2]
    return bool(second) and _is_whole(first)


def _is_whole(line: str) -> bool:
    try:
        return json.loads(line) is not None
    except (ValueError, RecursionError):
        return False


def _decoded(lines: Iterable[tuple[int, str]], source: str) -> Iterator[tuple[int, Any]]:
    for number, line in lines:
        try:
            yield number, plain_values(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise _broken(source, number, error, "Please write one whole object a line.") from error


def _values(content: str, start: int, source: str, end: str = "") -> Iterator[Any]:
    """Yield the values from ``start`` on, decoded one by one, until ``end`` or the end of the text."""
    decoder = json.JSONDecoder()
    while True:
        between = _BETWEEN.match(content, start)
        start = between.end() if between else start
        if start == len(content) or (end and content.startswith(end, start)):
            return
        try:
            value, start = decoder.raw_decode(content, start)
            value = plain_values(value)
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", content.count("\n", 0, start) + 1)
            raise _broken(source, line, error, "Please write the file again, or upload CSV.") from error
        yield value


def _broken(source: str, line: int, error: Exception, mend: str) -> UserError:
    reason = getattr(error, "msg", "it is not readable")
    return UserError(f"{source}, line {line}: broken JSON ({reason}). {mend}")


def _read_items(items: Items, source: str, options: ReadOptions, notes: Sequence[Note]) -> Records:
    """Read values that are all objects, all lists or all texts."""
    items = iter(items)
    first = next(items, None)
    if first is None:
        raise UserError(f"{source} has no rows. Please choose a file with at least one row.")
    items = itertools.chain([first], items)
    if isinstance(first[1], dict):
        return from_mappings(_only(dict, items, source), source, options, notes)
    if isinstance(first[1], list):
        return _read_lists(_only(list, items, source), source, options, notes)
    if isinstance(first[1], str):
        texts = ((number, [text]) for number, text in _only(str, items, source))
        return from_rows(["text"], texts, source, options, notes)
    raise _unknown_shape(source, _kind([first[1]]))


def _only(kind: type, items: Items, source: str) -> Iterator[tuple[int, Any]]:
    for number, value in items:
        if not isinstance(value, kind):
            named = "an object" if kind is dict else f"a {_KINDS[kind]}"
            raise UserError(
                f"{source}, row {number}: {_kind(value)} where the first row is {named}. "
                'Please write one object a row, such as {"text": "..."}.'
            )
        yield number, value


def _read_lists(items: Items, source: str, options: ReadOptions, notes: Sequence[Note]) -> Records:
    """Read rows that are lists of cells; the first may name the columns."""
    items = iter(items)
    head = list(itertools.islice(items, _LOOKED_AT))
    first = head[0][1]
    rows = ((number, _as_long(cells, len(first), number, source)) for number, cells in itertools.chain(head, items))
    if options.header is None:
        texts = [[str(cell) for cell in cells] for _, cells in head if len(cells) == len(first)]
        named = all(isinstance(cell, str) for cell in first) and has_header(texts[0], texts[1:])
    else:
        named = options.header
    if named:
        next(rows)
        return from_rows([str(cell) for cell in first], rows, source, options, notes)
    return from_rows([""] * len(first), rows, source, options, notes)


def _as_long(cells: list[Any], expected: int, number: int, source: str) -> list[Any]:
    if len(cells) != expected:
        raise UserError(
            f"{source}, row {number}: a list of {len(cells)} values where the first has {expected}. "
            'Please write one object a row, such as {"text": "..."}.'
        )
    return cells


# One object that holds the whole table


def _read_object(value: dict[str, Any], source: str, options: ReadOptions, notes: Sequence[Note]) -> Records:
    """Read an object by its shape; the orients of pandas are split, table, columns and index."""
    columns, data, schema = value.get("columns"), value.get("data"), value.get("schema")
    if isinstance(columns, list) and _is_list_of(list, data):
        even = ((n, _as_long(cells, len(columns), n, source)) for n, cells in enumerate(data or [], 1))
        return from_rows([str(name) for name in columns], even, source, options, notes)
    if isinstance(schema, dict) and _is_list_of(dict, data):
        primary = schema.get("primaryKey")
        keys = {"index"} if isinstance(primary, list) and "index" in primary else set()
        objects = [{key: cell for key, cell in row.items() if key not in keys} for row in data or []]
        return from_mappings(enumerate(objects, 1), source, options, notes)
    if value and all(isinstance(each, dict) for each in value.values()):
        return _read_nested_objects(value, source, options, notes)
    if _are_columns(value):
        rows = enumerate(map(list, zip(*value.values(), strict=True)), 1)
        return from_rows(list(value), rows, source, options, notes)
    one_row = not any(isinstance(each, (list, dict)) for each in value.values())
    if one_row or source.lower().endswith(_LINES):
        return from_mappings([(1, value)], source, options, notes)
    return _read_wrapped(value, source, options, notes)


def _read_nested_objects(
    value: dict[str, dict[str, Any]], source: str, options: ReadOptions, notes: Sequence[Note]
) -> Records:
    """Read {column: {row: cell}} or {row: {column: cell}}, told by which of the names are numbers or usual names."""
    inner = dict.fromkeys(itertools.chain.from_iterable(value.values()))
    if len(value) == 1 and not all(map(_ROW_NUMBER.fullmatch, inner)):
        return _read_wrapped(value, source, options, notes)
    if _names_columns(value, inner):
        rows = enumerate(([cells.get(key) for cells in value.values()] for key in inner), 1)
        return from_rows(list(value), rows, source, options, notes)
    return from_mappings(enumerate(value.values(), 1), source, options, notes)


def _names_columns(outer: Iterable[str], inner: Iterable[str]) -> bool:
    outer, inner = list(outer), list(inner)
    for names, others in ((outer, inner), (inner, outer)):
        if all(map(_ROW_NUMBER.fullmatch, others)) and not all(map(_ROW_NUMBER.fullmatch, names)):
            return names is outer
    usual = [sum(map(is_role_name, names)) / max(1, len(names)) for names in (outer, inner)]
    return usual[0] > usual[1] if usual[0] != usual[1] else len(outer) < len(inner)


def _read_wrapped(value: Mapping[str, Any], source: str, options: ReadOptions, notes: Sequence[Note]) -> Records:
    """Read the one table in an object that says other things too, or the one with a usual name."""
    tables = [key for key, each in value.items() if each and isinstance(each, list)]
    if any(_is_list_of(dict, value[key]) or _is_list_of(list, value[key]) for key in tables):
        tables = [key for key in tables if _is_list_of(dict, value[key]) or _is_list_of(list, value[key])]
    usual = [key for key in tables if key.lower() in _USUAL_WRAPS]
    objects = [key for key, each in value.items() if isinstance(each, dict)]
    key = tables[0] if len(tables) == 1 else usual[0] if len(usual) == 1 else ""
    notes = [*notes, Note(f"Read the rows in {key!r}.")]
    if key and _is_list_of(str, value[key]):
        return from_rows([key], enumerate(([text] for text in value[key]), 1), source, options, notes)
    if key:
        return _read_items(enumerate(value[key], 1), source, options, notes)
    if not tables and len(objects) == 1:
        return _read_object(value[objects[0]], source, options, notes[:-1])
    listed = ", ".join(f"{key!r} ({_kind(each)})" for key, each in itertools.islice(value.items(), _LISTED))
    more = " and others" if len(value) > _LISTED else ""
    raise _unknown_shape(source, f"one object with {listed}{more}" if value else "one empty object")


def _are_columns(value: Mapping[str, Any]) -> bool:
    """Tell whether the values are the columns of a table: lists of equal length, and not one list of rows."""
    lists = all(isinstance(each, list) for each in value.values())
    if not value or not lists or len(set(map(len, value.values()))) != 1:
        return False
    return len(value) > 1 and not all(_is_list_of(dict, each) for each in value.values())


def _is_list_of(kind: type, value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, kind) for each in value)


def _kind(value: object) -> str:
    if isinstance(value, list):
        return f"a list of {_KINDS.get(type(value[0]), 'number')}s" if value else "an empty list"
    kind = _KINDS.get(type(value), "number")
    return f"an {kind}" if kind == "object" else f"a {kind}"


def _unknown_shape(source: str, shape: str) -> UserError:
    return UserError(
        f"{source} holds {shape}, which is no table. Please write a list of objects, or one object a line, such as "
        '{"text": "...", "label": "..."}.'
    )
