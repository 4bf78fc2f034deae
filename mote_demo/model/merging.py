"""Models between models: of equal shape, trained from one start."""

import copy
from collections.abc import Sequence

import torch

from mote_demo.model.modeling import MoteModel


def average(models: Sequence[MoteModel]) -> MoteModel:
    """Return the model whose every weight is the mean of the models' (model soups, Wortsman et al. 2022).

    Args:
        models: one or more with the same config; they stay as they are.
    """
    states = [model.state_dict() for model in models]
    merged = copy.deepcopy(models[0])
    merged.load_state_dict({name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]})
    return merged.eval()


def part_way(model: MoteModel, start: MoteModel, share: float) -> MoteModel:
    """Return the model with each expert part of the way from its start (WiSE-FT, Wortsman et al. 2022).

    Args:
        model: with experts; it stays as it is.
        start: the dense model it was made of, as ``upcycle`` gives it without expert layers.
        share: of the way: 0 is the start, 1 the expert.
    """
    merged = copy.deepcopy(model)
    with torch.no_grad():
        for path in model.expert_paths:
            dense = dict(start.backbone.get_submodule(path).named_parameters())
            for expert in model.config.experts:
                for name, weight in merged.backbone.get_submodule(path)[expert].named_parameters():
                    weight.lerp_(dense[name], 1 - share)
    return merged.eval()
