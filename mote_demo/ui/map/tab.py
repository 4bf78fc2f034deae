"""The Map tab: the same texts as two lenses see them, side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mote_demo.serving.sessions import Sessions
from mote_demo.ui.map import html as map_html
from mote_demo.ui.map.handlers import MapComponents, MapHandlers, MapState
from mote_demo.ui.map.linked_maps import linked_maps
from mote_demo.ui.shared.address import copy_link_button, follow_address
from mote_demo.ui.shared.downloads import fetch_after
from mote_demo.ui.shared.events import MAP, MODEL, QUICK
from mote_demo.ui.shared.headings import unseen_heading
from mote_demo.ui.shared.lens_pickers import LensPickers
from mote_demo.ui.shared.opening import Opening
from mote_demo.ui.shared.texts_panel import build_texts_panel
from mote_demo.ui.shared.visitor_states import VisitorStates

# A click on a listed text is a click on its point.
_LIST_SCRIPT = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-row]");
  if (button) trigger("select", { row: Number(button.dataset.row) });
  if (event.target.closest("[data-close]")) trigger("clear");
});
element.addEventListener("keydown", (event) => event.key === "Escape" && trigger("clear"));
"""


@dataclass(frozen=True)
class MapTab:
    """Offer what the app needs; ``bind`` takes the ``gr.Tab``, which draws at first, and the page's opening."""

    bind: Callable[[gr.Tab, Opening], None]


def build_map_tab(sessions: Sessions) -> MapTab:
    """Build the tab inside the current ``gr.Tab`` and wire its events."""
    components = _build(sessions)
    handlers = MapHandlers(VisitorStates(sessions, MapState), components)
    _wire_choices(handlers, components)
    drawings = _wire_drawing(handlers, components)
    _wire_looking(handlers, components)
    _wire_saving(handlers, components)
    return MapTab(lambda tab, opening: _bind(handlers, components, drawings, tab, opening))


def _build(sessions: Sessions) -> MapComponents:
    with gr.Column(elem_classes="mote-map"):
        pickers = LensPickers(sessions, "mote-map")
        unseen_heading("Maps through two lenses")
        pickers.build_presets()
        with gr.Row(elem_classes="mote-controls"):
            pickers.build_task()
            texts = gr.Dropdown([], label="Texts", scale=2, min_width=220, elem_id="mote-map-texts")
            colour = gr.Dropdown([], label="Colour by", scale=1, min_width=140, elem_id="mote-map-colour")
        with gr.Row():
            with gr.Column(scale=3, min_width=300):
                pickers.build_lenses()
            with gr.Column(scale=1, min_width=220), gr.Accordion("More settings", open=False):
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
        with gr.Row(elem_classes="mote-map-stage"):
            with gr.Column(scale=3, min_width=320):
                maps = linked_maps("mote-map-maps")
                with gr.Row(elem_classes="mote-map-ask"):
                    query = gr.Textbox(
                        label="Query",
                        placeholder="Type a query, or pick one below",
                        lines=1,
                        max_lines=4,
                        scale=3,
                        min_width=240,
                        elem_id="mote-map-query",
                    )
                    place = gr.Button("Show on maps", scale=0, min_width=160, elem_id="mote-map-place")
                    clear = gr.Button("Clear marks", scale=0, min_width=150, elem_id="mote-map-clear")
                samples = gr.Dataset(
                    components=[query], samples=[], label="Sample queries", samples_per_page=6, visible=False
                )
            with gr.Column(scale=1, min_width=270):
                panel = _list("panel", map_html.empty_panel())
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                selection = _list("selection", map_html.selection_hint())
                selection_csv = gr.Button(
                    "Export selection (CSV)",
                    size="sm",
                    interactive=False,
                    min_width=120,
                    elem_id="mote-map-selection-csv",
                )
            with gr.Column(scale=2, min_width=320):
                summary = gr.HTML("", apply_default_css=False, elem_id="mote-map-summary")
                with gr.Row():
                    csv = gr.Button("Export points (CSV)", size="sm", min_width=120, elem_id="mote-map-csv")
                    html = gr.Button("Export both maps (HTML)", size="sm", min_width=120, elem_id="mote-map-html")
                    copy_link_button()
                file = gr.DownloadButton("Download", visible="hidden", elem_id="mote-map-file")
        with gr.Accordion("The same in Python", open=False):
            code = gr.Code(language="python", show_label=False, interactive=False, buttons=["copy"])
        link = gr.Textbox(visible="hidden", elem_id="mote-map-link")
    return MapComponents(
        link=link,
        code=code,
        pickers=pickers,
        texts=texts,
        colour=colour,
        neighbours=neighbours,
        draw=draw,
        stop=stop,
        status=status,
        maps=maps,
        panel=panel,
        selection=selection,
        query=query,
        place=place,
        clear=clear,
        samples=samples,
        summary=summary,
        csv=csv,
        html=html,
        selection_csv=selection_csv,
        file=file,
    )


def _list(name: str, empty: str) -> gr.HTML:
    """Return a part whose listed texts can be clicked."""
    return gr.HTML(empty, js_on_load=_LIST_SCRIPT, apply_default_css=False, elem_id=f"mote-map-{name}")


def _wire_choices(handlers: MapHandlers, components: MapComponents) -> None:
    components.texts.change(
        handlers.describe_texts,
        [components.texts, components.colour],
        [components.colour, components.samples],
        **QUICK,
    )
    components.colour.input(handlers.recolour, [components.colour], [components.maps, components.link], **QUICK)


def _wire_drawing(handlers: MapHandlers, components: MapComponents) -> list[Any]:
    """Wire what asks for maps; return the drawings."""
    asked = [*handlers.controls.components, components.maps]
    settled = [event.success for event in components.pickers.wire(**QUICK)]
    # Whatever is chosen anew is drawn by itself; a drawing that is newer ends the one before.
    events = (*settled, components.texts.input, components.neighbours.release, components.draw.click)
    waited = [event(handlers.ask, None, asked, queue=False, **QUICK) for event in events]
    return [_draw_on(each, handlers.draw, handlers, components) for each in waited]


def _bind(handlers: MapHandlers, components: MapComponents, drawings: list[Any], tab: gr.Tab, opening: Opening) -> None:
    follow_address(tab, components.link)
    first = [*components.pickers.choices, components.texts, components.colour, components.samples]
    first.append(components.neighbours)
    opening.then(handlers.begin, [opening.search], first, **QUICK)
    lenses = components.pickers.refresh_on(tab.select, **QUICK)
    texts = lenses.then(handlers.refresh_texts, [components.texts], [components.texts], **QUICK)
    columns = texts.then(
        handlers.describe_texts,
        [components.texts, components.colour],
        [components.colour, components.samples],
        **QUICK,
    )
    asked = [*handlers.controls.components, components.maps]
    waited = columns.then(handlers.ask_first, None, asked, queue=False, **QUICK)
    first_drawing = _draw_on(waited, handlers.draw_first, handlers, components)
    stopped = handlers.controls.components
    components.stop.click(handlers.stop, None, stopped, cancels=[*drawings, first_drawing], **QUICK)


def _draw_on(waited: Any, draw: Callable[..., Any], handlers: MapHandlers, components: MapComponents) -> Any:  # noqa: ANN401
    inputs = [*components.pickers.names, components.texts, components.colour, components.neighbours]
    controls = handlers.controls.components
    listed = [components.selection, components.selection_csv]
    outputs = [*controls, components.panel, components.summary, components.maps, *listed]
    outputs += [components.link, components.code]
    drawing = waited.success(draw, inputs, outputs, trigger_mode="multiple", **QUICK, **MAP)
    drawing.failure(handlers.controls.free, None, controls, queue=False, **QUICK)
    return drawing


def _wire_looking(handlers: MapHandlers, components: MapComponents) -> None:
    marked = [components.panel, components.maps]
    listed = [components.selection, components.selection_csv]
    for source in (*marked, components.selection):
        source.select(handlers.select, None, marked, **QUICK)
    components.maps.submit(handlers.select_many, None, [*marked, *listed], **QUICK)
    for event in (components.query.submit, components.place.click):
        event(handlers.place, [components.query], marked, **QUICK, **MODEL)
    picked = components.samples.click(lambda sample: sample[0], [components.samples], [components.query], **QUICK)
    picked.success(handlers.place, [components.query], marked, **QUICK, **MODEL)
    components.panel.clear(handlers.look_away, None, marked, **QUICK)
    for event in (components.clear.click, components.maps.clear):
        event(handlers.clear, None, [*marked, *listed], **QUICK)


def _wire_saving(handlers: MapHandlers, components: MapComponents) -> None:
    for event, save, inputs in (
        (components.csv.click, handlers.save_csv, []),
        (components.html.click, handlers.save_html, [components.colour]),
        (components.selection_csv.click, handlers.save_selection, []),
    ):
        fetch_after(event(save, inputs, [components.file], **QUICK), components.file)
