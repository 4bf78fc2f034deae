"""The Compare tab: one query through two lenses, side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mote_demo.explore.search import MOST_HITS
from mote_demo.serving.sessions import Sessions
from mote_demo.ui.compare import html as compare_html
from mote_demo.ui.compare.handlers import CompareComponents, CompareHandlers, CompareState
from mote_demo.ui.compare.queries_panel import build_queries_panel
from mote_demo.ui.compare.similarity_panel import build_similarity_panel
from mote_demo.ui.compare.texts_panel import build_texts_panel
from mote_demo.ui.shared.downloads import fetch_after
from mote_demo.ui.shared.events import MODEL, QUICK
from mote_demo.ui.shared.lens_pickers import LensPickers
from mote_demo.ui.shared.visitor_states import VisitorStates


@dataclass(frozen=True)
class CompareTab:
    """Offer what the app needs; ``bind`` takes the ``gr.Tab`` and the page, whose opening asks a first question."""

    bind: Callable[[gr.Tab, gr.Blocks], None]


def build_compare_tab(sessions: Sessions) -> CompareTab:
    """Build the tab inside the current ``gr.Tab`` and wire its events."""
    components = _build(sessions)
    picked = build_queries_panel(sessions, components.pickers.names, components.texts, components.query)
    build_similarity_panel(sessions, components.pickers.names)
    handlers = CompareHandlers(VisitorStates(sessions, CompareState), components)
    _wire_texts(handlers, components)
    _wire_asking(handlers, components, picked)
    fetch_after(components.save.click(handlers.save, None, [components.export], **QUICK), components.export)
    return CompareTab(lambda tab, page: _bind(handlers, components, tab, page))


def _build(sessions: Sessions) -> CompareComponents:
    pickers = LensPickers(sessions, "compare")
    pickers.build_presets()
    with gr.Row(elem_classes="mote-controls"):
        pickers.build_task()
        texts = gr.Dropdown([], label="Texts", scale=2, min_width=220)
        label = gr.Dropdown([], label="Results vote on", visible=False, scale=1, min_width=140)
    pickers.build_lenses()
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
            hits = gr.Slider(1, MOST_HITS, value=10, step=1, label="Results (k)")
        with gr.Column(min_width=300):
            build_texts_panel(sessions, texts)
    status = gr.HTML("", elem_classes="mote-slot")
    answers = gr.HTML(compare_html.empty(), elem_id="compare-answers")
    with gr.Row():
        save = gr.Button("Export results (CSV)", size="sm", scale=0, min_width=180)
        export = gr.DownloadButton("Download", visible="hidden", elem_id="mote-compare-file")
    return CompareComponents(
        pickers=pickers,
        texts=texts,
        hits=hits,
        label=label,
        query=query,
        second=second,
        samples=samples,
        compare=compare,
        stop=stop,
        status=status,
        answers=answers,
        save=save,
        export=export,
    )


def _wire_texts(handlers: CompareHandlers, components: CompareComponents) -> None:
    components.texts.change(
        handlers.describe_texts,
        [components.texts, components.label],
        [components.label, components.samples],
        **QUICK,
    )


def _wire_asking(handlers: CompareHandlers, components: CompareComponents, picked: Any) -> None:  # noqa: ANN401
    asked = [components.compare.click, components.query.submit, components.second.submit]
    running = [_ask_on(event, handlers, components) for event in asked]
    running += [_ask_on(chosen.success, handlers, components) for chosen in components.pickers.wire(**QUICK)]
    sample = components.samples.click(lambda sample: sample[0], [components.samples], [components.query], **QUICK)
    running += [_ask_on(filled.success, handlers, components) for filled in (sample, picked)]
    components.stop.click(handlers.stop, None, handlers.controls.components, cancels=running, **QUICK)


def _ask_on(event: Callable[..., Any], handlers: CompareHandlers, components: CompareComponents) -> Any:  # noqa: ANN401
    inputs = [
        *components.pickers.names,
        components.texts,
        components.query,
        components.second,
        components.hits,
        components.label,
    ]
    waited = event(handlers.controls.wait, None, handlers.controls.components, queue=False, **QUICK)
    asked = waited.success(
        handlers.compare,
        inputs,
        [*handlers.controls.components, components.second, components.label, components.answers],
        trigger_mode="always_last",
        **QUICK,
        **MODEL,
    )
    asked.failure(handlers.controls.free, None, handlers.controls.components, queue=False, **QUICK)
    return asked


def _bind(handlers: CompareHandlers, components: CompareComponents, tab: gr.Tab, page: gr.Blocks) -> None:
    components.pickers.refresh_on(tab.select, **QUICK)
    tab.select(handlers.refresh_texts, [components.texts], [components.texts], **QUICK)
    first = [*components.pickers.choices, components.texts, components.label, components.samples, components.query]
    opened = page.load(handlers.begin, None, first, **QUICK)
    _ask_on(opened.success, handlers, components)
