"""Self-attention of texts laid end to end: every text over its own tokens, no masks."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_PRODUCTS_FROM, _PRODUCTS_TO = 32, 200
"""Between these lengths, products of the heads of one text take less time than torch's fused attention of a span."""


@dataclass(frozen=True)
class Span:
    """Texts of equal length, side by side: rows ``start`` to ``stop`` hold ``texts`` times ``length`` tokens."""

    start: int
    stop: int
    texts: int
    length: int


def attention(qkv: Tensor, spans: Sequence[Span], heads: int) -> Tensor:
    """Let every token attend to the tokens of its text.

    Args:
        qkv: float32 [rows, 3 d]: queries, keys and values, the heads of each side by side.
        spans: where the texts lie; rows behind the last are of no text.
        heads: how many, each d / heads wide.

    Returns:
        float32 [rows, d]; the rows of no text are zeros.
    """
    split = qkv.view(len(qkv), 3, heads, -1)  # [rows, 3, heads, width], where width = d / heads
    mixed = split.new_empty(split[:, 0].shape)  # [rows, heads, width]
    # What writes into memory that is there already has no gradient.
    products = [] if torch.is_grad_enabled() else [one for one in spans if _PRODUCTS_FROM <= one.length <= _PRODUCTS_TO]
    _multiply(split, mixed, products)
    for span in spans:
        if span not in products:
            _fuse(split, mixed, span)
    mixed[spans[-1].stop :] = 0
    return mixed.flatten(1)


def _fuse(qkv: Tensor, mixed: Tensor, span: Span) -> None:
    """Compute the texts of a span at once."""
    rows = slice(span.start, span.stop)
    # [texts * length, 3, heads, width] to three of [texts, heads, length, width]
    query, key, value = qkv[rows].unflatten(0, (span.texts, span.length)).permute(2, 0, 3, 1, 4)
    found = functional.scaled_dot_product_attention(query, key, value)
    mixed[rows].view(span.texts, span.length, *mixed.shape[1:]).copy_(found.transpose(1, 2))


def _multiply(qkv: Tensor, mixed: Tensor, spans: Sequence[Span]) -> None:
    """Compute text by text, in memory that all of them share."""
    heads, width = mixed.shape[1:]
    longest = max((span.length for span in spans), default=0)
    scores, weights = qkv.new_empty(2, heads * longest * longest)  # flat, for the longest text
    for span in spans:
        shape = (heads, span.length, span.length)
        score, weight = (memory[: heads * span.length**2].view(shape) for memory in (scores, weights))
        for start in range(span.start, span.stop, span.length):
            rows = slice(start, start + span.length)
            query, key, value = qkv[rows].permute(1, 2, 0, 3)  # [heads, length, width] each
            torch.baddbmm(score, query, key.transpose(1, 2), beta=0, alpha=width**-0.5, out=score)
            torch.softmax(score, -1, out=weight)
            mixed[rows].transpose(0, 1).copy_(torch.bmm(weight, value))  # [heads, length, width]
