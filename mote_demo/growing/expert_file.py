"""The file of an expert: what its header may say, and tensors whose types and shapes are known before they are used."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, ConfigDict, Field
from safetensors import SafetensorError, deserialize, safe_open
from safetensors.numpy import load_file, save_file

from mote_demo.confined import confined
from mote_demo.data.options import MAX_BYTES
from mote_demo.errors import UserError
from mote_demo.files import write_json
from mote_demo.growing.settings import GrowthSettings
from mote_demo.validation import read_json, validate

KEY = "mote_expert"
"""Where the metadata of the file have all of it, as JSON."""

VERSION = 2
HASH, NO_HASH = "sha256", "0" * 64
"""Where the header has the hash of all that the file says, and what stands in its place while that is computed."""

WITHOUT_HASH = 1
"""The version of files that have none; where they ship, their folder has it."""

_MOST_HEADER = 8_000_000
_MOST_TENSORS = 1_000
_MOST_WIDE = 100_000
_MEND = "Please choose another file."
_ABOUT, _TENSORS = "about.json", "tensors.safetensors"
_HIDDEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_TENSOR = re.compile(r"[\w.]{1,200}\.(weight|bias)", re.ASCII)
_TYPES: Mapping[str, Any] = {"F16": np.float16, "BF16": np.uint16, "F32": np.float32}
# What a file that is cut, foreign or made up raises somewhere on the way.
_DAMAGED = (SafetensorError, OSError, LookupError, TypeError, ValueError, RecursionError)


def _visible(words: str) -> str:
    if _HIDDEN.search(words):
        raise ValueError("holds characters that cannot be seen, or halves of one")
    return words


Words = Annotated[str, Field(max_length=500), AfterValidator(_visible)]
Page = Annotated[str, Field(max_length=100_000), AfterValidator(_visible)]
Count = Annotated[int, Field(ge=0, le=10**12)]
Ends = tuple[float, float]
Metrics = Annotated[dict[Words, float], Field(max_length=100)]


@dataclass(frozen=True)
class SavedRoute:
    """Hold the route of an expert."""

    instruction: Words
    expert: Words = ""


@dataclass(frozen=True)
class SavedIntervals:
    """Hold (low, high) of a metric before, after, and of its change."""

    before: Ends
    after: Ends
    change: Ends


@dataclass(frozen=True)
class SavedGuess:
    """Hold what a metric is without a model."""

    commonest: float
    chance: float


@dataclass(frozen=True)
class SavedSettings(GrowthSettings):
    """Hold how an expert was trained, and what it was called then."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: Words = ""
    task: Words = ""
    base: Words = ""


@dataclass(frozen=True)
class Facts:
    """Hold what was measured of an expert and how it was trained; all of it may be unknown."""

    settings: SavedSettings | None = None
    steps: Count = 0
    held_out_rows: Count = 0
    before: Metrics = field(default_factory=dict)
    after: Metrics = field(default_factory=dict)
    intervals: Annotated[dict[Words, SavedIntervals], Field(max_length=100)] = field(default_factory=dict)
    guesses: Annotated[dict[Words, SavedGuess], Field(max_length=100)] = field(default_factory=dict)
    train_rows: Count = 0
    trained_on: Annotated[list[Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]], Field(max_length=200_000)] = field(
        default_factory=list
    )


@dataclass(frozen=True)
class About:
    """Hold what the header says."""

    version: int
    fingerprint: Words
    name: Words
    task: Words
    base: Words
    route: SavedRoute
    facts: Facts
    card: Page = ""
    sha256: Words = ""


@dataclass(frozen=True)
class ExpertFile:
    """Hold a file that was checked: its header, and its tensors as float16 or float32 [out, in] or [out] by name."""

    about: About
    tensors: Mapping[str, np.ndarray]


def read_expert_file(path: str | Path) -> ExpertFile:
    """Read and check a file that ``Expert.save`` wrote; nothing in it is executed.

    Raises:
        UserError: the file is not one of those, or is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no file {path.name!r}. Please choose the file of an expert.")
    try:
        about, told, kinds = _read_header(path)
        _check_shapes(kinds, path.name)
        stored = deserialize(path.read_bytes())
        if about.version != WITHOUT_HASH:
            named = ((name, each["dtype"], each["shape"], each["data"]) for name, each in stored)
            if not about.sha256 or about.sha256 != digest(told.replace(about.sha256, NO_HASH), named):
                raise ValueError("the hash is another one")
    except UserError:
        raise
    except _DAMAGED as error:
        raise UserError(f"{path.name} is not an expert that was downloaded here, or it is damaged. {_MEND}") from error
    tensors = {name: _array(tensor) for name, tensor in stored}
    if not all(bool(np.isfinite(tensor).all()) for tensor in tensors.values()):
        raise UserError(f"{path.name} holds numbers that are not finite. Please export the expert again.")
    return ExpertFile(about, tensors)


def receive_expert_file(path: str | Path) -> ExpertFile:
    """Read a file from a stranger as ``read_expert_file`` does, in a child process with limits of memory and time.

    Raises:
        UserError: as ``read_expert_file``; or the file is too large, or takes more than the limits allow.
    """
    path = Path(path)
    with confined(write_expert, path.name, path=str(path.absolute())) as folder:
        return take_expert(folder)


def take_expert(folder: Path) -> ExpertFile:
    """Take over what ``write_expert`` wrote."""
    about = read_json(folder / _ABOUT, About, mend=_MEND)
    return ExpertFile(about, load_file(folder / _TENSORS))


def write_expert(folder: Path, path: str) -> None:
    """Read a file and write what is in it to a folder, of which each byte is known then: the work of the child."""
    source = Path(path)
    if source.is_file() and source.stat().st_size > MAX_BYTES:
        raise UserError(f"{source.name} has more than {MAX_BYTES / 1e6:,.0f} MB, which is the limit. {_MEND}")
    read = read_expert_file(source)
    write_json(folder / _ABOUT, asdict(read.about))
    save_file(dict(read.tensors), folder / _TENSORS)


def digest(told: str, tensors: Iterable[tuple[str, str, Sequence[int], Any]]) -> str:
    """Return the SHA-256 of all that a file says.

    Args:
        told: the header, with ``NO_HASH`` in the place of the hash.
        tensors: name, type as safetensors calls it, shape and bytes of each.
    """
    found = hashlib.sha256(told.encode())
    for name, kind, shape, data in sorted(tensors, key=itemgetter(0)):
        found.update(f"{name} {kind} {list(shape)}".encode())
        found.update(data)
    return found.hexdigest()


def _read_header(path: Path) -> tuple[About, str, dict[str, tuple[str, list[int]]]]:
    """Return what the header says of the expert, its very words, and the type and shape of each tensor by its name."""
    with path.open("rb") as file:
        if int.from_bytes(file.read(8), "little") > _MOST_HEADER:
            raise ValueError("the header is longer than that of any expert")
    with safe_open(path, framework="np") as opened:
        told = (opened.metadata() or {})[KEY]
        values = json.loads(told)
        names = list(opened.keys())
        kinds = {name: (_type(opened.get_slice(name)), opened.get_slice(name).get_shape()) for name in names}
    if values["version"] not in (WITHOUT_HASH, VERSION):
        raise UserError(
            f"The expert has the format {str(values['version'])[:40]!r}; this version reads {VERSION}. Please update."
        )
    about = validate(About, values, where=path.name, mend=_MEND)
    if about.facts.before.keys() != about.facts.after.keys():
        raise KeyError("before and after hold different metrics")
    return about, told, kinds


def _type(tensor: Any) -> str:
    return str(tensor.get_dtype())


def _check_shapes(kinds: Mapping[str, tuple[str, list[int]]], source: str) -> None:
    """Refuse tensors that are not the weights and biases of linear layers."""
    if not 0 < len(kinds) <= _MOST_TENSORS:
        raise UserError(f"{source} has {len(kinds):,} tensors, which is no expert. {_MEND}")
    for name, (kind, shape) in kinds.items():
        weight = kinds.get(f"{name.rpartition('.')[0]}.weight", ("", []))[1]
        wanted = weight[:1] if name.endswith(".bias") else shape[:2]
        fits = len(weight) == 2 and shape == wanted and all(0 < size <= _MOST_WIDE for size in weight)
        if kind not in _TYPES or not _TENSOR.fullmatch(name) or not fits:
            raise UserError(
                f"{source} has a tensor {name[:80]!r} of the type {kind} and the shape {shape[:8]}, which is no layer "
                f"of an expert. {_MEND}"
            )


def _array(tensor: Mapping[str, Any]) -> np.ndarray:
    array = np.frombuffer(tensor["data"], dtype=_TYPES[tensor["dtype"]]).reshape(tensor["shape"])
    # NumPy has no bfloat16: it is the upper half of a float32.
    return (array.astype(np.uint32) << 16).view(np.float32) if tensor["dtype"] == "BF16" else array
