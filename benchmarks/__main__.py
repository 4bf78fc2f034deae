"""Measure, and write the table and ``results.json``.

Usage: python -m benchmarks [NAME ...]   (default: all; the other rows stay, if this machine measured them)
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.machine import describe, is_same
from benchmarks.report import write_table
from benchmarks.rows import Row
from mote_demo.files import write_json

FOLDER = Path(__file__).parent
MEASURES: Mapping[str, tuple[str, str]] = {
    "throughput": ("encoding", "throughput"),
    "query": ("encoding", "one_query"),
    "experts": ("encoding", "experts"),
    "answer": ("searching", "answers"),
    "growing": ("growing", "against_the_whole_model"),
    "maps": ("mapping", "both_maps"),
    "frames": ("moving", "frames"),
    "start": ("starting", "first_answer"),
    "memory": ("remembering", "resident"),
    "arithmetic": ("encoding", "arithmetic"),
}
"""Name to the module and function that yields its rows."""


def main(arguments: list[str] | None = None) -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed and memory.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(MEASURES)} (default: all)")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder for results.json and results.md")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in MEASURES]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(MEASURES)}")
    machine, file = describe(), options.out / "results.json"
    for name in options.names or MEASURES:
        rows = [row.to_dict() | {"measure": name} for row in _measure(name)()]
        values = {"machine": machine, "rows": merge(_known(file, machine), name, rows, list(MEASURES))}
        write_json(file, values, indent=1)
        write_table(options.out / "results.md", values)
        for row in rows:
            sys.stdout.write(f"{row['ratio']:.2f}  {row['name']} / {row['peer']}: {row['note']}\n")


def merge(
    known: Sequence[dict[str, Any]], name: str, rows: Sequence[dict[str, Any]], order: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the known rows with those of one measure replaced, in the order of the measures."""
    kept = [row for row in known if row["measure"] != name and row["measure"] in order]
    return sorted([*kept, *rows], key=lambda row: order.index(row["measure"]))


def _measure(name: str) -> Callable[[], Iterator[Row]]:
    module, function = MEASURES[name]
    sys.stderr.write(f"{name} …\n")
    return getattr(import_module(f"benchmarks.{module}"), function)


def _known(file: Path, machine: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the file, unless another machine measured them."""
    values = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return values["rows"] if is_same(values.get("machine", {}), machine) else []


if __name__ == "__main__":
    main()
