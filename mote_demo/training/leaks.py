"""Keep texts of the evaluation out of the training."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from mote_demo.evaluation.families import TEXT_COLUMNS
from mote_demo.evaluation.labelled_sets import LabelledSet

WORDS_IN_A_ROW = 13
_WORD = re.compile(r"[^\W\d_]+|\d+")


class Leaks:
    """Recognise a text that is, nearly, one of the evaluation's.

    Nearly: the same words in any order, but for case, punctuation and the value of numbers; or 13 words in a row
    that occur in one of them (the check of Brown et al. 2020).
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._bags: set[int] = set()
        self._runs: set[int] = set()
        for text in texts:
            words = _words(text)
            if words:
                self._bags.add(_bag(words))
                self._runs.update(_runs(words))

    def find(self, texts: Iterable[str]) -> np.ndarray:
        """Tell for each text whether it is one: bool [texts]."""
        return np.array([self._is_known(_words(text)) for text in texts], dtype=bool)

    def _is_known(self, words: list[str]) -> bool:
        return _bag(words) in self._bags or any(run in self._runs for run in _runs(words))

    def drop_rows(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the training rows none of whose texts is known (see ``load_pairs`` for the columns)."""
        texts = [column for column in rows if column != "label"]
        distinct = pd.unique(rows[texts].to_numpy().ravel())
        known = set(distinct[self.find(distinct)])
        return rows[~rows[texts].isin(known).any(axis=1)].reset_index(drop=True)


def leaks_of(sets: Iterable[LabelledSet]) -> Leaks:
    """Read every text that is scored in labelled sets, also those beyond the limit of a set."""
    return Leaks(text for one in sets for text in _texts(one))


def _texts(one: LabelledSet) -> Iterator[str]:
    tables, _ = replace(one, limit=None).read()
    for name, table in tables.items():
        # The pool of a classification set is what its few examples are drawn from: its texts are not scored.
        if name != "train":
            for column in TEXT_COLUMNS.intersection(table.columns):
                yield from table[column]


def _words(text: str) -> list[str]:
    return ["0" if word.isdigit() else word for word in _WORD.findall(text.casefold())]


def _bag(words: list[str]) -> int:
    return hash(tuple(sorted(words)))


def _runs(words: list[str]) -> Iterable[int]:
    return (hash(tuple(words[start : start + WORDS_IN_A_ROW])) for start in range(len(words) - WORDS_IN_A_ROW + 1))
