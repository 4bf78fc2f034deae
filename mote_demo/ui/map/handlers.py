"""What the Map tab does: one method an event."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import gradio as gr

from mote_demo.errors import UserError
from mote_demo.explore.figures import Figure, extent_of, map_figure, write_map_csv, write_map_html
from mote_demo.explore.maps import Maps, Report, colour_choices, colour_values, draw_maps
from mote_demo.explore.near import describe_point, place_query
from mote_demo.serving.sessions import SIDES, Session, Sessions
from mote_demo.ui.map import html as map_html
from mote_demo.ui.map.scatter import drawing, marks, no_marks
from mote_demo.ui.shared.downloads import new_file
from mote_demo.ui.shared.errors import shown
from mote_demo.ui.shared.streaming import Status, follow

Updates = dict[Any, Any]
"""Components and what becomes of them."""

Look = Callable[[Session, Maps], Updates]
"""What a visitor looks at, a text or a query: it gives the panel and the marks for maps of the same spaces."""


@dataclass(frozen=True)
class MapParts:
    """Hold the components of the tab; ``maps`` and ``headings`` by side."""

    task: gr.Dropdown
    route: gr.Dropdown
    texts: gr.Dropdown
    colour: gr.Dropdown
    neighbours: gr.Slider
    draw: gr.Button
    stop: gr.Button
    status: gr.HTML
    headings: dict[str, gr.HTML]
    maps: dict[str, gr.HTML]
    panel: gr.HTML
    query: gr.Textbox
    place: gr.Button
    clear: gr.Button
    samples: gr.Dataset
    summary: gr.HTML
    csv: gr.Button
    html: gr.Button
    file: gr.DownloadButton


class MapDesk:
    """Handle the events of the Map tab.

    The maps that a visitor sees are kept beside the visitor's session and go with it.
    """

    def __init__(self, sessions: Sessions, parts: MapParts) -> None:
        self._sessions = sessions
        self._parts = parts
        self._drawn: WeakKeyDictionary[Session, Maps] = WeakKeyDictionary()
        self._colours: WeakKeyDictionary[Session, str | None] = WeakKeyDictionary()
        self._looks: WeakKeyDictionary[Session, Look] = WeakKeyDictionary()
        self._waiting: WeakSet[Session] = WeakSet()

    def refresh(self, task: str, route: str | None, texts: str | None, request: gr.Request) -> Updates:
        """List the visitor's routes and texts afresh."""
        session = self._sessions.of(request.session_hash)
        routes, sets = session.routes_for(task), session.texts_choices()
        names = [name for _, name in sets]
        return {
            self._parts.route: gr.update(choices=routes, value=route if route in routes else routes[0]),
            self._parts.texts: gr.update(choices=sets, value=texts if texts in names else names[0]),
        }

    @shown
    def describe_texts(self, texts: str, colour: str | None, request: gr.Request) -> Updates:
        """Offer the columns and sample queries of the chosen texts."""
        chosen = self._sessions.of(request.session_hash).texts(texts)
        columns = colour_choices(chosen)
        return {
            self._parts.colour: gr.update(choices=columns, value=colour if colour in columns else columns[0]),
            self._parts.samples: gr.update(samples=[[query] for query in chosen.queries], visible=bool(chosen.queries)),
        }

    def wait(self, request: gr.Request) -> Updates:
        """Say that the maps were asked for; a few visitors' are drawn at a time."""
        self._waiting.add(self._sessions.of(request.session_hash))
        waiting = Status("Waiting for a free place", 0, 0)
        return {**self._busy(True), self._parts.status: map_html.status_line(waiting)}

    def wait_first(self, request: gr.Request) -> Updates:
        """Say so unless this visitor has maps."""
        if self._sessions.of(request.session_hash) in self._drawn:
            return {self._parts.status: gr.skip()}
        return self.wait(request)

    def free(self, request: gr.Request) -> Updates:
        """Offer the button again after a failure; where it came before the work, nothing else clears the status."""
        session = self._sessions.of(request.session_hash)
        status = {self._parts.status: map_html.idle_line()} if session in self._waiting else {}
        self._waiting.discard(session)
        return {**self._busy(False), **status}

    @shown
    def draw(
        self, task: str, route: str, texts: str, colour: str | None, neighbours: int, request: gr.Request
    ) -> Iterator[Updates]:
        """Draw both maps: PCA first, then UMAP, with statuses in between."""
        status, session = self._parts.status, self._sessions.of(request.session_hash)
        work = partial(_read_and_draw, session, texts, task=task, route=route, neighbours=int(neighbours))
        self._colours[session] = colour
        self._waiting.discard(session)
        yield self._busy(True)
        first = True
        try:
            for event in follow(work, "Reading the texts"):
                if isinstance(event, Status):
                    yield {status: map_html.status_line(event)}
                else:
                    moved = not first and _space(event) == _space(self._drawn[session])
                    self._drawn[session], first = event, False
                    yield self._show(session, event, moved=moved)
        except UserError as error:
            yield {**self._busy(False), status: map_html.error_line(str(error))}
            raise
        yield {**self._busy(False), status: map_html.drawn_line(self._drawn[session], final=True)}

    def draw_first(
        self, task: str, route: str, texts: str, colour: str | None, neighbours: int, request: gr.Request
    ) -> Iterator[Updates]:
        """Draw the maps unless this visitor has some."""
        if self._sessions.of(request.session_hash) in self._drawn:
            yield {self._parts.status: gr.skip()}
        else:
            yield from self.draw(task, route, texts, colour, neighbours, request)

    def stop(self) -> Updates:
        """Say that drawing was stopped; the maps stay as they are."""
        return {**self._busy(False), self._parts.status: map_html.stopped_line()}

    @shown
    def recolour(self, colour: str, request: gr.Request) -> Updates:
        """Colour the same points by another column, and those of the maps that are being drawn."""
        self._colours[self._sessions.of(request.session_hash)] = colour
        maps = self._maps(request)
        if colour not in colour_choices(maps.texts):
            raise UserError(f"The maps still show {maps.texts.title}. Press 'Draw maps' to see the chosen texts.")
        return {
            self._parts.maps[side]: drawing(figure, view=f"{_space(maps)}/{maps.method}", groups=colour)
            for side, figure in _figures(maps, colour).items()
        }

    @shown
    def select(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Describe the clicked text and light up its neighbours in both maps."""
        return self._look(request, partial(self._look_at_text, row=int(event.row)))

    @shown
    def place(self, query: str, request: gr.Request) -> Updates:
        """Put a query on both maps and light up the texts nearest to it."""
        return self._look(request, partial(self._look_at_query, query=query))

    def clear(self, request: gr.Request) -> Updates:
        """Show all points alike again."""
        self._looks.pop(self._sessions.of(request.session_hash), None)
        return self._no_look()

    @shown
    def save_csv(self, request: gr.Request) -> Updates:
        """Write the texts with their places on both maps."""
        maps = self._maps(request)
        path = new_file("mote-maps.csv")
        frame = maps.texts.frame.assign(neighbours_shared=maps.overlap)
        write_map_csv(path, frame, {side: maps.side(side).points for side in SIDES})
        return {self._parts.file: str(path)}

    @shown
    def save_html(self, colour: str, request: gr.Request) -> Updates:
        """Write both maps as a page that works without a network."""
        maps = self._maps(request)
        path = new_file("mote-maps.html")
        figures = [_titled(figure, side) for side, figure in _figures(maps, _column(maps, colour)).items()]
        write_map_html(path, figures, f"{maps.texts.title}: Baseline and MoTE")
        return {self._parts.file: str(path)}

    def _maps(self, request: gr.Request) -> Maps:
        maps = self._drawn.get(self._sessions.of(request.session_hash))
        if maps is None:
            raise UserError("There are no maps yet. Press 'Draw maps' first.")
        return maps

    def _busy(self, busy: bool) -> Updates:
        return {self._parts.draw: gr.update(interactive=not busy), self._parts.stop: gr.update(interactive=busy)}

    def _show(self, session: Session, maps: Maps, *, moved: bool) -> Updates:
        """Show maps; where only the points moved, what the visitor looks at stays and is marked at its new place."""
        parts, colour = self._parts, _column(maps, self._colours.get(session))
        if not moved:
            self._looks.pop(session, None)
        look = self._looks.get(session)
        looked = look(session, maps) if look else self._no_look()
        updates: Updates = {
            parts.summary: map_html.summary(maps),
            parts.status: map_html.drawn_line(maps, final=False),
            **({} if moved else {parts.panel: looked[parts.panel]}),
        }
        for side, figure in _figures(maps, colour).items():
            updates[parts.headings[side]] = map_html.map_heading(side, maps.side(side))
            view = f"{_space(maps)}/{maps.method}"
            updates[parts.maps[side]] = {**drawing(figure, view=view, groups=colour), **looked[parts.maps[side]]}
        return updates

    def _look(self, request: gr.Request, look: Look) -> Updates:
        maps, session = self._maps(request), self._sessions.of(request.session_hash)
        updates = look(session, maps)
        self._looks[session] = look
        return updates

    def _look_at_text(self, _: Session, maps: Maps, row: int) -> Updates:
        detail = describe_point(maps, row)
        updates: Updates = {self._parts.panel: map_html.point_panel(maps, detail)}
        for side, near in zip(SIDES, (detail.baseline, detail.mote), strict=True):
            rows = [row, *(each.row for each in near)]
            updates[self._parts.maps[side]] = marks(rows, maps.side(side).points[row].tolist(), "text")
        return updates

    def _look_at_query(self, session: Session, maps: Maps, query: str) -> Updates:
        placed = place_query(session, maps, query)
        updates: Updates = {self._parts.panel: map_html.query_panel(maps, placed)}
        for side, part in zip(SIDES, (placed.baseline, placed.mote), strict=True):
            updates[self._parts.maps[side]] = marks([near.row for near in part.near], part.place.tolist(), "query")
        return updates

    def _no_look(self) -> Updates:
        return {self._parts.panel: map_html.empty_panel(), **{each: no_marks() for each in self._parts.maps.values()}}


def _read_and_draw(session: Session, texts: str, *, report: Report, **options: Any) -> Iterator[Maps]:
    chosen = session.texts(texts)
    report("Waiting for the models", 0, 0)
    yield from draw_maps(session, texts=chosen, report=report, **options)


def _column(maps: Maps, colour: str | None) -> str:
    columns = colour_choices(maps.texts)
    return colour if colour in columns else columns[0]


def _space(maps: Maps) -> str:
    return f"{maps.texts.fingerprint}/{maps.baseline.checkpoint}/{maps.mote.checkpoint}"


def _figures(maps: Maps, colour: str) -> dict[str, Figure]:
    """Draw both sides with the same axes and colours."""
    extent = extent_of(maps.baseline.points, maps.mote.points)
    labels = colour_values(maps, colour)
    return {
        side: map_figure(
            maps.side(side).points, labels=labels, label_title=colour, hover=maps.texts.passages, extent=extent
        )
        for side in SIDES
    }


def _titled(figure: Figure, side: str) -> Figure:
    layout = {**figure["layout"], "title": {"text": map_html.SIDE_TITLES[side]}, "margin": {"t": 40}}
    return {**figure, "layout": layout}
