"""One message of the sample set, and what is near it by topic, by intent and by mood, in both models."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from mote_demo.data.texts import Texts
from mote_demo.explore.index import nearest
from mote_demo.explore.lens import Lens
from mote_demo.explore.measures import label_chance, label_shares
from mote_demo.explore.pair import Pair
from mote_demo.explore.progress import OnStage, silent
from mote_demo.serving.sessions import Session
from mote_demo.serving.shelf import DENSE, EXPERTS

NEIGHBOURS = 10

_TASKS = {"topic": "clustering", "intent": "classification", "mood": "classification"}
"""The label that says what each meaning of near is, and the task that the models are told for it."""


@dataclass(frozen=True)
class Neighbour:
    """Name a text that is near the message; ``right`` tells whether it has the message's label."""

    row: int
    text: str
    label: str
    right: bool


@dataclass(frozen=True)
class Side:
    """Hold what one lens calls near.

    Attributes:
        lens: what looked.
        neighbours: the nearest other texts, best first.
        share: share of right neighbours, the mean over all texts.
    """

    lens: Lens
    neighbours: tuple[Neighbour, ...]
    share: float

    @property
    def right(self) -> int:
        """Count the neighbours with the message's label."""
        return sum(neighbour.right for neighbour in self.neighbours)


@dataclass(frozen=True)
class Meaning:
    """Hold what is near a message in one meaning of the word.

    Attributes:
        label: the column that says what near means: "topic", "intent" or "mood".
        value: the message's own.
        chance: share of right neighbours that texts drawn by lot would have.
        chance_of_all: the same, the mean over all texts.
        sides: what the dense model and the one with experts call near.
    """

    label: str
    value: str
    chance: float
    chance_of_all: float
    sides: tuple[Side, Side]

    @property
    def gain(self) -> int:
        """Count how many more right neighbours the model with experts finds; below 0 it finds fewer."""
        return self.sides[1].right - self.sides[0].right


@dataclass(frozen=True)
class Message:
    """Hold a message with what is near it in each meaning."""

    row: int
    text: str
    count: int
    meanings: tuple[Meaning, ...]


def pairs_of_meanings(session: Session) -> dict[str, Pair]:
    """Return for each label the lens of the dense model, and that of the label's expert or else of the task's.

    Which experts there are depends on the checkpoints: those that ship as files may be absent.
    """
    return {
        label: session.pair(f"{DENSE}/{task}", f"{EXPERTS}/{label if label in session.shelf.experts else task}")
        for label, task in _TASKS.items()
    }


def prepare(session: Session, on_stage: OnStage = silent, stop: threading.Event | None = None) -> Texts:
    """Encode the sample set through every lens of the first screen, as far as it is not known; return it."""
    texts = session.texts("samples")
    lenses = {str(lens): lens for pair in pairs_of_meanings(session).values() for lens in pair.lenses}
    for number, lens in enumerate(lenses.values(), start=1):
        stage = f"Reading {len(texts)} messages through {lens.title} ({number} of {len(lenses)})"
        lens.vectors(texts, session.shelf.store, partial(on_stage, stage), stop)
    return texts


def view_message(
    session: Session, row: int, on_stage: OnStage = silent, stop: threading.Event | None = None
) -> Message:
    """Find what is near a message of the sample set in each meaning, through both models.

    Args:
        session: gives the lenses.
        row: which message.
        on_stage: called while texts are encoded, which is once.
        stop: set it from another thread to end early with ``Stopped``.
    """
    texts = prepare(session, on_stage, stop)
    meanings = tuple(_meaning(pair, texts, label, row) for label, pair in pairs_of_meanings(session).items())
    return Message(row, texts.passages[row], len(texts), meanings)


def right_neighbours(session: Session) -> Mapping[str, np.ndarray]:
    """Count the right neighbours of every message: by label, int64 [2, n], the dense model's first."""
    texts = prepare(session)
    return {
        label: np.stack(
            [np.rint(_shares(_rows(lens, pair, texts), texts, label) * NEIGHBOURS) for lens in pair.lenses]
        ).astype(np.int64)
        for label, pair in pairs_of_meanings(session).items()
    }


def _meaning(pair: Pair, texts: Texts, label: str, row: int) -> Meaning:
    chance = label_chance(texts.frame[label].tolist())
    left, right = (_side(lens, pair, texts, label, row) for lens in pair.lenses)
    return Meaning(label, texts.frame[label].iloc[row], float(chance[row]), float(chance.mean()), (left, right))


def _side(lens: Lens, pair: Pair, texts: Texts, label: str, row: int) -> Side:
    rows, labels = _rows(lens, pair, texts), texts.frame[label]
    near = tuple(
        Neighbour(each, texts.passages[each], labels.iloc[each], labels.iloc[each] == labels.iloc[row])
        for each in rows[row].tolist()
    )
    return Side(lens, near, float(_shares(rows, texts, label).mean()))


def _rows(lens: Lens, pair: Pair, texts: Texts) -> np.ndarray:
    return nearest(lens.vectors(texts, pair.store), NEIGHBOURS)[1]


def _shares(rows: np.ndarray, texts: Texts, label: str) -> np.ndarray:
    return label_shares(rows, texts.frame[label].tolist())
