"""What everything that looks at texts needs of a model, whichever package it comes from."""

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mote_demo.tasks import Route

if TYPE_CHECKING:
    from mote_demo.encoder import Progress, Receipt


class TextEncoder(Protocol):
    """Encode texts by named routes: ``Encoder`` does, and ``SentenceEncoder`` for models of other packages."""

    name: str

    @property
    def all_routes(self) -> Mapping[str, Route]:
        """Return the routes by name."""
        ...

    def encode(
        self,
        texts: Sequence[str],
        *,
        route: str | None,
        instruction: bool = True,
        progress: "Progress | None" = None,
        stop: threading.Event | None = None,
    ) -> np.ndarray:
        """Return float32 [len(texts), d], rows of unit length."""
        ...

    def receipt(self, text: str, *, route: str | None, instruction: bool = True) -> "Receipt":
        """Say what ``encode`` does with ``text``."""
        ...

    def fingerprint(self, route: str | None, *, instruction: bool = True) -> str:
        """Return a hash of all that decides the vectors of ``route``."""
        ...
