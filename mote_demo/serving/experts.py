"""The experts of one visitor."""

import itertools
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mote_demo.encoder import Encoder
from mote_demo.errors import UserError, unknown_choice
from mote_demo.growing.expert import Expert, receive_expert
from mote_demo.limits import MAX_EXPERTS
from mote_demo.model.configuration import is_reserved
from mote_demo.tasks import TASKS


class VisitorExperts:
    """Plug a visitor's experts into the shared model; nobody else sees them, and it stays as it is.

    ``encoder`` is the model with all of them, ``unsaved`` the names of those that exist nowhere else. Iterating gives
    the experts in the order they came.
    """

    def __init__(self, shared: Encoder) -> None:
        self._shared = shared
        self.encoder = shared
        self.unsaved: set[str] = set()
        self._experts: dict[str, Expert] = {}
        # A training may end while its visitor removes or uploads an expert.
        self._changing = threading.RLock()

    def __iter__(self) -> Iterator[Expert]:
        return iter(list(self._experts.values()))

    def __len__(self) -> int:
        return len(self._experts)

    def __contains__(self, name: object) -> bool:
        return name in self._experts

    def __getitem__(self, name: str | None) -> Expert:
        """Return the expert called ``name``; an unknown one is an error that lists the names."""
        if name is None or name not in self._experts:
            raise unknown_choice("trained expert", name, self._experts)
        return self._experts[name]

    @property
    def names(self) -> list[str]:
        """Return their names."""
        return list(self._experts)

    def check_room(self) -> None:
        """Refuse one more where there is no room."""
        if len(self) >= MAX_EXPERTS:
            raise UserError(f"There are {MAX_EXPERTS} trained experts in this visit. Please remove one first.")

    def add(self, expert: Expert) -> None:
        """Plug an expert in; a taken name or no room is a ``UserError``."""
        with self._changing:
            self.check_room()
            self.encoder = expert.plugged_into(self.encoder)
            self._experts[expert.name] = expert
            self.unsaved.add(expert.name)

    def add_file(self, path: str | Path) -> Expert:
        """Plug in an expert from a stranger's file, under a free name where everybody has an expert of its own."""
        self.check_room()
        expert = receive_expert(path)
        if expert.name in self:
            raise UserError(f"There is an expert {expert.name!r} already. Please remove it first.")
        if expert.name in self._shared.routes:
            expert = replace(expert, name=self.free_name(expert.name))
        self.add(expert)
        self.unsaved.discard(expert.name)
        return expert

    def save(self, name: str | None, path: str | Path) -> None:
        """Write an expert to a file, which can be plugged in again."""
        self[name].save(path)
        self.unsaved.discard(self[name].name)

    def remove(self, name: str | None) -> None:
        """Take an expert out; the others stay."""
        with self._changing:
            gone = self[name]
            kept = {expert.name: expert for expert in self if expert is not gone}
            encoder = self._shared
            for expert in kept.values():
                encoder = expert.plugged_into(encoder)
            self.encoder, self._experts = encoder, kept
            self.unsaved &= set(kept)

    def free_name(self, wanted: str) -> str:
        """Turn words into a usable name of an expert that does not exist yet: my-topic, then my-topic-2."""
        base = re.sub(r"[^a-z0-9_-]+", "-", wanted.lower()).strip("-_0123456789")[:40] or "my-expert"
        config = self.encoder.config
        taken = {*config.routes, *config.experts, *TASKS}
        numbered = (f"{base}-{number}" for number in itertools.count(2))
        return next(name for name in itertools.chain([base], numbered) if name not in taken and not is_reserved(name))
