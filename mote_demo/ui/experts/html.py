"""What the Experts tab shows, as HTML."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from statistics import fmean
from typing import Any, TypeGuard

from mote_demo.study.arms import TITLES
from mote_demo.study.results import COMMAND, SIDES, Results
from mote_demo.ui.shared.tables_html import capitalized, number_cells, scope_words, table

Matrix = Sequence[Sequence[float | None]]

_STRONGEST = 55
"""Percent of the accent in the strongest cell; more would make its number hard to read."""

_TOLD = ("retrieval", "all")
"""What is also said in words."""


def page(results: Results) -> str:
    """Return the whole page: how far the spaces differ, then what the arms of the study score."""
    parts = [
        f"<h2>Do the experts make different spaces?</h2>{_introduction()}",
        _missing("spaces", results.spaces_problem) if results.spaces is None else spaces_part(results.spaces),
        "<h2>What do the experts gain?</h2>",
        _missing("scores", results.summary_problem) if results.summary is None else summary_part(results.summary),
    ]
    return f'<article class="mote-about mote-experts">{"".join(parts)}</article>'


def _missing(what: str, problem: str) -> str:
    if problem:
        return f'<p class="mote-experts-missing">{escape(problem)}</p>'
    return (
        f'<p class="mote-experts-missing">There are no {what} of a study beside these checkpoints. Measure them with '
        f"<code>{escape(COMMAND)}</code>.</p>"
    )


def _introduction() -> str:
    return (
        "<p>A model turns each text into a vector, and all the vectors together are its <b>space</b>: texts that the "
        "model finds alike lie close together. An <b>expert</b> is the part of MoTE's weights that runs for one kind "
        "of text only, so each route can have a space of its own; the baseline has one set of weights, and only "
        "the instruction before the text differs. <b>CKA</b> (centred kernel alignment) says how alike two spaces of "
        "the same texts are: 1 means the same up to turning and scaling, 0 means unrelated.</p>"
    )


def spaces_part(spaces: Mapping[str, Any]) -> str:
    """Return the heat maps: the experts' weights, then the spaces of the routes."""
    return f"{_weights(spaces)}{_alignment(spaces)}{_shared(spaces)}"


def _weights(spaces: Mapping[str, Any]) -> str:
    layers, names = spaces["layers"], spaces["experts"]
    if not layers:
        return "<h3>Weights of the experts</h3><p>This model has no experts to compare.</p>"
    most = max(filter(_known, (cell for layer in layers for row in layer["distance"] for cell in row)), default=0.0)
    tables = [heat_table(f"Block {layer['block'] + 1}", names, layer["distance"], most, digits=3) for layer in layers]
    caption = (
        "Each number is the distance between the weights of two experts, relative to their size: 0.000 means equal "
        "weights, and a stronger colour means a larger distance."
    )
    return f"<h3>Weights of the experts</h3>{_figure(tables, caption)}"


def _alignment(spaces: Mapping[str, Any]) -> str:
    caption = (
        "Each number is the CKA of two routes' spaces: 1.00 means the same space, and a paler colour means spaces "
        "that differ more."
    )
    where = f"Measured on {spaces['count']:,} texts ({escape(str(spaces['texts']))}). "
    return f"<h3>Spaces of the routes</h3><p>{where}{_compared(spaces, 'cka', 'CKA')}</p>" + _figure(
        _sides(spaces, "cka"), caption
    )


def _shared(spaces: Mapping[str, Any]) -> str:
    caption = (
        f"Each number is the share of a text's {spaces['neighbours']} nearest texts that two routes have in common: "
        "1.00 means the same neighbours, and a paler colour means fewer in common."
    )
    return f"<h3>Shared neighbours</h3><p>{_compared(spaces, 'shared', 'share')}</p>" + _figure(
        _sides(spaces, "shared"), caption
    )


def _compared(spaces: Mapping[str, Any], measure: str, name: str) -> str:
    """Say in which model two different routes differ more, by the signs of the numbers."""
    baseline, mote = (_mean_between(spaces[measure][side]) for side in SIDES)
    if baseline is None or mote is None:
        return "There are no two routes to compare."
    difference = round(mote, 2) - round(baseline, 2)
    outcome = "differ more" if difference < 0 else "differ less" if difference > 0 else "differ as much"
    than = "as" if difference == 0 else "than"
    return (
        f"Between two different routes the {name} is {baseline:.2f} on average in the baseline and {mote:.2f} in MoTE: "
        f"by this measure the spaces of MoTE {outcome} {than} those of the baseline."
    )


def _mean_between(matrix: Matrix) -> float | None:
    cells = (cell for i, row in enumerate(matrix) for j, cell in enumerate(row) if i != j)
    known = list(filter(_known, cells))
    return fmean(known) if known else None


def _sides(spaces: Mapping[str, Any], measure: str) -> list[str]:
    return [heat_table(capitalized(TITLES[side]), spaces["routes"], spaces[measure][side], 1.0) for side in SIDES]


def _figure(tables: Sequence[str], caption: str) -> str:
    return f'<figure><figcaption>{caption}</figcaption><div class="mote-heats">{"".join(tables)}</div></figure>'


def heat_table(title: str, names: Sequence[str], values: Matrix, most: float, digits: int = 2) -> str:
    """Return a square table whose cells are coloured from 0 (no colour) to ``most``."""
    titles = [escape(str(name)) for name in names]
    header = "".join(f"<th scope='col'><span>{name}</span></th>" for name in titles)
    rows = "".join(
        f"<tr><th scope='row'>{name}</th>{''.join(_heat_cell(cell, most, digits) for cell in row)}</tr>"
        for name, row in zip(titles, values, strict=True)
    )
    label = escape(title)
    return (
        f'<div class="mote-table-wrap" tabindex="0" role="region" aria-label="{label}"><table class="mote-heat">'
        f"<caption>{label}</caption><thead><tr><td></td>{header}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _heat_cell(value: float | None, most: float, digits: int) -> str:
    share = min(1.0, max(0.0, value / most)) if _known(value) and most > 0 else 0.0
    return f'<td style="--mote-heat: {round(_STRONGEST * share)}%">{_number(value, digits)}</td>'


def summary_part(summary: Mapping[str, Any]) -> str:
    """Return what the arms of the study score: in words, by family, and the ablations."""
    return "".join(
        [
            f"<p>{seeds_line(summary['seeds'])} Points go from 0 to 100, higher is better.</p>",
            f"<h3>Beside the model without instructions</h3>{gain_lines(summary)}",
            f"<h3>MoTE beside the baseline</h3>{_difference_lines(summary)}{_interval_words(summary)}",
            f"<h3>Scores by family</h3>{_families_table(summary)}",
            f"<h3>Ablations</h3>{_ablations(summary)}",
        ]
    )


def seeds_line(seeds: int) -> str:
    """Say how many trainings the means are of."""
    return (
        "From one training run of each trained model."
        if seeds == 1
        else f"Means over {seeds} training runs of each main model, with different seeds."
    )


def gain_lines(summary: Mapping[str, Any]) -> str:
    """Say what MoTE and the baseline gain over the model without instructions, on retrieval and on all sets."""
    lines = (
        f"<li><b>{_scope(scope)}.</b> Compared with the model trained without instructions, "
        f"MoTE {_change(gain['mote'])} and the baseline {_change(gain['baseline'])}.</li>"
        for scope, gain in _told(summary["gain"])
    )
    return f"<ul>{''.join(lines)}</ul>"


def _told(found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(scope, found[scope]) for scope in _TOLD if scope in found]


def _change(points: float | None) -> str:
    if not _known(points):
        return "was not measured"
    rounded = round(points, 2)
    if rounded == 0:
        return "neither gains nor loses (0.00 points)"
    return f"{'gains' if rounded > 0 else 'loses'} {abs(rounded):.2f} points"


def _difference_lines(summary: Mapping[str, Any]) -> str:
    """Compare MoTE with the baseline in words, on the scopes told of everywhere and where MoTE is behind."""
    found = summary.get("difference", {})
    differences = _told(found)
    if not differences:
        return "<p>The two were not compared.</p>"
    differences += [(scope, found[scope]) for scope in found if scope not in _TOLD and _is_behind(found[scope])]
    lines = (f"<li><b>{_scope(scope)}.</b> {_difference(difference)}</li>" for scope, difference in differences)
    return f"<ul>{''.join(lines)}</ul>"


def _interval_words(summary: Mapping[str, Any]) -> str:
    return f"<p>{escape(str(summary['interval']))}</p>" if summary.get("interval") else ""


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


def _families_table(summary: Mapping[str, Any]) -> str:
    families, differences = dict(summary["families"]), summary.get("difference", {})
    arms = list(dict.fromkeys(arm for scores in families.values() for arm in scores))
    if "all" in summary or "all" in differences:
        families["all"] = summary.get("all", {})
    rows = "".join(_family_row(scope, scores, arms, differences.get(scope, {})) for scope, scores in families.items())
    return table(["Family", *(_arm(arm, summary) for arm in arms), "MoTE − baseline", "95 % interval"], rows, 1)


def _family_row(scope: str, scores: Mapping[str, Any], arms: Sequence[str], difference: Mapping[str, Any]) -> str:
    cells = [_number(scores.get(arm), 1) for arm in arms]
    cells += [_signed(difference.get("points")), _interval(difference.get("interval"))]
    return f"<tr><th scope='row'>{_scope(scope)}</th>{number_cells(cells)}</tr>"


def _ablations(summary: Mapping[str, Any]) -> str:
    found = summary.get("table", [])
    if not found:
        return f"<p>No ablations were measured. Measure them with <code>{escape(COMMAND)}</code>.</p>"
    families = list(dict.fromkeys(family for row in found for family in row.get("families", {})))
    rows = "".join(_ablation_row(row, families) for row in found)
    header = [
        "Model",
        "Seeds",
        "Stored",
        "Active",
        *map(scope_words, families),
        "All sets",
        "Minus MoTE",
        "95 % interval",
    ]
    return table(header, rows, 1) + (
        "<p>“Stored” and “Active” count parameters, the latter those that run for a text. In “All sets” every set "
        "weighs the same; ± is its standard deviation over the seeds, where there are several. “Minus MoTE” compares "
        "over all sets, on the seeds that both models have.</p>"
    )


def _ablation_row(row: Mapping[str, Any], families: Sequence[str]) -> str:
    scores = row.get("families", {})
    cells = [_count(row.get(field)) for field in ("seeds", "stored", "active")]
    cells += [_number(scores.get(family), 1) for family in families]
    spread = row.get("spread")
    cells.append(_number(row.get("all"), 1) + ("" if spread is None else f" ± {_number(spread, 2)}"))
    to_mote = row.get("to_mote")
    cells += ["", ""] if to_mote is None else [_signed(to_mote["points"]), _interval(to_mote["interval"])]
    return f"<tr><th scope='row'>{escape(capitalized(str(row['title'])))}</th>{number_cells(cells)}</tr>"


def _arm(arm: str, summary: Mapping[str, Any]) -> str:
    titles = {row.get("name"): str(row["title"]) for row in summary.get("table", [])}
    return capitalized(TITLES.get(arm) or titles.get(arm, arm))


def _scope(scope: str) -> str:
    return escape(scope_words(scope))


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
