"""BERT's blocks on the tokens of texts laid end to end: no padding, no masks, fused layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from mote_demo.runtime.linear import PACKS, Make, state_of


@dataclass(frozen=True)
class _Span:
    """Texts of equal length, side by side: rows ``start`` to ``stop`` hold ``texts`` times ``length`` tokens."""

    start: int
    stop: int
    texts: int
    length: int


@dataclass(frozen=True)
class _Norm:
    shape: tuple[int, ...]
    weight: Tensor
    bias: Tensor
    eps: float

    @classmethod
    def of(cls, norm: nn.LayerNorm) -> "_Norm":
        return cls(tuple(norm.normalized_shape), norm.weight.detach(), norm.bias.detach(), norm.eps)

    def __call__(self, rows: Tensor) -> Tensor:
        return functional.layer_norm(rows, self.shape, self.weight, self.bias, self.eps)


class _Block:
    def __init__(self, block: Any, heads: int, make: Make) -> None:  # noqa: ANN401 - attributes of a module have no types
        attention = block.attention.self
        parts = (attention.query, attention.key, attention.value)
        self._heads = heads
        self._qkv = PACKS.layer([part.weight for part in parts], [part.bias for part in parts], make)
        self._out, self._up, self._down = (
            PACKS.layer([layer.weight], [layer.bias], make)
            for layer in (block.attention.output.dense, block.intermediate.dense, block.output.dense)
        )
        self._norms = _Norm.of(block.attention.output.LayerNorm), _Norm.of(block.output.LayerNorm)

    def __call__(self, hidden: Tensor, spans: Sequence[_Span]) -> Tensor:
        hidden = self._norms[0](self._out.add(self._attend(hidden, spans), hidden))
        return self._norms[1](self._down.add(self._up.gelu(hidden), hidden))

    def _attend(self, hidden: Tensor, spans: Sequence[_Span]) -> Tensor:
        qkv, mixed = self._qkv(hidden), torch.empty_like(hidden)
        for span in spans:
            shape = (span.texts, span.length, -1, self._heads, hidden.shape[1] // self._heads)
            query, key, value = qkv[span.start : span.stop].view(shape).permute(2, 0, 3, 1, 4)
            found = functional.scaled_dot_product_attention(query, key, value)
            mixed[span.start : span.stop].view(span.texts, span.length, -1).copy_(found.transpose(1, 2).flatten(2))
        return mixed


class BertProgram:
    """Run a BERT view on the CPU."""

    tokens_at_once = 1024

    def __init__(self, view: PreTrainedModel, pooling: str, make: Make) -> None:
        """Pack the weights of a view that ``suits``; ``make`` decides how its linear layers are computed."""
        embeddings = view.embeddings
        self._modules = list(view.modules())
        self._state = self._current_state()
        self._pooling = pooling
        self._words = embeddings.word_embeddings.weight.detach()
        self._type = embeddings.token_type_embeddings.weight.detach()[0]
        self._positions = embeddings.position_embeddings.weight.detach()
        self._norm = _Norm.of(embeddings.LayerNorm)
        self._blocks = [_Block(block, view.config.num_attention_heads, make) for block in view.encoder.layer]

    @staticmethod
    def suits(view: PreTrainedModel) -> bool:
        """Tell whether this program computes what ``view`` does."""
        config = view.config
        return (
            config.model_type == "bert"
            and config.hidden_act == "gelu"
            and not getattr(config, "is_decoder", False)
            and getattr(config, "position_embedding_type", "absolute") == "absolute"
            and view.device.type == "cpu"
            and view.dtype == torch.float32
        )

    def is_current(self) -> bool:
        """Tell whether the weights are still those that were packed, as far as autograd and modules know."""
        return self._current_state() == self._state

    def _current_state(self) -> tuple[object, ...]:
        # Read anew each time: a parameter may have been replaced by another one.
        own = [
            parameter for module in self._modules for parameter in module._parameters.values() if parameter is not None
        ]
        return tuple(map(id, own)), state_of(own)

    @torch.inference_mode()
    def __call__(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """Return float32 [len(ids), d], rows of unit length, of texts given as token ids."""
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        spans = _spans([len(ids[row]) for row in order])
        hidden = self._embed([ids[row] for row in order], spans)
        for block in self._blocks:
            hidden = block(hidden, spans)
        vectors = torch.empty(len(ids), hidden.shape[1])
        vectors[order] = functional.normalize(self._pool(hidden, spans), dim=-1)
        return vectors.numpy()

    def _embed(self, ids: Sequence[Sequence[int]], spans: Sequence[_Span]) -> Tensor:
        words = self._words[torch.tensor([token for text in ids for token in text])]
        positions = [self._positions[: span.length].repeat(span.texts, 1) for span in spans]
        return self._norm(words.add_(torch.cat(positions)).add_(self._type))

    def _pool(self, hidden: Tensor, spans: Sequence[_Span]) -> Tensor:
        texts = [hidden[span.start : span.stop].view(span.texts, span.length, -1) for span in spans]
        return torch.cat([text[:, 0] if self._pooling == "cls" else text.mean(1) for text in texts])


def _spans(lengths: Sequence[int]) -> list[_Span]:
    """Return the runs of equal length of texts that are sorted by it."""
    spans, start = [], 0
    for length, run in groupby(lengths):
        texts = sum(1 for _ in run)
        spans.append(_Span(start, start + texts * length, texts, length))
        start += texts * length
    return spans
