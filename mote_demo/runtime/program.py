"""Token ids in, vectors out: what every runtime offers, and which one suits a dense view."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from transformers import PreTrainedModel

from mote_demo.runtime.bert import BertProgram
from mote_demo.runtime.padded import PaddedProgram


class Program(Protocol):
    """Compute the vectors of one route.

    ``tokens_at_once`` is how many tokens one call handles best. A program belongs to the weights it was compiled
    from: it says with ``is_current`` whether they are still the same.
    """

    tokens_at_once: int

    def __call__(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """Return float32 [len(ids), d], rows of unit length, of texts given as token ids."""
        ...

    def is_current(self) -> bool:
        """Tell whether the weights are still those that the program was compiled from."""
        ...


def compile_view(view: PreTrainedModel, pooling: str) -> Program:
    """Compile a dense view (see ``MoteModel.dense``) for where its weights lie.

    Args:
        view: the dense encoder of one route.
        pooling: "mean" or "cls".
    """
    return (BertProgram if BertProgram.suits(view) else PaddedProgram)(view, pooling)
