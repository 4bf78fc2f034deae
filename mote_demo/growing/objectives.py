"""What one batch of a person's examples should teach, per task."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from mote_demo.data.examples import Examples
from mote_demo.encoder import Encoder
from mote_demo.growing.frozen_trunk import FrozenTrunk
from mote_demo.growing.vector_memory import VectorMemory
from mote_demo.tasks import TASKS
from mote_demo.training.losses import cosent, supervised_contrast

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DROPOUT = 0.1
"""Of the views of a text without a label: the share that the encoders were pre-trained with."""


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

    def __init__(
        self,
        frame: pd.DataFrame,
        trunk: FrozenTrunk,
        batch_size: int,
        temperature: float,
        known: Mapping[str, np.ndarray],
    ) -> None:
        super().__init__(frame, trunk, batch_size, temperature)
        self._groups = torch.from_numpy(pd.factorize(frame["label"])[0].astype(np.int64))  # int64 [texts]
        # With no other text to be near, a text only has to be far from the rest: it is its own positive.
        self._alone = torch.bincount(self._groups)[self._groups] == 1  # bool [texts]
        self._memory = VectorMemory(frame["text"].tolist(), known)

    def loss(self, rows: np.ndarray) -> Tensor:
        """Return the supervised contrast of the batch with every text seen so far."""
        vectors, places = self._trunk.encode(self._column("text", rows)), torch.from_numpy(rows)  # [batch, d], [batch]
        candidates = self._memory.update(places, vectors)  # [texts, d]
        itself = one_hot(places, len(self._groups)).bool()  # [batch, texts]
        out = ~self._memory.seen | (itself & ~self._alone)  # [texts] | ([batch, texts] & [texts]): [batch, texts]
        positive = (self._groups[places].unsqueeze(1) == self._groups) & ~out  # [batch, 1] == [texts]: [batch, texts]
        return supervised_contrast(vectors, candidates, positive, out, temperature=self._temperature)


class QueryObjective(Objective):
    """Queries and documents: a query should be nearer to its own documents than to all others of the file.

    Only queries meet the new expert, so indexes of documents stay valid; with a trunk for documents, those of the batch
    learn as well.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        trunk: FrozenTrunk,
        batch_size: int,
        temperature: float,
        known: Mapping[str, np.ndarray],
        encoder: Encoder,
        documents: FrozenTrunk | None = None,
    ) -> None:
        super().__init__(frame, trunk, batch_size, temperature)
        self._encoder = encoder
        self._documents_trunk = documents
        self._queries, _ = pd.factorize(frame["query"])  # int64 [rows]: the number of each row's query
        sides = [frame[name] for name in ("positive", "negative") if name in frame]  # one or two, str [rows]
        places, self._documents = pd.factorize(pd.concat(sides, ignore_index=True))  # [sides * rows], str [documents]
        self._places = places.reshape(len(sides), len(frame))  # int64 [sides, rows]: the number of each document
        self._own = torch.zeros(self._queries.max() + 1, len(self._documents), dtype=torch.bool)  # [queries, documents]
        self._own[self._queries, self._places[0]] = True
        self._alike = _answers_of_alike_queries(self._queries, self._places[0], len(self._documents))
        self._memory = VectorMemory(self._documents.tolist(), known)

    def loss(self, rows: np.ndarray) -> Tensor:
        """Return the contrast of the batch's queries with every document seen so far."""
        queries = self._trunk.encode(self._column("query", rows))  # [batch, d]
        candidates = self._meet(self._places[:, rows])  # [documents, d]
        positive = self._own[self._queries[rows]] & self._memory.seen  # [batch, documents] & [documents]
        # Documents of a like query, such as another answer to a question that shares an answer, may be answers too.
        alike = torch.from_numpy(self._alike[self._queries[rows]].toarray())  # bool [batch, documents]
        out = ~self._memory.seen | (alike & ~positive)  # [batch, documents]
        return supervised_contrast(queries, candidates, positive, out, temperature=self._temperature)

    def _meet(self, places: np.ndarray) -> Tensor:
        """Encode documents with the route that serves them, those that learn or are new; return all: [documents, d]."""
        if self._documents_trunk is not None:
            some = np.unique(places)  # of [sides, batch], each number once
            learning = self._documents_trunk.encode(self._documents[some].tolist())
            return self._memory.update(torch.from_numpy(some), learning)
        unseen = np.unique(places[~self._memory.seen.numpy()[places]])  # of [sides, batch], each number once
        new = self._encoder.encode(self._documents[unseen].tolist(), route=TASKS["retrieval"].document_route)
        return self._memory.update(torch.from_numpy(unseen), torch.from_numpy(new))


def _answers_of_alike_queries(queries: np.ndarray, documents: np.ndarray, count: int) -> "csr_matrix":
    """Return which documents answer a query that shares an answer with each query, bool [queries, documents], sparse.

    Queries that are alike only by way of others do not count: in a file where everything hangs together so, nothing
    would be left to tell apart.
    """
    from scipy.sparse import csr_matrix

    ones = np.ones(len(queries), dtype=np.int32)
    own = csr_matrix((ones, (queries, documents)), shape=(int(queries.max()) + 1, count))
    return ((own @ own.T) @ own).astype(bool)


class PairObjective(Objective):
    """Pairs with a score: the cosines should be in the order of the scores (CoSENT)."""

    def loss(self, rows: np.ndarray) -> Tensor:
        """Return the CoSENT loss; both sides meet the new expert."""
        # One call for both sides, so that texts of like length run together: [2 * batch, d].
        vectors = self._trunk.encode(self._column("sentence1", rows) + self._column("sentence2", rows))
        scores = torch.tensor(self._frame["score"].to_numpy(dtype=np.float32)[rows])  # [batch]
        return cosent(vectors[: len(rows)], vectors[len(rows) :], scores, temperature=self._temperature)


class TextObjective(Objective):
    """Texts without labels: two views of a text should be nearer to each other than to other texts (SimCSE).

    The views differ by dropout alone (Gao, Yao & Chen 2021).
    """

    def loss(self, rows: np.ndarray) -> Tensor:
        """Return the contrast of each text's view with the other views of the batch."""
        texts = self._column("text", rows)
        views = self._trunk.encode([*texts, *texts], dropout=DROPOUT)  # [2 * batch, d]
        own = torch.eye(len(rows), dtype=torch.bool)  # [batch, batch]
        return supervised_contrast(
            views[: len(rows)], views[len(rows) :], own, torch.zeros_like(own), temperature=self._temperature
        )


def make_objective(
    examples: Examples,
    encoder: Encoder,
    trunk: FrozenTrunk,
    batch_size: int,
    temperature: float,
    known: Mapping[str, np.ndarray],
    documents: FrozenTrunk | None = None,
) -> Objective:
    """Return the objective of the examples' columns (see ``train_layers``); ``documents`` lets documents learn too."""
    columns = examples.frame.columns
    if "label" in columns:
        return LabelObjective(examples.frame, trunk, batch_size, temperature, known)
    if "score" in columns:
        return PairObjective(examples.frame, trunk, batch_size, temperature)
    if "query" in columns:
        return QueryObjective(examples.frame, trunk, batch_size, temperature, known, encoder, documents)
    return TextObjective(examples.frame, trunk, batch_size, temperature)
