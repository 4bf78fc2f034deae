"""A dense view in two: what lies below the lowest expert that trains, and the rest."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from mote_demo.encoder import Encoder
from mote_demo.model import MoteConfig
from mote_demo.model.backbones import Backbone, find_backbone
from mote_demo.model.experts import replace_modules
from mote_demo.model.pooling import pool
from mote_demo.runtime.bert import PackedBert
from mote_demo.runtime.forward_pass import build_forward_pass
from mote_demo.runtime.linear import live_layer

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Head(Protocol):
    """Run what lies below the split."""

    def __call__(self, ids: Sequence[Sequence[int]]) -> list[Tensor]:
        """Return what enters the rest, for texts given as token ids: one float32 [tokens, d] a text."""
        ...


class Tail(Protocol):
    """Run what lies above the split, with gradients; ``at_once`` is how many texts it handles best."""

    at_once: int

    def __call__(self, entering: Sequence[Tensor]) -> Tensor:
        """Return the vectors of texts whose ``Head`` gave this: float32 [texts, d], rows of unit length."""
        ...


def split_view(encoder: Encoder, view: "PreTrainedModel", route: str, first: int | None = None) -> tuple[Head, Tail]:
    """Split a view after the attention of a block, or before the block where its attention is no module of its own.

    Args:
        encoder: the model that computes what lies below.
        view: a view of ``encoder`` on ``route``, with other experts from the split on.
        route: name of the route.
        first: number of the block; None is the lowest that has experts.
    """
    config = encoder.config
    spec = find_backbone(config.backbone_config.model_type)
    first = config.expert_layers[0] if first is None else first
    forward_pass = build_forward_pass(encoder.network, route)
    if isinstance(forward_pass, PackedBert):
        return _packed(forward_pass, config, view, first)
    return _as_modules(spec, config, view, first)


def _packed(bert: PackedBert, config: MoteConfig, view: "PreTrainedModel", block: int) -> tuple[Head, Tail]:
    """Split the packed encoder, whose upper part computes with the parameters of the view: no text is padded."""
    rest = PackedBert(config.backbone_config, dict(view.named_parameters()), config.pooling, live_layer)
    return partial(bert.attended, block=block), _PackedTail(rest, block)


def _as_modules(spec: Backbone, config: MoteConfig, view: "PreTrainedModel", first: int) -> tuple[Head, Tail]:
    blocks = list(view.get_submodule(spec.blocks))
    catch, last, opening = _split_block(blocks[first], spec.attention)
    head = replace_modules(view, {spec.blocks: nn.ModuleList([*blocks[:first], last])})
    instead: dict[str, nn.Module] = {
        spec.blocks: nn.ModuleList([opening, *blocks[first + 1 :]]),
        "embeddings": _Given(),
    }
    if hasattr(view, "embeddings_project"):  # ELECTRA's, where its embeddings are narrower than its blocks
        instead["embeddings_project"] = nn.Identity()
    return _ModuleHead(head, catch), _ViewTail(replace_modules(view, instead), config.pooling)


def padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the rows as one tensor and its mask, int64 [len(rows), longest], 0 where padded."""
    mask = pad_sequence([torch.ones(len(row), dtype=torch.int64) for row in rows], batch_first=True)
    return pad_sequence(list(rows), batch_first=True), mask  # [rows, longest, ...], [rows, longest]


class _ModuleHead:
    """Run the modules of any architecture, and catch what arrives at the split."""

    def __init__(self, view: nn.Module, catch: "_Catch | _CatchAttention") -> None:
        self._view, self._catch = view, catch

    # Not inference_mode: autograd refuses to save its tensors for the backward pass.
    @torch.no_grad()
    def __call__(self, ids: Sequence[Sequence[int]]) -> list[Tensor]:
        tokens, mask = padded([torch.tensor(one) for one in ids])  # [texts, longest], twice
        self._view(input_ids=tokens, attention_mask=mask)
        # [texts, longest, d], less the padding. Copies, so that a text that is kept does not keep the others.
        return [rows[: len(own)].clone() for rows, own in zip(self._catch.hidden, ids, strict=True)]


class _PackedTail:
    """Run the rest of a packed encoder."""

    at_once = 32

    def __init__(self, bert: PackedBert, block: int) -> None:
        self._bert, self._block = bert, block

    def __call__(self, entering: Sequence[Tensor]) -> Tensor:
        return self._bert.finish(entering, self._block)


class _ViewTail:
    """Run the rest of the view on padded batches."""

    at_once = 8

    def __init__(self, view: nn.Module, pooling: str) -> None:
        self._view, self._pooling = view, pooling

    def __call__(self, entering: Sequence[Tensor]) -> Tensor:
        hidden, mask = padded(entering)  # [texts, longest, d], [texts, longest]
        output = self._view(inputs_embeds=hidden, attention_mask=mask)
        return pool(output.last_hidden_state, mask, self._pooling)


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


def _split_block(block: nn.Module, attention: str | None) -> tuple[_Catch | _CatchAttention, nn.Module, nn.Module]:
    """Return what catches, the block with it, and the rest of the block: after its attention, where this is a seam."""
    if attention is None:
        catch = _Catch(block)
        return catch, catch, block
    caught = _CatchAttention(block.get_submodule(attention))
    given = replace_modules(block, {attention: _GivenAttention()})
    return caught, replace_modules(block, {attention: caught}), given
