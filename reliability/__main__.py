"""Try what the app promises, and write how often it held.

Usage: python -m reliability [NAME ...]   (default: all; the other rows of the file stay)
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from mote_demo.files import write_json
from reliability.rows import Row

OUT = Path("results/reliability.json")
PROMISES: Mapping[str, tuple[str, str]] = {
    "uploads": ("uploads", "uploads"),
    "calls": ("calls", "no_call_crashes"),
    "load": ("load", "holds_its_load"),
    "sealing": ("sealed", "sessions_are_sealed"),
    "text": ("inert", "text_is_inert"),
    "files": ("interrupting", "half_written"),
    "damage": ("damage", "damage_is_seen"),
    "sameness": ("repeating", "same_in_same_out"),
    "stopping": ("stopping", "stops_well"),
    "degrading": ("degrading", "degrades"),
}
"""Name to the module and function that yields its rows, given the tries (None: as many as it should be) and a seed.

A row may come again with larger counts: the file has the last.
"""


def main(arguments: list[str] | None = None) -> int:
    """Try what the command line asks for; return 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m reliability", description="Try what the app promises.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(PROMISES)} (default: all)")
    parser.add_argument("--tries", type=int, help="of each promise (default: as many as its target says)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT, help=f"file that the rows go into (default: {OUT})")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in PROMISES]
    if unknown:
        parser.error(f"no promise {unknown[0]!r}; there are {', '.join(PROMISES)}")
    rows: dict[str, Row] = {}
    for name in options.names or PROMISES:
        sys.stderr.write(f"{name} …\n")
        for row in _promise(name)(options.tries, options.seed):
            rows[row.name] = row
            known = json.loads(options.out.read_text("utf-8"))["rows"] if options.out.is_file() else []
            write_json(options.out, {"rows": merge(known, asdict(row))}, indent=1)
            sys.stderr.write(f"\r  {row.tried:,} tried, {sum(each.failed for each in rows.values()):,} failed ")
        sys.stderr.write("\n")
    for row in rows.values():
        sys.stdout.write(f"{row.failed:,} of {row.tried:,} failed  {row.name}: {row.note}\n")
    return int(any(row.failed for row in rows.values()))


def merge(known: Sequence[dict[str, Any]], row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the known rows with one more, in the place of that of the same name."""
    if any(each["name"] == row["name"] for each in known):
        return [row if each["name"] == row["name"] else each for each in known]
    return [*known, row]


def _promise(name: str) -> Callable[[int | None, int], Iterator[Row]]:
    module, function = PROMISES[name]
    return getattr(import_module(f"reliability.{module}"), function)


if __name__ == "__main__":
    sys.exit(main())
