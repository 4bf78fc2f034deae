"""A corpus that exists on every machine: the documentation of the Python packages installed beside the app."""

import ast
import hashlib
import importlib.util
import itertools
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path, PurePath

import pandas as pd

from mote_demo.data import prose, public_names
from mote_demo.data.prose import clean, cut, first_sentence
from mote_demo.data.public_names import Docstrings, PackageSources
from mote_demo.data.texts import Texts
from mote_demo.errors import UserError
from mote_demo.files import write_json

PACKAGES = (
    *("numpy", "pandas", "torch", "transformers", "scipy", "sklearn", "gradio", "plotly", "datasets", "networkx"),
    *("matplotlib", "PIL", "fastapi", "httpx", "huggingface_hub", "jinja2", "pydantic", "faiss", "umap", "rich"),
)
_QUERIES = (
    "read a table from a comma separated file",
    "shortest path between two nodes of a graph",
    "draw random numbers from a normal distribution",
    "split text into tokens for a language model",
    "resize an image and keep its proportions",
    "send a request and wait for the reply without blocking",
)
_SKIPPED = frozenset(
    {"test", "tests", "testing", "conftest", "vendor", "vendored", "third_party", "extern", "externals"}
    | {"benchmarks", "examples", "deprecated", "compat", "v1", "graph_objs", "validators"}
)
_KEPT = "python-docs.json"
_MAX_FILE_BYTES = 60_000
_MIN_MARKS = 8  # of triple quotes: four docstrings
_MAX_BYTES_PER_MARK = 1200
_PER_FILE = 16
_MAX_CHARACTERS = 600
_MAX_SUMMARY_CHARACTERS = 300
_MIN_WORDS = 20
_MIN_SUMMARY_WORDS = 4
_MIN_PUBLIC_WORDS = 2  # "K-Means clustering."


@dataclass(frozen=True)
class _Entry:
    title: str
    text: str
    summary: str
    package: str


def load_docstrings(limit: int = 8000, cache: Path | None = None) -> Texts:
    """Collect documentation strings of well-known installed packages, which are read and never imported.

    What a package offers under a public name comes before what its files hold besides. The packages take turns, so that
    each has its share, and the choice is the same at every call.

    Args:
        limit: texts to collect at most; fewer if little is installed.
        cache: folder to keep them in until the packages change, because parsing takes seconds and leaves the memory of
            the process in pieces; None reads the packages.

    Returns:
        Texts with the columns title (qualified name), text (all but the first sentence, at most
        600 characters), summary (the first sentence) and package.
    """
    entries = _collect(limit) if cache is None else _kept_or_collected(limit, cache / _KEPT)
    if not entries:
        raise UserError("No documentation was found: none of the known packages is installed with its sources.")
    return Texts(
        name="python-docs",
        title="Documentation of Python packages",
        frame=pd.DataFrame(entries),
        labels=("package",),
        queries=_QUERIES,
        public=True,
        questions=tuple(entry.summary for entry in entries),
    )


def labelled_queries(texts: Texts, n: int) -> list[tuple[str, int]]:
    """Return up to ``n`` pairs (summary, row), evenly spaced: each summary belongs to the text of its row."""
    if "summary" not in texts.frame:
        raise UserError(f"{texts.title} has no column 'summary'. Please use the documentation of Python packages.")
    count = min(n, len(texts))
    rows = [position * len(texts) // count for position in range(count)]
    return [(texts.frame["summary"].iloc[row], row) for row in rows]


def _kept_or_collected(limit: int, file: Path) -> list[_Entry]:
    made_of = _installed(limit)
    with suppress(OSError, ValueError, KeyError, TypeError):  # missing or damaged: it is written again
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["made_of"] == made_of and kept["sha256"] == _hash(kept["entries"]):
            return [_Entry(*entry) for entry in kept["entries"]]
    entries = _collect(limit)
    with suppress(OSError):  # a cache that cannot be written costs time alone
        told = [list(astuple(entry)) for entry in entries]
        write_json(file, {"made_of": made_of, "sha256": _hash(told), "entries": told})
    return entries


def _hash(entries: list[list[str]]) -> str:
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()


def _installed(limit: int) -> str:
    """Return a hash of what decides the entries: the packages as they were installed, and the code that reads them."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {limit}".encode())
    for package in PACKAGES:
        folder = _folder(package)
        with suppress(OSError):
            if folder is not None:
                stat = (folder / "__init__.py").stat()
                digest.update(f"{folder} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    for code in (__file__, prose.__file__, public_names.__file__):
        digest.update(Path(code).read_bytes())
    return digest.hexdigest()


def _collect(limit: int) -> list[_Entry]:
    turns = itertools.zip_longest(*(_entries(package) for package in PACKAGES))
    found = (entry for turn in turns for entry in turn if entry is not None)
    return list(itertools.islice(_without_doubles(found), limit))


def _without_doubles(entries: Iterator[_Entry]) -> Iterator[_Entry]:
    """Keep the first of equal texts, and of equal summaries, which would be ambiguous as queries."""
    seen: set[str] = set()
    for entry in entries:
        if entry.text not in seen and entry.summary not in seen and entry.title not in seen:
            seen |= {entry.text, entry.summary, entry.title}
            yield entry


def _entries(package: str) -> Iterator[_Entry]:
    """Yield a package's entries, lazily: public names, then their methods, then a few of each file."""
    folder = _folder(package)
    if folder is None:
        return
    public = []
    for name, docstrings in PackageSources(package, folder, _SKIPPED).definitions():
        public.append((name, docstrings))
        yield from _public_entries(name, docstrings, package, methods=False)
    for name, docstrings in public:
        yield from _public_entries(name, docstrings, package, methods=True)
    for file in _shuffled(folder):
        module = ".".join([package, *_public_parts(file.relative_to(folder))])
        yield from itertools.islice(_file_entries(file, module, package), _PER_FILE)


def _public_entries(name: str, docstrings: Docstrings, package: str, *, methods: bool) -> Iterator[_Entry]:
    for inner, docstring in docstrings:
        entry = _entry(name + inner, docstring, package, _MIN_PUBLIC_WORDS) if bool(inner) == methods else None
        if entry is not None:
            yield entry


def _folder(package: str) -> Path | None:
    """Locate a package; ``find_spec`` runs no code of a top-level package."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _shuffled(folder: Path) -> list[Path]:
    """List the files in an order that mixes subpackages and never changes: by a hash of their path."""
    files = sorted(_walk(folder), key=lambda path: hashlib.sha256(path.as_posix().encode()).digest())
    return [folder / path for path in files]


def _walk(folder: Path) -> Iterator[PurePath]:
    """Yield the paths, relative to ``folder``, of its files; folders without public documentation are not entered."""
    for at, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] not in "_." and name not in _SKIPPED]
        parent = os.path.relpath(at, folder)
        for name in files:
            stem, suffix = os.path.splitext(name)
            if suffix == ".py" and stem not in _SKIPPED and not stem.startswith("test_"):
                yield PurePath(parent, name)


def _public_parts(path: Path) -> list[str]:
    """Name the module as users do: scipy/optimize/_root.py is an inner file of scipy.optimize."""
    return [part for part in path.with_suffix("").parts if not part.startswith("_")]


def _file_entries(file: Path, module: str, package: str) -> Iterator[_Entry]:
    try:
        source = file.read_bytes()
        if not _is_worth_parsing(source):
            return
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return  # A file that this Python cannot read has nothing to say here.
    exported = _words(file.with_name("__init__.py")) if file.stem.startswith("_") else None
    for name, docstring in _docstrings(tree, module):
        entry = _entry(name, docstring, package)
        if entry is not None and (exported is None or _is_exported(name, module, exported)):
            yield entry


def _is_worth_parsing(source: bytes) -> bool:
    """Tell files that are dense in docstrings at a glance, because parsing is the slow part."""
    marks = source.count(b'"""')
    return marks >= _MIN_MARKS and len(source) <= min(_MAX_FILE_BYTES, marks * _MAX_BYTES_PER_MARK)


def _words(file: Path) -> frozenset[bytes]:
    try:
        return frozenset(re.findall(rb"\w+", file.read_bytes()))
    except OSError:
        return frozenset()


def _is_exported(name: str, module: str, exported: frozenset[bytes]) -> bool:
    """Tell whether the package around an inner file mentions the function or class, and so offers it."""
    inner = name.removeprefix(module).split(".")
    return len(inner) == 1 or inner[1].encode() in exported


def _docstrings(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    """Yield (qualified name, docstring) of a node and of the public classes and functions within."""
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        docstring = ast.get_docstring(node)
        if docstring:
            yield name, docstring
    if isinstance(node, (ast.Module, ast.ClassDef)):
        for child in node.body:
            if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and child.name[0] != "_":
                yield from _docstrings(child, f"{name}.{child.name}")


def _entry(name: str, docstring: str, package: str, fewest: int = _MIN_SUMMARY_WORDS) -> _Entry | None:
    summary, rest = first_sentence(docstring)
    text = cut(clean(rest), _MAX_CHARACTERS)
    long_enough = len(summary.split()) >= fewest and len(text.split()) >= _MIN_WORDS
    if not long_enough or len(summary) > _MAX_SUMMARY_CHARACTERS or not summary[0].isalpha():
        return None
    return _Entry(name, text, summary, package)
