"""How different the spaces of the routes are, and the experts that make them."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from mote_demo.data.texts import Texts
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.explore.measures import linear_cka, neighbour_overlap
from mote_demo.model import MoteModel
from mote_demo.model.backbones import find_backbone
from mote_demo.model.experts import expert_paths
from mote_demo.study.results import Layer, Matrix, Spaces

NEIGHBOURS = 10


def measure_spaces(baseline: Encoder, mote: Encoder, texts: Texts, backbone: Encoder) -> Spaces:
    """Compare the routes of each model on the same texts, and the experts of each block.

    Args:
        baseline: the dense model.
        mote: the model with experts, and the routes of ``baseline``.
        texts: what both encode.
        backbone: what both models started from.

    Returns:
        ``layers`` (see ``expert_distances``); ``cka``, the linear CKA of two routes (Kornblith et al. 2019);
        ``shared``, the mean share of the ten nearest neighbours that two routes have in common.
    """
    routes = list(mote.routes)
    if set(routes) != set(baseline.routes):
        raise UserError(
            f"{baseline.name} has the routes {', '.join(baseline.routes)}, and {mote.name} has {', '.join(routes)}. "
            "Please compare models with the same routes."
        )
    vectors = {
        name: {route: encoder.encode(texts.passages, route=route) for route in routes}
        for name, encoder in (("baseline", baseline), ("mote", mote))
    }
    return {
        "texts": texts.name,
        "count": len(texts),
        "neighbours": NEIGHBOURS,
        "routes": routes,
        "experts": list(mote.config.experts),
        "layers": expert_distances(mote.model, baseline.model, backbone.model),
        "cka": {name: _table(list(spaces.values()), linear_cka) for name, spaces in vectors.items()},
        "shared": {
            name: _table([_neighbours(space) for space in spaces.values()], _mean_overlap)
            for name, spaces in vectors.items()
        },
    }


def expert_distances(mote: MoteModel, baseline: MoteModel, backbone: MoteModel) -> list[Layer]:
    """Return for each block with experts, counted from 0, their relative distances.

    distance = ||a - b|| / mean(||a||, ||b||), over all weights of the experts' layers in the block: of each two
    experts; and from the same layers of the backbone, of each expert and of the baseline's one set of weights.
    """
    return [_layer(mote, baseline, backbone, block) for block in mote.config.expert_layers]


def _layer(mote: MoteModel, baseline: MoteModel, backbone: MoteModel, block: int) -> Layer:
    layers = _mlp(mote, block)
    experts = [_weights([layer.get_submodule(expert) for layer in layers]) for expert in mote.config.experts]
    start = _weights(_mlp(backbone, block))
    return {
        "block": block,
        "distance": _table(experts, _distance),
        "from_start": [round(_distance(expert, start), 4) for expert in experts],
        "baseline_from_start": round(_distance(_weights(_mlp(baseline, block)), start), 4),
    }


def _mlp(model: MoteModel, block: int) -> list[nn.Module]:
    spec = find_backbone(model.config.backbone_config.model_type)
    return [model.backbone.get_submodule(path) for path in expert_paths(spec.blocks, spec.mlp, [block])]


def _weights(layers: Sequence[nn.Module]) -> np.ndarray:
    """Return all weights of some layers as one vector."""
    return torch.cat([weight.detach().flatten() for layer in layers for weight in layer.parameters()]).double().numpy()


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    mean = (np.linalg.norm(first) + np.linalg.norm(second)) / 2
    return float(np.linalg.norm(first - second) / mean)


def _neighbours(vectors: np.ndarray) -> np.ndarray:
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1, kind="stable")[:, :NEIGHBOURS]


def _mean_overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float(neighbour_overlap(first, second).mean())


def _table(items: Sequence[np.ndarray], measure: Callable[[np.ndarray, np.ndarray], float]) -> Matrix:
    return [[round(measure(first, second), 4) for second in items] for first in items]
