"""What a table gives for a task: rows, balance, lengths, what the model cannot read, and every problem by its row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mote_demo.data.cells import count_words
from mote_demo.data.examples import Examples, Problem, split
from mote_demo.data.groups import text_key
from mote_demo.data.proposal import Role, examples_of, task_of
from mote_demo.data.tables import Table
from mote_demo.errors import UserError

TokenCounter = Callable[[Sequence[str]], Sequence[tuple[int, int]]]
"""Gives (tokens, tokens that the model does not know) of each text."""

Split = Callable[[Examples], tuple[Examples, Examples, Sequence[str]]]
"""Gives the rows to train on, those to measure on, and what to know of them, one sentence each."""

SAMPLED = 2_000
"""Texts that lengths and unknown tokens are counted on; more would keep a person waiting at every change."""

_HELD_OUT = 0.25
_BINS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_READ = (Role.TEXT, Role.QUESTION, Role.ANSWER, Role.NEGATIVE)
_HARDLY_READ = 0.5


@dataclass(frozen=True)
class Lengths:
    """Count texts by their length.

    Attributes:
        unit: "tokens" or "words".
        bins: (least, most, texts) of each bar; the last has no most, which is None.
        median: of the texts.
        longest: of the texts.
        cut: texts that are longer than the model reads.
        of: how many texts were looked at.
    """

    unit: str
    bins: tuple[tuple[int, int | None, int], ...]
    median: int
    longest: int
    cut: int
    of: int


@dataclass(frozen=True)
class Report:
    """Say what a table gives for a task.

    Attributes:
        task: name of the task; "" where the texts are only looked at.
        examples: what it trains on; None where there is none.
        error: why it cannot train, what is missing, and what to do; "" where it can.
        train: rows to train on.
        test: rows that are held out to measure on.
        lengths: of its texts; None without any.
        unreadable: share of tokens that the model does not know, from 0 to 1; None without a tokenizer.
        duplicates: rows whose texts another row has as well, but for case and spaces.
        problems: every cell or row that was left out or is doubtful.
        notes: what else to know of the rows, one sentence each.
    """

    task: str
    examples: Examples | None
    error: str
    train: int
    test: int
    lengths: Lengths | None
    unreadable: float | None
    duplicates: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

    @property
    def majority(self) -> float | None:
        """Return how often the most frequent label is right, from 0 to 1; None without labels."""
        if self.examples is None or "label" not in self.examples.frame:
            return None
        return max(self.examples.counts.values()) / len(self.examples)

    def to_frame(self) -> pd.DataFrame:
        """Return the problems as a table: row, column, problem, cell."""
        rows = [(each.row, each.column, each.words, each.cell) for each in self.problems]
        return pd.DataFrame(rows, columns=["row", "column", "problem", "cell"])


def describe(
    table: Table,
    roles: Mapping[str, Role],
    *,
    count_tokens: TokenCounter | None = None,
    most_tokens: int | None = None,
) -> Report:
    """Describe the texts of a table that is only looked at: lengths, what cannot be read, duplicates.

    Args:
        table: the table.
        roles: of its columns; one without is ignored.
        count_tokens: the model's; None counts words.
        most_tokens: of a text that the model reads.
    """
    texts = table.frame[[column for column in table.frame.columns if roles.get(column) in _READ]]
    lengths, unreadable, problems = _read(texts, count_tokens, most_tokens)
    return Report("", None, "", 0, 0, lengths, unreadable, _duplicates(texts), tuple(problems))


def check(
    table: Table,
    roles: Mapping[str, Role],
    task: str | None = None,
    *,
    count_tokens: TokenCounter | None = None,
    most_tokens: int | None = None,
    try_split: Split | None = None,
) -> Report:
    """Check what the columns in these roles give for a task, up to the rows that would be held out.

    Args:
        table: the table.
        roles: of its columns; one without is ignored.
        task: name of the task; None takes the one that the roles are complete for.
        count_tokens: the model's; None counts words.
        most_tokens: of a text that the model reads.
        try_split: splits the examples as the training will; None holds a quarter out.
    """
    task = task or task_of(roles)
    described = describe(table, roles, count_tokens=count_tokens, most_tokens=most_tokens)
    described = replace(described, task=task)
    try:
        examples = examples_of(table, roles, task)
    except UserError as error:
        return replace(described, error=str(error))
    problems = tuple(sorted((*examples.problems, *described.problems), key=lambda each: each.row))
    described = replace(described, examples=examples, problems=problems, notes=examples.notes)
    try:
        train, test, notes = (try_split or _hold_out)(examples)
    except UserError as error:
        return replace(described, error=str(error))
    notes = (*examples.notes, *notes)
    return replace(described, train=len(train), test=len(test), notes=notes, error=_cannot_measure(test))


def unreadable_share(texts: Sequence[str], count_tokens: TokenCounter) -> float:
    """Return the share of tokens that a model does not know, from 0 to 1, in a seeded sample of ``texts``."""
    _, share, _ = _read(pd.DataFrame({"text": list(texts)}), count_tokens, None)
    return share or 0.0


def _hold_out(examples: Examples) -> tuple[Examples, Examples, list[str]]:
    train, test = split(examples, _HELD_OUT)
    return train, test, [note for note in train.notes if note not in examples.notes]


def _read(
    texts: pd.DataFrame, count_tokens: TokenCounter | None, most_tokens: int | None
) -> tuple[Lengths | None, float | None, list[Problem]]:
    """Measure a seeded sample of the texts; return lengths, the share of unknown tokens, and what is hardly read."""
    cells = [(row, str(column), cell) for column, own in texts.items() for row, cell in enumerate(own, start=1) if cell]
    if len(cells) > SAMPLED:
        chosen = np.sort(np.random.default_rng(0).choice(len(cells), SAMPLED, replace=False))
        cells = [cells[at] for at in chosen]
    if not cells:
        return None, None, []
    if count_tokens is None:
        counts: Sequence[tuple[int, int]] = [(count_words(cell), 0) for _, _, cell in cells]
    else:
        counts = count_tokens([cell for _, _, cell in cells])
    sizes = np.array([size for size, _ in counts])
    unknown = np.array([number for _, number in counts])
    cut = sizes > most_tokens if count_tokens and most_tokens else np.zeros(len(sizes), dtype=bool)
    problems = []
    for (row, column, cell), size, strange, long in zip(cells, sizes, unknown, cut, strict=True):
        if strange > _HARDLY_READ * size:
            problems.append(Problem(row, column, f"the model cannot read {strange / size:.0%} of it", cell[:200]))
        elif long:
            problems.append(Problem(row, column, f"only its first {most_tokens} of {size} tokens are read", cell[:200]))
    share = float(unknown.sum() / max(1, sizes.sum())) if count_tokens else None
    unit = "tokens" if count_tokens else "words"
    lengths = Lengths(unit, _histogram(sizes), int(np.median(sizes)), int(sizes.max()), int(cut.sum()), len(sizes))
    return lengths, share, problems


def _histogram(sizes: np.ndarray) -> tuple[tuple[int, int | None, int], ...]:
    """Count sizes in bars that double in width, without those beyond the shortest and the longest."""
    ends: list[int | None] = [end - 1 for end in _BINS[1:]]
    bars = [
        (start, end, int(((sizes >= start) & (sizes <= (end or sizes.max()))).sum()))
        for start, end in zip(_BINS, [*ends, None], strict=True)
    ]
    filled = [at for at, (_, _, count) in enumerate(bars) if count]
    return tuple(bars[filled[0] : filled[-1] + 1]) if filled else ()


def _duplicates(texts: pd.DataFrame) -> int:
    if texts.empty:
        return 0
    keys = texts.map(text_key)
    return int((keys.duplicated() & (keys != "").any(axis=1)).sum())


def _cannot_measure(test: Examples) -> str:
    if "score" in test.frame and test.frame["score"].nunique() == 1:
        return (
            f"All {len(test)} pairs that would be held out to measure on have the same score, so their order tells "
            "nothing. Please add pairs of other scores."
        )
    return ""
