"""One line of the table: a ratio, what it is held against, and how it was measured."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

ALTERNATIONS = 5

Work = Callable[[], Any]


@dataclass(frozen=True)
class Row:
    """Hold the ratios of one measurement.

    Attributes:
        name: what was measured.
        peer: what it was measured against.
        ratios: one of each alternation.
        target: what the median should reach.
        better: "higher" or "lower".
        note: what a reader should know, such as seconds or sizes.
    """

    name: str
    peer: str
    ratios: tuple[float, ...]
    target: float
    better: str
    note: str = ""

    @property
    def ratio(self) -> float:
        """Return the median."""
        return float(np.median(self.ratios))

    @property
    def met(self) -> bool:
        """Tell whether the median reaches the target."""
        return self.ratio >= self.target if self.better == "higher" else self.ratio <= self.target

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        values = {key: value for key, value in asdict(self).items() if key != "ratios"}
        numbers = {"ratio": self.ratio, "min": min(self.ratios), "max": max(self.ratios)}
        return (
            {"name": self.name}
            | {key: round(value, 4) for key, value in numbers.items()}
            | values
            | {"met": self.met, "alternations": len(self.ratios)}
        )


def alternate(ours: Work, peer: Work, *, times: int = ALTERNATIONS) -> tuple[np.ndarray, np.ndarray]:
    """Time two works in turns; who goes first changes, so that a drift of the machine favours neither.

    Args:
        ours: what is judged.
        peer: what it is judged against.
        times: alternations, after one run of each that does not count.

    Returns:
        Seconds of each, float [times].
    """
    ours()
    peer()
    spent: dict[str, list[float]] = {"ours": [], "peer": []}
    for number in range(times):
        pair = [("ours", ours), ("peer", peer)]
        for name, work in pair if number % 2 == 0 else pair[::-1]:
            spent[name].append(seconds(work))
    return np.array(spent["ours"]), np.array(spent["peer"])


def seconds(work: Work) -> float:
    """Return the wall-clock time of a work."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_ms(times: Sequence[float] | np.ndarray) -> str:
    """Return the median of some seconds for a note."""
    return f"{np.median(times) * 1000:.1f} ms"


def median_s(times: Sequence[float] | np.ndarray) -> str:
    """Return the median of some seconds for a note."""
    return f"{np.median(times):.2f} s"
