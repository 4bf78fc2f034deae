"""What the Map tab does: one method an event."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gradio as gr

from mote_demo.data.report import unreadable_share
from mote_demo.errors import UserError
from mote_demo.explore.export import write_csv
from mote_demo.explore.maps import Maps, colour_choices
from mote_demo.explore.near import describe_point, place_query
from mote_demo.explore.pair import Pair
from mote_demo.explore.progress import OnStage
from mote_demo.serving.python_code import python_code
from mote_demo.serving.sessions import Session
from mote_demo.ui.map import html as map_html
from mote_demo.ui.map.linked_maps import NO_MARKS, marks
from mote_demo.ui.shared.address import read_address, write_address
from mote_demo.ui.shared.downloads import new_file
from mote_demo.ui.shared.events import whole_number, whole_numbers
from mote_demo.ui.shared.lens_pickers import LensPickers
from mote_demo.ui.shared.run_controls import RunControls, RunState, Updates
from mote_demo.ui.shared.streaming import Status, follow
from mote_demo.ui.shared.texts_picker import choose_texts, column_choices, list_texts
from mote_demo.ui.shared.visitor_states import VisitorStates

SECONDS_BEFORE_DRAWING = 0.3
"""How long a choice must stand: whoever goes through several tasks draws the last one only."""

Look = Callable[[Session, Maps], tuple[str, dict[str, Any]]]
"""What a visitor looks at, a text or a query: it gives the panel and the marks for maps of the same spaces."""


@dataclass(frozen=True)
class MapComponents:
    """Hold the components of the tab; ``maps`` draws both."""

    link: gr.Textbox
    code: gr.Code
    pickers: LensPickers
    texts: gr.Dropdown
    colour: gr.Dropdown
    neighbours: gr.Slider
    draw: gr.Button
    stop: gr.Button
    status: gr.HTML
    maps: gr.HTML
    panel: gr.HTML
    selection: gr.HTML
    query: gr.Textbox
    place: gr.Button
    clear: gr.Button
    samples: gr.Dataset
    summary: gr.HTML
    csv: gr.Button
    html: gr.Button
    selection_csv: gr.Button
    file: gr.DownloadButton


@dataclass
class MapState(RunState):
    """Hold what a visitor sees in the tab.

    Attributes:
        maps: what is drawn.
        colour: what it is coloured by.
        look: the text or query that is looked at.
        selected: rows of the texts that are selected.
        run: number of the last drawing that was begun or stopped; an older one ends.
        asked: what the address says of it.
    """

    maps: Maps | None = None
    colour: str | None = None
    look: Look | None = None
    selected: list[int] = field(default_factory=list)
    run: int = 0
    asked: dict[str, object] = field(default_factory=dict)


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

    def begin(self, search: str, request: gr.Request) -> Updates:
        """Fill the controls when the page opens, as its address says."""
        session, state = self._states.of(request)
        # A page that was loaded again has no maps yet, whatever it had before.
        state.maps, state.look, state.selected = None, None, []
        asked = read_address(search, "map")
        name = choose_texts(session, asked.get("texts"))
        near = asked.get("neighbours", "")
        return {
            **self._components.pickers.begin(session, asked.get("left", ""), asked.get("right", "")),
            **self.refresh_texts(name, request),
            **self.describe_texts(name, asked.get("colour"), request),
            self._components.neighbours: min(max(int(near), 5), 50) if near.isdecimal() else gr.skip(),
        }

    def refresh_texts(self, texts: str | None, request: gr.Request) -> Updates:
        """List the visitor's texts afresh."""
        return {self._components.texts: list_texts(self._states.of(request)[0], texts, "map")}

    def describe_texts(self, texts: str, colour: str | None, request: gr.Request) -> Updates:
        """Offer the columns and sample queries of the chosen texts."""
        chosen = self._states.of(request)[0].texts(texts)
        columns = colour_choices(chosen)
        return {
            self._components.colour: gr.update(
                choices=column_choices(columns), value=colour if colour in columns else columns[0]
            ),
            self._components.samples: gr.update(
                samples=[[query] for query in chosen.queries], visible=bool(chosen.queries)
            ),
        }

    def ask(self, request: gr.Request) -> Updates:
        """Say that maps were asked for; those on the screen are no longer what is chosen."""
        _, state = self._states.of(request)
        note = map_html.stale_note() if state.maps is not None else ""
        return {**self.controls.wait(request), self._components.maps: gr.update(stale=note)}

    def ask_first(self, request: gr.Request) -> Updates:
        """Say that maps were asked for, unless this visitor has some."""
        if self._states.of(request)[1].maps is not None:
            return {self._components.status: gr.skip()}
        return self.ask(request)

    def draw(
        self,
        left: str,
        right: str,
        texts: str,
        colour: str | None,
        neighbours: int,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """Draw both maps: PCA first, then UMAP, with statuses in between; a newer choice ends it."""
        session, state = self._states.of(request)
        status = self._components.status
        work = partial(_read_and_draw, session, (left, right), texts, neighbours=int(neighbours))
        state.colour, state.waiting = colour, False
        state.asked = {"left": left, "right": right, "texts": texts, "neighbours": int(neighbours)}
        state.run += 1
        run, drawn = state.run, None
        yield self.controls.busy(True)
        time.sleep(SECONDS_BEFORE_DRAWING)
        if state.run != run:
            return
        try:
            for event in follow(work, "Reading the texts"):
                if state.run != run:
                    return
                if isinstance(event, Status):
                    yield {status: map_html.status_line(event)}
                else:
                    moved = drawn is not None and state.maps is not None and event.space == state.maps.space
                    updates = self._show(session, state, event, moved=moved)
                    state.maps = drawn = event
                    yield updates
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

    def stop(self, request: gr.Request) -> Updates:
        """Say that drawing was stopped; the maps stay as they are."""
        self._states.of(request)[1].run += 1
        return {**self.controls.busy(False), self._components.status: map_html.stopped_line()}

    def recolour(self, colour: str, request: gr.Request) -> Updates:
        """Colour the same points by another column, and those of the maps that are being drawn."""
        _, state = self._states.of(request)
        state.colour = colour
        if state.maps is None or colour not in colour_choices(state.maps.texts):
            return {self._components.maps: gr.skip()}
        return {
            self._components.maps: gr.update(colours=state.maps.colours(colour)),
            self._components.link: _address(state),
        }

    def select(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Describe the clicked text and light up its neighbours in both maps."""
        return self._look(request, partial(_look_at_text, row=whole_number(event, "row")))

    def place(self, query: str, request: gr.Request) -> Updates:
        """Put a query on both maps and light up the texts nearest to it."""
        return self._look(request, partial(_look_at_query, query=query))

    def select_many(self, event: gr.EventData, request: gr.Request) -> Updates:
        """List the texts inside a box or lasso instead of a text looked at; none inside ends the selection."""
        maps, rows = self._maps(request), sorted(set(whole_numbers(event, "rows")))
        listed = self._list(maps, rows)
        self._states.of(request)[1].selected = rows
        return {**self.look_away(request), **listed}

    def look_away(self, request: gr.Request) -> Updates:
        """Close the panel; what is selected stays."""
        self._states.of(request)[1].look = None
        return {self._components.panel: map_html.empty_panel(), self._components.maps: gr.update(**NO_MARKS)}

    def clear(self, request: gr.Request) -> Updates:
        """Show all points alike again."""
        _, state = self._states.of(request)
        state.selected = []
        return {
            **self.look_away(request),
            self._components.maps: gr.update(**NO_MARKS, selected=[]),
            **({} if state.maps is None else self._list(state.maps, [])),
        }

    def save_csv(self, request: gr.Request) -> Updates:
        """Write the texts with their places on both maps."""
        return self._save(request, "mote-maps.csv", None)

    def save_html(self, colour: str, request: gr.Request) -> Updates:
        """Write both maps as a page that works without a network."""
        return self._save(request, "mote-maps.html", colour)

    def save_selection(self, request: gr.Request) -> Updates:
        """Write the selected texts, those whose neighbours changed most first."""
        session, state = self._states.of(request)
        selected = self._maps(request).select(state.selected)
        path = new_file("mote-selection.csv", session)
        write_csv(path, selected, index_label="row")
        return {self._components.file: str(path)}

    def _save(self, request: gr.Request, name: str, colour: str | None) -> Updates:
        maps, path = self._maps(request), new_file(name, self._states.of(request)[0])
        maps.save(path, _column(maps, colour))
        return {self._components.file: str(path)}

    def _maps(self, request: gr.Request) -> Maps:
        maps = self._states.of(request)[1].maps
        if maps is None:
            raise UserError("There are no maps yet. Press 'Draw maps' first.")
        return maps

    def _show(self, session: Session, state: MapState, maps: Maps, *, moved: bool) -> Updates:
        """Show maps; where only the points moved, what the visitor looks at stays and is marked at its new place."""
        components = self._components
        known = state.maps is not None and state.maps.texts.fingerprint == maps.texts.fingerprint
        if not moved:
            state.look = None
        if not known:
            state.selected = []
        panel, marked = state.look(session, maps) if state.look else (map_html.empty_panel(), NO_MARKS)
        shown: dict[str, Any] = {**maps.properties(_column(maps, state.colour))}
        if known:
            del shown["texts"]
        return {
            components.summary: map_html.summary(
                maps, unreadable_share(maps.texts.passages, session.mote.count_tokens)
            ),
            components.link: _address(state),
            components.code: _python(session, state, maps),
            components.status: map_html.drawn_line(maps, final=False),
            components.maps: gr.update(**shown, **marked, selected=state.selected, stale=""),
            **({} if moved else {components.panel: panel}),
            **self._list(maps, state.selected),
        }

    def _list(self, maps: Maps, rows: list[int]) -> Updates:
        return {
            self._components.selection: map_html.selection(maps, rows),
            self._components.selection_csv: gr.update(interactive=bool(rows)),
        }

    def _look(self, request: gr.Request, look: Look) -> Updates:
        session, state = self._states.of(request)
        panel, marked = look(session, self._maps(request))
        state.look = look
        return {self._components.panel: panel, self._components.maps: gr.update(**marked)}


def _look_at_text(_: Session, maps: Maps, row: int) -> tuple[str, dict[str, Any]]:
    detail = describe_point(maps, row)
    rows = [[row, *(each.row for each in near)] for near in detail.near]
    return map_html.point_panel(maps, detail), marks(rows, [row, row])


def _look_at_query(session: Session, maps: Maps, query: str) -> tuple[str, dict[str, Any]]:
    placed = place_query(maps, query, session.shelf.store)
    rows = [[near.row for near in spot.near] for spot in placed.sides]
    return map_html.query_panel(maps, placed), marks(rows, [spot.place for spot in placed.sides])


def _address(state: MapState) -> str:
    return write_address({**state.asked, "colour": state.colour})


def _python(session: Session, state: MapState, maps: Maps) -> str:
    left, right = (side.lens for side in maps.sides)
    colour = _column(maps, state.colour)
    call = f"maps = pair.map(texts, neighbours={state.asked['neighbours']})\nmaps.save('maps.html', {colour!r})"
    return python_code(session, Pair(left, right), maps.texts, call)


def _read_and_draw(
    session: Session, names: tuple[str, str], texts: str, *, report: OnStage, stop: Any, neighbours: int
) -> Iterator[Maps]:
    chosen = session.texts(texts)
    report("Waiting for the models", 0, 0)
    yield from session.pair(*names).draw(chosen, neighbours=neighbours, on_stage=report, stop=stop)


def _column(maps: Maps, colour: str | None) -> str:
    columns = colour_choices(maps.texts)
    return colour if colour in columns else columns[0]
