"""What one batch of a person's examples should teach, per task."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from mote_demo.data.examples import Examples
from mote_demo.encoder import Encoder
from mote_demo.tasks import TASKS
from mote_demo.training.frozen_trunk import FrozenTrunk
from mote_demo.training.memory import VectorMemory
from mote_demo.training.pairs import connected_groups
from mote_demo.training.tacl import cosent, info_nce, supervised_contrast


class Objective(ABC):
    """Cut examples into batches, and compute the loss of one."""

    def __init__(self, frame: pd.DataFrame, trunk: FrozenTrunk, batch_size: int, temperature: float) -> None:
        """Use the columns of ``Examples.frame``; a batch holds up to ``batch_size`` rows."""
        self._frame = frame
        self._trunk = trunk
        self._batch_size = batch_size
        self._temperature = temperature

    def epoch(self, random: np.random.Generator) -> list[np.ndarray]:
        """Return the row numbers of each batch of one pass over the examples, shuffled."""
        rows = random.permutation(len(self._frame))
        return np.array_split(rows, -(-len(rows) // self._batch_size))

    @abstractmethod
    def loss(self, rows: np.ndarray) -> Tensor:
        """Return the loss of one batch, a scalar with gradients."""

    def _column(self, name: str, rows: np.ndarray) -> list[str]:
        return self._frame[name].iloc[rows].tolist()


class LabelObjective(Objective):
    """Texts with a label: those of a label should be each other's nearest among all texts of the file."""

    def __init__(self, frame: pd.DataFrame, trunk: FrozenTrunk, batch_size: int, temperature: float) -> None:
        super().__init__(frame, trunk, batch_size, temperature)
        self._groups = torch.from_numpy(pd.factorize(frame["label"])[0].astype(np.int64))
        # With no other text to be near, a text only has to be far from the rest: it is its own positive.
        self._alone = torch.bincount(self._groups)[self._groups] == 1
        self._memory = VectorMemory(len(frame))

    def loss(self, rows: np.ndarray) -> Tensor:
        """Return the supervised contrast of the batch with every text seen so far."""
        vectors, places = self._trunk.encode(self._column("text", rows)), torch.from_numpy(rows)
        candidates = self._memory.update(places, vectors)
        itself = one_hot(places, len(self._groups)).bool()
        out = ~self._memory.seen | (itself & ~self._alone)
        positive = (self._groups[places].unsqueeze(1) == self._groups) & ~out
        return supervised_contrast(vectors, candidates, positive, out, temperature=self._temperature)


class QueryObjective(Objective):
    """Queries and documents: only queries meet the new expert, so indexes of documents stay valid."""

    def __init__(
        self, frame: pd.DataFrame, trunk: FrozenTrunk, batch_size: int, temperature: float, encoder: Encoder
    ) -> None:
        super().__init__(frame, trunk, batch_size, temperature)
        self._groups = connected_groups([frame["query"], frame["positive"]])
        self._encoder = encoder
        self._documents: dict[str, Tensor] = {}

    def loss(self, rows: np.ndarray) -> Tensor:
        """Return the InfoNCE of queries against the documents of the batch."""
        negatives = self._encode_documents(self._column("negative", rows)) if "negative" in self._frame else None
        return info_nce(
            self._trunk.encode(self._column("query", rows)),
            self._encode_documents(self._column("positive", rows)),
            torch.from_numpy(self._groups[rows]),
            temperature=self._temperature,
            negatives=negatives,
        )

    def _encode_documents(self, texts: Sequence[str]) -> Tensor:
        """Encode each document once, with the route that serves documents."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._documents]
        vectors = self._encoder.encode(missing, route=TASKS["retrieval"].document_route)
        self._documents |= dict(zip(missing, torch.from_numpy(vectors), strict=True))
        return torch.stack([self._documents[text] for text in texts])


class PairObjective(Objective):
    """Pairs with a score: the cosines should be in the order of the scores (CoSENT)."""

    def loss(self, rows: np.ndarray) -> Tensor:
        """Return the CoSENT loss; both sides meet the new expert."""
        vectors = self._trunk.encode(self._column("sentence1", rows) + self._column("sentence2", rows))
        scores = torch.tensor(self._frame["score"].to_numpy(dtype=np.float32)[rows])
        return cosent(vectors[: len(rows)], vectors[len(rows) :], scores, temperature=self._temperature)


def make_objective(
    examples: Examples, encoder: Encoder, trunk: FrozenTrunk, batch_size: int, temperature: float
) -> Objective:
    """Return the objective of the examples' task."""
    columns = TASKS[examples.task].columns
    if "label" in columns:
        return LabelObjective(examples.frame, trunk, batch_size, temperature)
    if "score" in columns:
        return PairObjective(examples.frame, trunk, batch_size, temperature)
    return QueryObjective(examples.frame, trunk, batch_size, temperature, encoder)
