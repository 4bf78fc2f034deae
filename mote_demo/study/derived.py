"""Models that come out of a trained MoTE model without further training."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mote_demo.encoder import Encoder
from mote_demo.model.folding import wave
from mote_demo.runtime.precision import INT8
from mote_demo.study.arms import ROUNDED, WAVE, WRONG_EXPERT

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
    return encoder.with_network(wave(encoder.model))


def wrong_expert_encoder(encoder: Encoder) -> Encoder:
    """Return the model in which each route keeps its instruction and runs another task's expert."""
    return encoder.with_network(encoder.model.with_experts(WRONG_EXPERTS))


def rounded_encoder(encoder: Encoder) -> Encoder:
    """Return the model computed with integers of 8 bits, to see what they cost."""
    return encoder.with_precision(INT8)


MAKERS: Mapping[str, Callable[[Encoder], Encoder]] = MappingProxyType(
    {WAVE: wave_encoder, WRONG_EXPERT: wrong_expert_encoder, ROUNDED: rounded_encoder}
)
"""How each derived model is made of the MoTE encoder."""
