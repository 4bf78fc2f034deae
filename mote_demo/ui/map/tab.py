"""The Map tab: the same texts as two lenses see them, side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mote_demo.serving.sessions import Sessions
from mote_demo.ui.map import html as map_html
from mote_demo.ui.map.handlers import MapComponents, MapHandlers, MapState
from mote_demo.ui.map.html import SIDES
from mote_demo.ui.map.scatter import scatter_map
from mote_demo.ui.shared.downloads import fetch_after
from mote_demo.ui.shared.events import MODEL, QUICK
from mote_demo.ui.shared.lens_pickers import LensPickers
from mote_demo.ui.shared.texts_panel import build_texts_panel
from mote_demo.ui.shared.visitor_states import VisitorStates

# A click on a listed text is a click on its point.
_PANEL_SCRIPT = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-row]");
  if (button) trigger("select", { row: Number(button.dataset.row) });
});
"""


@dataclass(frozen=True)
class MapTab:
    """Offer what the app needs; ``bind`` takes the ``gr.Tab``, whose first opening draws the maps, and the page."""

    bind: Callable[[gr.Tab, gr.Blocks], None]


def build_map_tab(sessions: Sessions) -> MapTab:
    """Build the tab inside the current ``gr.Tab`` and wire its events."""
    components = _build(sessions)
    handlers = MapHandlers(VisitorStates(sessions, MapState), components)
    _wire_choices(handlers, components)
    _wire_drawing(handlers, components)
    _wire_looking(handlers, components)
    _wire_saving(handlers, components)
    return MapTab(lambda tab, page: _bind(handlers, components, tab, page))


def _build(sessions: Sessions) -> MapComponents:
    with gr.Column(elem_classes="mote-map"):
        pickers = LensPickers(sessions, "mote-map")
        pickers.build_presets()
        with gr.Row(elem_classes="mote-controls"):
            pickers.build_task()
            texts = gr.Dropdown([], label="Texts", scale=2, min_width=220, elem_id="mote-map-texts")
            colour = gr.Dropdown([], label="Colour by", scale=1, min_width=140, elem_id="mote-map-colour")
        pickers.build_lenses()
        with gr.Accordion("More settings", open=False):
            neighbours = gr.Slider(
                5,
                50,
                value=15,
                step=1,
                label="Neighbourhood size",
                info="How many texts UMAP keeps together: few show small groups, many the overall shape.",
                min_width=180,
            )
        build_texts_panel(sessions, texts, "map")
        with gr.Row(elem_classes="mote-map-actions"):
            draw = gr.Button("Draw maps", variant="primary", scale=0, min_width=140, elem_id="mote-map-draw")
            stop = gr.Button("Stop", interactive=False, scale=0, min_width=90, elem_id="mote-map-stop")
            status = gr.HTML(map_html.idle_line(), apply_default_css=False, elem_id="mote-map-status", min_width=220)
        with gr.Row():
            (left_heading, left_map), (right_heading, right_map) = map(_build_map, SIDES)
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                panel = gr.HTML(
                    map_html.empty_panel(), js_on_load=_PANEL_SCRIPT, apply_default_css=False, elem_id="mote-map-panel"
                )
            with gr.Column(scale=2, min_width=320):
                query = gr.Textbox(
                    label="Query",
                    placeholder="Type a query, or pick one below",
                    lines=1,
                    max_lines=4,
                    elem_id="mote-map-query",
                )
                samples = gr.Dataset(
                    components=[query], samples=[], label="Sample queries", samples_per_page=6, visible=False
                )
                with gr.Row():
                    place = gr.Button("Show on maps", min_width=120, elem_id="mote-map-place")
                    clear = gr.Button("Clear marks", min_width=120, elem_id="mote-map-clear")
                summary = gr.HTML("", apply_default_css=False, elem_id="mote-map-summary")
                with gr.Row():
                    csv = gr.Button("Export points (CSV)", size="sm", min_width=120, elem_id="mote-map-csv")
                    html = gr.Button("Export both maps (HTML)", size="sm", min_width=120, elem_id="mote-map-html")
                file = gr.DownloadButton("Download", visible="hidden", elem_id="mote-map-file")
    return MapComponents(
        pickers=pickers,
        texts=texts,
        colour=colour,
        neighbours=neighbours,
        draw=draw,
        stop=stop,
        status=status,
        headings=(left_heading, right_heading),
        maps=(left_map, right_map),
        panel=panel,
        query=query,
        place=place,
        clear=clear,
        samples=samples,
        summary=summary,
        csv=csv,
        html=html,
        file=file,
    )


def _build_map(side: str) -> tuple[gr.HTML, gr.HTML]:
    """Return the heading and the map of a side."""
    with gr.Column(min_width=320, elem_classes="mote-map-side"):
        title = side.capitalize()
        heading = gr.HTML(map_html.map_heading(side, title), apply_default_css=False)
        return heading, scatter_map(title, empty="Press 'Draw maps'.", elem_id=f"mote-map-{side}")


def _wire_choices(handlers: MapHandlers, components: MapComponents) -> None:
    components.pickers.wire(**QUICK)
    components.texts.change(
        handlers.describe_texts,
        [components.texts, components.colour],
        [components.colour, components.samples],
        **QUICK,
    )
    components.colour.input(handlers.recolour, [components.colour], [*components.maps], **QUICK)


def _wire_drawing(handlers: MapHandlers, components: MapComponents) -> None:
    drawing = _draw_on(
        components.draw.click(handlers.controls.wait, None, handlers.controls.components, queue=False, **QUICK),
        handlers.draw,
        handlers,
        components,
    )
    components.stop.click(handlers.stop, None, handlers.controls.components, cancels=[drawing], **QUICK)


def _bind(handlers: MapHandlers, components: MapComponents, tab: gr.Tab, page: gr.Blocks) -> None:
    first = [*components.pickers.choices, components.texts, components.colour, components.samples]
    page.load(handlers.begin, None, first, **QUICK)
    lenses = components.pickers.refresh_on(tab.select, **QUICK)
    texts = lenses.then(handlers.refresh_texts, [components.texts], [components.texts], **QUICK)
    columns = texts.then(
        handlers.describe_texts,
        [components.texts, components.colour],
        [components.colour, components.samples],
        **QUICK,
    )
    waited = columns.then(handlers.wait_first, None, handlers.controls.components, queue=False, **QUICK)
    drawing = _draw_on(waited, handlers.draw_first, handlers, components)
    components.stop.click(None, cancels=[drawing], **QUICK)


def _draw_on(waited: Any, draw: Callable[..., Any], handlers: MapHandlers, components: MapComponents) -> Any:  # noqa: ANN401
    inputs = [*components.pickers.lenses, components.texts, components.colour, components.neighbours]
    outputs = [
        *handlers.controls.components,
        components.panel,
        components.summary,
        *components.headings,
        *components.maps,
    ]
    drawing = waited.success(draw, inputs, outputs, **QUICK, **MODEL)
    drawing.failure(handlers.controls.free, None, handlers.controls.components, queue=False, **QUICK)
    return drawing


def _wire_looking(handlers: MapHandlers, components: MapComponents) -> None:
    marked = [components.panel, *components.maps]
    for source in marked:
        source.select(handlers.select, None, marked, **QUICK)
    for event in (components.query.submit, components.place.click):
        event(handlers.place, [components.query], marked, **QUICK, **MODEL)
    picked = components.samples.click(lambda sample: sample[0], [components.samples], [components.query], **QUICK)
    picked.success(handlers.place, [components.query], marked, **QUICK, **MODEL)
    components.clear.click(handlers.clear, None, marked, **QUICK)


def _wire_saving(handlers: MapHandlers, components: MapComponents) -> None:
    for event, save, inputs in (
        (components.csv.click, handlers.save_csv, []),
        (components.html.click, handlers.save_html, [components.colour]),
    ):
        fetch_after(event(save, inputs, [components.file], **QUICK), components.file)
