"""The Map tab: the same texts as each model sees them, side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mote_demo.serving.sessions import SIDES, Sessions
from mote_demo.tasks import TASKS
from mote_demo.ui.map import html as map_html
from mote_demo.ui.map.handlers import MapDesk, MapParts
from mote_demo.ui.map.scatter import scatter_map

_MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 2}
_QUICK: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

# A click on a listed text is a click on its point.
_PANEL_SCRIPT = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-row]");
  if (button) trigger("select", { row: Number(button.dataset.row) });
});
"""
_DOWNLOAD_SCRIPT = "() => setTimeout(() => document.querySelector('#mote-map-file').click(), 100)"


@dataclass(frozen=True)
class MapTab:
    """Offer what other tabs need; ``bind`` takes the ``gr.Tab`` whose first opening draws the maps."""

    task: gr.Dropdown
    route: gr.Dropdown
    texts: gr.Dropdown
    bind: Callable[[gr.Tab], None]


def build_map_tab(sessions: Sessions) -> MapTab:
    """Build the tab inside the current ``gr.Tab`` and wire its events."""
    parts = _build()
    desk = MapDesk(sessions, parts)
    _wire_choices(desk, parts)
    _wire_drawing(desk, parts)
    _wire_looking(desk, parts)
    _wire_saving(desk, parts)
    return MapTab(parts.task, parts.route, parts.texts, lambda tab: _bind(desk, parts, tab))


def _build() -> MapParts:
    with gr.Column(elem_classes="mote-map"):
        controls = _build_controls()
        views = _build_maps()
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                panel = gr.HTML(
                    map_html.empty_panel(), js_on_load=_PANEL_SCRIPT, apply_default_css=False, elem_id="mote-map-panel"
                )
            with gr.Column(scale=2, min_width=320):
                aside = _build_aside()
    return MapParts(**controls, **views, **aside, panel=panel)


def _build_controls() -> dict[str, Any]:
    tasks = [(task.title, task.name) for task in TASKS.values()]
    with gr.Row(elem_classes="mote-controls"):
        task = gr.Radio(tasks, value=tasks[0][1], label="Task", scale=3, elem_id="mote-map-task")
        texts = gr.Dropdown([], label="Texts", scale=2, min_width=220, elem_id="mote-map-texts")
        colour = gr.Dropdown([], label="Colour by", scale=1, min_width=140, elem_id="mote-map-colour")
    with gr.Accordion("More settings", open=False), gr.Row():
        route = gr.Dropdown([], label="MoTE expert", min_width=180, elem_id="mote-map-route")
        neighbours = gr.Slider(
            5,
            50,
            value=15,
            step=1,
            label="Neighbourhood size",
            info="How many texts UMAP keeps together: few show small groups, many the overall shape.",
            min_width=180,
        )
    with gr.Row(elem_classes="mote-map-actions"):
        draw = gr.Button("Draw maps", variant="primary", scale=0, min_width=140, elem_id="mote-map-draw")
        stop = gr.Button("Stop", interactive=False, scale=0, min_width=90, elem_id="mote-map-stop")
        status = gr.HTML(map_html.idle_line(), apply_default_css=False, elem_id="mote-map-status", min_width=220)
    return {
        **{"task": task, "texts": texts, "colour": colour, "route": route, "neighbours": neighbours},
        **{"draw": draw, "stop": stop, "status": status},
    }


def _build_maps() -> dict[str, Any]:
    headings, maps = {}, {}
    with gr.Row():
        for side in SIDES:
            with gr.Column(min_width=320, elem_classes="mote-map-side"):
                headings[side] = gr.HTML(map_html.map_heading(side), apply_default_css=False)
                maps[side] = scatter_map(
                    map_html.SIDE_TITLES[side], empty="Press 'Draw maps'.", elem_id=f"mote-map-{side}"
                )
    return {"headings": headings, "maps": maps}


def _build_aside() -> dict[str, Any]:
    query = gr.Textbox(
        label="Query", placeholder="Type a query, or pick one below", lines=1, max_lines=4, elem_id="mote-map-query"
    )
    samples = gr.Dataset(components=[query], samples=[], label="Sample queries", samples_per_page=6, visible=False)
    with gr.Row():
        place = gr.Button("Show on maps", min_width=120, elem_id="mote-map-place")
        clear = gr.Button("Clear marks", min_width=120, elem_id="mote-map-clear")
    summary = gr.HTML("", apply_default_css=False, elem_id="mote-map-summary")
    with gr.Row():
        csv = gr.Button("Export points (CSV)", size="sm", min_width=120, elem_id="mote-map-csv")
        html = gr.Button("Export both maps (HTML)", size="sm", min_width=120, elem_id="mote-map-html")
    file = gr.DownloadButton("Download", visible="hidden", elem_id="mote-map-file")
    return {
        **{"query": query, "samples": samples, "place": place, "clear": clear},
        **{"summary": summary, "csv": csv, "html": html, "file": file},
    }


def _wire_choices(desk: MapDesk, parts: MapParts) -> None:
    parts.task.input(desk.refresh, [parts.task, parts.route, parts.texts], [parts.route, parts.texts], **_QUICK)
    parts.texts.change(desk.describe_texts, [parts.texts, parts.colour], [parts.colour, parts.samples], **_QUICK)
    parts.colour.input(desk.recolour, [parts.colour], list(parts.maps.values()), **_QUICK)


def _wire_drawing(desk: MapDesk, parts: MapParts) -> None:
    drawing = _draw_on(parts.draw.click(desk.wait, None, _acted(parts), queue=False, **_QUICK), desk.draw, desk, parts)
    parts.stop.click(desk.stop, None, [parts.draw, parts.stop, parts.status], cancels=[drawing], **_QUICK)


def _bind(desk: MapDesk, parts: MapParts, tab: gr.Tab) -> None:
    choices = tab.select(desk.refresh, [parts.task, parts.route, parts.texts], [parts.route, parts.texts], **_QUICK)
    columns = choices.then(desk.describe_texts, [parts.texts, parts.colour], [parts.colour, parts.samples], **_QUICK)
    waited = columns.then(desk.wait_first, None, _acted(parts), queue=False, **_QUICK)
    drawing = _draw_on(waited, desk.draw_first, desk, parts)
    parts.stop.click(None, cancels=[drawing], **_QUICK)


def _draw_on(waited: Any, draw: Callable[..., Any], desk: MapDesk, parts: MapParts) -> Any:  # noqa: ANN401
    inputs = [parts.task, parts.route, parts.texts, parts.colour, parts.neighbours]
    outputs = [*_acted(parts), parts.panel, parts.summary, *parts.headings.values(), *parts.maps.values()]
    drawing = waited.success(draw, inputs, outputs, **_QUICK, **_MODEL)
    drawing.failure(desk.free, None, _acted(parts), queue=False, **_QUICK)
    return drawing


def _acted(parts: MapParts) -> list[Any]:
    return [parts.draw, parts.stop, parts.status]


def _wire_looking(desk: MapDesk, parts: MapParts) -> None:
    marked = [parts.panel, *parts.maps.values()]
    for source in marked:
        source.select(desk.select, None, marked, **_QUICK)
    for event in (parts.query.submit, parts.place.click):
        event(desk.place, [parts.query], marked, **_QUICK, **_MODEL)
    picked = parts.samples.click(lambda sample: sample[0], [parts.samples], [parts.query], **_QUICK)
    picked.success(desk.place, [parts.query], marked, **_QUICK, **_MODEL)
    parts.clear.click(desk.clear, None, marked, **_QUICK)


def _wire_saving(desk: MapDesk, parts: MapParts) -> None:
    for event, save, inputs in (
        (parts.csv.click, desk.save_csv, []),
        (parts.html.click, desk.save_html, [parts.colour]),
    ):
        event(save, inputs, [parts.file], **_QUICK).success(None, js=_DOWNLOAD_SCRIPT, api_visibility="private")
