"""From token vectors to one vector a text."""

import torch
from torch import Tensor


def pool(hidden: Tensor, attention_mask: Tensor, pooling: str = "mean") -> Tensor:
    """Reduce token vectors to one unit-length vector a text.

    Args:
        hidden: [batch, tokens, hidden].
        attention_mask: [batch, tokens], 0 where padded.
        pooling: "mean" over the tokens, or "cls" for the first one.
    """
    if pooling == "cls":
        pooled = hidden[:, 0]
    else:
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
    return torch.nn.functional.normalize(pooled, dim=-1)
