"""What experts cost: parameters and time of a text, beside the dense model."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from mote_demo.encoder import Encoder

ALTERNATIONS = 9


def measure_cost(
    baseline: Encoder,
    mote: Encoder,
    texts: Sequence[str],
    routes: Sequence[str],
    alternations: int = ALTERNATIONS,
) -> dict[str, Any]:
    """Compare the time of encoding ``texts``, alternating between the models, and their parameters.

    Returns:
        JSON values: ``parameters``, model to stored and active; ``time``, the median, lowest and highest ratio
        MoTE / baseline of the seconds that the same texts and routes take; ``milliseconds``, model to the median time
        of a text.
    """
    times: dict[str, list[float]] = {"baseline": [], "mote": []}
    for encoder in (baseline, mote):
        _seconds(encoder, texts, routes)
    for number in range(alternations):
        # Whoever goes first in a pair changes, so that a drift of the machine favours neither.
        order = (("baseline", baseline), ("mote", mote))
        for name, encoder in order if number % 2 == 0 else order[::-1]:
            times[name].append(_seconds(encoder, texts, routes))
    ratios = np.divide(times["mote"], times["baseline"])
    each = 1000 / (len(texts) * len(routes))
    return {
        "texts": len(texts),
        "alternations": alternations,
        "parameters": {"baseline": baseline.network.count_parameters(), "mote": mote.network.count_parameters()},
        "milliseconds": {name: round(float(np.median(seconds)) * each, 3) for name, seconds in times.items()},
        "time": {key: round(float(of(ratios)), 3) for key, of in (("median", np.median), ("min", min), ("max", max))},
    }


def _seconds(encoder: Encoder, texts: Sequence[str], routes: Sequence[str]) -> float:
    started = time.perf_counter()
    for route in routes:
        encoder.encode(texts, route=route)
    return time.perf_counter() - started
