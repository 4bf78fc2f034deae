"""Which held-out rows a training set right, and which it spoilt."""

from dataclasses import dataclass

from mote_demo.data.examples import Examples
from mote_demo.growing.heldout import Measured


@dataclass(frozen=True)
class RowChange:
    """Hold one held-out row: its texts, what is right, and the answers before and after."""

    texts: tuple[str, ...]
    right: str
    before: str
    after: str


@dataclass(frozen=True)
class RowChanges:
    """Hold the rows that are right only after the training, and those that were right only before."""

    fixed: tuple[RowChange, ...]
    newly_wrong: tuple[RowChange, ...]


def row_changes(test: Examples, before: Measured, after: Measured) -> RowChanges:
    """Compare what both measurements made of each held-out row."""
    fixed: list[RowChange] = []
    wrong: list[RowChange] = []
    asked = [name for name in ("text", "query", "sentence1", "sentence2") if name in test.frame]
    gold = next((name for name in ("label", "positive", "score") if name in test.frame), None)
    texts = test.frame[asked].itertuples(index=False, name=None)
    golds = [""] * len(test.frame) if gold is None else test.frame[gold]
    for row, right, was, became in zip(texts, golds, before.answers, after.answers, strict=True):
        if was.right != became.right:
            words = f"score {right:.2f}" if gold == "score" else str(right)
            (fixed if became.right else wrong).append(RowChange(row, words, was.words, became.words))
    return RowChanges(tuple(fixed), tuple(wrong))
