"""Models that come out of trained ones without further training."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from mote_demo.encoder import Encoder
from mote_demo.model.folding import wave
from mote_demo.model.merging import average, part_way
from mote_demo.runtime.precision import INT8
from mote_demo.study.arms import BASELINE_SOUP, HALF_WAY, INSTRUCTED, ROUNDED, SOUP, WAVE, WRONG_EXPERT

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
    return encoder.with_experts(WRONG_EXPERTS)


def rounded_encoder(encoder: Encoder) -> Encoder:
    """Return the model computed with integers of 8 bits, to see what they cost."""
    return encoder.with_precision(INT8)


def soup_encoder(encoders: Sequence[Encoder]) -> Encoder:
    """Return the mean of the models of all seeds."""
    return encoders[0].with_network(average([encoder.model for encoder in encoders]))


def instructed_encoder(encoder: Encoder, backbone: Encoder) -> Encoder:
    """Return the model as it was before training: the instructions cost the backbone what training must win back."""
    return encoder.with_network(part_way(encoder.model, backbone.model, dict.fromkeys(encoder.config.experts, 0.0)))


def half_way_encoder(encoder: Encoder, backbone: Encoder) -> Encoder:
    """Return the model whose experts are half way between their start and where training ended."""
    return encoder.with_network(part_way(encoder.model, backbone.model, dict.fromkeys(encoder.config.experts, 0.5)))


Maker: TypeAlias = Callable[[Sequence[Encoder], Encoder], Encoder]
"""Called with the encoders of the arm, the first seed first (all seeds for a soup), and the untouched backbone."""

MAKERS: Mapping[str, Maker] = MappingProxyType(
    {
        INSTRUCTED: lambda seeds, backbone: instructed_encoder(seeds[0], backbone),
        WAVE: lambda seeds, backbone: wave_encoder(seeds[0]),
        WRONG_EXPERT: lambda seeds, backbone: wrong_expert_encoder(seeds[0]),
        HALF_WAY: lambda seeds, backbone: half_way_encoder(seeds[0], backbone),
        BASELINE_SOUP: lambda seeds, backbone: soup_encoder(seeds),
        SOUP: lambda seeds, backbone: soup_encoder(seeds),
        ROUNDED: lambda seeds, backbone: rounded_encoder(seeds[0]),
    }
)
"""How each derived model is made."""
