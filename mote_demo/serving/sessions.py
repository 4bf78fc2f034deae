"""What belongs to one visitor: their uploads and the experts they trained."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from mote_demo.data.texts import Texts
from mote_demo.encoder import Encoder, Progress
from mote_demo.errors import UserError, unknown_choice
from mote_demo.serving.experts import VisitorExperts
from mote_demo.serving.registry import BUILT_IN, Registry
from mote_demo.tasks import TASKS, find_task

MAX_UPLOADS = 5
MAX_SESSIONS = 100
SECONDS_CLOSED = 15 * 60
"""How long a closed page can come back to what is its own: a phone cuts off pages in the background."""

SIDES = ("baseline", "mote")


class Session:
    """Give one visitor the shared models and texts together with what is theirs alone."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.experts = VisitorExperts(registry.mote)
        self.uploads: dict[str, Texts] = {}
        self._uploaded = 0

    @property
    def mote(self) -> Encoder:
        """Return the model with task experts, the visitor's own among them."""
        return self.experts.encoder

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

    def add_texts(self, texts: Texts, *, instead_of: str | None = None) -> Texts:
        """Keep uploaded texts for this visitor; the oldest upload makes room for the sixth.

        Args:
            texts: what to keep, under a name and a title of its own; a note tells which upload made room for it.
            instead_of: name of an earlier upload that goes.
        """
        self._uploaded += 1
        self.uploads.pop(instead_of or "", None)
        dropped = list(self.uploads.items())[: max(0, len(self.uploads) + 1 - MAX_UPLOADS)]
        notes = [f"{old.title} made room for it, since {MAX_UPLOADS} uploads are kept." for _, old in dropped]
        for name, _ in dropped:
            del self.uploads[name]
        title, name = self._free_title(texts.title), f"upload-{self._uploaded}"
        kept = self.uploads[name] = replace(texts, name=name, title=title, notes=(*texts.notes, *notes))
        return kept

    def _free_title(self, title: str) -> str:
        taken = {shown for shown, _ in self.texts_choices()}
        numbered = (f"{title} ({number})" for number in itertools.count(2))
        return next(each for each in itertools.chain([title], numbered) if each not in taken)

    def routes_for(self, task: str | None) -> list[str]:
        """List the query-side routes of ``task``: the built-in one, then the visitor's own."""
        return [find_task(task).query_route, *(own.name for own in self.experts if own.task == task)]

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
        if route not in self.experts or side == "baseline":
            return chosen.query_route, chosen.document_route
        expert = self.experts[route]
        if expert.task != task:
            raise UserError(f"The expert {route!r} was trained for {TASKS[expert.task].title}, not for {chosen.title}.")
        return expert.routes

    def vectors(
        self,
        side: str,
        route: str,
        texts: Texts,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> np.ndarray:
        """Return the texts' vectors; only those of built-in texts and routes go to disk."""
        persist = texts.name in BUILT_IN and route not in self.experts
        return self.registry.store.vectors(
            self.encoder(side), route, texts, progress=progress, stop=stop, persist=persist
        )


@dataclass
class _Visit:
    """Hold a session, when it was last used, and since when its page is closed."""

    session: Session
    touched: float
    closed: float | None = None

    @property
    def worth(self) -> tuple[bool, bool, float]:
        """Return what to sort by when one must go: what holds nothing of a visitor's own comes first."""
        return bool(self.session.uploads or self.session.experts), self.closed is None, self.touched


class Sessions:
    """Find the session of a visitor by its id; beyond a limit, forget those that are missed least."""

    def __init__(self, make: Callable[[], Session], clock: Callable[[], float] = time.monotonic) -> None:
        """Make sessions with ``make``; ``clock`` tells seconds."""
        self._make = make
        self._clock = clock
        self._visits: dict[str, _Visit] = {}
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Session]:
        """Go through the sessions that are kept."""
        return iter([visit.session for visit in self._visits.values()])

    def of(self, visitor: str | None) -> Session:
        """Return the session of ``visitor``, made on first use; without an id, one that nobody else gets."""
        if not visitor:
            return self._make()
        with self._lock:
            now = self._clock()
            visit = self._visits.pop(visitor, None) or _Visit(self._make(), now)
            visit.touched, visit.closed = now, None
            self._make_room(now)
            self._visits[visitor] = visit
            return visit.session

    def close(self, visitor: str | None) -> None:
        """Note that a visitor's page closed; what is theirs is forgotten unless the page comes back in time."""
        with self._lock:
            visit = self._visits.get(visitor or "")
            if visit is not None:
                visit.closed = self._clock()

    def _make_room(self, now: float) -> None:
        for visitor, visit in list(self._visits.items()):
            if visit.closed is not None and now - visit.closed > SECONDS_CLOSED:
                del self._visits[visitor]
        while len(self._visits) >= MAX_SESSIONS:
            del self._visits[min(self._visits, key=lambda visitor: self._visits[visitor].worth)]
