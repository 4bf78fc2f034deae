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
from mote_demo.runtime.precision import EXACT, INT8, check_precision


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


def compile_view(view: PreTrainedModel, pooling: str, precision: str = EXACT) -> Program:
    """Compile a dense view (see ``MoteModel.dense``) for where its weights lie.

    Args:
        view: the dense encoder of one route.
        pooling: "mean" or "cls".
        precision: one of ``PRECISIONS``; int8 is for BERT on the CPU, another view is a ``UserError``.
    """
    check_suits(view, precision)
    if not BertProgram.suits(view):
        return PaddedProgram(view, pooling)
    return BertProgram(view, pooling, Int8Linear if precision == INT8 else linear_kind())


def check_suits(view: PreTrainedModel, precision: str) -> None:
    """Refuse a precision that is unknown, or that ``view`` cannot be computed in."""
    if check_precision(precision) == INT8 and not BertProgram.suits(view):
        raise UserError(f"int8 is for BERT encoders on the CPU, not for {view.config.model_type!r} on {view.device}.")
