"""Encode with gradients where only experts train: what lies below the first of them runs once per text."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from mote_demo.encoder import Encoder
from mote_demo.growing.split_view import padded, split_view
from mote_demo.model.pooling import pool

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MAX_TOKENS = 128
"""Texts are cut to this many tokens in training."""

TOKENS_HELD = 2048
"""Of a batch with more tokens no activations are kept: each part is computed again when its gradients are due."""

_AT_ONCE = 8
_KEPT_BYTES = 500_000_000
_PROBE = ("a", "a longer text, beside which the first one is padded")


class FrozenTrunk:
    """Turn texts into vectors that carry gradients to the experts of a dense view.

    Nothing below the first expert that trains changes, so what enters this expert stays the same: it
    is computed once per text and kept, up to half a gigabyte. There is no dropout but that which a caller asks for.
    Where an architecture does not give the same vectors this way, all blocks run every time. Memory for gradients is
    bounded by ``TOKENS_HELD``, whatever the batch: gradient caching (Gao et al. 2021) by checkpointing.
    """

    def __init__(
        self, encoder: Encoder, view: "PreTrainedModel", route: str, *, first: int | None = None, keep: bool = True
    ) -> None:
        """Split a view in two.

        Args:
            encoder: the model; it gives the tokens.
            view: a view of ``encoder`` on ``route``, with the experts that train.
            route: name of the route.
            first: the lowest block whose expert trains; None is the lowest that has experts.
            keep: False lets all blocks run every time.
        """
        self._encoder = encoder
        self._view = view
        self._route = route
        self._kept: dict[str, Tensor] = {}
        self._bytes = 0
        self._head, self._tail = split_view(encoder, view, route, first)
        self.keeps = keep and self._gives_same_vectors()

    def encode(self, texts: Sequence[str], dropout: float = 0.0) -> Tensor:
        """Return the vectors of ``texts``: float32 [len(texts), d], rows of unit length, with gradients.

        Args:
            texts: the texts, without instruction.
            dropout: share of the numbers that enter the blocks with experts to drop at random; where nothing is
                kept, of those that are pooled.
        """
        enter: Callable[[Sequence[str]], Sequence[Any]]
        run: Callable[..., Tensor]
        enter, run = (self._enter, self._run_kept) if self.keeps else (self._tokenize, self._run_whole)
        at_once = self._tail.at_once if self.keeps else _AT_ONCE
        # Texts of like length run together, because padding costs as much as text.
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        entered = [
            one
            for start in range(0, len(order), at_once)
            for one in enter([texts[row] for row in order[start : start + at_once]])
        ]
        many = torch.is_grad_enabled() and sum(map(len, entered)) > TOKENS_HELD
        run = partial(checkpoint, run, use_reentrant=False) if many else run
        return torch.cat([run(part, dropout) for part in _cut(entered, at_once)])[np.argsort(order)]

    def _run_kept(self, entering: Sequence[Tensor], dropout: float) -> Tensor:
        return self._tail([functional.dropout(one, dropout) for one in entering] if dropout else entering)

    def _run_whole(self, tokens: Sequence[Sequence[int]], dropout: float) -> Tensor:
        ids, mask = padded([torch.tensor(one) for one in tokens])
        hidden = self._view(input_ids=ids, attention_mask=mask).last_hidden_state
        return pool(functional.dropout(hidden, dropout), mask, self._encoder.config.pooling)

    def count_tokens(self, texts: Sequence[str]) -> int:
        """Count the tokens of the texts, as far as a training reads them."""
        return sum(len(ids) for ids in self._tokenize(texts))

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        return [
            ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]
            for ids in self._encoder.tokenize(texts, self._route)
        ]

    def _enter(self, texts: Sequence[str]) -> list[Tensor]:
        """Return what enters the first expert that trains: one float32 [tokens, hidden] a text."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._kept]
        fresh = dict(zip(missing, self._head(self._tokenize(missing)), strict=True)) if missing else {}
        entering = [fresh[text] if text in fresh else self._kept[text] for text in texts]
        for text, hidden in fresh.items():
            size = hidden.numel() * hidden.element_size()
            if self._bytes + size <= _KEPT_BYTES:
                self._kept[text] = hidden
                self._bytes += size
        return entering

    @torch.no_grad()
    def _gives_same_vectors(self) -> bool:
        if not hasattr(self._view, "embeddings"):
            return False
        kept, whole = self._run_kept(self._enter(_PROBE), 0.0), self._run_whole(self._tokenize(_PROBE), 0.0)
        return torch.allclose(kept, whole, atol=1e-5)


def _cut(entered: Sequence[Any], most: int) -> Iterator[list[Any]]:
    """Cut what enters into parts of at most so many texts and ``TOKENS_HELD`` tokens, or of one text."""
    part: list[Any] = []
    tokens = 0
    for one in entered:
        if part and (len(part) == most or tokens + len(one) > TOKENS_HELD):
            yield part
            part, tokens = [], 0
        part.append(one)
        tokens += len(one)
    yield part
