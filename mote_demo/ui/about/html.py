"""What the About tab shows, as HTML."""

from collections.abc import Mapping
from html import escape
from typing import Any

from mote_demo.encoder import Encoder
from mote_demo.evaluation.report import Report, SetResult
from mote_demo.runtime.precision import PRECISIONS
from mote_demo.serving.sessions import SECONDS_CLOSED
from mote_demo.serving.shelf import Shelf
from mote_demo.study.arms import TITLES
from mote_demo.ui.about.drawing import block_drawing
from mote_demo.ui.experts.html import gain_lines, seeds_line
from mote_demo.ui.shared.tables_html import capitalized, number_cells, scope_words, table

_CAPTION = "For the task “clustering” its expert runs; the other experts cost nothing."


def page(
    shelf: Shelf,
    report: Report | None,
    summary: Mapping[str, Any] | None = None,
    *,
    report_problem: str = "",
) -> str:
    """Return the whole page: what MoTE is, what is loaded, what was measured.

    Args:
        shelf: what is loaded.
        report: what was measured, if anything was.
        summary: what the study of the experts found, if it ran.
        report_problem: why there is no report although there is a file of one, or "".
    """
    parts = [
        _what(),
        f"<figure>{block_drawing()}<figcaption>{_CAPTION}</figcaption></figure>",
        f"<h2>What is loaded</h2>{_loaded(shelf)}",
        f"<h2>Routes</h2>{_routes(shelf.growing)}",
        f"<h2>Measured results</h2>{_results(report, report_problem)}{_experts(summary)}",
        f"<h2>Your data</h2>{_privacy()}",
    ]
    return f'<article class="mote-about">{"".join(parts)}</article>'


def _what() -> str:
    return (
        "<h2>What MoTE is</h2>"
        "<p>One text means different things to different tasks. Sorted by topic, “My parcel is late, again!” belongs "
        "with other deliveries; sorted by mood, with other angry messages. The usual remedy is to put an instruction "
        "before the text and hope that one set of weights can tell the tasks apart. That is the "
        "<b>baseline</b> here.</p>"
        "<p><b>Mixture of Task Experts (MoTE)</b> keeps the instruction and adds weights: in every other block the MLP "
        "is replaced by one MLP per task. The task is known before the text is read, so exactly one expert runs, and a "
        "text costs what it costs in the dense model. Each expert starts as a copy of the dense MLP and is trained "
        "with task-aware contrastive learning: a batch holds one task, with negatives and settings of that task. "
        "(Romero Calvo, Ding, Barrett, Dinu, Karypis: Findings of ACL 2025.)</p>"
        "<p>Both models here learnt from a larger encoder and from the untouched backbone how near the texts of a "
        "batch are to each other, with a bonus for those that labels call near.</p>"
    )


def _loaded(shelf: Shelf) -> str:
    rows = "".join(_model_row(encoder) for encoder in shelf.shipped)
    words = ["Model", "Experts in blocks", "Computed in"]
    numbers = ["Parameters stored", "Active for a text", "Vector width", "Most tokens"]
    return table([*words, *numbers], rows, len(words))


def _model_row(encoder: Encoder) -> str:
    config = encoder.config
    counts = encoder.network.count_parameters()
    blocks = ", ".join(str(layer + 1) for layer in config.expert_layers) or "none"
    depth = config.backbone_config.num_hidden_layers
    numbers = (f"{counts['stored']:,}", f"{counts['active']:,}", config.hidden_size, config.max_tokens)
    cells = "".join(f'<td class="mote-number">{number}</td>' for number in numbers)
    words = f"<td>{blocks} of {depth}</td><td>{PRECISIONS[encoder.precision]}</td>"
    return f"<tr><th scope='row'>{escape(encoder.name)}</th>{words}{cells}</tr>"


def _routes(encoder: Encoder) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{escape(route['expert'])}</td>"
        f"<td><code>{escape(route['instruction']) or 'none'}</code></td></tr>"
        for name, route in encoder.config.routes.items()
    )
    return table(["Route", "Expert", "Instruction put before the text"], rows, 3)


def _results(report: Report | None, problem: str) -> str:
    if problem:
        return f'<p role="alert">The evaluation cannot be shown: {escape(problem)}</p>'
    if report is None:
        return (
            "<p>There is no evaluation beside these checkpoints. Make one with "
            "<code>python -m mote_demo evaluate CHECKPOINTS/baseline CHECKPOINTS/mote --data DIR "
            "--out results/dev.json</code>.</p>"
        )
    models = list(report.models)
    titles = [capitalized(TITLES.get(model, model)) for model in models]
    families = "".join(_family_row(report, family, models) for family in report.families)
    means = number_cells([f"<b>{report.mean_of_families(model):.1f}</b>" for model in models])
    families += f"<tr><th scope='row'>Mean of families</th><td></td>{means}</tr>"
    sets = "".join(_set_row(one, models) for one in report.sets)
    return (
        "<p>Of the checkpoints that are loaded: points from 0 to 100, higher is better, on development sets.</p>"
        f"{table(['Family', 'Sets', *titles], families, 2)}"
        f"<details><summary>All {len(report.sets)} sets</summary>"
        f"{table(['Set', 'Family', 'Metric', 'Measured on', *titles], sets, 4)}</details>"
    )


def _family_row(report: Report, family: str, models: list[str]) -> str:
    count = sum(one.family == family for one in report.sets)
    means = number_cells([f"{report.family_mean(model, family):.1f}" for model in models])
    return f"<tr><th scope='row'>{escape(scope_words(family))}</th><td>{count}</td>{means}</tr>"


def _set_row(one: SetResult, models: list[str]) -> str:
    words = (scope_words(one.family), one.metric, one.note or "all rows")
    cells = "".join(f"<td>{escape(text)}</td>" for text in words)
    points = number_cells([f"{one.scores[model].points:.1f}" for model in models])
    return f"<tr><th scope='row'>{escape(one.name)}</th>{cells}{points}</tr>"


def _experts(summary: Mapping[str, Any] | None) -> str:
    gains = "" if summary is None else f"<p>{seeds_line(summary['seeds'])}</p>{gain_lines(summary)}"
    return (
        f"<p>The tab “Experts” shows how far the spaces of the experts differ and what every model scores.</p>{gains}"
    )


def _privacy() -> str:
    return (
        "<p>Uploads, queries and the experts you train belong to your browser tab alone, stay in the memory of this "
        "app's own process, and are sent to no other host. A tab whose connection broke can come back to them: they "
        f"are forgotten at the next visit of anybody once yours was closed for {SECONDS_CLOSED // 60} minutes. "
        "Vectors and maps made of them go when their room is needed.</p>"
        "<p>On disk, an uploaded file lies in a temporary folder only until it was read, and a file that you export "
        "or download lies there for about an hour, or until the app ends.</p>"
    )
