"""Find labelled sets in a folder and read their tables."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mote_demo.errors import UserError, unknown_choice
from mote_demo.evaluation.families import FAMILIES, Family, Tables

SMALL_DOCUMENTS = 3500
SMALL_ROWS = 1000
_EMPTY_ALLOWED = "title"


@dataclass(frozen=True)
class LabelledSet:
    """Point at the tables of one set.

    ``limit`` is the most rows of test.parquet that are scored, a seeded sample; None is all.
    """

    name: str
    family: str
    folder: Path
    limit: int | None = None

    def read(self, seed: int = 0) -> tuple[Tables, str]:
        """Read and check the tables; a missing file, column or value is a ``UserError`` that names it.

        Returns:
            the tables, and a note that says what was left out, or "".
        """
        files = FAMILIES[self.family].files
        tables = {name: _read(self.folder / f"{name}.parquet", columns) for name, columns in files.items()}
        if self.limit is not None and "test" in tables and len(tables["test"]) > self.limit:
            note = f"a seeded sample of {self.limit} of {len(tables['test'])} rows"
            tables["test"] = tables["test"].sample(self.limit, random_state=seed).reset_index(drop=True)
            return tables, note
        return tables, ""


def discover(folder: str | Path, *, required: bool = True) -> list[LabelledSet]:
    """Find the sets in ``folder/<family>/<set>``, or in ``folder/dev/<family>/<set>`` where there is a dev folder.

    None is an error where one is ``required``.
    """
    root = Path(folder)
    if (root / "dev").is_dir():
        root = root / "dev"
    found = [
        LabelledSet(path.name, family, path)
        for family in FAMILIES
        for path in sorted((root / family).glob("*"))
        if path.is_dir()
    ]
    if not found and required:
        raise UserError(
            f"{root} has no labelled sets. They are expected in folders <family>/<set>, "
            f"where the family is one of: {', '.join(FAMILIES)}."
        )
    return found


def bundled_sets() -> list[LabelledSet]:
    """Return the small sets that come with the package, one for each task; they were written for it."""
    return discover(Path(__file__).with_name("bundled"))


def choose(sets: Sequence[LabelledSet], names: Sequence[str]) -> list[LabelledSet]:
    """Keep the sets that ``names`` asks for.

    Args:
        sets: what ``discover`` found.
        names: names of sets; or "all" alone; or "small" alone for what takes minutes on two cores:
            the retrieval sets of at most 3500 documents, and of every other set at most 1000 rows.
    """
    if list(names) == ["all"]:
        return list(sets)
    if list(names) == ["small"]:
        return [replace(one, limit=SMALL_ROWS) for one in sets if one.family != "retrieval" or _is_small(one)]
    known = list(dict.fromkeys(one.name for one in sets))
    for name in names:
        if name not in known:
            raise unknown_choice("set", name, ["small", "all", *known])
    return [one for one in sets if one.name in names]


def fingerprint(tables: Tables, family: Family) -> str:
    """Return a hash of the columns that are scored, in order: equal sets have equal fingerprints."""
    digest = hashlib.sha256()
    for name, columns in family.files.items():
        digest.update(f"{name}\0".encode())
        digest.update(tables[name][list(columns)].to_csv(index=False).encode())
    return digest.hexdigest()[:16]


def _is_small(one: LabelledSet) -> bool:
    path = one.folder / "corpus.parquet"
    return not path.is_file() or pq.read_metadata(path).num_rows <= SMALL_DOCUMENTS


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path} is missing. The set {path.parent.name!r} needs it.")
    try:
        table = pd.read_parquet(path)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path} is not a readable Parquet file ({error}).") from error
    for column in columns:
        if column not in table.columns:
            raise UserError(
                f"{path} has no column {column!r}; it has {', '.join(map(repr, table.columns))}. "
                f"Please name its columns {', '.join(columns)}."
            )
    table = table[list(columns)].reset_index(drop=True)
    return _complete(table, path)


def _complete(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    if _EMPTY_ALLOWED in table.columns:
        table[_EMPTY_ALLOWED] = table[_EMPTY_ALLOWED].fillna("")
    if table.empty:
        raise UserError(f"{path} has no rows.")
    for column in table.columns:
        missing = table[column].isna()
        if missing.any():
            raise UserError(f"{path}: the column {column!r} has no value in row {np.flatnonzero(missing)[0] + 1}.")
        if column in ("score", "label"):
            table[column] = _numbers(table[column], path)
        else:
            table[column] = table[column].astype(str)
    return table


def _numbers(column: pd.Series, path: Path) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = numbers.isna()
    if wrong.any():
        row = np.flatnonzero(wrong)[0]
        raise UserError(f"{path}: the column {column.name!r} holds {column[row]!r} in row {row + 1}, not a number.")
    return numbers
