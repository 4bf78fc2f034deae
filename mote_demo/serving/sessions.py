"""What belongs to one visitor: their uploads and the experts they trained."""

import itertools
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from mote_demo.data.tables import Table
from mote_demo.data.texts import Texts
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError, unknown_choice
from mote_demo.event_log import note
from mote_demo.explore.lens import Lens, are_alike, ways_to_look
from mote_demo.explore.lens_name import LensName
from mote_demo.explore.pair import Pair
from mote_demo.limits import MAX_ALL_TEXT, MAX_OWN_TEXT, MAX_SESSIONS, MAX_UPLOADS, SECONDS_CLOSED
from mote_demo.model.configuration import AVERAGE
from mote_demo.serving.experts import VisitorExperts
from mote_demo.serving.shelf import DENSE, EXPERTS, Shelf
from mote_demo.tasks import TASKS, find_task
from mote_demo.text_encoder import TextEncoder


class Session:
    """Give one visitor the shared models and texts together with what is theirs alone."""

    def __init__(self, shelf: Shelf, letters_of_all: Callable[[], int] | None = None) -> None:
        """Look through the models of ``shelf``; ``letters_of_all`` counts those of all visitors' texts."""
        self.shelf = shelf
        self._letters_of_all = letters_of_all or self.count_letters
        self.experts = VisitorExperts(shelf.growing)
        self.uploads: dict[str, Texts] = {}
        self._held: dict[str, int] = {}  # letters of the tables that tabs work on
        self.files: list[Path] = []  # folders of what was written to be downloaded
        self.address = ""  # what the page's address asked for when it was opened
        self._uploaded = 0

    @property
    def mote(self) -> Encoder:
        """Return the model with task experts, the visitor's own among them."""
        return self.experts.encoder

    def texts_choices(self) -> list[tuple[str, str]]:
        """List (title, name) of the texts this visitor can pick; the newest upload comes first."""
        own = [(texts.title, name) for name, texts in reversed(self.uploads.items())]
        return own + [(title, name) for name, title in self.shelf.texts_at_hand.items()]

    def texts(self, name: str | None) -> Texts:
        """Return the visitor's own or built-in texts called ``name``."""
        if name is not None and name in self.uploads:
            return self.uploads[name]
        if name not in self.shelf.texts_at_hand:
            raise unknown_choice("set of texts", name, [*self.uploads, *self.shelf.texts_at_hand])
        return self.shelf.texts(name)

    def add_texts(self, texts: Texts, *, instead_of: str | None = None) -> Texts:
        """Keep uploaded texts for this visitor; the oldest upload makes room for the sixth.

        Args:
            texts: what to keep, under a name and a title of its own; a note tells which upload made room for it.
            instead_of: name of an earlier upload that goes.

        Raises:
            UserError: there is no room, whatever goes.
        """
        letters = _letters(texts)
        self._check_room_of_all(letters)
        self._uploaded += 1
        self.uploads.pop(instead_of or "", None)
        notes = []
        while len(self.uploads) >= MAX_UPLOADS or (self.uploads and self.count_letters() + letters > MAX_OWN_TEXT):
            old = self.uploads.pop(next(iter(self.uploads)))
            notes.append(f"{old.title} made room for it, since {MAX_UPLOADS} uploads are kept.")
        title, name = self._free_title(texts.title), f"upload-{self._uploaded}"
        note("texts added", rows=len(texts), letters=letters)
        kept = self.uploads[name] = replace(texts, name=name, title=title, notes=(*texts.notes, *notes))
        return kept

    def hold(self, tab: str, table: Table | None) -> None:
        """Count a table that a tab works on, in the place of the one that it had; None lets that go.

        Raises:
            UserError: there is no room for it; the one before counts on.
        """
        letters = 0 if table is None else table.count_letters()
        more = letters - self._held.get(tab, 0)
        if more > 0:
            self._check_room_of_all(more)
            if self.count_letters() + more > MAX_OWN_TEXT:
                most = f"{MAX_OWN_TEXT / 1e6:,.0f} million letters"
                raise UserError(f"With this file yours hold more than {most}, which is the limit. Please upload less.")
        self._held[tab] = letters

    def count_letters(self) -> int:
        """Count the letters of the visitor's own texts, and of the tables that tabs work on."""
        return sum(map(_letters, self.uploads.values())) + sum(self._held.values())

    def close(self) -> None:
        """Delete what was written for the visitor to download."""
        for folder in self.files:
            shutil.rmtree(folder, ignore_errors=True)

    def _check_room_of_all(self, letters: int) -> None:
        if self._letters_of_all() + letters > MAX_ALL_TEXT:
            raise UserError("The app holds as many texts as it can. Please try again later, or upload fewer.")

    def _free_title(self, title: str) -> str:
        taken = {shown for shown, _ in self.texts_choices()}
        numbered = (f"{title} ({number})" for number in itertools.count(2))
        return next(each for each in itertools.chain([title], numbered) if each not in taken)

    def models(self) -> list[tuple[str, str]]:
        """List (title, name) of the models this visitor can look through."""
        return self.shelf.choices()

    def looks(self, model: str | None) -> list[str]:
        """List the tasks and experts of a model, the visitor's own included."""
        return ways_to_look(self.encoder(model))

    def lenses(self, like: Lens) -> list[Lens]:
        """Return lenses through the same model for each of its tasks and experts, the visitor's own included."""
        if not self.lens_needs_look(like.model):
            return [like]
        return [self.lens(str(LensName(like.model, look, like.instruction))) for look in self.looks(like.model)]

    def experts_of(self, model: str | None) -> list[str]:
        """List what can run instead of a route's own expert, the mean of all included; a dense model has nothing."""
        encoder = self.encoder(model)
        if not isinstance(encoder, Encoder) or not encoder.config.expert_layers:
            return []
        return [*encoder.config.experts, AVERAGE]

    def encoder(self, model: str | None) -> TextEncoder:
        """Return a model, ``EXPERTS`` with the visitor's own experts."""
        return self.mote if model == EXPERTS else self.shelf.encoder(model)

    def lens(self, name: str) -> Lens:
        """Return the lens called ``name``, such as ``mote/retrieval`` or ``mote/my-expert?instruction=off``.

        An expert that was grown for retrieval asks the documents of that task as they are.
        """
        parsed = LensName.parse(name, self.shelf.models.__contains__)
        encoder, look = self.encoder(parsed.model), parsed.look
        own = {expert.name: expert for expert in self.experts} if parsed.model == EXPERTS else {}
        grown = {**self.shelf.experts, **own} if parsed.model == EXPERTS else {}
        if look in grown:
            look = "+".join(grown[look].routes)
        lens = Lens.of(
            encoder, look, instruction=parsed.instruction, expert=parsed.expert, model=parsed.model, public=True
        )
        routes = (lens.query, lens.document)
        used = [grown[route] for route in routes if route in grown]
        task = lens.task
        if used:
            task = TASKS[used[0].task] if used[0].routes == routes else None
        # The mean of all experts holds the grown ones as well.
        used += [each for each in grown.values() if parsed.expert in (AVERAGE, each.name)]
        trained_on = frozenset().union(*(expert.trained_on for expert in used))
        public = not any(expert.name in own for expert in used)
        return replace(lens, task=task, public=public, trained_on=trained_on)

    def both(self, task: str) -> tuple[str, str]:
        """Return the names of the lenses that the app compares at first: the dense model and the one with experts."""
        return f"{DENSE}/{find_task(task).name}", f"{EXPERTS}/{task}"

    def lens_needs_look(self, model: str | None) -> bool:
        """Tell whether a lens of this model must say a task or an expert."""
        return not are_alike(self.encoder(model))

    def pair(self, left: str, right: str) -> Pair:
        """Return the lenses called ``left`` and ``right``, over what was computed before."""
        return Pair(self.lens(left), self.lens(right), self.shelf.store)


def _letters(texts: Texts) -> int:
    return sum(map(len, texts.passages))


@dataclass
class _Visit:
    """Hold a session, when it was last used, its open pages, and since when all of them are closed."""

    session: Session
    touched: float
    closed: float | None = None
    pages: set[str] = field(default_factory=set)

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
        self._keys: dict[str, str] = {}
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Session]:
        """Go through the sessions that are kept."""
        return iter([visit.session for visit in list(self._visits.values())])

    def of(self, visitor: str | None) -> Session:
        """Return the session of ``visitor``, made on first use; without an id, one that nobody else gets."""
        if not visitor:
            return self._make()
        with self._lock:
            now = self._clock()
            name = self._keys.get(visitor, visitor)
            visit = self._visits.pop(name, None) or _Visit(self._make(), now)
            visit.pages.add(visitor)
            visit.touched, visit.closed = now, None
            self._make_room(now)
            self._visits[name] = visit
            return visit.session

    def recognise(self, visitor: str | None, key: str) -> None:
        """Give a page that opens the session of its visitor's earlier page, as after a reload.

        Args:
            visitor: id of the page that opens.
            key: secret of the visitor, which the browser keeps as long as its tab is open.
        """
        if not visitor:
            return
        with self._lock:
            now = self._clock()
            fresh = self._visits.pop(visitor, None)
            self._make_room(now)
            visit = self._visits.pop(key, None) or fresh or _Visit(self._make(), now)
            self._keys[visitor] = key
            visit.pages.add(visitor)
            visit.touched, visit.closed = now, None
            self._visits[key] = visit

    def close(self, visitor: str | None) -> None:
        """Note that a visitor's page closed; what is theirs is forgotten unless a page comes back in time."""
        with self._lock:
            visit = self._visits.get(self._keys.get(visitor or "", visitor or ""))
            if visit is None:
                return
            visit.pages.discard(visitor or "")
            if not visit.pages:
                visit.closed = self._clock()

    def _make_room(self, now: float) -> None:
        for visitor, visit in list(self._visits.items()):
            if visit.closed is not None and now - visit.closed > SECONDS_CLOSED:
                self._forget(visitor)
        while len(self._visits) >= MAX_SESSIONS:
            self._forget(min(self._visits, key=lambda visitor: self._visits[visitor].worth))

    def _forget(self, name: str) -> None:
        self._visits.pop(name).session.close()
        self._keys = {page: key for page, key in self._keys.items() if key != name}
