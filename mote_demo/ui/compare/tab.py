"""The Compare tab: one query, both models, side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mote_demo.explore.search import MOST_HITS
from mote_demo.serving.sessions import Sessions
from mote_demo.tasks import TASKS
from mote_demo.ui.compare import html as compare_html
from mote_demo.ui.compare.handlers import CompareDesk, CompareParts
from mote_demo.ui.compare.texts_panel import build_texts_panel

_MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 2}
_QUICK: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_DOWNLOAD_SCRIPT = "() => setTimeout(() => document.querySelector('#mote-compare-file').click(), 100)"


@dataclass(frozen=True)
class CompareTab:
    """Offer what the app needs; ``bind`` takes the ``gr.Tab`` and the page, whose opening asks a first question."""

    bind: Callable[[gr.Tab, gr.Blocks], None]


def build_compare_tab(sessions: Sessions) -> CompareTab:
    """Build the tab inside the current ``gr.Tab`` and wire its events."""
    parts, save = _build(sessions)
    desk = CompareDesk(sessions, parts)
    _wire_choices(desk, parts)
    _wire_asking(desk, parts)
    save.click(desk.save, None, [parts.export], **_QUICK).success(None, js=_DOWNLOAD_SCRIPT, api_visibility="private")
    return CompareTab(lambda tab, page: _bind(desk, parts, tab, page))


def _build(sessions: Sessions) -> tuple[CompareParts, gr.Button]:
    with gr.Row(elem_classes="mote-controls"):
        task = gr.Radio([(each.title, name) for name, each in TASKS.items()], value="retrieval", label="Task", scale=3)
        texts = gr.Dropdown([], label="Texts", scale=2, min_width=220)
        label = gr.Dropdown([], label="Results vote on", visible=False, scale=1, min_width=140)
    with gr.Row(elem_classes="mote-ask"):
        query = gr.Textbox(
            label="Query", placeholder="Type a query, or pick one below", lines=1, max_lines=4, scale=6, min_width=220
        )
        compare = gr.Button("Compare", variant="primary", scale=1, min_width=100)
        stop = gr.Button("Stop", scale=0, min_width=80, interactive=False)
    second = gr.Textbox(label="Second text (optional): how similar are the two?", lines=1, max_lines=4, visible=False)
    samples = gr.Dataset(components=[query], samples=[], label="Sample queries", samples_per_page=6, visible=False)
    with gr.Row(equal_height=False):
        with gr.Column(min_width=300), gr.Accordion("More settings", open=False):
            route = gr.Dropdown([], label="MoTE expert for the query")
            hits = gr.Slider(1, MOST_HITS, value=10, step=1, label="Results (k)")
        with gr.Column(min_width=300):
            build_texts_panel(sessions, texts)
    status = gr.HTML("", elem_classes="mote-slot")
    answers = gr.HTML(compare_html.empty(), elem_id="compare-answers")
    with gr.Row():
        save = gr.Button("Export results (CSV)", size="sm", scale=0, min_width=180)
        export = gr.DownloadButton("Download", visible="hidden", elem_id="mote-compare-file")
    return (
        CompareParts(task, route, texts, hits, label, query, second, samples, compare, stop, status, answers, export),
        save,
    )


def _wire_choices(desk: CompareDesk, parts: CompareParts) -> None:
    parts.texts.change(
        desk.describe_texts, [parts.task, parts.texts, parts.label], [parts.label, parts.samples], **_QUICK
    )


def _wire_asking(desk: CompareDesk, parts: CompareParts) -> None:
    asked = [parts.compare.click, parts.query.submit, parts.second.submit]
    running = [_ask_on(event, desk, parts) for event in asked]
    refresh = parts.task.input(
        desk.refresh,
        [parts.task, parts.route, parts.texts],
        [parts.route, parts.texts, parts.second, parts.label],
        **_QUICK,
    )
    running.append(_ask_on(refresh.success, desk, parts))
    picked = parts.samples.click(lambda sample: sample[0], [parts.samples], [parts.query], **_QUICK)
    running.append(_ask_on(picked.success, desk, parts))
    parts.stop.click(desk.stop, None, [parts.compare, parts.stop, parts.status], cancels=running, **_QUICK)


def _ask_on(event: Callable[..., Any], desk: CompareDesk, parts: CompareParts) -> Any:  # noqa: ANN401
    inputs = [parts.task, parts.route, parts.texts, parts.query, parts.second, parts.hits, parts.label]
    outputs = [parts.compare, parts.stop, parts.status]
    waited = event(desk.wait, None, outputs, queue=False, **_QUICK)
    asked = waited.success(
        desk.compare, inputs, [*outputs, parts.answers], trigger_mode="always_last", **_QUICK, **_MODEL
    )
    asked.failure(desk.free, None, outputs, queue=False, **_QUICK)
    return asked


def _choices(parts: CompareParts) -> list[gr.components.Component]:
    return [parts.task, parts.route, parts.texts]


def _offered(parts: CompareParts) -> list[gr.components.Component]:
    return [parts.route, parts.texts, parts.second, parts.label]


def _bind(desk: CompareDesk, parts: CompareParts, tab: gr.Tab, page: gr.Blocks) -> None:
    tab.select(desk.refresh, _choices(parts), _offered(parts), **_QUICK)
    begun = page.load(desk.begin, [parts.task], [*_offered(parts), parts.samples, parts.query], **_QUICK)
    _ask_on(begun.success, desk, parts)
