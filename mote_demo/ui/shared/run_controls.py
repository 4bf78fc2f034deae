"""A button that starts long work, one that stops it, and the line that says what is being done."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import gradio as gr

from mote_demo.ui.shared.visitor_states import VisitorStates

Updates = dict[Any, Any]
"""Components and what becomes of them."""


@dataclass
class RunState:
    """Tell whether a visitor asked for work that has not begun; the state of a tab adds what else it keeps."""

    waiting: bool = False


State = TypeVar("State", bound=RunState)


@dataclass(frozen=True)
class RunControls(Generic[State]):
    """Handle what is the same in every tab that does long work.

    Wire ``wait`` before the work, outside of the queue, and ``free`` where it fails; both change ``components``. The
    work itself begins with ``state.waiting = False`` and ends with ``busy(False)``.

    Attributes:
        states: of the visitors.
        start: the button that starts the work.
        stop: the button that ends it early.
        status: the line that says what is being done.
        waiting: what it says while the work waits for its turn, as HTML.
        idle: what it says while nothing is done, as HTML.
    """

    states: VisitorStates[State]
    start: gr.Button
    stop: gr.Button
    status: gr.HTML
    waiting: str
    idle: str = ""

    @property
    def components(self) -> list[Any]:
        """Return the three components."""
        return [self.start, self.stop, self.status]

    def wait(self, request: gr.Request) -> Updates:
        """Say that work was asked for; only so much is done at a time."""
        self.states.of(request)[1].waiting = True
        return {**self.busy(True), self.status: self.waiting}

    def free(self, request: gr.Request) -> Updates:
        """Offer the button again after a failure; where it came before the work, nothing else clears the status."""
        _, state = self.states.of(request)
        status = {self.status: self.idle} if state.waiting else {}
        state.waiting = False
        return {**self.busy(False), **status}

    def busy(self, busy: bool) -> Updates:
        """Offer to stop while something is done, and to start otherwise."""
        return {
            self.start: gr.update(interactive=not busy),
            self.stop: gr.update(interactive=busy, value="Stop"),
        }
