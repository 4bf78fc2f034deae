"""The one list of what can be uploaded, which pickers, commands and the documentation read."""

from collections.abc import Mapping
from types import MappingProxyType

FILE_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "CSV": (".csv",),
        "TSV": (".tsv", ".tab"),
        "text": (".txt",),
        "JSON": (".json",),
        "JSONL": (".jsonl", ".ndjson"),
        "Parquet": (".parquet",),
        "Excel": (".xlsx",),
        "gzip": (".gz",),
        "zip": (".zip",),
    }
)
"""What can be read, by the name that a person knows, with the ends of file names."""

SUFFIXES = tuple(suffix for suffixes in FILE_KINDS.values() for suffix in suffixes)
SUPPORTED = "CSV, TSV, JSON, Excel or Parquet"
"""The formats in words; each may be packed by gzip or, alone, in a zip archive."""


def has_known_suffix(name: str) -> bool:
    """Tell whether a file of this name is one that can be read."""
    return name.lower().endswith(SUFFIXES)
