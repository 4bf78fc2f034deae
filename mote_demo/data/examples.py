"""Training examples from a table: checked, with canonical columns, and split without leaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from mote_demo.data.columns import Columns, numbers
from mote_demo.data.groups import linked_rows, text_key
from mote_demo.data.preview import preview_html
from mote_demo.data.tables import Table
from mote_demo.errors import UserError, unknown_choice
from mote_demo.tasks import find_task

MIN_ROWS = 8
MIN_CLASSES = 2
MIN_PER_CLASS = 2
_ENOUGH = 0.5
_LEAST_GROUPS = 5
_SHARED = "Many questions share few answers, so questions are held out and both parts search the same answers."


@dataclass(frozen=True)
class Examples:
    """Hold rows to train one task on.

    Attributes:
        task: name of the task.
        frame: the task's columns, in order: (query, positive[, negative]), (text, label) or
            (sentence1, sentence2, score); str, but ``score`` is float in 0..1; RangeIndex.
        notes: what was left out or rescaled, with counts, one sentence each.
        counts: rows of each label or, without labels, {"pairs": rows}.
    """

    task: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        labels = f", {len(self.counts):,} labels" if "label" in self.frame else ""
        return f"Examples({self.task!r}, {len(self):,} rows{labels})"

    def _repr_html_(self) -> str:
        return preview_html(repr(self), self.frame, self.notes)


def to_examples(table: Table, task: str | None, columns: Columns) -> Examples:
    """Pick and check the columns that ``task`` trains on.

    Raises:
        UserError: a column is missing or unknown, a score is not a number, or too little is left.
    """
    wanted = find_task(task).columns
    notes: list[str] = []
    frame = _pick(table, find_task(task).name, wanted, columns, notes)
    if "label" in wanted:
        frame = _check_labels(frame, table.source, notes)
    if "score" in wanted:
        frame["score"] = _scale_scores(frame["score"], table.source, notes)
    if len(frame) < MIN_ROWS:
        raise UserError(f"{table.source} has {len(frame)} usable rows; training needs at least {MIN_ROWS}. Add rows.")
    frame = frame.reset_index(drop=True)
    return Examples(find_task(task).name, frame, tuple(notes), _count(frame))


def split(examples: Examples, held_out: float = 0.2, seed: int = 0) -> tuple[Examples, Examples]:
    """Split into (train, test), by label where there is one; no text is on both sides.

    Rows that share a text (a query with two positives, say) stay together. Hard negatives do not
    bind rows: they are often drawn from the same pool as the positives. Where many queries share few answers, as in a
    FAQ, only rows of one query stay together: both parts then search the same answers, and a note says so.

    Args:
        examples: the rows to split.
        held_out: share of the rows to test on, above 0 and below 1.
        seed: the same seed gives the same split.
    """
    if not 0 < held_out < 1:
        raise UserError(f"The held-out share must be between 0 and 1, not {held_out}.")
    random = np.random.default_rng(seed)
    frame = examples.frame
    if "label" in frame:
        strata = [list(rows) for _, rows in sorted(frame.groupby("label").groups.items())]
        test = [row for rows in strata for row in _draw([[row] for row in rows], held_out, random)]
    else:
        groups = linked_rows(frame.drop(columns=["score", "negative"], errors="ignore"))
        test = _draw(groups, held_out, random)
        few = len(groups) * held_out < _LEAST_GROUPS and len(frame) > 2 * len(groups)
        if "query" in frame and (few or len(test) < _ENOUGH * held_out * len(frame)):
            test = _draw(linked_rows(frame[["query"]]), held_out, random)
            examples = replace(examples, notes=(*examples.notes, _SHARED))
    if not test:
        raise UserError(
            "Nothing can be held out, because all rows are linked by texts that they share. "
            "Please add rows with other texts, or upload a test file of its own."
        )
    chosen = examples.frame.index.isin(test)
    return _part(examples, ~chosen), _part(examples, chosen)


def _part(examples: Examples, mask: np.ndarray) -> Examples:
    frame = examples.frame[mask].reset_index(drop=True)
    return replace(examples, frame=frame, counts=_count(frame))


def _pick(table: Table, task: str, wanted: Sequence[str], columns: Columns, notes: list[str]) -> pd.DataFrame:
    """Return the wanted columns under their canonical names, without incomplete or double rows."""
    roles = (*wanted, "negative") if columns.negative and "positive" in wanted else wanted
    names = {role: _column(table, task, role, getattr(columns, role)) for role in roles}
    if len(set(names.values())) < len(names):
        raise UserError(f"{task} needs different columns for {', '.join(names)}. Please choose each column once.")
    frame = pd.DataFrame({role: table.frame[name] for role, name in names.items()})
    complete = frame[(frame[list(wanted)] != "").all(axis=1)]
    _note(notes, len(frame) - len(complete), f"without {' or '.join(wanted)}")
    if "negative" in frame and (complete["negative"] == "").any():
        notes.append("Left out the negatives, because some rows have none.")
        complete = complete.drop(columns="negative")
    unique = complete.drop_duplicates()
    _note(notes, len(complete) - len(unique), "that repeat another")
    return unique


def _column(table: Table, task: str, role: str, name: str | None) -> str:
    if name is None:
        raise UserError(
            f"{task} needs a column for {role!r}, and {table.source} has none chosen. "
            f"Please choose one of: {', '.join(table.frame.columns)}."
        )
    if name not in table.frame:
        raise unknown_choice("column", name, table.frame.columns)
    return name


def _check_labels(frame: pd.DataFrame, source: str, notes: list[str]) -> pd.DataFrame:
    """Drop texts with two labels and labels with one text; at least two labels must be left."""
    keys = frame["text"].map(text_key)
    agreed = frame[frame.groupby(keys)["label"].transform("nunique") == 1]
    _note(notes, len(frame) - len(agreed), "whose text has different labels")
    once = agreed[~keys[agreed.index].duplicated()]
    _note(notes, len(agreed) - len(once), "that repeat another but for case or spaces")
    frequent = once[once.groupby("label")["label"].transform("size") >= MIN_PER_CLASS]
    _note(notes, len(once) - len(frequent), f"of labels with fewer than {MIN_PER_CLASS} texts")
    classes = frequent["label"].nunique()
    if classes < MIN_CLASSES:
        raise UserError(
            f"{source} has {classes} label(s) with at least {MIN_PER_CLASS} texts; training needs "
            f"{MIN_CLASSES} or more. Please choose another label column, or add rows of other labels."
        )
    return frequent


def _scale_scores(cells: pd.Series, source: str, notes: list[str]) -> pd.Series:
    """Return the scores in 0..1: as they are, or by (score - lowest) / (highest - lowest)."""
    values = numbers(cells)
    for cell, value in zip(cells, values, strict=True):
        if value is None:
            raise UserError(
                f"{source}: the score {cell!r} is not a number. Please correct it, or choose other columns."
            )
    scores = pd.Series(values, index=cells.index, dtype="float64")
    low, high = scores.min(), scores.max()
    if low == high:
        raise UserError(f"{source}: every score is {low:g}. Please give pairs with different scores.")
    if low >= 0 and high <= 1:
        return scores
    notes.append(f"Rescaled the scores from {low:g}..{high:g} to 0..1.")
    return (scores - low) / (high - low)


def _count(frame: pd.DataFrame) -> dict[str, int]:
    if "label" not in frame:
        return {"pairs": len(frame)}
    return {str(label): int(count) for label, count in sorted(frame["label"].value_counts().items())}


def _note(notes: list[str], count: int, what: str) -> None:
    if count:
        notes.append(f"Left out {count:,} row(s) {what}.")


def _draw(groups: Sequence[list[int]], share: float, random: np.random.Generator) -> list[int]:
    """Draw groups until ``share`` of the rows is reached: at least one row, and never all of them."""
    total = sum(map(len, groups))
    target = min(max(1, round(share * total)), total - 1)
    drawn: list[int] = []
    for position in random.permutation(len(groups)):
        if len(drawn) + len(groups[position]) <= target:
            drawn += groups[position]
    return drawn
