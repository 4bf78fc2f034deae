"""Try the tools that people use, and write ``results/ecosystem.json``.

Usage: python -m ecosystem [CHECK ...]   (default: all; the rows of the other checks stay)
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ecosystem.rows import Row
from mote_demo.files import write_json

FILE = Path(__file__).parent.parent / "results" / "ecosystem.json"
CHECKS: Mapping[str, tuple[str, str]] = {
    "alone": ("alone", "without_the_package"),
    "folded": ("folded", "folded_routes"),
    "core": ("core", "without_extras"),
    "ray": ("scale", "ray_cluster"),
    "indexes": ("scale", "stored_indexes"),
    "exports": ("scale", "exported_routes"),
    "clients": ("clients", "exported_clients"),
    "processes": ("scale", "two_processes"),
}
"""Name to the module and function that yields its rows."""


def main(arguments: list[str] | None = None) -> int:
    """Try what the command line asks for; the exit status is 1 where something did not work."""
    parser = argparse.ArgumentParser(prog="python -m ecosystem", description="Try the tools that people use.")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"some of {', '.join(CHECKS)} (default: all)")
    parser.add_argument("--out", type=Path, default=FILE, help="JSON file to write (default: %(default)s)")
    options = parser.parse_args(arguments)
    unknown = [check for check in options.checks if check not in CHECKS]
    if unknown:
        parser.error(f"no check {unknown[0]!r}; there are {', '.join(CHECKS)}")
    failed = 0
    for check in options.checks or CHECKS:
        sys.stderr.write(f"{check} …\n")
        rows = []
        for row in _tried(check):
            sys.stdout.write(f"{'ok' if row.ok else 'FAILED':6}  {row.name} ({row.version}): {row.detail}\n")
            sys.stdout.flush()
            rows.append(row.to_dict(check))
            failed += not row.ok
        write_json(options.out, {"rows": merge(_known(options.out), check, rows, list(CHECKS))}, indent=1)
    return 1 if failed else 0


def merge(
    known: Sequence[dict[str, Any]], check: str, rows: Sequence[dict[str, Any]], order: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the known rows with those of one check replaced, in the order of the checks."""
    kept = [row for row in known if _check_of(row) != check and _check_of(row) in order]
    return sorted([*kept, *rows], key=lambda row: order.index(_check_of(row)))


def _tried(check: str) -> Iterator[Row]:
    """Yield the rows of a check; one that ends early is a row too, so that nothing passes unseen."""
    module, function = CHECKS[check]
    run: Callable[[], Iterator[Row]] = getattr(import_module(f"ecosystem.{module}"), function)
    try:
        yield from run()
    # Whatever somebody else's tool raises.
    except Exception as error:
        yield Row("the check itself", "", False, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def _check_of(row: Mapping[str, Any]) -> str:
    return str(row["name"]).partition(":")[0]


def _known(file: Path) -> list[dict[str, Any]]:
    return json.loads(file.read_text("utf-8"))["rows"] if file.is_file() else []


if __name__ == "__main__":
    sys.exit(main())
