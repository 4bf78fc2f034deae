"""What a tab keeps of each visitor."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import gradio as gr

from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.shared.visitor import visitor_of

State = TypeVar("State")


class VisitorStates(Generic[State]):
    """Find a visitor's session and what a tab keeps of them in one typed object; it goes with the session."""

    def __init__(self, sessions: Sessions, make: Callable[[], State]) -> None:
        """Make the state of a new visitor with ``make``."""
        self._sessions = sessions
        self._make = make
        self._states: WeakKeyDictionary[Session, State] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, request: gr.Request) -> tuple[Session, State]:
        """Return the session and the state of the visitor who asks."""
        session = self._sessions.of(visitor_of(request))
        # A page that opens asks for several things at once, which must meet in one state.
        with self._lock:
            if session not in self._states:
                self._states[session] = self._make()
            return session, self._states[session]
