"""What the Start tab does: one method an event."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import gradio as gr

from mote_demo.errors import unknown_choice
from mote_demo.explore.progress import OnStage
from mote_demo.serving.meanings import Message, view_message
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.serving.tour import RULES, read_tour
from mote_demo.study.results import ShippedExperts
from mote_demo.ui.shared.run_controls import Updates
from mote_demo.ui.shared.streaming import Status, follow
from mote_demo.ui.shared.visitor import visitor_of
from mote_demo.ui.start import html as start_html


@dataclass(frozen=True)
class StartComponents:
    """Hold the components of the tab."""

    tour: gr.Radio
    status: gr.HTML
    message: gr.HTML
    measured: gr.HTML
    grow: gr.Button


class StartHandlers:
    """Handle the events of the Start tab."""

    def __init__(self, sessions: Sessions, components: StartComponents, shipped: ShippedExperts | None) -> None:
        self._sessions = sessions
        self._components = components
        self._shipped = shipped

    def show(self, rule: str | None, request: gr.Request) -> Iterator[Updates]:
        """Show a message of the tour, with statuses while the texts are encoded for the first time."""
        if rule is None or rule not in RULES:
            raise unknown_choice("message of the tour", rule, RULES)
        session = self._sessions.of(visitor_of(request))
        try:
            for event in follow(partial(_view, session, rule), "Reading the messages"):
                if isinstance(event, Status):
                    yield {self._components.status: start_html.working(event.stage, event.done, event.total)}
                else:
                    yield {
                        self._components.status: "",
                        self._components.message: start_html.message(event, RULES[rule], self._shipped),
                        self._components.measured: start_html.measured(self._shipped, list(session.shelf.experts)),
                    }
        except Exception:
            yield {self._components.status: ""}
            raise


def _view(session: Session, rule: str, *, report: OnStage, stop: threading.Event) -> Iterator[Message]:
    yield view_message(session, read_tour(session.texts("samples"))[rule], report, stop)
