"""What belongs to one visitor: their uploads and the experts they trained."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from mote_demo.data.texts import Texts
from mote_demo.encoder import Encoder, Progress
from mote_demo.errors import UserError, unknown_choice
from mote_demo.registry import BUILT_IN, Registry
from mote_demo.tasks import TASKS, Route, find_task

MAX_UPLOADS = 5
MAX_GROWN = 5
MAX_SESSIONS = 100
SIDES = ("baseline", "mote")


@dataclass(frozen=True)
class GrownRoute:
    """Describe a route trained by a visitor: its task and the route it started from. Its expert is in the model."""

    name: str
    task: str
    base: str
    route: Route


class Session:
    """Give one visitor the shared models and texts together with what is theirs alone."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.mote = registry.mote
        self.uploads: dict[str, Texts] = {}
        self._uploaded = 0
        self.grown: dict[str, GrownRoute] = {}
        self.touched = time.monotonic()

    def texts_choices(self) -> list[tuple[str, str]]:
        """List (title, name) of the texts this visitor can pick; the newest upload comes first."""
        own = [(texts.title, name) for name, texts in reversed(self.uploads.items())]
        return own + [(title, name) for name, (title, _) in BUILT_IN.items()]

    def texts(self, name: str | None) -> Texts:
        """Return the visitor's own or built-in texts called ``name``."""
        if name is not None and name in self.uploads:
            return self.uploads[name]
        if name not in BUILT_IN:
            raise unknown_choice("set of texts", name, [*self.uploads, *BUILT_IN])
        return self.registry.texts(name)

    def add_texts(self, texts: Texts) -> Texts:
        """Keep uploaded texts for this visitor; the oldest upload makes room for the sixth."""
        self._uploaded += 1
        kept = replace(texts, name=f"upload-{self._uploaded}")
        self.uploads[kept.name] = kept
        while len(self.uploads) > MAX_UPLOADS:
            del self.uploads[next(iter(self.uploads))]
        return kept

    def routes_for(self, task: str | None) -> list[str]:
        """List the query-side routes of ``task``: the built-in one, then the visitor's own."""
        return [find_task(task).query_route, *(name for name, grown in self.grown.items() if grown.task == task)]

    def add_route(self, grown: GrownRoute, experts: dict[str, nn.Module]) -> None:
        """Plug a trained expert into this visitor's MoTE model; nobody else sees it."""
        if len(self.grown) >= MAX_GROWN:
            raise UserError(f"A visit may hold {MAX_GROWN} trained experts. To train others, please reload the page.")
        self.mote = self.mote.with_route(grown.name, grown.route, experts)
        self.grown[grown.name] = grown

    def encoder(self, side: str) -> Encoder:
        """Return the model of one side, "baseline" or "mote"."""
        if side not in SIDES:
            raise unknown_choice("side", side, SIDES)
        return self.mote if side == "mote" else self.registry.baseline

    def pair(self, side: str, task: str, route: str | None = None) -> tuple[str, str]:
        """Return (query route, document route) of ``task`` on one side.

        ``route`` is the query-side route picked; one that the visitor trained exists on the MoTE
        side alone, so the baseline uses the task's own. A trained retrieval route asks the
        task's document route; a trained symmetric route encodes both sides.
        """
        chosen = find_task(task)
        if route and route not in self.mote.routes:
            raise unknown_choice("route", route, self.routes_for(task))
        grown = self.grown.get(route or "")
        if grown is None or side == "baseline":
            return chosen.query_route, chosen.document_route
        if grown.task != task:
            raise UserError(f"The expert {route!r} was trained for {TASKS[grown.task].title}, not for {chosen.title}.")
        return grown.name, chosen.document_route if len(chosen.routes) > 1 else grown.name

    def vectors(
        self,
        side: str,
        route: str,
        texts: Texts,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> np.ndarray:
        """Return the texts' vectors; only those of built-in texts and routes go to disk."""
        persist = texts.name in BUILT_IN and route not in self.grown
        return self.registry.store.vectors(
            self.encoder(side), route, texts, progress=progress, stop=stop, persist=persist
        )


class Sessions:
    """Find the session of a visitor by its id; forget the longest unused beyond a limit."""

    def __init__(self, make: Callable[[], Session]) -> None:
        self._make = make
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def of(self, visitor: str | None) -> Session:
        """Return the session of ``visitor``, made on first use; without an id, one that nobody else gets."""
        if not visitor:
            return self._make()
        with self._lock:
            session = self._sessions.get(visitor)
            if session is None:
                session = self._sessions[visitor] = self._make()
                while len(self._sessions) > MAX_SESSIONS:
                    del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].touched)]
            session.touched = time.monotonic()
            return session

    def close(self, visitor: str | None) -> None:
        """Forget a visitor: uploads and trained experts are gone."""
        with self._lock:
            self._sessions.pop(visitor or "", None)
