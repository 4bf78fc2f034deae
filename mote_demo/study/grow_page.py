"""The study of grown experts as a page shows it."""

from collections.abc import Mapping, Sequence
from typing import Any

from mote_demo.evaluation.markdown import table

_MANY = 1000
"""From so many rows on an expert should be better than no training, and near full fine-tuning."""
_NEAR = 0.5
_HEADER = (
    *("set", "rows", "seeds", "untrained", "logistic", "full fine-tuning", "LoRA", "grown"),
    *("grown − untrained", "grown − full", "grown − LoRA", "twin lost"),
)


def grow_section(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows that the study wrote as a Markdown table, and below it which aims they reach and miss."""
    return "\n\n".join([table(_HEADER, map(_cells, rows)), "\n".join(_verdicts(rows))])


def _cells(row: Mapping[str, Any]) -> list[str]:
    scores = [_points(row[method]) for method in ("untrained", "logreg", "full_finetune", "lora", "grown")]
    leads = [_lead(row, against) for against in ("untrained", "full_finetune", "lora")]
    return [row["set"], f"{row['rows']:,}", str(row["seeds"]), *scores, *leads, _points(row["twin_forgets"])]


def _points(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _lead(row: Mapping[str, Any], against: str) -> str:
    low, high = row["intervals"][f"grown-{against}"]
    return f"{row['grown'] - row[against]:+.1f} ({low:+.1f} to {high:+.1f})"


def _verdicts(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say for each aim how many of the rows that it is for reach it, and which do not."""
    many = [row for row in rows if row["rows"] >= _MANY]
    more = f"with {_MANY:,} rows or more"
    reached = [
        (f"at most {_NEAR} below no training", rows, lambda row: row["grown"] >= row["untrained"] - _NEAR),
        (f"above no training {more}", many, lambda row: row["grown"] > row["untrained"]),
        (
            f"within {_NEAR} of full fine-tuning or above it {more}",
            many,
            lambda row: row["grown"] >= row["full_finetune"] - _NEAR,
        ),
        ("above LoRA", rows, lambda row: row["grown"] > row["lora"]),
        ("every other route bit for bit what it was", rows, lambda row: row["others_identical"]),
    ]
    return [f"- {aim}: {_count(of, [row for row in of if not holds(row)])}" for aim, of, holds in reached]


def _count(rows: Sequence[Mapping[str, Any]], missed: Sequence[Mapping[str, Any]]) -> str:
    names = ", ".join(f"{row['set']} at {row['rows']:,}" for row in missed)
    return f"{len(rows) - len(missed)} of {len(rows)}{f'; not {names}' if missed else ''}"
