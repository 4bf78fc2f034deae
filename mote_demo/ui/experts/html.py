"""What the Experts tab shows, as HTML of its templates."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import Any, TypeGuard

from markupsafe import Markup

from mote_demo.study.arms import SHIPPED, TITLES
from mote_demo.study.paper import CITATION
from mote_demo.study.results import COMMAND, Results
from mote_demo.ui.experts.charts import Chart, apart_chart, claim_chart, cost_chart, moved_chart, routes_chart
from mote_demo.ui.shared.templates import render
from mote_demo.ui.shared.titles import capitalized, scope_title

Matrix = Sequence[Sequence[float | None]]

_STRONGEST = 55
"""Percent of the accent in the strongest cell; more would make its number hard to read."""

_HEADLINES = ("retrieval", "all")
"""The scopes that are also described in words."""

_render = partial(render, "mote_demo.ui.experts")


def page(results: Results) -> Markup:
    """Return how far the spaces differ, in charts, with the numbers folded below."""
    return _render(
        "page.html.jinja",
        spaces=None if results.spaces is None else spaces_part(results.spaces),
        problem=results.spaces_problem,
        command=COMMAND,
    )


def cost_part(parameters: Mapping[str, Mapping[str, int]], timed: Mapping[str, Any] | None = None) -> Markup:
    """Return what the experts cost; ``timed`` is None while both models are being timed (see ``cost_chart``)."""
    return _render("cost.html.jinja", chart=_drawn(cost_chart(parameters, timed)), timed=timed is not None)


def scores(results: Results) -> Markup:
    """Return what the arms of the study score: the claim as a chart, with the numbers folded below."""
    return _render(
        "scores.html.jinja",
        claim=None if results.summary is None else _drawn(claim_chart(results.summary)),
        citation=CITATION,
        summary=None if results.summary is None else summary_part(results.summary),
        problem=results.summary_problem,
        command=COMMAND,
    )


def spaces_part(spaces: Mapping[str, Any]) -> Markup:
    """Return the charts of the experts' weights and of the routes' spaces, then the same as heat maps."""
    distances = (cell for layer in spaces["layers"] for row in layer["distance"] for cell in row)
    cka, shared = (_compared(spaces[measure], name) for measure, name in (("cka", "CKA"), ("shared", "share")))
    charts = [
        moved_chart(spaces),
        apart_chart(spaces),
        routes_chart(spaces, "cka", "How alike the routes’ spaces are", "CKA: 1 is the same space", cka),
        routes_chart(
            spaces,
            "shared",
            "How many nearest texts two routes share",
            f"share of the {spaces['neighbours']} nearest texts",
            shared,
        ),
    ]
    return _render(
        "spaces.html.jinja",
        charts=[_drawn(chart) for chart in charts if chart is not None],
        spaces=spaces,
        sides={side: capitalized(TITLES[side]) for side in SHIPPED},
        farthest=max(filter(_known, distances), default=0.0),
        heat_of=_heat,
        number=_number,
    )


def summary_part(summary: Mapping[str, Any]) -> Markup:
    """Return what the arms of the study score: in words, by family, and the ablations."""
    arms = list(dict.fromkeys(arm for scores in summary["families"].values() for arm in scores))
    rows = summary.get("table", [])
    columns = list(dict.fromkeys(family for row in rows for family in row.get("families", {})))
    return _render(
        "summary.html.jinja",
        summary=summary,
        seeds=seeds_line(summary["seeds"]),
        gains=gain_lines(summary),
        differences=_differences(summary.get("difference", {})),
        arms=[_arm(arm, summary) for arm in arms],
        families=_family_rows(summary, arms),
        columns=list(map(scope_title, columns)),
        ablations=[(capitalized(row["title"]), _ablation_cells(row, columns)) for row in rows],
        scope_title=scope_title,
        command=COMMAND,
    )


def _drawn(chart: Chart | None) -> Markup | None:
    return None if chart is None else _render("chart.html.jinja", chart=chart)


def gain_lines(summary: Mapping[str, Any]) -> Markup:
    """Say what MoTE and the baseline gain over the model without instructions, on retrieval and on all sets."""
    return _render("gains.html.jinja", gains=_headlines(summary["gain"]), change=_change, scope_title=scope_title)


def seeds_line(seeds: int) -> str:
    """Say how many trainings the means are of."""
    if seeds == 1:
        return "From one training run of each trained model."
    return f"Means over {seeds} training runs of each main model, with different seeds."


def _compared(matrices: Mapping[str, Matrix], name: str) -> str:
    """Say in which model two different routes differ more, by the signs of the numbers."""
    baseline, mote = (_mean_between(matrices[side]) for side in SHIPPED)
    if baseline is None or mote is None:
        return "There are no two routes to compare."
    difference = round(mote, 2) - round(baseline, 2)
    outcome = "differ more than" if difference < 0 else "differ less than" if difference > 0 else "differ as much as"
    return (
        f"Between two different routes the {name} is {baseline:.2f} on average in the baseline and {mote:.2f} in MoTE: "
        f"by this measure the spaces of MoTE {outcome} those of the baseline."
    )


def _mean_between(matrix: Matrix) -> float | None:
    cells = (cell for i, row in enumerate(matrix) for j, cell in enumerate(row) if i != j)
    known = list(filter(_known, cells))
    return fmean(known) if known else None


def _heat(value: float | None, most: float) -> int:
    """Return the percent of the accent in a cell."""
    return round(_STRONGEST * min(1.0, max(0.0, value / most))) if _known(value) and most > 0 else 0


def _headlines(found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(scope, found[scope]) for scope in _HEADLINES if scope in found]


def _change(points: float | None) -> str:
    if not _known(points):
        return "was not measured"
    rounded = round(points, 2)
    if rounded == 0:
        return "neither gains nor loses (0.00 points)"
    return f"{'gains' if rounded > 0 else 'loses'} {abs(rounded):.2f} points"


def _differences(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Compare MoTE with the baseline in words: on the headlines, then where MoTE is behind."""
    chosen = _headlines(found)
    if chosen:
        chosen += [(scope, each) for scope, each in found.items() if scope not in _HEADLINES and _is_behind(each)]
    return [(scope, _difference(each)) for scope, each in chosen]


def _is_behind(difference: Mapping[str, Any]) -> bool:
    return _known(difference["points"]) and difference["points"] < 0


def _difference(difference: Mapping[str, Any]) -> str:
    points, interval = difference["points"], difference.get("interval")
    if not _known(points):
        return "MoTE and the baseline were not compared."
    rounded = round(points, 2)
    place = f"{abs(rounded):.2f} points {'above' if rounded > 0 else 'below'}" if rounded else "level with"
    if not interval or not all(map(_known, interval)):
        return f"MoTE is {place} the baseline. No interval was measured, so this may be chance."
    verdict = "includes" if interval[0] <= 0 <= interval[1] else "excludes"
    chance = ", so this may be chance" if verdict == "includes" else ""
    return f"MoTE is {place} the baseline; the 95 % interval, {_interval(interval)}, {verdict} zero{chance}."


def _family_rows(summary: Mapping[str, Any], arms: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return (family, cells), and those of all sets where there are any."""
    families, differences = dict(summary["families"]), summary.get("difference", {})
    if "all" in summary or "all" in differences:
        families["all"] = summary.get("all", {})
    rows = []
    for scope, scores in families.items():
        difference = differences.get(scope, {})
        numbers = [_number(scores.get(arm), 1) for arm in arms]
        rows.append((scope, [*numbers, _signed(difference.get("points")), _interval(difference.get("interval"))]))
    return rows


def _ablation_cells(row: Mapping[str, Any], families: Sequence[str]) -> list[str]:
    scores, spread, to_mote = row.get("families", {}), row.get("spread"), row.get("to_mote")
    return [
        *(_count(row.get(field)) for field in ("seeds", "stored", "active")),
        *(_number(scores.get(family), 1) for family in families),
        _number(row.get("all"), 1) + ("" if spread is None else f" ± {_number(spread, 2)}"),
        *(["", ""] if to_mote is None else [_signed(to_mote["points"]), _interval(to_mote["interval"])]),
    ]


def _arm(arm: str, summary: Mapping[str, Any]) -> str:
    titles = {row.get("name"): str(row["title"]) for row in summary.get("table", [])}
    return capitalized(TITLES.get(arm) or titles.get(arm, arm))


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and not math.isnan(value)


def _number(value: float | None, digits: int) -> str:
    return f"{value:.{digits}f}" if _known(value) else "–"


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _signed(value: float | None) -> str:
    return f"{value:+.2f}".replace("-", "−") if _known(value) else "–"


def _interval(interval: Sequence[float] | None) -> str:
    return f"{_signed(interval[0])} to {_signed(interval[1])}" if interval else "–"
