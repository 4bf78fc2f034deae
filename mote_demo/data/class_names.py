"""Names of classes that a data set keeps in its schema, where the rows hold numbers."""

import json
from collections.abc import Mapping
from typing import Any


def class_names(features: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names of each column of classes, or of lists of them.

    Args:
        features: of a Hugging Face data set: objects, or what its files say of them as JSON.
    """
    found = {column: _names(kind) for column, kind in features.items()}
    return {column: names for column, names in found.items() if names}


def names_in_metadata(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """Return the names in the schema of a Parquet or Arrow file that the data sets library wrote."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return class_names(features) if isinstance(features, dict) else {}


def named(row: Mapping[str, Any], names: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the row with names in the place of numbers; -1, which stands for no class, becomes None."""
    return {key: _named(cell, names[key]) if key in names else cell for key, cell in row.items()}


def _names(kind: Any) -> list[str]:
    if isinstance(kind, list):  # a list of classes, in the short form
        return _names(kind[0]) if len(kind) == 1 else []
    names = kind.get("names") if isinstance(kind, dict) else getattr(kind, "names", None)
    inner = kind.get("feature") if isinstance(kind, dict) else getattr(kind, "feature", None)
    if names is None and inner is not None:
        return _names(inner)
    return [str(name) for name in names] if isinstance(names, (list, tuple)) else []


def _named(cell: Any, names: list[str]) -> Any:
    if isinstance(cell, list):
        return [_named(each, names) for each in cell]
    if isinstance(cell, int) and -1 <= cell < len(names):
        return None if cell == -1 else names[cell]
    return cell
