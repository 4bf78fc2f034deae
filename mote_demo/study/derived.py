"""Models that come out of a trained MoTE model without further training."""

import copy
from collections.abc import Callable, Mapping
from types import MappingProxyType

from mote_demo.encoder import Encoder
from mote_demo.errors import unknown_choice
from mote_demo.model import MoteModel
from mote_demo.model.folding import wave

WRONG_EXPERTS: Mapping[str, str] = MappingProxyType(
    {
        "query": "clustering",
        "document": "clustering",
        "classification": "sts",
        "clustering": "classification",
        "sts": "document",
    }
)
"""Route to an expert of another task, to see what an expert is worth."""


def wave_encoder(encoder: Encoder) -> Encoder:
    """Return the dense model whose MLPs are the means of the experts (WAVE)."""
    return encoder.with_model(wave(encoder.model))


def wrong_expert_encoder(encoder: Encoder) -> Encoder:
    """Return the model in which each route keeps its instruction and runs another task's expert."""
    return encoder.with_model(with_experts(encoder.model, WRONG_EXPERTS))


def with_experts(model: MoteModel, experts: Mapping[str, str]) -> MoteModel:
    """Return a model that shares every tensor and runs other experts.

    Args:
        model: stays as it is.
        experts: route to the expert it shall run; routes that are not named keep theirs.
    """
    twin = copy.copy(model)
    twin._modules = dict(model._modules)
    twin._views = {}
    twin.config = copy.deepcopy(model.config)
    for route, expert in experts.items():
        if expert not in model.config.experts:
            raise unknown_choice("expert", expert, model.config.experts)
        twin.config.routes[twin.config.resolve(route)]["expert"] = expert
    return twin


DERIVED: Mapping[str, Callable[[Encoder], Encoder]] = MappingProxyType(
    {"wave": wave_encoder, "wrong_expert": wrong_expert_encoder}
)
"""Name of each derived model, and how it is made of the MoTE encoder."""
