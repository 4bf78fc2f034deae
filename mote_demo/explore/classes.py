"""What two lenses make of labelled texts: whether the texts that are near a text are of its class."""

import threading
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mote_demo.data.texts import Texts
from mote_demo.errors import UserError
from mote_demo.evaluation import metrics
from mote_demo.explore.index import nearest
from mote_demo.explore.labelled import Labelled
from mote_demo.explore.lens import Lens
from mote_demo.explore.measures import vote_shares
from mote_demo.explore.progress import OnStage, silent, stoppable

if TYPE_CHECKING:
    from mote_demo.store import VectorStore

NEIGHBOURS = 10
MOST_NEIGHBOURS = 50
EXAMPLES = 8
DRAWS = 10
STARTS = 5

Interval = tuple[float, float]


@dataclass(frozen=True)
class LensClasses:
    """Hold what one lens makes of the labelled texts.

    Attributes:
        lens: what looked.
        checkpoint: fingerprint of all that decides the vectors.
        predicted: int64 [n], the class for which the nearest other texts of each text vote.
        margins: float64 [n], the vote for a text's own class minus that for the strongest other one, from -1 to 1.
        confusion: int64 [classes, classes], texts by their class (rows) and the predicted one (columns).
        few_shot: float64 [draws], accuracy of a logistic regression on ``EXAMPLES`` examples a class.
        v_measure: float64 [starts], agreement of the classes with as many clusters.
        v_chance: the same with the labels shuffled.
    """

    lens: Lens
    checkpoint: str
    predicted: np.ndarray
    margins: np.ndarray
    confusion: np.ndarray
    few_shot: np.ndarray
    v_measure: np.ndarray
    v_chance: float

    @property
    def accuracy(self) -> float:
        """Return the share of the texts whose neighbours vote for their class."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def precision(self) -> np.ndarray:
        """Return for each class the share right among the texts that are taken for it, nan where there are none."""
        taken = self.confusion.sum(axis=0)
        return np.divide(self.confusion.diagonal(), taken, out=np.full(len(taken), np.nan), where=taken > 0)

    @property
    def recall(self) -> np.ndarray:
        """Return for each class the share of its texts that are taken for it."""
        return self.confusion.diagonal() / self.confusion.sum(axis=1)

    @property
    def f1(self) -> np.ndarray:
        """Return the harmonic mean of precision and recall of each class, 0 where no text is taken for it."""
        return 2 * self.confusion.diagonal() / (self.confusion.sum(axis=0) + self.confusion.sum(axis=1))


@dataclass(frozen=True)
class Measure:
    """Hold one number for both lenses, as fractions.

    Attributes:
        name: what is measured.
        left: through the left lens.
        right: through the right lens.
        chance: what neighbours, examples or clusters without meaning would give.
        interval: 95 % interval of right minus left, None where there is none.
        over: what the interval is over, in words; "" without one.
    """

    name: str
    left: float
    right: float
    chance: float
    interval: Interval | None = None
    over: str = ""


@dataclass(frozen=True)
class Classes:
    """Hold what two lenses make of the same labelled texts.

    Attributes:
        labelled: which texts took part, and their classes; positions below refer to its rows.
        k: number of neighbours that vote.
        left: what the left lens makes of them.
        right: what the right lens makes of them.
        measures: both lenses in numbers, accuracy by neighbours first.
    """

    labelled: Labelled
    k: int
    left: LensClasses
    right: LensClasses
    measures: tuple[Measure, ...]

    @property
    def sides(self) -> tuple[LensClasses, LensClasses]:
        """Return (left, right)."""
        return self.left, self.right

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the classes, the largest first."""
        return self.labelled.names

    @cached_property
    def hits(self) -> tuple[np.ndarray, np.ndarray]:
        """Return which texts each side tells right, bool [n] each."""
        left, right = (side.predicted == self.labelled.codes for side in self.sides)
        return left, right

    @cached_property
    def won(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions that only the left side, and only the right side, tells right; the clearest first."""
        left, right = self.hits
        lead = self.left.margins - self.right.margins
        only_left, only_right = np.flatnonzero(left & ~right), np.flatnonzero(right & ~left)
        return (
            only_left[np.argsort(-lead[only_left], kind="stable")],
            only_right[np.argsort(lead[only_right], kind="stable")],
        )

    def is_of(self, left: Lens, right: Lens, texts: Texts, label: str, k: int) -> bool:
        """Tell whether ``compare_classes`` would find the same again."""
        lenses = [(str(lens), lens.document_fingerprint) for lens in (left, right)]
        same = lenses == [(str(side.lens), side.checkpoint) for side in self.sides]
        wanted = (label, min(k, len(self.labelled.codes) - 1))
        return same and self.labelled.texts is texts and wanted == (self.labelled.label, self.k)

    def hardest(self, count: int = 10) -> np.ndarray:
        """Return the positions of the texts with the lowest margins, as a mean over both sides; the hardest first."""
        return np.argsort(self.left.margins + self.right.margins, kind="stable")[:count]

    def table(self) -> pd.DataFrame:
        """Return one row a class: its texts, the chance level, and precision, recall and F1 through each lens."""
        scores = {
            f"{lens} {score}": getattr(side, score)
            for lens, side in zip(self._lens_names(), self.sides, strict=True)
            for score in ("precision", "recall", "f1")
        }
        counted = {"class": self.names, "texts": self.labelled.support, "chance": self.labelled.chance}
        return pd.DataFrame({**counted, **scores})

    def to_frame(self) -> pd.DataFrame:
        """Return one row a text that took part: its row, columns, and each lens's prediction and margin."""
        names = np.array(self.names, dtype=object)
        told = {
            f"{lens} {what}": values
            for lens, side in zip(self._lens_names(), self.sides, strict=True)
            for what, values in (("predicted", names[side.predicted]), ("margin", side.margins))
        }
        rows = self.labelled.rows
        return self.labelled.texts.frame.iloc[rows].reset_index(drop=True).assign(row=rows, **told)

    def __repr__(self) -> str:
        """Say which share of the texts each lens tells right."""
        told = ", ".join(f"{side.lens} {side.accuracy:.1%}" for side in self.sides)
        chance = f"chance {self.measures[0].chance:.1%}"
        return f"Classes({self.labelled.label!r} of {len(self.labelled.codes):,} texts: {told}, {chance})"

    def _repr_html_(self) -> str:
        table = self.table().to_html(index=False, float_format="{:.3f}".format)
        return f"<p>{escape(repr(self))}</p>{table}"

    def _lens_names(self) -> tuple[str, str]:
        left, right = (str(side.lens) for side in self.sides)
        return left, right if right != left else f"{right} (right)"


def compare_classes(
    left: Lens,
    right: Lens,
    texts: Texts,
    label: str,
    store: "VectorStore",
    *,
    k: int = NEIGHBOURS,
    on_stage: OnStage = silent,
    stop: threading.Event | None = None,
) -> Classes:
    """Measure through two lenses how well the classes of labelled texts are told apart.

    Args:
        left: the first lens.
        right: the second lens; both see the same texts, draws of examples and starts.
        texts: what is labelled.
        label: column of the labels.
        store: what was computed before.
        k: number of nearest other texts that vote on a text's class, from 1 to ``MOST_NEIGHBOURS``.
        on_stage: called as the work goes on.
        stop: set it from another thread to end early with ``Stopped``.

    Raises:
        UserError: ``k`` is out of range, or the labels make no two classes (see ``Labelled.of``).
    """
    if not 1 <= k <= MOST_NEIGHBOURS:
        raise UserError(f"The number of neighbours must be from 1 to {MOST_NEIGHBOURS}, not {k}.")
    report, labelled = stoppable(on_stage, stop), Labelled.of(texts, label)

    def side(lens: Lens) -> LensClasses:
        vectors = lens.vectors(texts, store, partial(report, f"Encoding with {lens.title}"), stop)
        return _side(lens, vectors[labelled.rows], labelled, k, report)

    one, other = side(left), side(right)
    report("Comparing both sides", 0, 0)
    return Classes(labelled, min(k, len(labelled.codes) - 1), one, other, _measures(labelled, one, other))


def _side(lens: Lens, vectors: np.ndarray, labelled: Labelled, k: int, report: OnStage) -> LensClasses:
    codes, count = labelled.codes, len(labelled.names)
    scores, rows = nearest(vectors, k, partial(report, f"Finding neighbours with {lens.title}"))
    shares = vote_shares(rows, scores, codes, count)
    predicted = shares.argmax(axis=1)
    own = np.take_along_axis(shares, codes[:, None], axis=1)[:, 0]
    np.put_along_axis(shares, codes[:, None], -1.0, axis=1)
    clustered, shuffled = _cluster(vectors, labelled, partial(report, f"Clustering with {lens.title}"))
    return LensClasses(
        lens=lens,
        checkpoint=lens.document_fingerprint,
        predicted=predicted,
        margins=own - shares.max(axis=1),
        confusion=np.bincount(codes * count + predicted, minlength=count * count).reshape(count, count),
        few_shot=_few_shot(vectors, codes, partial(report, f"Learning from a few examples with {lens.title}")),
        v_measure=clustered,
        v_chance=float(shuffled.mean()),
    )


def _few_shot(vectors: np.ndarray, codes: np.ndarray, progress: partial[None]) -> np.ndarray:
    """Return the accuracy of each draw of examples, on all texts that were not drawn."""
    found = []
    for number, drawn in enumerate(metrics.few_shot_draws(codes, k=EXAMPLES, draws=DRAWS, spared=1)):
        progress(number, DRAWS)
        others = np.setdiff1d(np.arange(len(codes)), drawn)
        found.append(metrics.probe_accuracy(vectors[drawn], codes[drawn], vectors[others], codes[others]))
    return np.array(found)


def _cluster(vectors: np.ndarray, labelled: Labelled, progress: partial[None]) -> tuple[np.ndarray, np.ndarray]:
    """Return the V-measure of each start, and that with the labels shuffled."""
    codes, generator = labelled.codes, np.random.default_rng(0)
    pairs = []
    for start in range(STARTS):
        progress(start, STARTS)
        found = metrics.clusters(vectors, len(labelled.names), seed=start)
        pairs.append([metrics.v_measure_of(found, each) for each in (codes, generator.permutation(codes))])
    clustered, shuffled = np.array(pairs).T
    return clustered, shuffled


def _measures(labelled: Labelled, left: LensClasses, right: LensClasses) -> tuple[Measure, ...]:
    chance = labelled.chance
    gained = (right.predicted == labelled.codes).astype(float) - (left.predicted == labelled.codes)
    return (
        Measure(
            "accuracy by neighbours",
            left.accuracy,
            right.accuracy,
            float(chance @ labelled.support / len(labelled.codes)),
            metrics.bootstrap_interval(gained),
            "texts",
        ),
        Measure("mean F1 of the classes", float(left.f1.mean()), float(right.f1.mean()), float(chance.mean())),
        _repeated("few-shot accuracy", left.few_shot, right.few_shot, 1 / len(chance), "draws of examples"),
        _repeated("V-measure", left.v_measure, right.v_measure, (left.v_chance + right.v_chance) / 2, "starts"),
    )


def _repeated(name: str, left: np.ndarray, right: np.ndarray, chance: float, over: str) -> Measure:
    interval = metrics.student_interval(right - left)
    return Measure(name, float(left.mean()), float(right.mean()), chance, interval, over)
