"""What the Compare tab does: one method an event."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from mote_demo.errors import UserError
from mote_demo.explore.export import write_csv
from mote_demo.explore.matrix import TaskMatrix
from mote_demo.explore.pair import Pair
from mote_demo.explore.progress import OnStage
from mote_demo.explore.search import Answer
from mote_demo.limits import MOST_HITS
from mote_demo.serving.python_code import python_code
from mote_demo.serving.sessions import Session
from mote_demo.ui.compare import html as compare_html
from mote_demo.ui.shared.address import read_address, write_address
from mote_demo.ui.shared.downloads import new_file
from mote_demo.ui.shared.lens_pickers import LensPickers
from mote_demo.ui.shared.run_controls import RunControls, RunState, Updates
from mote_demo.ui.shared.streaming import Status, follow
from mote_demo.ui.shared.texts_picker import choose_texts, column_choices, list_texts
from mote_demo.ui.shared.visitor_states import VisitorStates

_FEW = 1000
"""So many texts are encoded for every task without being asked to."""

Matrices = tuple[TaskMatrix, TaskMatrix]

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
    link: gr.Textbox
    code: gr.Code
    answers: gr.HTML
    matrix: gr.HTML
    every_task: gr.Button
    save: gr.Button
    export: gr.DownloadButton


@dataclass
class CompareState(RunState):
    """Hold the last answer of a visitor, which question is the latest, and the label column to begin with."""

    answer: Answer | None = None
    latest: object = None
    label: str | None = None


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

    def begin(self, search: str, request: gr.Request) -> Updates:
        """Fill the controls when the page opens: as its address says, or with a first query to look at."""
        components, asked = self._components, read_address(search, "compare")
        session, state = self._states.of(request)
        state.label = asked.get("label")
        name = choose_texts(session, asked.get("texts"))
        hits = asked.get("k", "")
        return {
            **components.pickers.begin(session, asked.get("left", ""), asked.get("right", "")),
            **self.refresh_texts(name, request),
            **self.describe_texts(name, asked.get("label"), request),
            components.query: asked.get("q") or next(iter(session.texts(name).queries), ""),
            components.hits: min(int(hits), MOST_HITS) if hits.isdecimal() and int(hits) else gr.skip(),
        }

    def refresh_texts(self, texts: str | None, request: gr.Request) -> Updates:
        """List the visitor's texts afresh."""
        return {self._components.texts: list_texts(self._states.of(request)[0], texts, "compare")}

    def describe_texts(self, texts: str, label: str | None, request: gr.Request) -> Updates:
        """Offer the label columns and sample queries of the chosen texts."""
        session, state = self._states.of(request)
        chosen = session.texts(texts)
        columns = list(chosen.labels)
        value = next((each for each in (label, state.label, *columns) if each in columns), None)
        return {
            self._components.label: gr.update(choices=column_choices(columns), value=value, visible=bool(columns)),
            self._components.samples: gr.update(
                samples=[[query] for query in chosen.queries], visible=bool(chosen.queries)
            ),
        }

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
        paired = PAIRED in _tasks(session, (left, right))
        yield {**self.controls.busy(True), components.second: gr.update(visible=paired)}
        # A field that was never shown has no value.
        second = (second or "") if paired else ""
        work = partial(_ask, session, (left, right), texts, query=query, second=second, k=int(hits), label=label)
        yield from self._follow(work, session, state, mine)

    def compare_all(self, request: gr.Request) -> Iterator[Updates]:
        """Show what every task makes of the last question, also where all texts must be encoded for it first."""
        session, state = self._states.of(request)
        if state.answer is None:
            raise UserError("There is no question yet. Press 'Compare' first.")
        mine = state.latest = object()
        state.waiting = False
        yield self.controls.busy(True)
        yield from self._follow(partial(_ask_every_task, session, state.answer), session, state, mine)

    def _follow(
        self, work: Callable[..., Iterator[Answer | Matrices]], session: Session, state: CompareState, mine: object
    ) -> Iterator[Updates]:
        components = self._components
        try:
            for event in follow(work, "Reading the texts"):
                if state.latest is not mine:
                    return
                if isinstance(event, Status):
                    yield {components.status: compare_html.status(event.stage, event.done, event.total)}
                elif isinstance(event, Answer):
                    state.answer = event
                    yield {
                        components.answers: compare_html.answers(event),
                        components.link: _address(event),
                        components.code: _python(session, event),
                        components.matrix: "",
                        components.every_task: gr.update(visible=True),
                    }
                else:
                    yield {
                        components.matrix: compare_html.matrix(*event),
                        components.every_task: gr.update(visible=False),
                    }
            yield {**self.controls.busy(False), components.status: ""}
        except UserError as error:
            yield {**self.controls.busy(False), components.status: compare_html.note(str(error))}
            raise

    def stop(self) -> Updates:
        """Say that the work was stopped; the last answers stay."""
        note = compare_html.note("Stopped. The last answers stay below.")
        return {**self.controls.busy(False), self._components.status: note}

    def save(self, request: gr.Request) -> Updates:
        """Write the last answers as CSV."""
        session, state = self._states.of(request)
        if state.answer is None:
            raise UserError("There is nothing to export yet. Press 'Compare' first.")
        path = new_file("mote-compare.csv", session)
        write_csv(path, state.answer.to_frame())
        return {self._components.export: str(path)}


def _address(answer: Answer) -> str:
    asked = answer.question
    return write_address(
        {
            "left": answer.left.lens,
            "right": answer.right.lens,
            "texts": answer.texts.name,
            "q": asked.query,
            "k": asked.k,
            "label": asked.label,
        }
    )


def _python(session: Session, answer: Answer) -> str:
    asked = answer.question
    second = f", second={asked.second!r}" if asked.second else ""
    label = f", label={asked.label!r}" if asked.label else ""
    call = f"answer = pair.ask({asked.query!r}, texts, k={asked.k}{second}{label})\nprint(answer.to_frame())"
    pair = Pair(answer.left.lens, answer.right.lens)
    return python_code(session, pair, answer.texts, call)


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
) -> Iterator[Answer | Matrices]:
    chosen, pair = session.texts(texts), session.pair(*names)
    report("Asking both sides", 0, 0)
    if label not in chosen.labels:
        label = next(iter(chosen.labels), None)
    answer = pair.ask(query, chosen, k, second=second, label=label, on_stage=report, stop=stop)
    yield answer
    lenses = [each for lens in pair.lenses for each in session.lenses(lens)]
    if len(chosen) <= _FEW or all(lens.knows(chosen, session.shelf.store) for lens in lenses):
        yield from _ask_every_task(session, answer, report=report, stop=stop)


def _ask_every_task(session: Session, answer: Answer, *, report: OnStage, stop: Any) -> Iterator[Matrices]:
    pair = Pair(answer.left.lens, answer.right.lens, session.shelf.store)
    looks = session.lenses(pair.left), session.lenses(pair.right)
    asked = answer.question
    yield pair.matrix(asked.query, answer.texts, asked.k, looks=looks, on_stage=report, stop=stop)


def _tasks(session: Session, names: tuple[str, str]) -> set[str]:
    """Return the tasks that the lenses are for."""
    return {task.name for task in (session.lens(name).task for name in names) if task is not None}
