"""BERT's blocks on the tokens of texts laid end to end: no padding, no masks, fused layers."""

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PretrainedConfig

from mote_demo.runtime.attention import Span, attention
from mote_demo.runtime.linear import Layers, Linear

_COMPUTED = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "is_decoder": False,
    "position_embedding_type": "absolute",
}
"""What a config must say; where it says nothing of one of these, it means this."""

_ROW_STEPS = ((32, 4), (64, 8))
_LARGEST_ROW_STEP = 16


@dataclass(frozen=True)
class _Norm:
    weight: Tensor
    bias: Tensor
    eps: float

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], name: str, eps: float) -> "_Norm":
        return cls(_floats(tensors[f"{name}.weight"]), _floats(tensors[f"{name}.bias"]), eps)

    def __call__(self, rows: Tensor) -> Tensor:
        return functional.layer_norm(rows, self.weight.shape, self.weight, self.bias, self.eps)


class _Block:
    def __init__(self, tensors: Mapping[str, Tensor], block: str, config: PretrainedConfig, layers: Layers) -> None:
        def layer(*names: str) -> Linear:
            paths = [f"{block}.{name}" for name in names]
            weights, biases = ([tensors[f"{path}.{part}"] for path in paths] for part in ("weight", "bias"))
            return layers(weights, biases)

        self._heads = config.num_attention_heads
        self._qkv = layer(*(f"attention.self.{part}" for part in ("query", "key", "value")))
        self._out, self._up, self._down = map(layer, ("attention.output.dense", "intermediate.dense", "output.dense"))
        self._norms = tuple(
            _Norm.of(tensors, f"{block}.{name}.LayerNorm", config.layer_norm_eps)
            for name in ("attention.output", "output")
        )

    def __call__(self, hidden: Tensor, spans: Sequence[Span]) -> Tensor:
        return self.transform(self.attend(hidden, spans))

    def attend(self, hidden: Tensor, spans: Sequence[Span]) -> Tensor:
        """Return what enters the MLP: float32 [rows, d], as ``hidden``."""
        mixed = attention(self._qkv(hidden), spans, self._heads)  # [rows, 3 d] to [rows, d]
        return self._norms[0](self._out.add(mixed, hidden))

    def transform(self, attended: Tensor) -> Tensor:
        """Return what leaves the block: float32 [rows, d], as ``attended``."""
        return self._norms[1](self._down.add(self._up.gelu(attended), attended))  # by way of [rows, inner]


class PackedBert:
    """Run a BERT encoder on the CPU, in float32 whatever its tensors are stored in."""

    tokens_at_once = 1536

    def __init__(self, config: PretrainedConfig, tensors: Mapping[str, Tensor], pooling: str, layers: Layers) -> None:
        """Pack the tensors of a dense encoder of a config that ``supports`` accepts.

        Args:
            config: of the encoder.
            tensors: by their names in ``BertModel``.
            pooling: one of ``POOLINGS``.
            layers: makes its linear layers.
        """
        self._pooling = pooling
        self._words = tensors["embeddings.word_embeddings.weight"].detach()
        self._type = _floats(tensors["embeddings.token_type_embeddings.weight"][0])
        self._positions = _floats(tensors["embeddings.position_embeddings.weight"])
        self._norm = _Norm.of(tensors, "embeddings.LayerNorm", config.layer_norm_eps)
        blocks = [f"encoder.layer.{number}" for number in range(config.num_hidden_layers)]
        self._blocks = [_Block(tensors, block, config, layers) for block in blocks]

    @staticmethod
    def supports(config: PretrainedConfig) -> bool:
        """Tell whether this class computes what an encoder of this config does."""
        return PackedBert.unsupported(config) is None

    @staticmethod
    def unsupported(config: PretrainedConfig) -> str | None:
        """Say in words what of an encoder of this config this class does not compute; None where it computes all."""
        for key, expected in _COMPUTED.items():
            found = getattr(config, key, expected)
            if found != expected:
                return f"its {key} is {found!r}, not {expected!r}"
        return None

    @staticmethod
    def shapes(config: PretrainedConfig) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor that is read, by name."""
        width, inner = config.hidden_size, config.intermediate_size
        parts = {
            **{f"attention.self.{part}": (width, width) for part in ("query", "key", "value")},
            "attention.output.dense": (width, width),
            "attention.output.LayerNorm": (width,),
            "intermediate.dense": (inner, width),
            "output.dense": (width, inner),
            "output.LayerNorm": (width,),
        }
        rows = {
            "word_embeddings": config.vocab_size,
            "position_embeddings": config.max_position_embeddings,
            "token_type_embeddings": config.type_vocab_size,
        }
        blocks = [f"encoder.layer.{number}" for number in range(config.num_hidden_layers)]
        weights = {f"{block}.{part}": shape for block in blocks for part, shape in parts.items()}
        weights["embeddings.LayerNorm"] = (width,)
        return {
            **{f"embeddings.{name}.weight": (number, width) for name, number in rows.items()},
            **{f"{name}.weight": shape for name, shape in weights.items()},
            **{f"{name}.bias": shape[:1] for name, shape in weights.items()},
        }

    @torch.inference_mode()
    def __call__(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """Return float32 [len(ids), d], rows of unit length, of texts given as token ids."""
        order, spans = _lay_out(ids)
        hidden = self._run([ids[row] for row in order], spans, len(self._blocks))
        return self._pool(hidden, spans)[np.argsort(order)].numpy()

    @torch.no_grad()
    def attended(self, ids: Sequence[Sequence[int]], block: int) -> list[Tensor]:
        """Return what enters the MLP of a block, for a training of this MLP: one float32 [tokens, d] a text."""
        order, spans = _lay_out(ids)
        hidden = self._blocks[block].attend(self._run([ids[row] for row in order], spans, block), spans)
        texts = hidden[: spans[-1].stop].split([len(ids[row]) for row in order])
        found = dict(zip(order, texts, strict=True))
        # Copies, so that a text that is kept does not keep the others.
        return [found[row].clone() for row in range(len(ids))]

    def finish(self, attended: Sequence[Tensor], block: int) -> Tensor:
        """Run the rest of the encoder on what ``attended`` gave, with gradients where its layers have them.

        Returns:
            float32 [texts, d], rows of unit length.
        """
        order, spans = _lay_out(attended)
        hidden = self._blocks[block].transform(torch.cat([attended[row] for row in order]))
        for later in self._blocks[block + 1 :]:
            hidden = later(hidden, spans)
        return self._pool(hidden, spans)[np.argsort(order)]

    def _run(self, ids: Sequence[Sequence[int]], spans: Sequence[Span], blocks: int) -> Tensor:
        hidden = self._embed(ids, spans)
        for block in self._blocks[:blocks]:
            hidden = block(hidden, spans)
        return hidden

    def _embed(self, ids: Sequence[Sequence[int]], spans: Sequence[Span]) -> Tensor:
        """Return float32 [rows, d]: one row a token, then those up to ``_rows_for`` that nobody reads."""
        tokens = [token for text in ids for token in text]
        words = self._words[torch.tensor(tokens + [0] * (_rows_for(len(tokens)) - len(tokens)))].float()
        positions = [self._positions[: span.length].repeat(span.texts, 1) for span in spans]  # [texts * length, d] each
        words[: len(tokens)].add_(torch.cat(positions))
        return self._norm(words.add_(self._type))

    def _pool(self, hidden: Tensor, spans: Sequence[Span]) -> Tensor:
        # [texts, length, d] each, then [texts, d] of all.
        texts = [hidden[span.start : span.stop].view(span.texts, span.length, -1) for span in spans]
        at = {"cls": 0, "last": -1}.get(self._pooling)
        pooled = torch.cat([text.mean(1) if at is None else text[:, at] for text in texts])
        return functional.normalize(pooled, dim=-1)


def _floats(tensor: Tensor) -> Tensor:
    return tensor.detach().float()


def _rows_for(tokens: int) -> int:
    """Round up, because oneDNN compiles a product anew (1 ms) and keeps it (0.6 MB) for every other number of rows."""
    step = next((step for most, step in _ROW_STEPS if tokens <= most), _LARGEST_ROW_STEP)
    return -(-tokens // step) * step


def _lay_out(texts: Sequence[Sized]) -> tuple[list[int], list[Span]]:
    """Return the order of the texts by their tokens' number, and the runs of equal length in it."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    spans, start = [], 0
    for length, run in groupby(len(texts[row]) for row in order):
        count = sum(1 for _ in run)
        spans.append(Span(start, start + count * length, count, length))
        start += count * length
    return order, spans
