"""A named set of texts."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from mote_demo.data.preview import preview_html


@dataclass(frozen=True)
class Texts:
    """Hold texts with the columns that describe them.

    ``frame`` always has the columns ``title`` and ``text`` (str, never missing; a title may be
    empty) and a RangeIndex; the other columns are labels or scores to colour and group by.

    Attributes:
        name: stable identifier, such as "samples" or "upload".
        title: what the screen calls it.
        frame: one row a text.
        labels: names of the columns in ``frame`` that group the texts.
        queries: sample queries that make sense for these texts.
        notes: what was cleaned up while reading, with counts, one sentence each.
        public: whether what is computed of them may be kept on disk; a person's own texts are not.
        questions: the question that each text answers, "" where there is none; empty where nobody knows any.
    """

    name: str
    title: str
    frame: pd.DataFrame
    labels: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    public: bool = False
    questions: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        labels = f", labels {', '.join(self.labels)}" if self.labels else ""
        return f"Texts({self.name!r}, {len(self):,} texts{labels})"

    def _repr_html_(self) -> str:
        has_titles = bool((self.frame["title"] != "").any())
        return preview_html(repr(self), self.frame if has_titles else self.frame.drop(columns="title"), self.notes)

    @cached_property
    def passages(self) -> list[str]:
        """Return what is encoded for each row: the title, if any, and the text."""
        return [
            f"{title}. {text}" if title else text
            for title, text in zip(self.frame["title"], self.frame["text"], strict=True)
        ]

    @cached_property
    def first_rows(self) -> np.ndarray:
        """Return int64 [m], for each distinct passage the row where it stands first."""
        return np.flatnonzero(~pd.Series(self.passages, dtype=object).duplicated().to_numpy())

    @cached_property
    def copies(self) -> np.ndarray:
        """Return int64 [n], how many rows hold the same passage as each row."""
        passages = pd.Series(self.passages, dtype=object)
        return passages.groupby(passages).transform("size").to_numpy(dtype=np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """Return a hash of the passages, in order: equal texts have equal vectors."""
        digest = hashlib.sha256()
        for passage in self.passages:
            digest.update(passage.encode() + b"\0")
        return digest.hexdigest()[:16]
