"""Encode with gradients where only experts train: what lies below the first of them runs once per text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from mote_demo.encoder import Encoder
from mote_demo.model.backbones import find_backbone
from mote_demo.model.experts import replace_modules
from mote_demo.model.pooling import pool

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MAX_TOKENS = 128
"""Texts are cut to this many tokens in training."""

_AT_ONCE = 8
_KEPT_BYTES = 500_000_000
_PROBE = ("a", "a longer text, beside which the first one is padded")


class FrozenTrunk:
    """Turn texts into vectors that carry gradients to the experts of a dense view.

    Nothing below the first expert that trains changes, so what enters this expert stays the same: it
    is computed once per text and kept, up to half a gigabyte. There is no dropout. Where an
    architecture does not give the same vectors this way, all blocks run every time.
    """

    def __init__(
        self, encoder: Encoder, view: "PreTrainedModel", route: str, *, first: int | None = None, keep: bool = True
    ) -> None:
        """Cut a view in two.

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
        self._catch, self._head, self._tail = _cut(encoder, view, first)
        self.keeps = keep and self._gives_same_vectors()

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Return the vectors of ``texts``: float32 [len(texts), d], rows of unit length, with gradients."""
        encode = self._encode_kept if self.keeps else self._encode_whole
        # Texts of like length run together, because padding costs as much as text.
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        parts = [[texts[row] for row in order[start : start + _AT_ONCE]] for start in range(0, len(order), _AT_ONCE)]
        return torch.cat([encode(part) for part in parts])[np.argsort(order)]

    def _encode_kept(self, texts: Sequence[str]) -> Tensor:
        hidden, mask = _pad(self._enter(texts))
        return self._pool(self._tail(inputs_embeds=hidden, attention_mask=mask), mask)

    def _encode_whole(self, texts: Sequence[str]) -> Tensor:
        ids, mask = _pad(self._tokenize(texts))
        return self._pool(self._view(input_ids=ids, attention_mask=mask), mask)

    def _pool(self, output: Any, mask: Tensor) -> Tensor:  # noqa: ANN401 - one output class per architecture
        return pool(output.last_hidden_state, mask, self._encoder.config.pooling)

    def _tokenize(self, texts: Sequence[str]) -> list[Tensor]:
        return [
            torch.tensor(ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]])
            for ids in self._encoder.tokenize(texts, self._route)
        ]

    def _enter(self, texts: Sequence[str]) -> list[Tensor]:
        """Return what enters the first expert that trains: one float32 [tokens, hidden] a text."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._kept]
        fresh = dict(zip(missing, self._run_head(missing), strict=True)) if missing else {}
        entering = [fresh[text] if text in fresh else self._kept[text] for text in texts]
        for text, hidden in fresh.items():
            size = hidden.numel() * hidden.element_size()
            if self._bytes + size <= _KEPT_BYTES:
                self._kept[text] = hidden
                self._bytes += size
        return entering

    # Not inference_mode: autograd refuses to save its tensors for the backward pass.
    @torch.no_grad()
    def _run_head(self, texts: Sequence[str]) -> list[Tensor]:
        tokens = self._tokenize(texts)
        ids, mask = _pad(tokens)
        self._head(input_ids=ids, attention_mask=mask)
        return [rows[: len(own)].clone() for rows, own in zip(self._catch.hidden, tokens, strict=True)]

    @torch.no_grad()
    def _gives_same_vectors(self) -> bool:
        if not hasattr(self._view, "embeddings"):
            return False
        return torch.allclose(self._encode_kept(_PROBE), self._encode_whole(_PROBE), atol=1e-5)


class _Catch(nn.Module):
    """Stand in for a block: keep what would enter it."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.hidden = torch.empty(0)
        if hasattr(block, "attention_type"):  # ModernBERT picks each block's mask by it
            self.attention_type = block.attention_type

    def forward(self, hidden: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        self.hidden = hidden
        return hidden


class _Given(nn.Module):
    """Stand in for the embeddings: hand on what is given in their place."""

    def forward(self, *args: Any, inputs_embeds: Tensor | None = None, **kwargs: Any) -> Tensor | None:
        # DistilBERT gives both of its arguments by position.
        return args[1] if inputs_embeds is None else inputs_embeds


class _CatchAttention(nn.Module):
    """Run an attention and keep what leaves it."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention
        self.hidden = torch.empty(0)

    def forward(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        outputs = self.attention(*args, **kwargs)
        self.hidden = outputs[0]
        return outputs


class _GivenAttention(nn.Module):
    """Stand in for an attention whose output is what enters the block."""

    def forward(self, hidden: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, None]:
        return hidden, None


def _cut(
    encoder: Encoder, view: "PreTrainedModel", first: int | None
) -> tuple[_Catch | _CatchAttention, nn.Module, nn.Module]:
    """Return views of what lies below the expert of block ``first``, and from there on."""
    config = encoder.config
    spec = find_backbone(config.backbone_config.model_type)
    first = config.expert_layers[0] if first is None else first
    blocks = list(view.get_submodule(spec.blocks))
    catch, last, opening = _cut_block(blocks[first], spec.attention)
    head = replace_modules(view, {spec.blocks: nn.ModuleList([*blocks[:first], last])})
    instead: dict[str, nn.Module] = {
        spec.blocks: nn.ModuleList([opening, *blocks[first + 1 :]]),
        "embeddings": _Given(),
    }
    if hasattr(view, "embeddings_project"):  # ELECTRA's, where its embeddings are narrower than its blocks
        instead["embeddings_project"] = nn.Identity()
    return catch, head, replace_modules(view, instead)


def _cut_block(block: nn.Module, attention: str | None) -> tuple[_Catch | _CatchAttention, nn.Module, nn.Module]:
    """Return what catches, the block with it, and the rest of the block: after its attention, where this is a seam."""
    if attention is None:
        catch = _Catch(block)
        return catch, catch, block
    caught = _CatchAttention(block.get_submodule(attention))
    given = replace_modules(block, {attention: _GivenAttention()})
    return caught, replace_modules(block, {attention: caught}), given


def _pad(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the rows as one tensor and its mask, int64 [len(rows), longest], 0 where padded."""
    mask = pad_sequence([torch.ones(len(row), dtype=torch.int64) for row in rows], batch_first=True)
    return pad_sequence(list(rows), batch_first=True), mask
