"""A folded panel that takes instruction and expert apart for the query of the tab."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from mote_demo.errors import UserError
from mote_demo.explore.export import write_csv
from mote_demo.explore.lab import Lab, take_apart
from mote_demo.explore.lens import Lens
from mote_demo.explore.progress import OnStage
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.compare import html as compare_html
from mote_demo.ui.shared.downloads import fetch_after, new_file
from mote_demo.ui.shared.events import MODEL, QUICK
from mote_demo.ui.shared.run_controls import RunControls, RunState, Updates
from mote_demo.ui.shared.streaming import Status, follow
from mote_demo.ui.shared.visitor_states import VisitorStates


@dataclass(frozen=True)
class LabComponents:
    """Hold the components of the panel."""

    other: gr.Dropdown
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    lists: gr.HTML
    save: gr.Button
    export: gr.DownloadButton


@dataclass
class LabState(RunState):
    """Hold what a visitor took apart last."""

    lab: Lab | None = None


class LabHandlers:
    """Handle the events of the panel."""

    def __init__(self, states: VisitorStates[LabState], components: LabComponents) -> None:
        self._states = states
        self._components = components
        self.controls = RunControls(
            states,
            start=components.run,
            stop=components.stop,
            status=components.status,
            waiting=compare_html.status("Waiting for a free place", 0, 0),
        )

    def list_experts(self, left: str, right: str, request: gr.Request) -> Updates:
        """Offer the experts of the model that is taken apart, but for its own."""
        session, _ = self._states.of(request)
        lens = _lens_with_experts(session, (left, right))
        own = {lens.encoder.all_routes[route].expert for route in (lens.query, lens.document)}
        experts = [name for name in session.experts_of(lens.model)[:-1] if name not in own]
        # What was picked may be gone: a list whose choices change cannot be asked for its value.
        return {self._components.other: gr.update(choices=experts, value=experts[-1])}

    def run(
        self, left: str, right: str, texts: str, query: str, other: str | None, request: gr.Request
    ) -> Iterator[Updates]:
        """Ask through every combination, with statuses while texts are encoded for the first time."""
        components = self._components
        session, state = self._states.of(request)
        state.waiting = False
        yield self.controls.busy(True)
        lens = _lens_with_experts(session, (left, right))
        try:
            for event in follow(partial(_work, session, lens, texts, query, other or ""), "Reading the texts"):
                if isinstance(event, Status):
                    yield {components.status: compare_html.status(event.stage, event.done, event.total)}
                else:
                    state.lab = event
                    yield {components.lists: compare_html.lab(lens, event)}
        except UserError as error:
            yield {**self.controls.busy(False), components.status: compare_html.note(str(error))}
            raise
        yield {**self.controls.busy(False), components.status: ""}

    def stop(self) -> Updates:
        """Say that the work was stopped."""
        return {**self.controls.busy(False), self._components.status: compare_html.note("Stopped.")}

    def save(self, request: gr.Request) -> Updates:
        """Write the lists as CSV."""
        session, state = self._states.of(request)
        if state.lab is None:
            raise UserError("There is nothing to export yet. Press 'Take apart' first.")
        path = new_file("mote-taken-apart.csv", session)
        write_csv(path, state.lab.to_frame())
        return {self._components.export: str(path)}


def build_lab_panel(sessions: Sessions, names: list[Any], texts: gr.Dropdown, query: gr.Textbox) -> None:
    """Build the panel as a closed accordion and wire its events.

    Args:
        sessions: of the visitors.
        names: the components that name both lenses.
        texts: the picker of texts.
        query: the query of the tab.
    """
    with gr.Accordion("Instruction or expert? Take them apart", open=False, elem_id="compare-lab") as panel:
        components = _build()
    handlers = LabHandlers(VisitorStates(sessions, LabState), components)
    panel.expand(handlers.list_experts, names, [components.other], **QUICK)
    for name in names:
        name.change(handlers.list_experts, names, [components.other], **QUICK)
    waited = components.run.click(handlers.controls.wait, None, handlers.controls.components, queue=False, **QUICK)
    running = waited.success(
        handlers.run,
        [*names, texts, query, components.other],
        [*handlers.controls.components, components.lists],
        **QUICK,
        **MODEL,
    )
    running.failure(handlers.controls.free, None, handlers.controls.components, queue=False, **QUICK)
    components.stop.click(handlers.stop, None, handlers.controls.components, cancels=[running], **QUICK)
    fetch_after(components.save.click(handlers.save, None, [components.export], **QUICK), components.export)


def _build() -> LabComponents:
    gr.Markdown(
        "The query above, with its instruction and without, through the task's own expert, another one, and the "
        "average of all. What the columns change is the expert's work, what the rows change the instruction's."
    )
    with gr.Row(equal_height=False):
        other = gr.Dropdown([], label="The other expert", min_width=160, scale=2)
        run = gr.Button("Take apart", variant="secondary", min_width=120, scale=1, elem_id="compare-lab-run")
        stop = gr.Button("Stop", interactive=False, min_width=80, scale=0)
    status, lists = gr.HTML("", elem_classes="mote-slot"), gr.HTML("", elem_id="compare-lab-lists")
    with gr.Row():
        save = gr.Button("Export lists (CSV)", size="sm", scale=0, min_width=160)
        export = gr.DownloadButton("Download", visible="hidden", elem_id="mote-lab-file")
    return LabComponents(other=other, run=run, stop=stop, status=status, lists=lists, save=save, export=export)


def _lens_with_experts(session: Session, names: tuple[str, str]) -> Lens:
    """Return the right lens, or the left one where only its model has experts."""
    lenses = [session.lens(name) for name in reversed(names)]
    with_experts = (lens for lens in lenses if session.experts_of(lens.model))
    found = next(with_experts, None)
    if found is None:
        raise UserError("Neither side is a model with task experts. Pick 'MoTE' on one of them.")
    return found


def _work(
    session: Session, lens: Lens, texts: str, query: str, other: str, *, report: OnStage, stop: Any
) -> Iterator[Lab]:
    report("Asking six times", 0, 0)
    yield take_apart(lens, query, session.texts(texts), session.shelf.store, other=other, on_stage=report, stop=stop)
