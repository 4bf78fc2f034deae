"""What a Python package offers its users, in the order in which they meet it, read from its sources alone."""

import ast
from collections.abc import Iterator
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

Docstrings = tuple[tuple[str, str], ...]
"""(name inside a definition, "" for itself, and docstring) of it and of the public methods and classes within."""

_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_DEEPEST = 2  # levels of modules below the package
_LONGEST_WAY = 8  # from a name to where it is defined


class PackageSources:
    """Follow the names of one package from where they are offered to where they are defined; nothing is imported."""

    def __init__(self, name: str, folder: Path, skipped: frozenset[str] = frozenset()) -> None:
        """Read the package ``name`` in ``folder``; modules called as in ``skipped`` are left out."""
        self.name = name
        self._folder = folder
        self._skipped = skipped
        self._modules: dict[str, _Module] = {}

    def definitions(self) -> Iterator[tuple[str, Docstrings]]:
        """Yield (name as users write it, docstrings), the package's own names first, then those of modules within.

        Modules of one depth take turns. What several modules offer has the shortest name.
        """
        seen: set[int] = set()
        level = [self.name]
        for _ in range(_DEEPEST + 1):
            turns = zip_longest(*([f"{at}.{name}" for name in self._offered(at)] for at in level))
            for full in (name for turn in turns for name in turn if name is not None):
                at, _, name = full.rpartition(".")
                found = self._find(at, name, _LONGEST_WAY)
                if found is not None and id(found) not in seen:
                    seen.add(id(found))
                    yield full, found
            level = [inner for at in level for inner in self._inside(at)]

    def _inside(self, module: str) -> list[str]:
        """List the public modules directly in a package."""
        file = self._file(module)
        if file is None or file.name != "__init__.py":
            return []
        names = {
            path.stem
            for path in file.parent.iterdir()
            if path.suffix == ".py" or path.is_dir() and (path / "__init__.py").is_file()
        }
        return [f"{module}.{name}" for name in sorted(names) if name[0] != "_" and name not in self._skipped]

    def _offered(self, module: str, steps: int = _LONGEST_WAY) -> list[str]:
        own = self._module(module)
        if own is None:
            return []
        if own.listed is not None:
            return [name for name in own.listed if name[0] != "_"]
        starred = [
            name for source in own.stars if steps for name in self._offered(self._absolute(module, source), steps - 1)
        ]
        return [name for name in dict.fromkeys([*own.imported, *own.defined, *starred]) if name[0] != "_"]

    def _find(self, module: str, name: str, steps: int) -> Docstrings | None:
        own = self._module(module)
        if own is None or not steps:
            return None
        if name in own.defined:
            return own.defined[name]
        if name in own.imported:
            source, original = own.imported[name]
            return self._find(self._absolute(module, source), original, steps - 1)
        for source in reversed(own.stars):  # the later import wins
            found = self._find(self._absolute(module, source), name, steps - 1)
            if found is not None:
                return found
        return None

    def _absolute(self, module: str, source: str) -> str:
        """Return the full name of a module that is named as seen from another: one dot is the package around it."""
        levels = len(source) - len(source.lstrip("."))
        if not levels:
            return source
        file = self._file(module)
        inner = file is not None and file.name == "__init__.py"
        parts = module.split(".")
        around = parts[: len(parts) - levels + inner]
        return ".".join([*around, *filter(None, [source[levels:]])])

    def _module(self, module: str) -> "_Module | None":
        if module not in self._modules:
            file = self._file(module)
            if file is None:
                return None
            self._modules[module] = _Module(file)
        return self._modules[module]

    def _file(self, module: str) -> Path | None:
        first, *parts = module.split(".")
        if first != self.name:
            return None
        path = self._folder.joinpath(*parts)
        candidates = (path / "__init__.py", path.with_suffix(".py")) if parts else (path / "__init__.py",)
        return next(filter(Path.is_file, candidates), None)


class _Module:
    """Hold what one source file defines, imports and lists at its top level; its syntax tree is not kept.

    Attributes:
        defined: docstrings of each definition, by name; of several, as of overloads, those of the last.
        imported: (module, name there) of each name that is imported from another module.
        stars: the modules of which everything is imported, but for the eyes of type checkers only.
        listed: ``__all__`` as far as it is written out; None where there is none.
    """

    def __init__(self, file: Path) -> None:
        self.defined: dict[str, Docstrings] = {}
        self.imported: dict[str, tuple[str, str]] = {}
        self.stars: list[str] = []
        self.listed: list[str] | None = None
        with suppress(
            OSError, SyntaxError, ValueError, RecursionError
        ):  # one that this Python cannot read says nothing
            self._read(ast.parse(file.read_bytes()).body)

    def _read(self, body: list[ast.stmt]) -> None:
        for each in body:
            if isinstance(each, _DEFINITIONS):
                self.defined[each.name] = tuple(_docstrings(each, ""))
            elif isinstance(each, ast.ImportFrom):
                self._import(each)
            elif isinstance(each, (ast.If, ast.Try)):
                for_types = isinstance(each, ast.If) and ast.unparse(each.test).endswith("TYPE_CHECKING")
                known = list(self.stars)
                self._read([*each.body, *each.orelse])
                self.stars = known if for_types else self.stars
            elif isinstance(each, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                self._list(each)

    def _import(self, statement: ast.ImportFrom) -> None:
        source = "." * statement.level + (statement.module or "")
        for alias in statement.names:
            if alias.name == "*":
                self.stars.append(source)
            else:
                self.imported[alias.asname or alias.name] = source, alias.name

    def _list(self, statement: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if statement.value is not None and any(getattr(target, "id", None) == "__all__" for target in targets):
            with suppress(ValueError):  # computed, not written out
                self.listed = [*(self.listed or []), *map(str, ast.literal_eval(statement.value))]


def _docstrings(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Iterator[tuple[str, str]]:
    docstring = ast.get_docstring(node)
    if docstring:
        yield name, docstring
    if isinstance(node, ast.ClassDef):
        for child in node.body:
            if isinstance(child, _DEFINITIONS) and child.name[0] != "_":
                yield from _docstrings(child, f"{name}.{child.name}")
