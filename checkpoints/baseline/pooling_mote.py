# A copy of mote_demo/model/pooling.py, written by `mote refresh`. Licence: Apache-2.0.
"""From token vectors to one vector a text."""

import torch
from torch import Tensor


def pool(hidden: Tensor, attention_mask: Tensor, pooling: str = "mean") -> Tensor:
    """Reduce token vectors to one unit-length vector a text.

    Args:
        hidden: [batch, tokens, hidden].
        attention_mask: [batch, tokens], 0 where padded, on whichever side.
        pooling: "mean", "cls" for the first token or "last" for the last one.
    """
    if pooling == "mean":
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
    else:
        first, last = _first(attention_mask), attention_mask.shape[1] - 1 - _first(attention_mask.flip(1))
        at = first if pooling == "cls" else last
        pooled = hidden[torch.arange(len(hidden), device=hidden.device), at]
    return torch.nn.functional.normalize(pooled, dim=-1)


def _first(mask: Tensor) -> Tensor:
    """Return where the first token is that is not padding, int64 [batch]."""
    return (mask != 0).int().argmax(1)
