"""A few texts compared with each other, without a corpus to search."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mote_demo.errors import UserError
from mote_demo.explore.lens import Lens
from mote_demo.explore.measures import pair_similarity
from mote_demo.explore.progress import OnStage, silent
from mote_demo.explore.search import checked_text

if TYPE_CHECKING:
    from mote_demo.store import VectorStore

FEWEST, MOST = 2, 50
_DECIMALS = 6
"""Cosines that differ by less are equal: kernels of a machine round them."""


@dataclass(frozen=True)
class Contrast:
    """Name two texts by their places in the list, and the rank of their cosine among all pairs on each side."""

    first: int
    second: int
    ranks: tuple[int, int]


@dataclass(frozen=True)
class Similarities:
    """Hold the cosines of a few texts, as documents, through two lenses.

    Attributes:
        lenses: left and right.
        texts: what is compared.
        cosines: float32 [n, n] of the left and of the right lens.
    """

    lenses: tuple[Lens, Lens]
    texts: tuple[str, ...]
    cosines: tuple[np.ndarray, np.ndarray]

    @property
    def pairs(self) -> int:
        """Return how many pairs there are."""
        return len(self.texts) * (len(self.texts) - 1) // 2

    def ranks(self) -> np.ndarray:
        """Return the rank of each pair on each side, int64 [2, pairs], in the order of ``np.triu_indices``."""
        from scipy.stats import rankdata

        above = np.triu_indices(len(self.texts), 1)
        each = [rankdata(-side[above].round(_DECIMALS), method="min") for side in self.cosines]
        return np.array(each, dtype=np.int64)

    def contrasts(self, most: int = 3) -> list[Contrast]:
        """List the pairs whose rank differs most between both sides, the largest difference first."""
        left, right = ranks = self.ranks()
        rows, columns = np.triu_indices(len(self.texts), 1)
        differences = np.abs(left - right)
        chosen = [at for at in np.argsort(-differences, kind="stable")[:most] if differences[at]]
        return [Contrast(int(rows[at]), int(columns[at]), (int(ranks[0, at]), int(ranks[1, at]))) for at in chosen]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a pair: both texts, and its cosine and rank on each side."""
        rows, columns = np.triu_indices(len(self.texts), 1)
        frame = pd.DataFrame({"first": [self.texts[row] for row in rows], "second": [self.texts[at] for at in columns]})
        for side, cosines, ranks in zip(("left", "right"), self.cosines, self.ranks(), strict=True):
            frame[f"{side} cosine"] = cosines[rows, columns]
            frame[f"{side} rank"] = ranks
        return frame

    def __repr__(self) -> str:
        """Say what is compared."""
        left, right = self.lenses
        return f"Similarities({left} | {right}: {len(self.texts)} texts)"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.to_frame().round(3).to_html(index=False)}"


@dataclass(frozen=True)
class Similarity:
    """Hold the cosine of two texts through a lens.

    Attributes:
        lens: what looked.
        cosine: of the first text as a query and the second as a document, from -1 to 1.
        percentile: share of the pairs of sample texts that are less similar, from 0 to 1; None where it was not asked.
    """

    lens: Lens
    cosine: float
    percentile: float | None = None


@dataclass(frozen=True)
class TaskSimilarities:
    """Hold the similarity of two texts under each task of two models.

    Attributes:
        first: as a query.
        second: as a document.
        rows: similarity on the left and on the right by the title of a task or expert; None where a model has no such.
    """

    first: str
    second: str
    rows: Mapping[str, tuple[Similarity | None, Similarity | None]]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a task or expert: its cosine on each side, and where that stands among the sample pairs."""
        records = []
        for title, sides in self.rows.items():
            record: dict[str, object] = {"look": title}
            for name, side in zip(("left", "right"), sides, strict=True):
                record[f"{name} cosine"] = side.cosine if side else np.nan
                record[f"{name} percentile"] = side.percentile if side and side.percentile is not None else np.nan
            records.append(record)
        return pd.DataFrame(records)

    def __repr__(self) -> str:
        """Say what is compared."""
        return f"TaskSimilarities({self.first!r} and {self.second!r} under {len(self.rows)} tasks)"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.to_frame().round(3).to_html(index=False, na_rep='')}"


def similarities(lenses: tuple[Lens, Lens], texts: Sequence[str]) -> Similarities:
    """Compare 2 to 50 texts with each other through two lenses (see ``Pair.similarities``)."""
    if not FEWEST <= len(texts) <= MOST:
        raise UserError(f"Please give {FEWEST} to {MOST} texts, one a line; there are {len(texts):,}.")
    checked = tuple(checked_text(text, f"text {number}") for number, text in enumerate(texts, start=1))
    vectors = [lens.encode_document(checked) for lens in lenses]
    left, right = (np.clip(each @ each.T, -1, 1) for each in vectors)
    return Similarities(lenses, checked, (left, right))


def similarities_by_task(
    sides: tuple[Sequence[Lens], Sequence[Lens]],
    first: str,
    second: str,
    store: "VectorStore",
    *,
    placed: bool = True,
    on_stage: OnStage = silent,
    stop: threading.Event | None = None,
) -> TaskSimilarities:
    """Compare two texts through several lenses of each side (see ``Pair.similarity``)."""
    first, second = checked_text(first, "first text"), checked_text(second, "second text")
    found: list[dict[str, Similarity]] = []
    for lenses in sides:
        each = {}
        for lens in lenses:
            cosine = pair_similarity(lens.encode_query([first])[0], lens.encode_document([second])[0])
            percentile = _percentile(lens, cosine, store, on_stage, stop) if placed else None
            each[_title(lens)] = Similarity(lens, cosine, percentile)
        found.append(each)
    # A model with one way to look has it whatever the task.
    titles = [title for title in dict.fromkeys([*found[0], *found[1]]) if title] or [""]
    left, right = found
    return TaskSimilarities(
        first, second, {title: (left.get(title, left.get("")), right.get(title, right.get(""))) for title in titles}
    )


def _percentile(
    lens: Lens, cosine: float, store: "VectorStore", on_stage: OnStage, stop: threading.Event | None
) -> float:
    """Return the share of the pairs of two different sample texts whose cosine is lower."""
    from mote_demo.data.samples import load_samples

    samples = load_samples()
    progress = partial(on_stage, f"Placing it among pairs of sample texts: {lens.title}")
    documents = lens.vectors(samples, store, progress, stop)
    queries = replace(lens, document=lens.query).vectors(samples, store, progress, stop)
    cosines = (queries @ documents.T)[~np.eye(len(samples), dtype=bool)]
    return float((cosines < cosine).mean())


def _title(lens: Lens) -> str:
    if not lens.name.look:
        return ""
    return lens.task.title if lens.task is not None else lens.name.look
