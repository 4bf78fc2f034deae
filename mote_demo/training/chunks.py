"""Compute a batch in chunks of texts of like length."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def embed(model: nn.Module, features: dict[str, Any], *, most_tokens: int, recompute: bool = False) -> Tensor:
    """Return the vectors of a batch, in its order, without computing most of its padding.

    Args:
        model: takes a feature dictionary and returns one with ``sentence_embedding``.
        features: ``input_ids`` and ``attention_mask``, int64 [batch, tokens], padded on the right, and what else
            the model takes for the batch as a whole, such as its route.
        most_tokens: padded tokens of one chunk; a single longer text is a chunk of its own.
        recompute: keep no activations, and compute each chunk again when its gradients are due. Memory then
            holds one chunk, whatever the batch size (gradient caching, Gao et al. 2021, by checkpointing).

    Returns:
        float [batch, dim].
    """
    rest = {key: value for key, value in features.items() if key not in ("input_ids", "attention_mask")}

    def run(input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return model({**rest, "input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]

    rows, vectors = [], []
    for chosen, length in _chunks(features["attention_mask"], most_tokens):
        ids, mask = features["input_ids"][chosen, :length], features["attention_mask"][chosen, :length]
        rows.append(chosen)
        vectors.append(checkpoint(run, ids, mask, use_reentrant=False) if recompute else run(ids, mask))
    return torch.cat(vectors)[torch.argsort(torch.cat(rows))]


def _chunks(attention_mask: Tensor, most_tokens: int) -> Iterator[tuple[Tensor, int]]:
    """Yield (rows, tokens of the longest) from the longest texts to the shortest."""
    lengths = attention_mask.sum(1)
    order = torch.argsort(lengths, descending=True)
    while len(order):
        longest = max(1, int(lengths[order[0]]))
        size = max(1, most_tokens // longest)
        yield order[:size], longest
        order = order[size:]
