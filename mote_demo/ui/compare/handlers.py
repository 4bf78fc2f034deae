"""What the Compare tab does: one method an event."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import gradio as gr

from mote_demo.errors import UserError
from mote_demo.explore.figures import plain_cell
from mote_demo.explore.search import Answer, Report, ask
from mote_demo.serving.sessions import SIDES, Session, Sessions
from mote_demo.ui.compare import html as compare_html
from mote_demo.ui.shared.downloads import new_file
from mote_demo.ui.shared.errors import shown
from mote_demo.ui.shared.streaming import Status, follow

VOTING = ("classification",)
"""Tasks whose nearest texts vote on a label."""

PAIRED = ("similarity",)
"""Tasks that also compare the query with a second text."""

Updates = dict[Any, Any]


@dataclass(frozen=True)
class CompareParts:
    """Hold the components of the tab."""

    task: gr.Radio
    route: gr.Dropdown
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
    export: gr.DownloadButton


class CompareDesk:
    """Handle the events of the Compare tab; a visitor's last answer goes with the visitor's session."""

    def __init__(self, sessions: Sessions, parts: CompareParts) -> None:
        self._sessions = sessions
        self._parts = parts
        self._answers: WeakKeyDictionary[Session, Answer] = WeakKeyDictionary()
        self._latest: WeakKeyDictionary[Session, object] = WeakKeyDictionary()
        self._waiting: WeakSet[Session] = WeakSet()

    @shown
    def refresh(self, task: str, route: str | None, texts: str | None, request: gr.Request) -> Updates:
        """List the visitor's routes and texts afresh."""
        session = self._sessions.of(request.session_hash)
        routes, sets = session.routes_for(task), session.texts_choices()
        names = [name for _, name in sets]
        return {
            self._parts.route: gr.update(choices=routes, value=route if route in routes else routes[0]),
            self._parts.texts: gr.update(choices=sets, value=texts if texts in names else names[0]),
            self._parts.second: gr.update(visible=task in PAIRED),
            self._parts.label: gr.update(visible=task in VOTING),
        }

    @shown
    def begin(self, task: str, request: gr.Request) -> Updates:
        """Fill the controls when the page opens, with a first query to look at."""
        session = self._sessions.of(request.session_hash)
        name = session.texts_choices()[0][1]
        return {
            **self.refresh(task, None, name, request),
            **self.describe_texts(task, name, None, request),
            self._parts.query: session.texts(name).queries[0],
        }

    @shown
    def describe_texts(self, task: str, texts: str, label: str | None, request: gr.Request) -> Updates:
        """Offer the label columns and sample queries of the chosen texts."""
        chosen = self._sessions.of(request.session_hash).texts(texts)
        columns = list(chosen.labels)
        value = label if label in columns else next(iter(columns), None)
        return {
            self._parts.label: gr.update(choices=columns, value=value, visible=task in VOTING),
            self._parts.samples: gr.update(samples=[[query] for query in chosen.queries], visible=bool(chosen.queries)),
        }

    def wait(self, request: gr.Request) -> Updates:
        """Say that a question was asked; a few are answered at a time."""
        self._waiting.add(self._sessions.of(request.session_hash))
        return {**self._busy(True), self._parts.status: compare_html.status("Waiting for a free place", 0, 0)}

    def free(self, request: gr.Request) -> Updates:
        """Offer the button again after a failure; where it came before the work, nothing else clears the status."""
        session = self._sessions.of(request.session_hash)
        status = {self._parts.status: ""} if session in self._waiting else {}
        self._waiting.discard(session)
        return {**self._busy(False), **status}

    @shown
    def compare(
        self,
        task: str,
        route: str | None,
        texts: str,
        query: str,
        second: str,
        hits: int,
        label: str | None,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """Ask both models, with statuses while texts are encoded for the first time."""
        parts, session = self._parts, self._sessions.of(request.session_hash)
        # A change of task and a press of Enter can ask at once: an earlier answer never covers a later one.
        mine = self._latest[session] = object()
        self._waiting.discard(session)
        yield self._busy(True)
        try:
            work = partial(
                _ask,
                session,
                texts,
                task=task,
                route=route,
                query=query,
                second=second if task in PAIRED else "",
                k=int(hits),
                label=label if task in VOTING else None,
            )
            for event in follow(work, "Reading the texts"):
                if self._latest[session] is not mine:
                    return
                if isinstance(event, Status):
                    yield {parts.status: compare_html.status(event.stage, event.done, event.total)}
                else:
                    self._answers[session] = event
                    yield {**self._busy(False), parts.status: "", parts.answers: compare_html.answers(event)}
        except UserError as error:
            yield {**self._busy(False), parts.status: compare_html.note(str(error))}
            raise

    def stop(self) -> Updates:
        """Say that the work was stopped; the last answers stay."""
        return {**self._busy(False), self._parts.status: compare_html.note("Stopped. The last answers stay below.")}

    @shown
    def save(self, request: gr.Request) -> Updates:
        """Write the last answers as CSV."""
        answer = self._answers.get(self._sessions.of(request.session_hash))
        if answer is None:
            raise UserError("There is nothing to export yet. Press 'Compare' first.")
        return {self._parts.export: str(_write_csv(answer))}

    def _busy(self, busy: bool) -> Updates:
        return {self._parts.compare: gr.update(interactive=not busy), self._parts.stop: gr.update(interactive=busy)}


def _ask(
    session: Session, texts: str, *, task: str, label: str | None, report: Report, **question: Any
) -> Iterator[Answer]:
    chosen = session.texts(texts)
    report("Asking both models", 0, 0)
    if task in VOTING and label not in chosen.labels:
        label = next(iter(chosen.labels), None)
    yield ask(session, task=task, texts=chosen, label=label, report=report, **question)


def _write_csv(answer: Answer) -> Path:
    path = new_file("mote-compare.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "route", "text_sent", "rank", "score", "move", "places", "row", "title", "text"])
        for side in SIDES:
            part = answer.side(side)
            for hit, move in zip(part.hits, part.moves, strict=True):
                record = answer.texts.frame.iloc[hit.row]
                cells = [
                    *(side, part.receipt.route, part.receipt.text_sent, hit.rank, f"{hit.score:.6f}"),
                    *(move.direction, move.places, hit.row, record["title"], record["text"]),
                ]
                writer.writerow([plain_cell(cell) for cell in cells])
    return path
