"""The Compare tab: one query through two lenses, side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from mote_demo.limits import MOST_HITS
from mote_demo.serving.sessions import Sessions
from mote_demo.ui.compare import html as compare_html
from mote_demo.ui.compare.handlers import CompareComponents, CompareHandlers, CompareState
from mote_demo.ui.compare.lab_panel import build_lab_panel
from mote_demo.ui.compare.queries_panel import build_queries_panel
from mote_demo.ui.compare.similarity_panel import build_similarity_panel
from mote_demo.ui.shared.address import copy_link_button, follow_address
from mote_demo.ui.shared.downloads import fetch_after
from mote_demo.ui.shared.events import MODEL, QUICK
from mote_demo.ui.shared.headings import unseen_heading
from mote_demo.ui.shared.lens_pickers import LensPickers
from mote_demo.ui.shared.opening import Opening
from mote_demo.ui.shared.texts_panel import build_texts_panel
from mote_demo.ui.shared.visitor_states import VisitorStates

_SLOPES = (Path(__file__).parent.parent / "static" / "slopes.js").read_text("utf-8")


@dataclass(frozen=True)
class CompareTab:
    """Offer what the app needs; ``bind`` takes the ``gr.Tab`` and the page's opening, which asks a first question."""

    bind: Callable[[gr.Tab, Opening], None]


def build_compare_tab(sessions: Sessions) -> CompareTab:
    """Build the tab inside the current ``gr.Tab`` and wire its events."""
    components = _build(sessions)
    handlers = CompareHandlers(VisitorStates(sessions, CompareState), components)
    names = components.pickers.names
    save = components.save.click(handlers.save, None, [components.export], **QUICK)
    fetch_after(save, components.export)
    opened = build_queries_panel(sessions, names, components.texts, components.query)
    _wire_asking(handlers, components, opened)
    build_lab_panel(sessions, names, components.texts, components.query)
    build_similarity_panel(sessions, names)
    return CompareTab(lambda tab, opening: _bind(handlers, components, tab, opening))


def _build(sessions: Sessions) -> CompareComponents:
    pickers = LensPickers(sessions, "compare")
    unseen_heading("What two lenses find")
    pickers.build_presets()
    with gr.Row(elem_classes="mote-controls"):
        pickers.build_task()
        texts = gr.Dropdown([], label="Texts", scale=2, min_width=220)
        label = gr.Dropdown([], label="Labels", visible=False, scale=1, min_width=140)
    pickers.build_lenses()
    with gr.Row(elem_classes="mote-ask"):
        query = gr.Textbox(
            label="Query",
            placeholder="Type a query, or pick one below",
            lines=1,
            max_lines=4,
            scale=6,
            min_width=220,
            elem_id="compare-query",
        )
        compare = gr.Button("Compare", variant="primary", scale=1, min_width=100)
        stop = gr.Button("Stop", scale=0, min_width=80, interactive=False)
    second = gr.Textbox(label="Second text (optional): how similar are the two?", lines=1, max_lines=4, visible=False)
    samples = gr.Dataset(components=[query], samples=[], label="Sample queries", samples_per_page=6, visible=False)
    with gr.Accordion("More settings", open=False):
        hits = gr.Slider(1, MOST_HITS, value=10, step=1, label="Results (k)")
    build_texts_panel(sessions, texts, "compare")
    status = gr.HTML("", elem_classes="mote-slot")
    answers = gr.HTML(compare_html.empty(), elem_id="compare-answers", js_on_load=_SLOPES)
    matrix = gr.HTML("", elem_id="compare-matrix")
    every_task = gr.Button("Show the query under every task", size="sm", visible=False, elem_id="compare-every-task")
    with gr.Row():
        save = gr.Button("Export results (CSV)", size="sm", scale=0, min_width=180)
        copy_link_button()
        export = gr.DownloadButton("Download", visible="hidden", elem_id="mote-compare-file")
    with gr.Accordion("The same in Python", open=False):
        code = gr.Code(language="python", show_label=False, interactive=False, buttons=["copy"], elem_id="compare-code")
    return CompareComponents(
        link=gr.Textbox(visible="hidden", elem_id="compare-link"),
        code=code,
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
        matrix=matrix,
        every_task=every_task,
        save=save,
        export=export,
    )


def _wire_asking(handlers: CompareHandlers, components: CompareComponents, opened: Any) -> None:  # noqa: ANN401
    described = components.texts.change(
        handlers.describe_texts,
        [components.texts, components.label],
        [components.label, components.samples],
        **QUICK,
    )
    picked = components.samples.click(lambda sample: sample[0], [components.samples], [components.query], **QUICK)
    asked = [components.compare.click, components.query.submit, components.second.submit]
    asked += [components.hits.release, components.label.input, described.success, picked.success, opened.success]
    asked += [chosen.success for chosen in components.pickers.wire(**QUICK)]
    running = [_ask_on(event, handlers, components) for event in asked]
    running.append(_run_on(components.every_task.click, handlers.compare_all, [], handlers, components))
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
    return _run_on(event, handlers.compare, inputs, handlers, components)


def _run_on(
    event: Callable[..., Any],
    work: Callable[..., Any],
    inputs: list[Any],
    handlers: CompareHandlers,
    components: CompareComponents,
) -> Any:  # noqa: ANN401
    shown = [components.second, components.answers, components.matrix, components.every_task]
    shown += [components.link, components.code]
    waited = event(handlers.controls.wait, None, handlers.controls.components, queue=False, **QUICK)
    asked = waited.success(
        work, inputs, [*handlers.controls.components, *shown], trigger_mode="always_last", **QUICK, **MODEL
    )
    asked.failure(handlers.controls.free, None, handlers.controls.components, queue=False, **QUICK)
    return asked


def _bind(handlers: CompareHandlers, components: CompareComponents, tab: gr.Tab, opening: Opening) -> None:
    follow_address(tab, components.link)
    components.pickers.refresh_on(tab.select, **QUICK)
    tab.select(handlers.refresh_texts, [components.texts], [components.texts], **QUICK)
    first = [*components.pickers.choices, components.texts, components.label, components.samples, components.query]
    first.append(components.hits)
    # The change of the texts asks the first question.
    opening.then(handlers.begin, [opening.search], first, **QUICK)
