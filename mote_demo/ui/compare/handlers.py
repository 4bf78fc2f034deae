"""What the Compare tab does: one method an event."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

from mote_demo.errors import UserError
from mote_demo.explore.export import write_csv
from mote_demo.explore.progress import OnStage
from mote_demo.explore.search import Answer
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.compare import html as compare_html
from mote_demo.ui.shared.downloads import new_file
from mote_demo.ui.shared.errors import shown
from mote_demo.ui.shared.lens_pickers import LensPickers, names_of
from mote_demo.ui.shared.streaming import Status, follow

VOTING = "classification"
"""The task whose nearest texts vote on a label."""

PAIRED = "similarity"
"""The task that also compares the query with a second text."""

Updates = dict[Any, Any]


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
class CompareState:
    """Hold what a visitor did in the tab: the last answer, which question is the latest, and whether one waits."""

    answer: Answer | None = None
    latest: object = None
    waiting: bool = False


class CompareHandlers:
    """Handle the events of the Compare tab; a visitor's state goes with the visitor's session."""

    def __init__(self, sessions: Sessions, components: CompareComponents) -> None:
        self._sessions = sessions
        self._components = components
        self._states: WeakKeyDictionary[Session, CompareState] = WeakKeyDictionary()

    @shown
    def begin(self, request: gr.Request) -> Updates:
        """Fill the controls when the page opens, with a first query to look at."""
        session = self._sessions.of(request.session_hash)
        name = session.texts_choices()[0][1]
        return {
            **self._components.pickers.begin(session),
            **self.refresh_texts(name, request),
            **self.describe_texts(name, None, request),
            self._components.query: session.texts(name).queries[0],
        }

    @shown
    def refresh_texts(self, texts: str | None, request: gr.Request) -> Updates:
        """List the visitor's texts afresh."""
        sets = self._sessions.of(request.session_hash).texts_choices()
        names = [name for _, name in sets]
        return {self._components.texts: gr.update(choices=sets, value=texts if texts in names else names[0])}

    @shown
    def describe_texts(self, texts: str, label: str | None, request: gr.Request) -> Updates:
        """Offer the label columns and sample queries of the chosen texts."""
        chosen = self._sessions.of(request.session_hash).texts(texts)
        columns = list(chosen.labels)
        value = label if label in columns else next(iter(columns), None)
        return {
            self._components.label: gr.update(choices=columns, value=value),
            self._components.samples: gr.update(
                samples=[[query] for query in chosen.queries], visible=bool(chosen.queries)
            ),
        }

    def wait(self, request: gr.Request) -> Updates:
        """Say that a question was asked; a few are answered at a time."""
        self._state(request).waiting = True
        return {**self._busy(True), self._components.status: compare_html.status("Waiting for a free place", 0, 0)}

    def free(self, request: gr.Request) -> Updates:
        """Offer the button again after a failure; where it came before the work, nothing else clears the status."""
        state = self._state(request)
        status = {self._components.status: ""} if state.waiting else {}
        state.waiting = False
        return {**self._busy(False), **status}

    @shown
    def compare(
        self,
        left_model: str,
        left_look: str | None,
        left_on: bool,
        right_model: str,
        right_look: str | None,
        right_on: bool,
        texts: str,
        query: str,
        second: str,
        hits: int,
        label: str | None,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """Ask through both lenses, with statuses while texts are encoded for the first time."""
        components, session = self._components, self._sessions.of(request.session_hash)
        state = self._state(request)
        # A change of task and a press of Enter can ask at once: an earlier answer never covers a later one.
        mine = state.latest = object()
        state.waiting = False
        names = names_of(left_model, left_look, left_on, right_model, right_look, right_on)
        yield {**self._busy(True), **self._fields_for(_tasks(session, names))}
        try:
            work = partial(_ask, session, names, texts, query=query, second=second, k=int(hits), label=label)
            for event in follow(work, "Reading the texts"):
                if state.latest is not mine:
                    return
                if isinstance(event, Status):
                    yield {components.status: compare_html.status(event.stage, event.done, event.total)}
                else:
                    state.answer = event
                    yield {**self._busy(False), components.status: "", components.answers: compare_html.answers(event)}
        except UserError as error:
            yield {**self._busy(False), components.status: compare_html.note(str(error))}
            raise

    def stop(self) -> Updates:
        """Say that the work was stopped; the last answers stay."""
        note = compare_html.note("Stopped. The last answers stay below.")
        return {**self._busy(False), self._components.status: note}

    @shown
    def save(self, request: gr.Request) -> Updates:
        """Write the last answers as CSV."""
        answer = self._state(request).answer
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

    def _state(self, request: gr.Request) -> CompareState:
        return self._states.setdefault(self._sessions.of(request.session_hash), CompareState())

    def _busy(self, busy: bool) -> Updates:
        return {
            self._components.compare: gr.update(interactive=not busy),
            self._components.stop: gr.update(interactive=busy),
        }


def _ask(
    session: Session,
    names: tuple[str, str],
    texts: str,
    *,
    query: str,
    second: str,
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
    second = second if PAIRED in tasks else ""
    yield session.pair(*names).ask(query, chosen, k, second=second, label=label, on_stage=report, stop=stop)


def _tasks(session: Session, names: tuple[str, str]) -> set[str]:
    """Return the tasks that the lenses are for."""
    return {task.name for task in (session.lens(name).task for name in names) if task is not None}
