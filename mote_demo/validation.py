"""Read files into typed values; what does not fit is a ``UserError`` that names the file, the place and the mend."""

import json
import reprlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_type_hints

import yaml
from pydantic import BeforeValidator, TypeAdapter, ValidationError

from mote_demo.errors import UserError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Values = TypeVar("Values")

_WANTED: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping of keys to values",
    "dataclass": "a mapping of keys to values",
}
"""What is wanted where pydantic reports an error of a type that begins so."""


def _number(value: Any) -> Any:
    """Read 1e3, which YAML takes for text, as a number, and refuse true, which pydantic takes for 1."""
    if isinstance(value, bool):
        raise ValueError(f"must be a number, not {value!r}")
    if isinstance(value, str):
        with suppress(ValueError):
            return float(value)
    return value


Whole = Annotated[int, BeforeValidator(_number)]
Number = Annotated[float, BeforeValidator(_number)]


def read_yaml(path: str | Path, kind: type[Values]) -> Values:
    """Read a YAML file as a value of the type ``kind``; see ``validate``."""
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"Cannot read {path}: {error}") from error
    return validate(kind, values, where=path)


def read_json(path: str | Path, kind: type[Values], *, mend: str) -> Values:
    """Read a JSON file as a value of the type ``kind``; see ``validate``. No file is a ``FileNotFoundError``."""
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error}). {mend}") from error
    return validate(kind, values, where=path, mend=mend)


def validate(kind: type[Values], values: object, *, where: object, mend: str = "Please correct it.") -> Values:
    """Return plain values as a dataclass or ``TypedDict`` of the type ``kind``.

    Args:
        kind: what pydantic can read.
        values: what JSON or YAML give.
        where: the file, for the message.
        mend: a sentence that says what to do.
    """
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        problem = _problem(error.errors()[0], kind)
        raise UserError(f"{where}: {problem}. {mend}") from error


def _problem(error: "ErrorDetails", kind: Any) -> str:
    *parents, key = error["loc"] or ("",)
    inside = f"{_place(parents)}: " if parents else ""
    if error["type"] == "missing":
        return f"{inside}missing key {key!r}"
    if error["type"] == "unexpected_keyword_argument":
        return f"{inside}unknown key {key!r}. Known keys: {', '.join(_known_keys(kind, parents))}"
    place = _place(error["loc"]) or "it"
    if error["type"] == "value_error":
        return f"{place} {error['ctx']['error']}"
    wanted = _WANTED.get(error["type"].partition("_")[0])
    if wanted is None and not error["msg"].startswith("Input should "):
        return f"{place}: {error['msg']}"
    rule = f"be {wanted}" if wanted else error["msg"].removeprefix("Input should ")
    return f"{place} must {rule}, not {reprlib.repr(error['input'])}"


def _place(loc: Any) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc).removeprefix(".")


def _known_keys(kind: Any, loc: Any) -> list[str]:
    for step in loc:
        inner = [one for one in get_args(kind) if one is not ...]
        kind = get_type_hints(kind)[step] if is_dataclass(kind) else inner[-1]
    return sorted(get_type_hints(kind))
