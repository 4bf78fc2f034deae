"""What the Compare tab does: one method an event."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from mote_demo.errors import UserError
from mote_demo.explore.export import write_csv
from mote_demo.explore.progress import OnStage
from mote_demo.explore.search import Answer
from mote_demo.serving.sessions import Session
from mote_demo.ui.compare import html as compare_html
from mote_demo.ui.shared.downloads import new_file
from mote_demo.ui.shared.error_messages import show_errors
from mote_demo.ui.shared.lens_pickers import LensPickers
from mote_demo.ui.shared.run_controls import RunControls, RunState, Updates
from mote_demo.ui.shared.streaming import Status, follow
from mote_demo.ui.shared.texts_picker import list_texts
from mote_demo.ui.shared.visitor_states import VisitorStates

VOTING = "classification"
"""The task whose nearest texts vote on a label."""

PAIRED = "similarity"
"""The task that also compares the query with a second text."""


@dataclass(frozen=True)
class CompareComponents:
    """Hold the components of the tab."""

    pickers: LensPickers
    texts: gr.Dropdown
    hits: gr.Slider
    label: gr.Dropdown
    query: gr.Textbox
    second: gr.Textbox
    samples: gr.Dataset
    compare: gr.Button
    stop: gr.Button
    status: gr.HTML
    answers: gr.HTML
    save: gr.Button
    export: gr.DownloadButton


@dataclass
class CompareState(RunState):
    """Hold what a visitor did in the tab: the last answer, and which question is the latest."""

    answer: Answer | None = None
    latest: object = None


class CompareHandlers:
    """Handle the events of the Compare tab."""

    def __init__(self, states: VisitorStates[CompareState], components: CompareComponents) -> None:
        self._states = states
        self._components = components
        self.controls = RunControls(
            states,
            start=components.compare,
            stop=components.stop,
            status=components.status,
            waiting=compare_html.status("Waiting for a free place", 0, 0),
        )

    @show_errors
    def begin(self, request: gr.Request) -> Updates:
        """Fill the controls when the page opens, with a first query to look at."""
        session, _ = self._states.of(request)
        name = session.texts_choices()[0][1]
        return {
            **self._components.pickers.begin(session),
            **self.refresh_texts(name, request),
            **self.describe_texts(name, None, request),
            self._components.query: session.texts(name).queries[0],
        }

    @show_errors
    def refresh_texts(self, texts: str | None, request: gr.Request) -> Updates:
        """List the visitor's texts afresh."""
        return {self._components.texts: list_texts(self._states.of(request)[0], texts)}

    @show_errors
    def describe_texts(self, texts: str, label: str | None, request: gr.Request) -> Updates:
        """Offer the label columns and sample queries of the chosen texts."""
        chosen = self._states.of(request)[0].texts(texts)
        columns = list(chosen.labels)
        value = label if label in columns else next(iter(columns), None)
        return {
            self._components.label: gr.update(choices=columns, value=value),
            self._components.samples: gr.update(
                samples=[[query] for query in chosen.queries], visible=bool(chosen.queries)
            ),
        }

    @show_errors
    def compare(
        self,
        left: str,
        right: str,
        texts: str,
        query: str,
        second: str | None,
        hits: int,
        label: str | None,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """Ask through both lenses, with statuses while texts are encoded for the first time."""
        components = self._components
        session, state = self._states.of(request)
        # A change of task and a press of Enter can ask at once: an earlier answer never covers a later one.
        mine = state.latest = object()
        state.waiting = False
        yield {**self.controls.busy(True), **self._fields_for(_tasks(session, (left, right)))}
        try:
            work = partial(_ask, session, (left, right), texts, query=query, second=second, k=int(hits), label=label)
            for event in follow(work, "Reading the texts"):
                if state.latest is not mine:
                    return
                if isinstance(event, Status):
                    yield {components.status: compare_html.status(event.stage, event.done, event.total)}
                else:
                    state.answer = event
                    yield {
                        **self.controls.busy(False),
                        components.status: "",
                        components.answers: compare_html.answers(event),
                    }
        except UserError as error:
            yield {**self.controls.busy(False), components.status: compare_html.note(str(error))}
            raise

    def stop(self) -> Updates:
        """Say that the work was stopped; the last answers stay."""
        note = compare_html.note("Stopped. The last answers stay below.")
        return {**self.controls.busy(False), self._components.status: note}

    @show_errors
    def save(self, request: gr.Request) -> Updates:
        """Write the last answers as CSV."""
        answer = self._states.of(request)[1].answer
        if answer is None:
            raise UserError("There is nothing to export yet. Press 'Compare' first.")
        path = new_file("mote-compare.csv")
        write_csv(path, answer.to_frame())
        return {self._components.export: str(path)}

    def _fields_for(self, tasks: set[str]) -> Updates:
        """Offer a vote and a second text where a lens has the task for it."""
        return {
            self._components.second: gr.update(visible=PAIRED in tasks),
            self._components.label: gr.update(visible=VOTING in tasks),
        }


def _ask(
    session: Session,
    names: tuple[str, str],
    texts: str,
    *,
    query: str,
    second: str | None,
    k: int,
    label: str | None,
    report: OnStage,
    stop: Any,
) -> Iterator[Answer]:
    chosen, tasks = session.texts(texts), _tasks(session, names)
    report("Asking both sides", 0, 0)
    if VOTING not in tasks:
        label = None
    elif label not in chosen.labels:
        label = next(iter(chosen.labels), None)
    # A field that was never shown has no value.
    second = (second or "") if PAIRED in tasks else ""
    yield session.pair(*names).ask(query, chosen, k, second=second, label=label, on_stage=report, stop=stop)


def _tasks(session: Session, names: tuple[str, str]) -> set[str]:
    """Return the tasks that the lenses are for."""
    return {task.name for task in (session.lens(name).task for name in names) if task is not None}
