"""The results as a Markdown table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mote_demo.evaluation.markdown import table
from mote_demo.files import replacing

SIGNS = {"higher": "≥", "lower": "≤"}


def write_table(path: Path, values: Mapping[str, Any]) -> None:
    """Write the rows and the machine that measured them, atomically."""
    machine = values["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    text = (
        f"{results_table(values)}\n\nMedians, with the range of the alternations. Measured on {machine['processor']}, "
        f"{machine['threads']} threads, {machine['instructions']}, {machine['sgemm_gflops']} GFLOP/s in float32 matrix "
        f"products, with Python {machine['python']}, {packages}.\n"
    )
    with replacing(path) as temporary:
        temporary.write_text(f"# Benchmarks\n\nWritten by `make bench`.\n\n{text}", encoding="utf-8")


def results_table(values: Mapping[str, Any]) -> str:
    """Return the rows as a table."""
    rows = [
        [
            row["name"],
            row["peer"],
            f"{row['ratio']:.2f} ({row['min']:.2f} to {row['max']:.2f})",
            f"{SIGNS[row['better']]} {row['target']:g}",
            "yes" if row["met"] else "no",
            row["note"],
        ]
        for row in values["rows"]
    ]
    return table(["what", "against", "ratio", "target", "met", "notes"], rows, left=6)
