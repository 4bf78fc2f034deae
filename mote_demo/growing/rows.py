"""Which rows an expert is trained on, and which it is measured on."""

from dataclasses import dataclass, replace

import numpy as np

from mote_demo.data.examples import Examples, split
from mote_demo.data.groups import text_key
from mote_demo.errors import UserError
from mote_demo.limits import TRAINED_ROWS

HELD_OUT = 0.25
"""Share of the rows to measure on."""

MOST_HELD_OUT = 1000
"""Rows to measure on; more would hardly change what is measured."""

_ASKED = ("text", "query", "sentence1", "sentence2")


@dataclass(frozen=True)
class Rows:
    """Hold the part to train on and the part to measure on, with what to know of them in ``notes``."""

    train: Examples
    test: Examples
    notes: tuple[str, ...] = ()


def choose_rows(examples: Examples, test: Examples | None = None, seed: int = 0) -> Rows:
    """Set rows aside to measure on, or take those of a person's own test file.

    Args:
        examples: checked rows of one task.
        test: rows of the same kind to measure on instead; those that the examples have as well are left out.
        seed: of what is drawn.

    Raises:
        UserError: nothing can be held out, or the test rows are of another kind, or none is left of them.
    """
    notes = []
    if len(examples.frame) > TRAINED_ROWS:
        notes.append(f"Of {len(examples.frame):,} rows a random {TRAINED_ROWS:,} are used.")
    drawn = draw_rows(examples, TRAINED_ROWS, seed)
    if test is not None:
        return _with_own_test(drawn, test, seed, notes)
    share = min(HELD_OUT, MOST_HELD_OUT / len(drawn.frame))
    train, held_out = divide(drawn, share, seed)
    notes += [note for note in train.notes if note not in examples.notes]
    return Rows(train, held_out, tuple(notes))


def draw_rows(examples: Examples, most: int, seed: int = 0) -> Examples:
    """Draw as many rows, all where there are no more."""
    if len(examples.frame) <= most:
        return examples
    return replace(examples, frame=examples.frame.sample(most, random_state=seed).reset_index(drop=True))


def divide(examples: Examples, share: float, seed: int) -> tuple[Examples, Examples]:
    """Split as ``split`` does; texts without labels are drawn one by one."""
    if list(examples.frame.columns) != ["text"]:
        return split(examples, share, seed)
    order = np.random.default_rng(seed).permutation(len(examples.frame))
    out = np.isin(np.arange(len(order)), order[: max(1, round(share * len(order)))])
    return (
        replace(examples, frame=examples.frame[~out].reset_index(drop=True)),
        replace(examples, frame=examples.frame[out].reset_index(drop=True)),
    )


def _with_own_test(train: Examples, test: Examples, seed: int, notes: list[str]) -> Rows:
    if test.task != train.task or set(test.frame) - {"negative"} != set(train.frame) - {"negative"}:
        raise UserError(
            f"The test rows are {test.task} with {', '.join(test.frame.columns)}, the others {train.task} with "
            f"{', '.join(train.frame.columns)}. Please give a test file with the same columns."
        )
    asked = [name for name in _ASKED if name in train.frame]
    keys, seen = (examples.frame[asked].map(text_key).apply(tuple, axis=1) for examples in (test, train))
    fresh = test.frame[~keys.isin(set(seen))].reset_index(drop=True)
    if len(fresh) < len(test.frame):
        notes.append(f"Left out {len(test.frame) - len(fresh):,} test row(s) that are among the training rows.")
    if fresh.empty:
        raise UserError("Every test row is among the training rows. Please give rows to test on that are not.")
    drawn = draw_rows(replace(test, frame=fresh), MOST_HELD_OUT, seed)
    if len(drawn.frame) < len(fresh):
        notes.append(f"Of {len(fresh):,} test rows a random {MOST_HELD_OUT:,} are measured.")
    if "label" in train.frame:
        unknown = sorted(set(drawn.frame["label"]) - set(train.frame["label"]))
        if unknown:
            notes.append(f"{len(unknown)} label(s) of the test rows have no training row, such as {unknown[0]!r}.")
    return Rows(train, drawn, tuple(notes))
