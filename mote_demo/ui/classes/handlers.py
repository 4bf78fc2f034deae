"""What the Classes tab does: one method an event."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from mote_demo.data.texts import Texts
from mote_demo.errors import UserError, unknown_choice
from mote_demo.explore.classes import MOST_NEIGHBOURS, Classes
from mote_demo.explore.export import write_csv
from mote_demo.explore.labelled import label_columns
from mote_demo.explore.pair import Pair
from mote_demo.explore.progress import OnStage
from mote_demo.ui.classes import html as classes_html
from mote_demo.ui.classes.html import SIDES
from mote_demo.ui.shared.address import read_address, write_address
from mote_demo.ui.shared.downloads import new_file
from mote_demo.ui.shared.events import text, whole_number
from mote_demo.ui.shared.lens_pickers import LensPickers
from mote_demo.ui.shared.run_controls import RunControls, RunState, Updates
from mote_demo.ui.shared.streaming import Status, follow
from mote_demo.ui.shared.texts_picker import choose_texts, column_choices, list_texts
from mote_demo.ui.shared.visitor_states import VisitorStates

_STALE = "mote-stale"


@dataclass(frozen=True)
class ClassesComponents:
    """Hold the components of the tab."""

    pickers: LensPickers
    link: gr.Textbox
    texts: gr.Dropdown
    label: gr.Dropdown
    k: gr.Slider
    measure: gr.Button
    stop: gr.Button
    status: gr.HTML
    overview: gr.HTML
    cell: gr.HTML
    details: gr.HTML
    texts_csv: gr.Button
    classes_csv: gr.Button
    file: gr.DownloadButton

    @property
    def shown(self) -> list[gr.HTML]:
        """Return what shows the result."""
        return [self.overview, self.cell, self.details]


@dataclass
class ClassesState(RunState):
    """Hold what a visitor sees in the tab, and which request is the latest."""

    classes: Classes | None = None
    latest: object = None


class ClassesHandlers:
    """Handle the events of the Classes tab."""

    def __init__(self, states: VisitorStates[ClassesState], components: ClassesComponents) -> None:
        self._states = states
        self._components = components
        self.controls = RunControls(
            states,
            start=components.measure,
            stop=components.stop,
            status=components.status,
            waiting=classes_html.status_line(Status("Waiting for a free place", 0, 0)),
            idle=classes_html.idle_line(),
        )

    def begin(self, search: str, request: gr.Request) -> Updates:
        """Fill the controls when the page opens, as its address says."""
        session, state = self._states.of(request)
        # A page that was loaded again shows nothing yet, whatever it had before.
        state.classes = None
        asked = read_address(search, "classes")
        name, k = choose_texts(session, asked.get("texts")), asked.get("k", "")
        return {
            **self._components.pickers.begin(session, asked.get("left", ""), asked.get("right", "")),
            **self.refresh_texts(name, request),
            **self.describe_texts(name, asked.get("label"), request),
            self._components.k: min(max(int(k), 1), MOST_NEIGHBOURS) if k.isdecimal() else gr.skip(),
        }

    def refresh_texts(self, texts: str | None, request: gr.Request) -> Updates:
        """List the visitor's texts afresh."""
        return {self._components.texts: list_texts(self._states.of(request)[0], texts, "classes")}

    def describe_texts(self, texts: str, label: str | None, request: gr.Request) -> Updates:
        """Offer the columns of the chosen texts that can be labels."""
        columns = label_columns(self._states.of(request)[0].texts(texts))
        value = label if label in columns else next(iter(columns), None)
        return {self._components.label: gr.update(choices=column_choices(columns), value=value)}

    def wait_first(self, request: gr.Request) -> Updates:
        """Say that the measures were asked for, unless this visitor has some."""
        if self._states.of(request)[1].classes is not None:
            return {self._components.status: gr.skip()}
        return self.controls.wait(request)

    def measure(
        self,
        left: str,
        right: str,
        texts: str,
        label: str | None,
        k: int,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """Measure both lenses, with statuses in between; what was shown before is pale until then."""
        components = self._components
        session, state = self._states.of(request)
        # A changed control asks again at once: an earlier result never covers a later one.
        mine = state.latest = object()
        state.waiting = False
        try:
            pair, chosen = session.pair(left, right), session.texts(texts)
            if label is None:
                raise UserError(f"{chosen.title} has no column of labels. Choose other texts, or add some with labels.")
            if state.classes is not None and state.classes.is_of(*pair.lenses, chosen, label, int(k)):
                # A list tells of a choice again when it loses the focus.
                yield {**self.controls.busy(False), **self._show(state.classes, opened=True)}
                return
            yield {**self.controls.busy(True), **{each: gr.update(elem_classes=[_STALE]) for each in components.shown}}
            work = partial(_measure, pair, chosen, label=label, k=int(k))
            for event in follow(work, "Waiting for the models"):
                if state.latest is not mine:
                    return
                if isinstance(event, Status):
                    yield {components.status: classes_html.status_line(event)}
                else:
                    state.classes = event
                    yield {**self.controls.busy(False), **self._show(event)}
        except UserError as error:
            yield {**self.controls.busy(False), components.status: classes_html.error_line(str(error))}
            raise

    def measure_first(
        self,
        left: str,
        right: str,
        texts: str,
        label: str | None,
        k: int,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """Measure unless this visitor has seen something."""
        if self._states.of(request)[1].classes is not None:
            yield {self._components.status: gr.skip()}
            return
        yield from self.measure(left, right, texts, label, k, request)

    def stop(self, request: gr.Request) -> Updates:
        """Say that the work was stopped, and what is still shown."""
        classes = self._states.of(request)[1].classes
        return {**self.controls.busy(False), self._components.status: classes_html.stopped_line(classes)}

    def open_cell(self, event: gr.EventData, request: gr.Request) -> Updates:
        """List the texts of a cell of a matrix."""
        classes, side = self._classes(request), text(event, "side")
        if side not in SIDES:
            raise unknown_choice("side", side, SIDES)
        actual, predicted = whole_number(event, "actual"), whole_number(event, "predicted")
        if not all(code == classes_html.OTHERS or 0 <= code < len(classes.names) for code in (actual, predicted)):
            raise UserError("There is no such cell any more. Press 'Measure' again.")
        return {self._components.cell: classes_html.cell(classes, SIDES.index(side), actual, predicted)}

    def save_texts(self, request: gr.Request) -> Updates:
        """Write every text with what both lenses take it for."""
        return self._save(request, "mote-classes-texts.csv", Classes.to_frame)

    def save_classes(self, request: gr.Request) -> Updates:
        """Write the scores of every class."""
        return self._save(request, "mote-classes.csv", Classes.table)

    def _save(self, request: gr.Request, name: str, table: Any) -> Updates:
        path = new_file(name, self._states.of(request)[0])
        write_csv(path, table(self._classes(request)))
        return {self._components.file: str(path)}

    def _classes(self, request: gr.Request) -> Classes:
        classes = self._states.of(request)[1].classes
        if classes is None:
            raise UserError("Nothing was measured yet. Press 'Measure' first.")
        return classes

    def _show(self, classes: Classes, *, opened: bool = False) -> Updates:
        """Show a result in full strength; where it is ``opened`` already, it stays as the visitor left it."""
        components = self._components
        status = {components.status: classes_html.done_line(classes), components.link: _address(classes)}
        if opened:
            return {**status, **{each: gr.update(elem_classes=[]) for each in components.shown}}
        values = (classes_html.overview(classes), classes_html.empty_cell(), classes_html.details(classes))
        shown = zip(components.shown, values, strict=True)
        return {**status, **{each: gr.update(value=value, elem_classes=[]) for each, value in shown}}


def _address(classes: Classes) -> str:
    left, right = (side.lens for side in classes.sides)
    labelled = classes.labelled
    return write_address(
        {"left": left, "right": right, "texts": labelled.texts.name, "label": labelled.label, "k": classes.k}
    )


def _measure(pair: Pair, texts: Texts, *, label: str, k: int, report: OnStage, stop: Any) -> Iterator[Classes]:
    yield pair.classes(texts, label=label, k=k, on_stage=report, stop=stop)
