"""One way to look at texts."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from mote_demo.encoder import as_mote
from mote_demo.errors import unknown_choice
from mote_demo.explore.index import MemoryIndex, PartOfIndex
from mote_demo.explore.lens_name import LensName
from mote_demo.tasks import TASKS, Task
from mote_demo.text_encoder import TextEncoder

if TYPE_CHECKING:
    from mote_demo.data.texts import Texts
    from mote_demo.encoder import Progress, Receipt
    from mote_demo.growing.expert import Expert
    from mote_demo.store import VectorStore
    from mote_demo.vector_index import VectorIndex


@dataclass(frozen=True)
class Lens:
    """Look at texts through a model, the routes of query and documents, and the instruction on or off.

    Attributes:
        encoder: the model.
        query: route of a query.
        document: route of the texts that are searched and mapped.
        instruction: whether the routes' instructions are put before the texts.
        model: what names of lenses call the model.
        task: what the routes are for, None where nobody knows.
        public: whether its vectors of public texts may be kept on disk; those of a person's own expert are not.
        trained_on: hashes (``text_hash``) of the texts that its grown expert was trained on, as far as they are known.
        expert: which runs instead of the routes' own, as the encoder has it; "" where none does.

    Example:
        >>> lens = Lens.load("mote/retrieval")  # doctest: +SKIP
        >>> lens.encode_query(["Where is my parcel?"]).shape  # doctest: +SKIP
        (1, 384)
    """

    encoder: TextEncoder
    query: str
    document: str
    instruction: bool = True
    model: str = ""
    task: Task | None = None
    public: bool = False
    trained_on: frozenset[str] = frozenset()
    expert: str = ""

    @classmethod
    def of(
        cls,
        encoder: TextEncoder,
        look: str = "",
        *,
        instruction: bool = True,
        expert: str = "",
        model: str = "",
        public: bool = False,
    ) -> "Lens":
        """Look through a loaded model.

        Args:
            encoder: the model.
            look: a task, a route, or ``QUERY+DOCUMENT``; it may be left out of a model whose routes are all alike.
            instruction: whether the instruction is put before the texts.
            expert: the expert that runs instead of the routes' own, "average" for the mean of all; "" is their own.
            model: what to call the model; "" takes the encoder's name.
            public: see ``Lens``.

        Raises:
            UserError: the model has no such way to look, or none was given; the message lists them.
        """
        query, document = _routes(encoder, look)
        model, task = model or encoder.name, _task_of(query, document)
        if expert:
            encoder = as_mote(encoder).with_experts({query: expert, document: expert})
        return cls(encoder, query, document, instruction, model, task, public, expert=expert)

    @classmethod
    def load(cls, name: str) -> "Lens":
        """Load the model of a lens by its name, such as ``mote/retrieval``, ``untouched`` or ``FOLDER/clustering``.

        The experts that ship with the MoTE checkpoint are among its routes: ``mote/intent``.

        Raises:
            UserError: there is no such model, or it has no such task or route; the message lists the choices.
        """
        from mote_demo.growing.shipped import with_shipped
        from mote_demo.loading import find_model, load

        parsed = LensName.parse(name, lambda path: find_model(path) is not None)
        model = with_shipped(load(parsed.model), [*parsed.look.split("+"), parsed.expert])
        return cls.of(model, parsed.look, instruction=parsed.instruction, expert=parsed.expert, model=parsed.model)

    @property
    def name(self) -> LensName:
        """Return the name that finds this lens again."""
        return LensName(self.model, self._look(), self.instruction, self.expert)

    def __str__(self) -> str:
        """Return its name as a string."""
        return str(self.name)

    @property
    def title(self) -> str:
        """Return what the screen calls it."""
        words = [self.encoder.name]
        if self.task is not None and (self.query, self.document) == (self.task.query_route, self.task.document_route):
            words += [self.task.title] if self._look() else []
        else:
            words += [self._look()]
        expert = f"expert {self.expert}" if self.expert else ""
        return " · ".join(filter(None, [*words, expert, "" if self.instruction else "no instruction"]))

    @property
    def fingerprint(self) -> str:
        """Return a hash of all that decides what this lens shows."""
        return f"{self.query_fingerprint}-{self.document_fingerprint}"

    @property
    def query_fingerprint(self) -> str:
        """Return a hash of all that decides the vectors of queries."""
        return self.encoder.fingerprint(self.query, instruction=self.instruction)

    @property
    def document_fingerprint(self) -> str:
        """Return a hash of all that decides the vectors of documents."""
        return self.encoder.fingerprint(self.document, instruction=self.instruction)

    def encode_query(
        self, texts: Sequence[str], progress: "Progress | None" = None, stop: threading.Event | None = None
    ) -> np.ndarray:
        """Encode queries: float32 [len(texts), d], rows of unit length (see ``encode_document``)."""
        return self.encoder.encode(texts, route=self.query, instruction=self.instruction, progress=progress, stop=stop)

    def encode_document(
        self, texts: Sequence[str], progress: "Progress | None" = None, stop: threading.Event | None = None
    ) -> np.ndarray:
        """Encode documents: float32 [len(texts), d], rows of unit length.

        Args:
            texts: the texts, without instruction.
            progress: called after each batch.
            stop: set it from another thread to end early with ``Stopped``.
        """
        return self.encoder.encode(
            texts, route=self.document, instruction=self.instruction, progress=progress, stop=stop
        )

    def vectors(
        self,
        texts: "Texts",
        store: "VectorStore",
        progress: "Progress | None" = None,
        stop: threading.Event | None = None,
    ) -> np.ndarray:
        """Return the vectors of ``texts`` as documents, from ``store`` where they are known.

        Only those of public texts through a public lens go to disk.
        """
        return store.vectors(
            self.encoder,
            self.document,
            texts,
            progress,
            stop,
            instruction=self.instruction,
            persist=self.public and texts.public,
        )

    def index(
        self,
        texts: "Texts",
        store: "VectorStore",
        progress: "Progress | None" = None,
        stop: threading.Event | None = None,
    ) -> "VectorIndex":
        """Return what searches ``texts`` as documents, each that is there several times as its first row alone.

        That is an index of the store where it has one of these vectors; else they are computed (see ``vectors``).
        """
        there = store.indexes.get(self._key(texts, store))
        if there is not None:
            return PartOfIndex(there, texts.first_rows, len(texts) - len(texts.first_rows))
        return MemoryIndex(self.vectors(texts, store, progress, stop), texts.first_rows)

    def knows(self, texts: "Texts", store: "VectorStore") -> bool:
        """Tell whether ``vectors`` has nothing to compute."""
        return store.knows(self._key(texts, store))

    def _key(self, texts: "Texts", store: "VectorStore") -> str:
        return store.key(self.encoder, self.document, texts, self.instruction)

    def receipt(self, text: str = "") -> "Receipt":
        """Say what becomes of ``text`` as a query: expert, exact text and tokens."""
        return self.encoder.receipt(text, route=self.query, instruction=self.instruction)

    def document_receipt(self, text: str = "") -> "Receipt":
        """Say what becomes of ``text`` as a document: expert, exact text and tokens."""
        return self.encoder.receipt(text, route=self.document, instruction=self.instruction)

    def with_expert(self, expert: "Expert") -> "Lens":
        """Return a lens through the same model with an expert that was grown on it, for the expert's task.

        Raises:
            UserError: the model has no experts, or is another one than the expert was grown on.
        """
        encoder = expert.plugged_into(as_mote(self.encoder))
        task = TASKS[expert.task]
        return Lens(encoder, *expert.routes, self.instruction, self.model, task, trained_on=expert.trained_on)

    def __repr__(self) -> str:
        """Return the name of the lens."""
        return f"Lens({str(self)!r})"

    def _repr_html_(self) -> str:
        parts = {"query": self.receipt(), "document": self.document_receipt()}
        rows = "".join(
            f"<tr><th>{kind}</th><td>{escape(part.expert or 'dense')}</td><td>{escape(part.text_sent)}</td></tr>"
            for kind, part in parts.items()
        )
        head = "<tr><th></th><th>expert</th><th>instruction</th></tr>"
        return f"<table><caption>{escape(self.title)} ({escape(str(self))})</caption>{head}{rows}</table>"

    def _look(self) -> str:
        if are_alike(self.encoder):
            return ""
        if self.query == self.document:
            return self.query
        task = _task_of(self.query, self.document)
        return task.name if task is not None else f"{self.query}+{self.document}"


def ways_to_look(encoder: TextEncoder) -> list[str]:
    """List the tasks and routes that a lens of this model can have: tasks first, then routes of no task."""
    routes = encoder.all_routes
    tasks = [task for task in TASKS.values() if all(route in routes for route in task.routes)]
    used = {route for task in tasks for route in task.routes}
    return [*(task.name for task in tasks), *(route for route in routes if route not in used)]


def _routes(encoder: TextEncoder, look: str) -> tuple[str, str]:
    routes = encoder.all_routes
    if are_alike(encoder) and (not look or look in TASKS):
        only = next(iter(routes))
        return only, only
    query, plus, document = look.partition("+")
    if plus and query in routes and document in routes:
        return query, document
    task = TASKS.get(look)
    if task is not None and all(route in routes for route in task.routes):
        return task.query_route, task.document_route
    if look in routes:
        return look, look
    choices = dict.fromkeys([*ways_to_look(encoder), *routes])
    raise unknown_choice(f"task or route of {encoder.name}", look or None, choices)


def are_alike(encoder: TextEncoder) -> bool:
    """Tell whether all routes are one model without instructions: then there is one way to look, whatever the task."""
    routes = encoder.all_routes.values()
    return len(routes) == 1 or not any(route.instruction for route in routes) and _is_dense(encoder)


def _is_dense(encoder: TextEncoder) -> bool:
    return encoder.receipt("", route=next(iter(encoder.all_routes))).expert is None


def _task_of(query: str, document: str) -> Task | None:
    found = (task for task in TASKS.values() if (task.query_route, task.document_route) == (query, document))
    return next(found, None)
