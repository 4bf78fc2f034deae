"""The Classes tab: how well two lenses tell the classes of labelled texts apart."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from mote_demo.explore.classes import MOST_NEIGHBOURS, NEIGHBOURS
from mote_demo.serving.sessions import Sessions
from mote_demo.ui.classes import html as classes_html
from mote_demo.ui.classes.handlers import ClassesComponents, ClassesHandlers, ClassesState
from mote_demo.ui.shared.address import follow_address
from mote_demo.ui.shared.downloads import fetch_after
from mote_demo.ui.shared.events import MODEL, QUICK
from mote_demo.ui.shared.headings import unseen_heading
from mote_demo.ui.shared.lens_pickers import LensPickers
from mote_demo.ui.shared.opening import Opening
from mote_demo.ui.shared.visitor_states import VisitorStates

_SCRIPT = Path(__file__).parent.parent / "static" / "classes.js"


@dataclass(frozen=True)
class ClassesTab:
    """Offer what the app needs; ``bind`` takes the ``gr.Tab``, which measures at first, and the page's opening."""

    bind: Callable[[gr.Tab, Opening], None]


def build_classes_tab(sessions: Sessions) -> ClassesTab:
    """Build the tab inside the current ``gr.Tab`` and wire its events."""
    components = _build(sessions)
    handlers = ClassesHandlers(VisitorStates(sessions, ClassesState), components)
    components.overview.select(handlers.open_cell, None, [components.cell], **QUICK)
    for button, save in ((components.texts_csv, handlers.save_texts), (components.classes_csv, handlers.save_classes)):
        fetch_after(button.click(save, None, [components.file], **QUICK), components.file)
    return ClassesTab(lambda tab, opening: _bind(handlers, components, tab, opening))


def _build(sessions: Sessions) -> ClassesComponents:
    script = _SCRIPT.read_text("utf-8")
    with gr.Column(elem_classes="mote-classes"):
        pickers = LensPickers(sessions, "mote-classes", task="classification")
        unseen_heading("Classes through two lenses")
        pickers.build_presets()
        with gr.Row(elem_classes="mote-controls"):
            pickers.build_task()
            texts = gr.Dropdown([], label="Texts", scale=2, min_width=220, elem_id="mote-classes-texts")
            label = gr.Dropdown([], label="Classes", scale=1, min_width=140, elem_id="mote-classes-label")
        pickers.build_lenses()
        with gr.Accordion("More settings", open=False):
            k = gr.Slider(
                1,
                MOST_NEIGHBOURS,
                value=NEIGHBOURS,
                step=1,
                label="Neighbours that vote (k)",
                min_width=180,
                elem_id="mote-classes-k",
            )
        with gr.Row(elem_classes="mote-classes-actions"):
            measure = gr.Button("Measure", variant="primary", scale=0, min_width=140, elem_id="mote-classes-measure")
            stop = gr.Button("Stop", interactive=False, scale=0, min_width=90, elem_id="mote-classes-stop")
            status = gr.HTML(
                classes_html.idle_line(), apply_default_css=False, elem_id="mote-classes-status", min_width=220
            )
        overview = gr.HTML(
            classes_html.empty(), js_on_load=script, apply_default_css=False, elem_id="mote-classes-overview"
        )
        cell = gr.HTML("", js_on_load=script, apply_default_css=False, elem_id="mote-classes-cell")
        details = gr.HTML("", js_on_load=script, apply_default_css=False, elem_id="mote-classes-details")
        with gr.Row():
            texts_csv = gr.Button("Export texts (CSV)", size="sm", scale=0, min_width=180)
            classes_csv = gr.Button("Export classes (CSV)", size="sm", scale=0, min_width=180)
            file = gr.DownloadButton("Download", visible="hidden", elem_id="mote-classes-file")
    return ClassesComponents(
        link=gr.Textbox(visible="hidden", elem_id="classes-link"),
        pickers=pickers,
        texts=texts,
        label=label,
        k=k,
        measure=measure,
        stop=stop,
        status=status,
        overview=overview,
        cell=cell,
        details=details,
        texts_csv=texts_csv,
        classes_csv=classes_csv,
        file=file,
    )


def _bind(handlers: ClassesHandlers, components: ClassesComponents, tab: gr.Tab, opening: Opening) -> None:
    follow_address(tab, components.link)
    opening.then(
        handlers.begin,
        [opening.search],
        [*components.pickers.choices, components.texts, components.label, components.k],
        **QUICK,
    )
    lenses = components.pickers.refresh_on(tab.select, **QUICK)
    texts = lenses.then(handlers.refresh_texts, [components.texts], [components.texts], **QUICK)
    described = _describe_on(texts.then, handlers, components).then(
        handlers.wait_first, None, handlers.controls.components, queue=False, **QUICK
    )
    running = [_measure_after(described, handlers.measure_first, handlers, components)]
    changed = [each.success for each in components.pickers.wire(**QUICK)]
    changed.append(_describe_on(components.texts.input, handlers, components).success)
    changed += [components.label.input, components.k.release, components.measure.click]
    for event in changed:
        waited = event(handlers.controls.wait, None, handlers.controls.components, queue=False, **QUICK)
        running.append(_measure_after(waited, handlers.measure, handlers, components))
    components.stop.click(handlers.stop, None, handlers.controls.components, cancels=running, **QUICK)


def _describe_on(event: Callable[..., Any], handlers: ClassesHandlers, components: ClassesComponents) -> Any:  # noqa: ANN401
    return event(handlers.describe_texts, [components.texts, components.label], [components.label], **QUICK)


def _measure_after(
    waited: Any,  # noqa: ANN401 - Gradio's events have no public type
    measure: Callable[..., Any],
    handlers: ClassesHandlers,
    components: ClassesComponents,
) -> Any:  # noqa: ANN401
    inputs = [*components.pickers.names, components.texts, components.label, components.k]
    outputs = [*handlers.controls.components, components.link, *components.shown]
    measured = waited.success(measure, inputs, outputs, trigger_mode="always_last", **QUICK, **MODEL)
    measured.failure(handlers.controls.free, None, handlers.controls.components, queue=False, **QUICK)
    return measured
