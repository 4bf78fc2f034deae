"""Reports and other facts as Markdown tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mote_demo.evaluation.report import Report, SetResult


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1) -> str:
    """Return a Markdown table; the first ``left`` columns are text, the others numbers."""
    marks = ["---"] * left + ["---:"] * (len(header) - left)
    lines = [map(_cell, header), marks, *(map(_cell, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def report_table(report: Report) -> str:
    """Return the sets by family, then the means; with two models, also the second minus the first."""
    models = list(report.models)
    header = ["set", "metric", *models]
    if len(models) > 1:
        header += [f"{models[1]} − {models[0]}", "95 % interval"]
    rows = []
    for family in report.families:
        members = [one for one in report.sets if one.family == family]
        rows += [_set_row(one, models, report.seed) for one in members]
        means = [report.family_mean(model, family) for model in models]
        rows.append(_mean_row(f"mean of {len(members)} {family}", means, _sets_interval(report, family)))
    rows.append(_mean_row("mean of families", [report.mean_of_families(model) for model in models]))
    rows.append(_mean_row("mean of sets", [report.mean_of_sets(model) for model in models], _sets_interval(report)))
    notes = [f"{one.name}: {one.note}." for one in report.sets if one.note]
    return "\n\n".join([table(header, rows, left=2), *([" ".join(notes)] if notes else [])])


def study_table(summary: Mapping[str, Any]) -> str:
    """Return the models of a study (``study.summary.summarise``) by family, with the spread over the seeds."""
    families = list(summary["families"])
    rows = [
        [
            row["title"],
            row["seeds"] or "",
            row["steps"] or "",
            *(f"{row['families'][family]:.2f}" for family in families),
            f"{row['all']:.2f}" + (f" ± {row['spread']:.2f}" if row["spread"] is not None else ""),
            *_to_mote(row["to_mote"]),
        ]
        for row in summary["table"]
    ]
    return table(["model", "seeds", "steps", *families, "all sets", "minus MoTE", "95 % interval"], rows)


def _to_mote(difference: Mapping[str, Any] | None) -> tuple[str, str]:
    if difference is None:
        return "", ""
    low, high = difference["interval"] or (None, None)
    return f"{difference['points']:+.2f}", "" if low is None else f"{low:+.2f} to {high:+.2f}"


def _set_row(one: SetResult, models: Sequence[str], seed: int) -> list[str]:
    cells = [one.name, one.metric]
    for model in models:
        score = one.scores[model]
        cells.append(f"{score.points:.2f}" + (f" ± {score.error:.2f}" if score.error is not None else ""))
    if len(models) > 1:
        cells += [f"{one.gain(models[0], models[1]):+.2f}", _interval(one.interval(models[0], models[1], seed))]
    return cells


def _mean_row(title: str, means: Sequence[float], interval: str = "") -> list[str]:
    cells = [f"**{title}**", "", *(f"**{mean:.2f}**" for mean in means)]
    return cells + ([f"**{means[1] - means[0]:+.2f}**", interval] if len(means) > 1 else [])


def _sets_interval(report: Report, family: str | None = None) -> str:
    models = list(report.models)
    return _interval(report.interval(models[0], models[1], family)) if len(models) > 1 else ""


def _interval(bounds: tuple[float, float] | None) -> str:
    return f"{bounds[0]:+.2f} to {bounds[1]:+.2f}" if bounds else ""
