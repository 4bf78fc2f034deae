"""The texts of a set whose label can be told from other texts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_float_dtype

from mote_demo.data.texts import Texts
from mote_demo.errors import UserError, unknown_choice
from mote_demo.explore.measures import is_missing

MOST_TEXTS = 10_000
"""Beyond this many texts k-means in hundreds of classes takes minutes, so a random sample is measured."""

MOST_CLASSES = 200


@dataclass(frozen=True)
class Labelled:
    """Hold which texts have a class that at least one other text has too.

    Attributes:
        texts: all texts.
        label: column of the labels.
        rows: int64 [n], which texts take part.
        codes: int64 [n], the class of each of them.
        names: of the classes, the largest first.
        notes: what was left out, with counts, one sentence each.
    """

    texts: Texts
    label: str
    rows: np.ndarray
    codes: np.ndarray
    names: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, texts: Texts, label: str, *, most: int = MOST_TEXTS, seed: int = 0) -> "Labelled":
        """Choose the texts that have a label in a column of ``texts``.

        Texts without a label, further copies of a text with the same label, and classes of one text are left out,
        since a text is judged by the others. More than ``most`` texts are sampled by ``seed``.

        Raises:
            UserError: there is no such column, or fewer than two classes remain.
        """
        if label not in label_columns(texts):
            raise unknown_choice("label column", label, label_columns(texts))
        kept, left_out = _distinct(texts, label)
        kept, sampled = _sampled(kept, most, seed)
        notes = [*left_out, *sampled]
        kept, alone = _without_lonely(kept)
        if alone:
            notes.append(f"Left out: classes of one text, which no other text can tell ({_listed(alone)}).")
        counts = kept.value_counts()
        names = sorted(counts.index, key=lambda name: (-counts[name], name))
        if len(names) < 2:
            raise UserError(_too_few(texts, label, names, alone))
        codes = kept.map({name: code for code, name in enumerate(names)})
        rows = kept.index.to_numpy(np.int64)
        return cls(texts, label, rows, codes.to_numpy(np.int64), tuple(names), tuple(notes))

    @property
    def support(self) -> np.ndarray:
        """Return how many texts each class has, int64 [classes]."""
        return np.bincount(self.codes, minlength=len(self.names))

    @property
    def chance(self) -> np.ndarray:
        """Return for each text of a class how often another text, drawn at random, is of it: float64 [classes].

        It is the precision, the recall and the F1 of neighbours that mean nothing.
        """
        return (self.support - 1) / (len(self.codes) - 1)


def label_columns(texts: Texts) -> list[str]:
    """List the columns that can be labels: those the texts call so, then others whose values repeat."""
    others = [
        str(name)
        for name, column in texts.frame.items()
        if name not in ("title", "text", *texts.labels) and not is_float_dtype(column) and not column.is_unique
    ]
    return [*texts.labels, *others]


def _distinct(texts: Texts, label: str) -> tuple[pd.Series, list[str]]:
    """Return the labels by row, without missing ones and repeated texts, and what was left out in words."""
    column, notes = texts.frame[label], []
    kept = column[~is_missing(column)].map(str).str.strip()
    if len(kept) < len(column):
        notes.append(f"Left out: texts without a label ({len(column) - len(kept):,}).")
    copies = pd.DataFrame({"text": pd.Series(texts.passages).loc[kept.index], "label": kept}).duplicated()
    if copies.any():
        notes.append(f"Left out: texts that repeat another one and its label ({copies.sum():,}).")
    return kept[~copies], notes


def _sampled(kept: pd.Series, most: int, seed: int) -> tuple[pd.Series, list[str]]:
    """Return the largest classes, and no more texts than ``most``, and in words what that means."""
    common, notes = kept.value_counts(), []
    if len(common) > MOST_CLASSES:
        notes.append(f"The {MOST_CLASSES} largest of {len(common):,} classes take part.")
        kept = kept[kept.isin(common.index[:MOST_CLASSES])]
    if len(kept) > most:
        notes.append(f"A random sample of {most:,} of {len(kept):,} texts is measured.")
        kept = kept.sample(most, random_state=seed).sort_index()
    return kept, notes


def _without_lonely(kept: pd.Series) -> tuple[pd.Series, list[str]]:
    counts = kept.value_counts()
    alone = sorted(counts.index[counts == 1])
    return kept[~kept.isin(alone)], alone


def _listed(names: list[str], most: int = 5) -> str:
    shown = ", ".join(name if len(name) <= 40 else f"{name[:39]}…" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def _too_few(texts: Texts, label: str, names: list[str], alone: list[str]) -> str:
    mend = "Choose a column, or texts, with two labels or more that two texts or more have."
    if names:
        return f"All labelled texts of {texts.title} that can be compared have one {label}: {names[0]}. {mend}"
    if alone:
        return f"Each {label} of {texts.title} belongs to one text only, so no text can tell another's. {mend}"
    return f"No text of {texts.title} has a {label}. {mend}"
