"""Token ids in, vectors out: what every runtime offers, and which one suits a dense view."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from transformers import PreTrainedModel

from mote_demo.errors import UserError
from mote_demo.runtime.bert import BertProgram
from mote_demo.runtime.int8 import Int8Linear
from mote_demo.runtime.linear import linear_kind
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


PRECISIONS = ("exact", "int8")
"""float32 throughout, or 8-bit integers in the linear layers (see ``runtime.int8``)."""


def compile_view(view: PreTrainedModel, pooling: str, precision: str = "exact") -> Program:
    """Compile a dense view (see ``MoteModel.dense``) for where its weights lie.

    Args:
        view: the dense encoder of one route.
        pooling: "mean" or "cls".
        precision: one of ``PRECISIONS``; "int8" is for BERT on the CPU, another view is a ``UserError``.
    """
    if BertProgram.suits(view):
        return BertProgram(view, pooling, linear_kind() if precision == "exact" else Int8Linear)
    if precision != "exact":
        raise UserError(f"int8 is for BERT encoders on the CPU, not for {view.config.model_type!r} on {view.device}.")
    return PaddedProgram(view, pooling)
