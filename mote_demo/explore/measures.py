"""What differs between two rankings and between two spaces."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

TEMPERATURE = 0.05
"""Of the softmax over cosines: 0.05 less similarity means 1/e of the weight, as usual for contrastive models."""

SAME_SCORE = 1e-6
"""Cosines that differ by less are equal: rounding decides which is first."""


@dataclass(frozen=True)
class Hit:
    """Say where one text stands in a ranking; ranks start at 1. ``copies`` counts the rows that hold this text."""

    row: int
    rank: int
    score: float
    copies: int = 1


@dataclass(frozen=True)
class Move:
    """Say where a hit stands compared with another ranking.

    ``places`` counts how far "up" or "down"; it is 0 for "same" and for "new", which means that
    the other ranking does not hold the text.
    """

    direction: Literal["up", "down", "same", "new"]
    places: int = 0


@dataclass(frozen=True)
class Overlap:
    """Count the texts that two rankings of ``of`` hits share."""

    shared: int
    of: int

    @property
    def fraction(self) -> float:
        """Return the share, from 0 to 1."""
        return self.shared / self.of if self.of else 0.0


def hits(scores: np.ndarray, rows: np.ndarray, copies: np.ndarray) -> list[Hit]:
    """List one query's hits from its scores [k] and rows [k], best first, and the number of copies of every row."""
    return [
        Hit(int(row), rank, float(score), int(copies[row]))
        for rank, (row, score) in enumerate(zip(rows, scores, strict=True), start=1)
    ]


def count_ties(scores: np.ndarray, k: int) -> int:
    """Count those of the first ``k`` scores, best first, that another one equals: their order says nothing."""
    scores = np.asarray(scores, dtype=np.float64)
    equal = np.abs(np.diff(scores)) < SAME_SCORE
    tied = np.zeros(len(scores), dtype=bool)
    tied[1:] |= equal
    tied[:-1] |= equal
    return int(tied[:k].sum())


def rank_moves(rows: Sequence[int], other: Sequence[int]) -> list[Move]:
    """Say for each hit how it moved compared with another ranking.

    Args:
        rows: the ranking to describe, best first.
        other: the ranking to compare with, best first; it may be longer.
    """
    before = {int(row): rank for rank, row in enumerate(other)}
    return [_move(before.get(int(row)), rank) for rank, row in enumerate(rows)]


def _move(before: int | None, now: int) -> Move:
    if before is None:
        return Move("new")
    if before == now:
        return Move("same")
    return Move("up", before - now) if now < before else Move("down", now - before)


def overlap_at_k(rows: Sequence[int], other: Sequence[int]) -> Overlap:
    """Count the texts that two top-k lists share, in any order."""
    return Overlap(len(set(map(int, rows)) & set(map(int, other))), max(len(rows), len(other)))


def rank_biased_overlap(rows: Sequence[int], other: Sequence[int], p: float = 0.9) -> float:
    """Compare two rankings with the top counting most: RBO, extrapolated (Webber et al. 2010, equation 32).

    The extrapolated form takes what the rankings share down to their last rank for what they would share below, so
    that equal rankings have 1 and rankings without a common item 0, however short they are.

    Args:
        rows: a ranking, best first, without repeats.
        other: another one; it may be longer or shorter.
        p: above 0 and below 1; of the weight, 1 - p lies on the first rank, and each rank has p times that before.

    Returns:
        From 0 to 1; nan where one of them is empty.
    """
    short, long = sorted((list(map(int, rows)), list(map(int, other))), key=len)
    if not short:
        return float("nan")
    seen_short, seen_long = set[int](), set[int]()
    shared, total = [], 0.0
    for depth, item in enumerate(long, start=1):
        seen_long.add(item)
        seen_short.update(short[depth - 1 : depth])
        shared.append(len(seen_short & seen_long))
        # Below its end, the shorter ranking is taken to agree as much as it did there.
        unseen = shared[len(short) - 1] * (depth - len(short)) / len(short) if depth > len(short) else 0.0
        total += p**depth * (shared[-1] + unseen) / depth
    agreed = shared[len(short) - 1]
    rest = (shared[-1] - agreed) / len(long) + agreed / len(short)
    return (1 - p) / p * total + rest * p ** len(long)


def neighbour_overlap(neighbours: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Measure for each text which share of its neighbours two spaces have in common.

    Args:
        neighbours: int [n, k], rows of the nearest neighbours of each text in the first space. They
            are those of the vectors, never of a map in two dimensions.
        other: int [n, k], the same for the second space.

    Returns:
        float32 [n] from 0 to 1; its mean describes the two spaces.
    """
    if neighbours.shape != other.shape:
        raise ValueError(f"Neighbours of different shapes: {list(neighbours.shape)} and {list(other.shape)}.")
    common = (neighbours[:, :, None] == other[:, None, :]).any(axis=2).sum(axis=1)
    return (common / max(1, neighbours.shape[1])).astype(np.float32)


def similarity_weights(scores: np.ndarray, temperature: float = TEMPERATURE) -> np.ndarray:
    """Turn cosines [..., k] into weights that sum to 1 over the last axis: a softmax of scores / temperature."""
    scores = np.asarray(scores, dtype=np.float64) / temperature
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True, initial=-np.inf))
    return weights / weights.sum(axis=-1, keepdims=True)


def vote(labels: Sequence[Hashable], scores: Sequence[float] | np.ndarray) -> list[tuple[Hashable, float]]:
    """Let the hits of a query vote on its label, weighted by similarity (kNN as in Wu et al. 2018).

    The weights are a softmax of scores / ``TEMPERATURE``: unlike a plain sum of cosines, which
    counts heads when all hits are about equally near, it lets a much nearer hit decide.

    Args:
        labels: label of each hit; hits whose label is missing or empty have no vote.
        scores: cosine of each hit.

    Returns:
        (label, weight), heaviest first; the weights sum to 1. Empty when no hit has a label.
    """
    codes, names = _label_codes(labels)
    voting = codes >= 0
    if not voting.any():
        return []
    totals = np.bincount(codes[voting], similarity_weights(np.asarray(scores)[voting]), len(names))
    return [(names[code], float(totals[code])) for code in np.argsort(-totals, kind="stable")]


def vote_shares(neighbours: np.ndarray, scores: np.ndarray, codes: np.ndarray, classes: int) -> np.ndarray:
    """Let the neighbours of each text vote on its class, weighted by similarity as in ``vote``.

    Args:
        neighbours: int [n, k], rows of the nearest neighbours of each text.
        scores: float [n, k], their cosines.
        codes: int [n], the class of each text, from 0.
        classes: how many classes there are.

    Returns:
        float64 [n, classes], the share of the vote; rows sum to 1.
    """
    places = np.arange(len(neighbours))[:, None] * classes + codes[neighbours]
    weights = similarity_weights(scores)
    return np.bincount(places.ravel(), weights.ravel(), len(neighbours) * classes).reshape(-1, classes)


def label_agreement(neighbours: np.ndarray, labels: Sequence[Hashable]) -> float:
    """Measure which share of the nearest neighbours carries the same label as the text itself.

    Also called kNN purity. Compared between the spaces of several tasks, it tells which of them
    groups the texts by which column.

    Args:
        neighbours: int [n, k], rows of the nearest neighbours of each text.
        labels: one label a text; pairs where either is missing or empty do not count.

    Returns:
        From 0 to 1; nan when there is no pair to count.
    """
    codes, _ = _label_codes(labels)
    own, others = codes[:, None], codes[neighbours]
    counted = (own >= 0) & (others >= 0)
    return float((own == others)[counted].mean()) if counted.any() else float("nan")


def chance_agreement(labels: Sequence[Hashable]) -> float:
    """Return what ``label_agreement`` is on average when the neighbours are drawn at random.

    Args:
        labels: one label a text; those that are missing or empty do not count.

    Returns:
        From 0 to 1; nan when fewer than two texts have a label.
    """
    codes, _ = _label_codes(labels)
    counts = np.bincount(codes[codes >= 0])
    total = int(counts.sum())
    return float((counts * (counts - 1)).sum() / (total * (total - 1))) if total > 1 else float("nan")


def label_shares(neighbours: np.ndarray, labels: Sequence[Hashable]) -> np.ndarray:
    """Measure for each text which share of its neighbours carries its label: ``label_agreement``, text by text.

    Args:
        neighbours: int [n, k], rows of the nearest neighbours of each text.
        labels: one label a text; a missing or empty one is nobody's.

    Returns:
        float64 [n] from 0 to 1; nan for a text without a label.
    """
    codes, _ = _label_codes(labels)
    shares = (codes[neighbours] == codes[:, None]).mean(axis=1)
    return np.where(codes >= 0, shares, np.nan)


def label_chance(labels: Sequence[Hashable]) -> np.ndarray:
    """Return for each text which share of all others carries its label: what neighbours by lot would have.

    Returns:
        float64 [n] from 0 to 1; nan for a text without a label, and where there is no other text.
    """
    codes, names = _label_codes(labels)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    others = max(1, len(codes) - 1)
    return np.array([(counts[code] - 1) / others if code >= 0 and len(codes) > 1 else np.nan for code in codes])


def is_missing(column: pd.Series) -> pd.Series:
    """Tell for each label, bool [n], whether it is missing or nothing but white space."""
    return column.isna() | column.map(lambda label: isinstance(label, str) and not label.strip()).astype(bool)


def _label_codes(labels: Sequence[Hashable]) -> tuple[np.ndarray, list[Hashable]]:
    """Number the labels in order of appearance; -1 where one is missing or empty."""
    column = pd.Series(list(labels), dtype=object)
    codes, names = pd.factorize(column.mask(is_missing(column)))
    return codes, list(names)


def pair_similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Return the cosine of two unit vectors [d], from -1 to 1."""
    return float(np.clip(np.dot(first, second), -1.0, 1.0))


def linear_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Compare two spaces of the same texts: linear centred kernel alignment (Kornblith et al. 2019).

    Computed from features, ||Y'X||^2 / (||X'X|| ||Y'Y||) with Frobenius norms and centred columns,
    which needs d x d instead of n x n numbers. It ignores rotation and scale.

    Args:
        first: float [n, d1].
        second: float [n, d2].

    Returns:
        From 0 (unrelated) to 1 (the same up to rotation and scale); nan when one space is constant.
    """
    x = first.astype(np.float64) - first.mean(axis=0, dtype=np.float64)
    y = second.astype(np.float64) - second.mean(axis=0, dtype=np.float64)
    norms = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return float(np.linalg.norm(y.T @ x) ** 2 / norms) if norms > 0 else float("nan")
