"""Charts of the Experts tab: rows of dots on one axis, each with a sentence that follows from the numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

from mote_demo.study.arms import SHIPPED
from mote_demo.study.paper import GAINS
from mote_demo.ui.shared.titles import scope_title

Layers = Sequence[Mapping[str, Any]]

_MARGIN = 3.0
"""Percent of the width that is kept free on both sides, so that no dot is cut."""

_MODELS = (("left", "baseline"), ("right", "MoTE"))
_MOST_TICKS = 7


@dataclass(frozen=True)
class Dot:
    """Place one value: ``kind`` is its look, a class of the style sheet, and ``words`` say what it is."""

    value: float
    kind: str
    words: str


@dataclass(frozen=True)
class Row:
    """Hold the dots of one line; ``note`` gives its numbers, ``interval`` is drawn as a bar."""

    label: str
    dots: tuple[Dot, ...]
    note: str
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Chart:
    """Hold a chart.

    Attributes:
        title: what is drawn.
        sentences: what it shows, computed from the numbers.
        rows: the lines, from above.
        axis: what the axis counts.
        legend: (kind, words) of the dots.
        ends: the smallest and the largest value that the axis must hold.
        digits: of the numbers on the axis.
    """

    title: str
    sentences: tuple[str, ...]
    rows: tuple[Row, ...]
    axis: str
    legend: tuple[tuple[str, str], ...]
    ends: tuple[float, float]
    digits: int = 0

    @property
    def ticks(self) -> list[float]:
        """Return round numbers that span the axis."""
        low, high = self.ends
        rough = max(high - low, 1e-9) / (_MOST_TICKS - 1)
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
        first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
        return [number * step for number in range(first, last + 1)]

    def place(self, value: float) -> float:
        """Return where a value stands, in percent of the width."""
        low, *_, high = self.ticks
        return round(_MARGIN + (100 - 2 * _MARGIN) * (value - low) / (high - low), 2)


def moved_chart(spaces: Mapping[str, Any]) -> Chart | None:
    """Show how far each expert moved from its start in each block; None where that was not measured."""
    layers = [layer for layer in spaces["layers"] if "from_start" in layer]
    if not layers:
        return None
    far = {name: [layer["from_start"][at] for layer in layers] for at, name in enumerate(spaces["experts"])}
    order = sorted(far, key=lambda name: -fmean(far[name]))
    first, last = order[0], order[-1]
    block = max(range(len(layers)), key=lambda at: far[first][at])
    baseline = [layer["baseline_from_start"] for layer in layers if "baseline_from_start" in layer]
    rows = [_block_row(name, far[name], layers) for name in order]
    sentences = [
        f"The {first} expert moved furthest, most in block {layers[block]['block'] + 1} ({_percent(far[first][block])} "
        f"of the size of its weights); the {last} expert moved least."
    ]
    if len(baseline) == len(layers):
        rows.append(_block_row("baseline (one for all tasks)", baseline, layers))
        beaten = sum(fmean(baseline) > fmean(each) for each in far.values())
        than = "every expert" if beaten == len(far) else f"{beaten} of {len(far)} experts"
        sentences.append(f"The baseline’s one set of weights, which learns all tasks, moved further than {than}.")
    return _block_chart("How far each expert moved from its start", sentences, rows, layers)


def apart_chart(spaces: Mapping[str, Any]) -> Chart | None:
    """Show how far each two experts are from each other in each block; None where there are no two."""
    layers, names = spaces["layers"], spaces["experts"]
    pairs = {
        (one, other): [layer["distance"][names.index(one)][names.index(other)] for layer in layers]
        for one, other in combinations(names, 2)
    }
    pairs = {pair: values for pair, values in pairs.items() if _all_known(values)}
    if not layers or not pairs:
        return None
    order = sorted(pairs, key=lambda pair: -fmean(pairs[pair]))
    far, near = order[0], order[-1]
    block = max(range(len(layers)), key=lambda at: pairs[far][at])
    sentence = (
        f"The experts {_two(far, ' and ')} are furthest apart, {_percent(pairs[far][block])} in block "
        f"{layers[block]['block'] + 1}; "
        f"{_two(near, ' and ')} are closest, {_percent(fmean(pairs[near]))} on average."
    )
    rows = [_block_row(_two(pair), pairs[pair], layers) for pair in order]
    return _block_chart("How far the experts are from each other", [sentence], rows, layers)


def routes_chart(spaces: Mapping[str, Any], measure: str, title: str, axis: str, sentence: str) -> Chart | None:
    """Show a measure of each two routes for both models; None where there are no two routes."""
    names = spaces["routes"]
    found = {
        pair: tuple(spaces[measure][side][names.index(pair[0])][names.index(pair[1])] for side in SHIPPED)
        for pair in combinations(names, 2)
    }
    found = {pair: values for pair, values in found.items() if _all_known(values)}
    if not found:
        return None
    order = sorted(found, key=lambda pair: found[pair][1])
    rows = tuple(
        Row(
            _two(pair),
            tuple(
                Dot(value, kind, f"{title}: {value:.2f}")
                for value, (kind, title) in zip(found[pair], _MODELS, strict=True)
            ),
            " → ".join(f"{value:.2f}" for value in found[pair]),
        )
        for pair in order
    )
    lowest = min(min(values) for values in found.values())
    words = f"In MoTE {_two(order[0], ' and ')} differ most ({found[order[0]][1]:.2f})."
    return Chart(title, (sentence, words), rows, axis, _MODELS, (min(lowest, 0.95), 1.0), 2)


def cost_chart(parameters: Mapping[str, Mapping[str, int]], timed: Mapping[str, Any] | None) -> Chart:
    """Show what experts cost as a multiple of the baseline.

    Args:
        parameters: model to its stored and active parameters.
        timed: see ``measure_cost``; None while it is not known.
    """
    dense, mote = (parameters[side] for side in SHIPPED)
    rows = [
        _cost_row(
            f"{words} parameters", mote[key] / dense[key], f"{dense[key] / 1e6:.1f} → {mote[key] / 1e6:.1f} million"
        )
        for key, words in (("stored", "Stored"), ("active", "Active"))
    ]
    sentences = [
        f"MoTE stores {mote['stored'] / dense['stored']:.2f} times what the baseline stores, and runs "
        f"{mote['active'] / dense['active']:.2f} times as much for a text."
    ]
    if timed is not None:
        time, (before, after) = timed["time"], (timed["milliseconds"][side] for side in SHIPPED)
        note = f"{before:.1f} → {after:.1f} milliseconds"
        rows.append(_cost_row("Time of a text", time["median"], note, (time["min"], time["max"])))
        turns = f"{time['min']:.2f} to {time['max']:.2f} in {timed['alternations']} turns of {timed['texts']} texts"
        sentences.append(
            f"On this machine a text takes {after:.1f} milliseconds instead of {before:.1f}, "
            f"{time['median']:.2f} times the baseline’s time ({turns})."
        )
    largest = max(dot.value for row in rows for dot in row.dots)
    return Chart("What the experts cost", tuple(sentences), tuple(rows), "times the baseline", (), (0.0, largest), 1)


def claim_chart(summary: Mapping[str, Any]) -> Chart | None:
    """Show the gains beside those of the paper; None where none of them was measured."""
    scopes = [scope for scope in GAINS if scope in summary["gain"]]
    if not scopes:
        return None
    rows, sentences = [], []
    for scope in scopes:
        paper, gain = GAINS[scope], summary["gain"][scope]
        title = scope_title(scope)
        rows.append(_claim_row(f"{title}: instructions", gain["baseline"], paper["baseline"], None))
        rows.append(_claim_row(f"{title}: MoTE", gain["mote"], paper["mote"], None))
        difference = summary.get("difference", {}).get(scope, {})
        points, interval = difference.get("points"), difference.get("interval")
        ahead = paper["mote"] - paper["baseline"]
        if points is not None:
            ends = tuple(interval) if interval else None
            rows.append(_claim_row(f"{title}: MoTE minus instructions", points, ahead, ends))
            sentences.append(f"{title}: {_verdict(points, interval, ahead)}")
    values = [value for row in rows for value in (*(dot.value for dot in row.dots), *(row.interval or ()))]
    legend = (("right", "measured here, with a 95 % interval where there is one"), ("paper", "the paper"))
    return Chart(
        "The claim beside the paper’s numbers",
        tuple(sentences),
        tuple(rows),
        "points over a model trained without instructions",
        legend,
        (min(0.0, *values), max(values)),
        1,
    )


def _verdict(points: float, interval: Sequence[float] | None, paper: float) -> str:
    here = f"MoTE minus instructions alone is {_signed(points)} points, and {_signed(paper)} in the paper"
    if not interval:
        return f"{here}. No interval was measured."
    low, high = interval
    words = f"{here}; the 95 % interval here is {_signed(low)} to {_signed(high)}"
    if high < paper:
        return f"{words}: the paper’s number is missed."
    if low > paper:
        return f"{words}: more than the paper’s number."
    chance = ", and so is zero" if low <= 0 <= high else ""
    return f"{words}: the paper’s number is inside{chance}."


def _block_chart(
    title: str, sentences: Sequence[str], rows: Sequence[Row], layers: Sequence[Mapping[str, Any]]
) -> Chart:
    legend = tuple((_age(at, len(layers)), f"block {layer['block'] + 1}") for at, layer in enumerate(layers))
    largest = max(dot.value for row in rows for dot in row.dots)
    return Chart(title, tuple(sentences), tuple(rows), "% of the weights’ size", legend, (0.0, largest or 1.0), 0)


def _block_row(label: str, values: Sequence[float], layers: Layers) -> Row:
    dots = tuple(
        Dot(100 * value, _age(at, len(layers)), f"block {layer['block'] + 1}: {_percent(value)}")
        for at, (value, layer) in enumerate(zip(values, layers, strict=True))
    )
    return Row(label, dots, f"{100 * min(values):.1f} to {_percent(max(values))}")


def _age(at: int, count: int) -> str:
    """Return the look of a block: the later, the stronger."""
    return f"block-{3 - min(2, count - 1 - at)}"


def _cost_row(label: str, ratio: float, note: str, interval: tuple[float, float] | None = None) -> Row:
    return Row(label, (Dot(1.0, "left", "baseline: 1"), Dot(ratio, "right", f"MoTE: {ratio:.2f}")), note, interval)


def _claim_row(label: str, here: float, paper: float, interval: tuple[float, ...] | None) -> Row:
    dots = (Dot(paper, "paper", f"paper: {_signed(paper)}"), Dot(here, "right", f"here: {_signed(here)}"))
    ends = None if interval is None else (interval[0], interval[1])
    return Row(label, dots, f"{_signed(here)} here, {_signed(paper)} in the paper", ends)


def _all_known(values: Sequence[float | None]) -> bool:
    return not any(value is None or math.isnan(value) for value in values)


def _two(pair: tuple[str, str], between: str = " – ") -> str:
    return between.join(pair)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
