"""What experts cost: parameters and time of a text, beside the dense model."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from mote_demo.encoder import Encoder

ALTERNATIONS = 9


def measure_cost(baseline: Encoder, mote: Encoder, texts: Sequence[str], routes: Sequence[str]) -> dict[str, Any]:
    """Compare the time of encoding ``texts``, alternating between the models, and their parameters.

    Returns:
        JSON values: ``parameters``, model to stored and active; ``time``, the median, lowest and highest ratio
        MoTE / baseline of the seconds that the same texts and routes take.
    """
    ratios = []
    for encoder in (baseline, mote):
        _seconds(encoder, texts, routes)
    for number in range(ALTERNATIONS):
        # Whoever goes first in a pair changes, so that a drift of the machine favours neither.
        order = (baseline, mote) if number % 2 == 0 else (mote, baseline)
        seconds = {encoder.name: _seconds(encoder, texts, routes) for encoder in order}
        ratios.append(seconds[mote.name] / seconds[baseline.name])
    return {
        "texts": len(texts),
        "alternations": ALTERNATIONS,
        "parameters": {"baseline": baseline.network.count_parameters(), "mote": mote.network.count_parameters()},
        "time": {key: round(float(of(ratios)), 3) for key, of in (("median", np.median), ("min", min), ("max", max))},
    }


def _seconds(encoder: Encoder, texts: Sequence[str], routes: Sequence[str]) -> float:
    started = time.perf_counter()
    for route in routes:
        encoder.encode(texts, route=route)
    return time.perf_counter() - started
