"""The results page, ``docs/results.md``, from the files of a study."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mote_demo.evaluation.markdown import study_table, table
from mote_demo.files import replacing
from mote_demo.study.arms import ALL, BASELINE, MAIN, MOTE, TITLES, UNTOUCHED
from mote_demo.study.results import Difference, Gain, Part, Summary
from mote_demo.study.summary import ArmReports
from mote_demo.study.transfer import Tried

_PUBLISHED = {"retrieval": "1.64", ALL: "1.43"}
"""The ratios that the MoTE paper states: 64 % higher on retrieval, 43 % over all tasks."""

_SMALL_GAIN = 0.5
_TASKS = (1, 2, 4, 5, 8, 16)
_WORST = -0.3
_ARMS = (
    "Every trained arm has the data, the number of steps and, but for what its name says, the settings of the recipe. "
    "An arm learns in the blocks that carry experts; a dense arm, in the blocks that carry them in MoTE. ± is the "
    "standard deviation over the seeds. The last two columns compare with MoTE, over all sets, on the seeds that both "
    "have."
)
_SEEN_WORDS = (
    "The training part of some of these sets is among the sources of the recipe (their test rows are not). The "
    "others have none there, but they were looked at when settings were chosen."
)
_TRANSFER = (
    "Experts of one task were trained alone and briefly, without the sources that a fold leaves out, and scored on "
    "sets of which no part was trained on (`python -m mote_demo transfer`, `recipes/transfer.yaml`). The gain is over "
    "the untouched backbone, the mean over these sets."
)
_MIB = 2**20


def write_page(
    path: str | Path,
    summary: Summary,
    study: Mapping[str, ArmReports],
    notes: str,
    cost: Mapping[str, Any],
    transfer: Sequence[Tried] = (),
) -> None:
    """Write the page, atomically.

    Args:
        path: the Markdown file.
        summary: see ``summarise``.
        study: what it was made of, for the table of all sets.
        notes: what worked, what did not and why, in Markdown and without figures.
        cost: see ``measure_cost``.
        transfer: what ``study.transfer`` tried.
    """
    sections = [
        "# Results\n\nWritten by `python -m mote_demo study`; edit nothing here by hand.",
        f"## The claim\n\n{_protocol(summary, study)}\n\n{_claim(summary, cost)}",
        f"## Task families\n\n{_families(summary)}",
        f"## MoTE minus the baseline\n\n{_differences(summary['difference'])}\n\n{summary['interval']}",
        f"## Sets that training saw, and others\n\n{_SEEN_WORDS}\n\n{_by_seen(summary['seen'])}",
        f"## MoTE minus the untouched model\n\n{_differences(summary['over_untouched'])}",
        f"## All arms\n\n{_ARMS}\n\n{study_table(summary)}",
        *([f"## Settings tried on sources left out\n\n{_TRANSFER}\n\n{_transfer(transfer)}"] if transfer else []),
        f"## Memory and the number of tasks\n\n{_memory(cost)}",
        f"## Every set\n\n{_sets(study)}",
        f"## What worked, what did not\n\n{notes.strip()}",
    ]
    with replacing(path) as temporary:
        temporary.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _protocol(summary: Summary, study: Mapping[str, ArmReports]) -> str:
    report = study[UNTOUCHED].reports[None]
    seeds = "one seed" if summary["seeds"] == 1 else f"the mean of {summary['seeds']} seeds"
    facts = next(iter(study[MOTE].facts.values()))
    return (
        f"{len(report.sets)} development sets, listed at the end with how much of them was measured on; {seeds}, "
        f"{facts.get('steps')} steps of each arm on {facts.get('hardware')}. "
        f"Scores are points from 0 to 100, higher is better. {report.protocol}"
    )


def _claim(summary: Summary, cost: Mapping[str, Any]) -> str:
    over, parameters = summary["over_untouched"], cost["parameters"]
    active = parameters[MOTE]["active"] / parameters[BASELINE]["active"]
    rows = [
        [f"gain over no instruction, {name}: MoTE / baseline", _ratio(summary["gain"][name]), f">= {published} (paper)"]
        for name, published in _PUBLISHED.items()
    ]
    if "unseen" in summary["seen"]:
        unseen, where = summary["seen"]["unseen"], "sets without a training part"
        rows += [
            [f"MoTE against the baseline, {where}", _lead(unseen["difference"]), ">= +1.5, above +0.5"],
            [f"MoTE against the untouched model, {where}", _lead(unseen["over_untouched"]), ">= +4"],
        ]
    rows += [
        ["MoTE against the untouched model, retrieval", f"{over['retrieval']['points']:+.2f}", ">= +2"],
        ["MoTE against the untouched model, families", _worse(over), f"none below {_WORST}"],
        ["MoTE against the baseline, families", _worse(summary["difference"]), f"none below {_WORST}"],
        ["active parameters, MoTE / baseline", f"{active:.2f}", "1.00"],
        ["time of a text, MoTE / baseline", _time(cost["time"]), "<= 1.02"],
    ]
    return table(["what", "measured", "aim"], rows, left=3)


def _ratio(gain: Gain) -> str:
    """Return the two gains and, where the denominator is large enough to divide by, their ratio."""
    mote, baseline = gain["mote"], gain["baseline"]
    both = f"{mote:+.2f} / {baseline:+.2f}"
    if baseline < _SMALL_GAIN:
        return f"{both} (no ratio: the baseline gains too little to divide by)"
    return f"{both} = {mote / baseline:.2f}"


def _time(ratio: Mapping[str, float]) -> str:
    return f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})"


def _lead(difference: Difference) -> str:
    """Return the points with their interval, where there is one."""
    bounds = _bounds(difference["interval"])
    return f"{difference['points']:+.2f}" + (f" ({bounds})" if bounds else "")


def _worse(difference: Mapping[str, Difference]) -> str:
    """Name every family in which MoTE is too far below the baseline, or the lowest one."""
    points = {family: values["points"] for family, values in difference.items() if family != ALL}
    below = sorted((value, family) for family, value in points.items() if value < _WORST)
    if below:
        return "below: " + ", ".join(f"{family} {value:+.2f}" for value, family in below)
    lowest = min(points, key=lambda family: points[family])
    return f"lowest: {lowest} {points[lowest]:+.2f}"


def _families(summary: Summary) -> str:
    rows = [[family, *_bold_best(scores)] for family, scores in summary["families"].items()]
    rows.append(["**all sets**", *_bold_best(summary["all"])])
    return table(["family", *(TITLES[arm] for arm in MAIN)], rows)


def _bold_best(scores: Mapping[str, float]) -> list[str]:
    best = max(scores.values())
    return [f"**{scores[arm]:.2f}**" if scores[arm] == best else f"{scores[arm]:.2f}" for arm in MAIN]


def _differences(difference: Mapping[str, Difference]) -> str:
    rows = [
        [
            family,
            f"{values['points']:+.2f}",
            _bounds(values["interval"]),
            ", ".join(f"{points:+.2f}" for points in values["by_seed"]),
        ]
        for family, values in difference.items()
    ]
    return table(["family", "points", "95 % interval", "each seed"], rows)


def _by_seen(seen: Mapping[str, Part]) -> str:
    rows = [
        [
            part,
            values["sets"],
            *(f"{values['means'][arm]:.2f}" for arm in MAIN),
            _lead(values["difference"]),
            _lead(values["over_untouched"]),
        ]
        for part, values in seen.items()
    ]
    return table(["", "sets", *(TITLES[arm] for arm in MAIN), "MoTE − baseline", "MoTE − untouched"], rows)


def _bounds(interval: Iterable[float] | None) -> str:
    if interval is None:
        return ""
    low, high = interval
    return f"{low:+.2f} to {high:+.2f}"


def _transfer(rows: Sequence[Tried]) -> str:
    lines = [
        [
            *(row["fold"], row["task"], row["variant"], f"{row['gain']:+.2f}"),
            ", ".join(f"{name} {score - row['untouched'][name]:+.1f}" for name, score in row["scores"].items()),
        ]
        for row in rows
    ]
    return table(["fold", "task", "setting", "gain", "each set"], lines, left=3)


def _memory(cost: Mapping[str, Any]) -> str:
    """Extrapolate the stored parameters from one expert to many: everything else is stored once."""
    dense = cost["parameters"][BASELINE]["stored"]
    expert = (cost["parameters"][MOTE]["stored"] - dense) // max(1, cost["experts"] - 1)
    rows = [
        [tasks, f"{dense + (tasks - 1) * expert:,}", f"{(dense + (tasks - 1) * expert) * 2 / _MIB:.0f}", f"{dense:,}"]
        for tasks in _TASKS
    ]
    words = (
        f"An expert adds {expert:,} parameters, counted in the shipped models; what runs for a text stays the same. "
        "Retrieval has two experts, every other task one.\n\n"
    )
    return words + table(["experts", "parameters stored", "MiB in 16 bits", "active for a text"], rows, left=0)


def _sets(study: Mapping[str, ArmReports]) -> str:
    rows = [
        [
            *(one.name, one.metric, one.note or "all rows"),
            *_bold_best({arm: study[arm].points(f"{one.family}/{one.name}") for arm in MAIN}),
        ]
        for one in study[UNTOUCHED].reports[None].sets
    ]
    return table(["set", "metric", "measured on", *(TITLES[arm] for arm in MAIN)], rows, left=3)
