"""Models between models: of equal shape, trained from one start."""

import copy
from collections.abc import Iterable, Mapping, Sequence

import torch

from mote_demo.model.modeling import MoteModel
from mote_demo.tasks import DENSE


def average(models: Sequence[MoteModel]) -> MoteModel:
    """Return the model whose every weight is the mean of the models' (model soups, Wortsman et al. 2022).

    Args:
        models: one or more with the same config; they stay as they are.
    """
    states = [model.state_dict() for model in models]
    merged = copy.deepcopy(models[0])
    merged.load_state_dict({name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]})
    return merged.eval()


def part_way(model: MoteModel, start: MoteModel, share: Mapping[str, float], layers: Iterable[int] = ()) -> MoteModel:
    """Return the model with MLPs part of the way from where they started (WiSE-FT, Wortsman et al. 2022).

    Args:
        model: as it was trained; it stays as it is.
        start: the dense model it was made of, as ``upcycle`` gives it without expert layers.
        share: of the way that an expert keeps, by its name: 0 is the start, 1, and one that is not named, the end. The
            MLP of a dense model is called ``DENSE``.
        layers: blocks (from 0) whose MLPs a dense model moves; a model with experts moves these.
    """
    merged = copy.deepcopy(model)
    experts = model.config.expert_layers
    with torch.no_grad():
        for path in model.paths_of(experts or layers):
            dense = dict(start.backbone.get_submodule(path).named_parameters())
            module = merged.backbone.get_submodule(path)
            for name, one in module.named_children() if experts else [(DENSE, module)]:
                for key, weight in one.named_parameters():
                    weight.lerp_(dense[key], 1 - share.get(name, 1.0))
    return merged.eval()
