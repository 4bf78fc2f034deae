"""Training examples from a table: checked, with canonical columns, and split without leaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from mote_demo.data.columns import Columns, speaks_of_inference
from mote_demo.data.groups import linked_rows, text_key
from mote_demo.data.preview import preview_html
from mote_demo.data.scores import RIGHT_ANSWER, Scores, read_scores
from mote_demo.data.tables import Table
from mote_demo.errors import UserError, unknown_choice
from mote_demo.tasks import find_task

MIN_ROWS = 8
MIN_CLASSES = 2
MIN_PER_CLASS = 2
_ENOUGH = 0.5
_LEAST_GROUPS = 5
_SHARED = "Many questions share few answers, so questions are held out and both parts search the same answers."

_SHOWN_CHARACTERS = 200
_BETWEEN_LABELS = "#|;,"
_MANY = {"query": "questions", "positive": "answers", "sentence1": "first texts", "sentence2": "second texts"}


@dataclass(frozen=True)
class Problem:
    """Say what is wrong with one cell of a table, or with one row where ``column`` is empty; rows count from 1."""

    row: int
    column: str
    words: str
    cell: str = ""


@dataclass(frozen=True)
class Examples:
    """Hold rows to train one task on.

    Attributes:
        task: name of the task.
        frame: the task's columns, in order: (query, positive[, negative]), (text, label) or
            (sentence1, sentence2, score); str, but ``score`` is float in 0..1; RangeIndex.
        notes: what was left out or rescaled, with counts, one sentence each.
        counts: rows of each label or, without labels, {"pairs": rows}.
        problems: what was left out, row by row.
    """

    task: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        labels = f", {len(self.counts):,} labels" if "label" in self.frame else ""
        return f"Examples({self.task!r}, {len(self):,} rows{labels})"

    def _repr_html_(self) -> str:
        return preview_html(repr(self), self.frame, self.notes)


def to_examples(table: Table, task: str | None, columns: Columns) -> Examples:
    """Pick and check the columns that ``task`` trains on.

    A score beside a question and its answer keeps pairs of a low score from being trained on as right answers.

    Raises:
        UserError: a column is missing or unknown, a score is not one, or too little is left.
    """
    found = find_task(task)
    rows = _Rows(table, found.name, found.columns, columns)
    rows.drop_incomplete()
    if "label" in found.columns:
        rows.check_labels()
    if "score" in rows.frame:
        rows.scale_scores(as_target="score" in found.columns)
    rows.check_size()
    frame = rows.frame.reset_index(drop=True)
    return Examples(found.name, frame, tuple(rows.notes), _count(frame), tuple(rows.problems))


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
        few |= len(test) < _ENOUGH * held_out * len(frame)
        if "query" in frame and few and frame["positive"].nunique() > 1:
            test = _draw(linked_rows(frame[["query"]]), held_out, random)
            examples = replace(examples, notes=(*examples.notes, _SHARED))
    if not test:
        raise UserError(_why_not_split(examples, held_out))
    chosen = examples.frame.index.isin(test)
    return _part(examples, ~chosen), _part(examples, chosen)


def _part(examples: Examples, mask: np.ndarray) -> Examples:
    frame = examples.frame[mask].reset_index(drop=True)
    return replace(examples, frame=frame, counts=_count(frame))


class _Rows:
    """Narrow the rows of a table down to those that can be trained on, and remember what was left out."""

    def __init__(self, table: Table, task: str, wanted: Sequence[str], columns: Columns) -> None:
        """Take the wanted columns under their canonical names."""
        optional = [role for role in ("negative", "score") if "positive" in wanted and getattr(columns, role)]
        roles = (*wanted, *optional)
        self._names = {role: _column(table, task, role, getattr(columns, role)) for role in roles}
        if len(set(self._names.values())) < len(self._names):
            raise UserError(
                f"{task} needs different columns for {', '.join(self._names)}. Please choose each column once."
            )
        self._source = table.source
        self._required = [role for role in roles if role != "negative"]
        picked = {role: table.frame[name] for role, name in self._names.items()}
        self.frame = pd.DataFrame(picked).reset_index(drop=True)
        self.notes: list[str] = []
        self.problems: list[Problem] = []

    def drop_incomplete(self) -> None:
        """Leave out rows that lack something or say the same as another."""
        blank = self.frame[self._required] == ""
        for role in self._required:
            self._tell(blank.index[blank[role]], role, "is blank")
        self._keep(~blank.any(axis=1), f"without {' or '.join(self._required)}")
        if "negative" in self.frame and (self.frame["negative"] == "").any():
            self.notes.append("Left out the negatives, because some rows have none.")
            self.frame = self.frame.drop(columns="negative")
        self._keep(~self.frame.duplicated(), "that repeat another", tell="repeats another row")

    def check_labels(self) -> None:
        """Drop texts with two labels and labels with one text; at least two labels must be left."""
        self.frame["label"] = _without_order(self.frame["label"], self.notes)
        keys = self.frame["text"].map(text_key)
        agreed = self.frame.groupby(keys)["label"].transform("nunique") == 1
        self._keep(agreed, "whose text has different labels", "label", "other rows give the same text another label")
        once = ~keys[self.frame.index].duplicated()
        self._keep(once, "that repeat another but for case or spaces", "text", "repeats another row")
        frequent = self.frame.groupby("label")["label"].transform("size") >= MIN_PER_CLASS
        rare = f"has fewer than {MIN_PER_CLASS} texts"
        self._keep(frequent, f"of labels with fewer than {MIN_PER_CLASS} texts", "label", rare)
        classes = self.frame["label"].nunique()
        if classes < MIN_CLASSES:
            raise UserError(
                f"{self._source} has {classes} label(s) with at least {MIN_PER_CLASS} texts; training needs "
                f"{MIN_CLASSES} or more, and {MIN_ROWS} rows in all. Please choose another label column than "
                f"{self._names['label']!r}, or add rows of other labels. {' '.join(self.notes)}".strip()
            )

    def scale_scores(self, *, as_target: bool) -> None:
        """Put scores on a scale from 0 to 1, or keep the pairs whose score says that they are right."""
        if self.frame.empty:
            return
        inference = speaks_of_inference(self._names.values())
        scores = read_scores(self.frame["score"].tolist(), self._source, inference=inference)
        values = pd.Series(scores.values, index=self.frame.index, dtype="float64")
        unreadable, what = values.isna(), "whose score says nothing that can be read"
        self._keep(~unreadable, what, "score", "is no score that can be read")
        values = values[~unreadable]
        if as_target:
            self.frame["score"] = values
            self.notes.extend(_scale_notes(scores))
            return
        right = values >= RIGHT_ANSWER
        scale = f" on the scale {scores.scale}" if scores.scale else ""
        self._keep(
            right,
            f"that are no right answers: their score is below {RIGHT_ANSWER:.0%} of the highest{scale}",
            "score",
            "is too low for a right answer",
        )
        self.frame = self.frame.drop(columns="score")

    def check_size(self) -> None:
        """Refuse what is too little to learn from, and say how much more it takes."""
        count = len(self.frame)
        if count < MIN_ROWS:
            raise UserError(
                f"{self._source} has {count} usable rows; training needs at least {MIN_ROWS}. "
                f"Please add {MIN_ROWS - count} or more. {' '.join(self.notes)}".strip()
            )

    def _keep(self, mask: pd.Series, what: str, role: str = "", tell: str = "") -> None:
        left_out = self.frame.index[~mask.to_numpy()]
        if not len(left_out):
            return
        self.notes.append(f"Left out {len(left_out):,} row(s) {what}.")
        if tell:
            self._tell(left_out, role, tell)
        self.frame = self.frame[mask.to_numpy()].copy()

    def _tell(self, rows: pd.Index, role: str, words: str) -> None:
        name = self._names.get(role, "")
        cells = self.frame.loc[rows, role].astype(str) if role else [""] * len(rows)
        for row, cell in zip(rows, cells, strict=True):
            self.problems.append(Problem(int(row) + 1, name, words, cell[:_SHOWN_CHARACTERS]))


def _column(table: Table, task: str, role: str, name: str | None) -> str:
    if name is None:
        raise UserError(
            f"{task} needs a column for {role!r}, and {table.source} has none chosen. "
            f"Please choose one of: {', '.join(table.frame.columns)}."
        )
    if name not in table.frame:
        raise unknown_choice("column", name, table.frame.columns)
    return name


def _without_order(labels: pd.Series, notes: list[str]) -> pd.Series:
    """Give several labels of one text, such as "a#b" and "b#a", the same spelling whatever their order."""
    for sign in _BETWEEN_LABELS:
        ordered = labels.map(lambda label: tuple(sorted(part.strip() for part in label.split(sign))))  # noqa: B023
        spellings = labels.groupby(ordered).nunique()
        mixed = ordered.map(spellings) > 1
        if mixed.any():
            notes.append(f"{int(mixed.sum()):,} rows have several labels, whose order is ignored.")
            labels = labels.where(~mixed, ordered.map(sign.join))
    return labels


def _scale_notes(scores: Scores) -> list[str]:
    if not scores.scale:
        return []
    if "=" in scores.scale:
        return [f"Read the words as scores: {scores.scale}."]
    return [" ".join(filter(None, (f"Rescaled the scores from {scores.scale} to 0..1.", scores.unclear)))]


def _why_not_split(examples: Examples, held_out: float) -> str:
    """Say why no row can be set aside, what it takes, and what the rows are good for as they are."""
    frame = examples.frame.drop(columns=["score", "negative"], errors="ignore")
    smallest, rows = min(map(len, linked_rows(frame))), len(frame)
    distinct = " and ".join(f"{frame[name].map(text_key).nunique():,} {_MANY[name]}" for name in frame)
    words = (
        f"Nothing can be held out to measure on, because all {rows:,} rows are linked by texts that they share: there "
        f"are {distinct}. The smallest group of rows without a text of the others has {smallest:,} rows, and at most "
        f"{round(held_out * rows):,} are held out. Please add rows with texts of their own, {MIN_ROWS} or more."
    )
    answers = frame[frame.columns[-1]].nunique()
    if "positive" in frame and MIN_CLASSES <= answers <= rows / MIN_PER_CLASS:
        words += (
            f" As it is, the file can train Classification: make the questions Text and the answers Label "
            f"({answers:,} labels)."
        )
    return words


def _count(frame: pd.DataFrame) -> dict[str, int]:
    if "label" not in frame:
        return {"pairs": len(frame)}
    return {str(label): int(count) for label, count in sorted(frame["label"].value_counts().items())}


def _draw(groups: Sequence[list[int]], share: float, random: np.random.Generator) -> list[int]:
    """Draw groups until ``share`` of the rows is reached: at least one row, and never all of them."""
    total = sum(map(len, groups))
    target = min(max(1, round(share * total)), total - 1)
    drawn: list[int] = []
    for position in random.permutation(len(groups)):
        if len(drawn) + len(groups[position]) <= target:
            drawn += groups[position]
    return drawn
