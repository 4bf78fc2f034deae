"""What the Map tab does: one method an event."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from mote_demo.errors import UserError
from mote_demo.explore.maps import Maps, colour_choices
from mote_demo.explore.near import describe_point, place_query
from mote_demo.explore.progress import OnStage
from mote_demo.serving.sessions import Session
from mote_demo.ui.map import html as map_html
from mote_demo.ui.map.html import SIDES
from mote_demo.ui.map.scatter import drawing, marks, no_marks
from mote_demo.ui.shared.downloads import new_file
from mote_demo.ui.shared.error_messages import show_errors
from mote_demo.ui.shared.lens_pickers import LensPickers
from mote_demo.ui.shared.run_controls import RunControls, RunState, Updates
from mote_demo.ui.shared.streaming import Status, follow
from mote_demo.ui.shared.texts_picker import list_texts
from mote_demo.ui.shared.visitor_states import VisitorStates

Look = Callable[[Session, Maps], Updates]
"""What a visitor looks at, a text or a query: it gives the panel and the marks for maps of the same spaces."""


@dataclass(frozen=True)
class MapComponents:
    """Hold the components of the tab; ``maps`` and ``headings`` are those of the left and the right side."""

    pickers: LensPickers
    texts: gr.Dropdown
    colour: gr.Dropdown
    neighbours: gr.Slider
    draw: gr.Button
    stop: gr.Button
    status: gr.HTML
    headings: tuple[gr.HTML, gr.HTML]
    maps: tuple[gr.HTML, gr.HTML]
    panel: gr.HTML
    query: gr.Textbox
    place: gr.Button
    clear: gr.Button
    samples: gr.Dataset
    summary: gr.HTML
    csv: gr.Button
    html: gr.Button
    file: gr.DownloadButton


@dataclass
class MapState(RunState):
    """Hold what a visitor sees in the tab: maps, their colouring, and what is looked at."""

    maps: Maps | None = None
    colour: str | None = None
    look: Look | None = None


class MapHandlers:
    """Handle the events of the Map tab."""

    def __init__(self, states: VisitorStates[MapState], components: MapComponents) -> None:
        self._states = states
        self._components = components
        self.controls = RunControls(
            states,
            start=components.draw,
            stop=components.stop,
            status=components.status,
            waiting=map_html.status_line(Status("Waiting for a free place", 0, 0)),
            idle=map_html.idle_line(),
        )

    @show_errors
    def begin(self, request: gr.Request) -> Updates:
        """Fill the controls when the page opens."""
        session, _ = self._states.of(request)
        name = session.texts_choices()[0][1]
        return {
            **self._components.pickers.begin(session),
            **self.refresh_texts(name, request),
            **self.describe_texts(name, None, request),
        }

    @show_errors
    def refresh_texts(self, texts: str | None, request: gr.Request) -> Updates:
        """List the visitor's texts afresh."""
        return {self._components.texts: list_texts(self._states.of(request)[0], texts)}

    @show_errors
    def describe_texts(self, texts: str, colour: str | None, request: gr.Request) -> Updates:
        """Offer the columns and sample queries of the chosen texts."""
        chosen = self._states.of(request)[0].texts(texts)
        columns = colour_choices(chosen)
        return {
            self._components.colour: gr.update(choices=columns, value=colour if colour in columns else columns[0]),
            self._components.samples: gr.update(
                samples=[[query] for query in chosen.queries], visible=bool(chosen.queries)
            ),
        }

    def wait_first(self, request: gr.Request) -> Updates:
        """Say that the maps were asked for, unless this visitor has some."""
        if self._states.of(request)[1].maps is not None:
            return {self._components.status: gr.skip()}
        return self.controls.wait(request)

    @show_errors
    def draw(
        self,
        left: str,
        right: str,
        texts: str,
        colour: str | None,
        neighbours: int,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """Draw both maps: PCA first, then UMAP, with statuses in between."""
        session, state = self._states.of(request)
        status = self._components.status
        work = partial(_read_and_draw, session, (left, right), texts, neighbours=int(neighbours))
        state.colour, state.waiting = colour, False
        yield self.controls.busy(True)
        drawn: Maps | None = None
        try:
            for event in follow(work, "Reading the texts"):
                if isinstance(event, Status):
                    yield {status: map_html.status_line(event)}
                else:
                    moved = drawn is not None and state.maps is not None and event.space == state.maps.space
                    state.maps = drawn = event
                    yield self._show(session, state, event, moved=moved)
        except UserError as error:
            yield {**self.controls.busy(False), status: map_html.error_line(str(error))}
            raise
        final = {} if drawn is None else {status: map_html.drawn_line(drawn, final=True)}
        yield {**self.controls.busy(False), **final}

    def draw_first(
        self,
        left: str,
        right: str,
        texts: str,
        colour: str | None,
        neighbours: int,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """Draw the maps unless this visitor has some."""
        if self._states.of(request)[1].maps is not None:
            yield {self._components.status: gr.skip()}
            return
        yield from self.draw(left, right, texts, colour, neighbours, request)

    def stop(self) -> Updates:
        """Say that drawing was stopped; the maps stay as they are."""
        return {**self.controls.busy(False), self._components.status: map_html.stopped_line()}

    @show_errors
    def recolour(self, colour: str, request: gr.Request) -> Updates:
        """Colour the same points by another column, and those of the maps that are being drawn."""
        self._states.of(request)[1].colour = colour
        maps = self._maps(request)
        if colour not in colour_choices(maps.texts):
            raise UserError(f"The maps still show {maps.texts.title}. Press 'Draw maps' to see the chosen texts.")
        return {
            component: drawing(figure, view=f"{maps.space}/{maps.method}", groups=colour)
            for component, figure in zip(self._components.maps, maps.figures(colour, titled=False), strict=True)
        }

    @show_errors
    def select(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Describe the clicked text and light up its neighbours in both maps."""
        return self._look(request, partial(self._look_at_text, row=int(event.row)))

    @show_errors
    def place(self, query: str, request: gr.Request) -> Updates:
        """Put a query on both maps and light up the texts nearest to it."""
        return self._look(request, partial(self._look_at_query, query=query))

    def clear(self, request: gr.Request) -> Updates:
        """Show all points alike again."""
        self._states.of(request)[1].look = None
        return self._no_look()

    @show_errors
    def save_csv(self, request: gr.Request) -> Updates:
        """Write the texts with their places on both maps."""
        return self._save(request, "mote-maps.csv", None)

    @show_errors
    def save_html(self, colour: str, request: gr.Request) -> Updates:
        """Write both maps as a page that works without a network."""
        return self._save(request, "mote-maps.html", colour)

    def _save(self, request: gr.Request, name: str, colour: str | None) -> Updates:
        maps, path = self._maps(request), new_file(name)
        maps.save(path, _column(maps, colour))
        return {self._components.file: str(path)}

    def _maps(self, request: gr.Request) -> Maps:
        maps = self._states.of(request)[1].maps
        if maps is None:
            raise UserError("There are no maps yet. Press 'Draw maps' first.")
        return maps

    def _show(self, session: Session, state: MapState, maps: Maps, *, moved: bool) -> Updates:
        """Show maps; where only the points moved, what the visitor looks at stays and is marked at its new place."""
        components, colour = self._components, _column(maps, state.colour)
        if not moved:
            state.look = None
        looked = state.look(session, maps) if state.look else self._no_look()
        updates: Updates = {
            components.summary: map_html.summary(maps),
            components.status: map_html.drawn_line(maps, final=False),
            **({} if moved else {components.panel: looked[components.panel]}),
        }
        for at, figure in enumerate(maps.figures(colour, titled=False)):
            side, view = maps.sides[at], f"{maps.space}/{maps.method}"
            updates[components.headings[at]] = map_html.map_heading(SIDES[at], side.lens.title, side)
            marked = looked[components.maps[at]]
            updates[components.maps[at]] = {**drawing(figure, view=view, groups=colour), **marked}
        return updates

    def _look(self, request: gr.Request, look: Look) -> Updates:
        updates = look(self._states.of(request)[0], self._maps(request))
        self._states.of(request)[1].look = look
        return updates

    def _look_at_text(self, _: Session, maps: Maps, row: int) -> Updates:
        detail = describe_point(maps, row)
        updates: Updates = {self._components.panel: map_html.point_panel(maps, detail)}
        for component, side, near in zip(self._components.maps, maps.sides, detail.near, strict=True):
            rows = [row, *(each.row for each in near)]
            updates[component] = marks(rows, side.points[row].tolist(), "text")
        return updates

    def _look_at_query(self, session: Session, maps: Maps, query: str) -> Updates:
        placed = place_query(maps, query, session.shelf.store)
        updates: Updates = {self._components.panel: map_html.query_panel(maps, placed)}
        for component, spot in zip(self._components.maps, placed.sides, strict=True):
            updates[component] = marks([near.row for near in spot.near], spot.place.tolist(), "query")
        return updates

    def _no_look(self) -> Updates:
        components = self._components
        return {components.panel: map_html.empty_panel(), **{each: no_marks() for each in components.maps}}


def _read_and_draw(
    session: Session, names: tuple[str, str], texts: str, *, report: OnStage, stop: Any, neighbours: int
) -> Iterator[Maps]:
    chosen = session.texts(texts)
    report("Waiting for the models", 0, 0)
    yield from session.pair(*names).draw(chosen, neighbours=neighbours, on_stage=report, stop=stop)


def _column(maps: Maps, colour: str | None) -> str:
    columns = colour_choices(maps.texts)
    return colour if colour in columns else columns[0]
