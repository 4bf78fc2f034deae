"""What is loaded once and shared by every visitor: models, the built-in texts, the store of vectors."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mote_demo.bulk.corpus import attach
from mote_demo.data.docstrings import load_docstrings
from mote_demo.data.samples import load_samples
from mote_demo.data.texts import Texts
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError, unknown_choice
from mote_demo.growing.expert import Expert
from mote_demo.growing.shipped import plug_in_shipped
from mote_demo.loading import UNTOUCHED, load
from mote_demo.runtime.precision import EXACT
from mote_demo.settings import cache_folder, check_checkpoint
from mote_demo.store import VectorStore
from mote_demo.text_encoder import TextEncoder

BUILT_IN: Mapping[str, tuple[str, Callable[[Path | None], Texts]]] = {
    "samples": ("Support messages (sample set)", lambda _: load_samples()),
    "python-docs": ("Python documentation (installed packages)", lambda cache: load_docstrings(cache=cache)),
}
"""Name of each built-in set of texts, its title, and how to read it, given the folder for what was read before."""

DENSE, EXPERTS = "baseline", "mote"
"""The dense model that is instructed, and the one with task experts, which grows: what the app compares at first."""


@dataclass(frozen=True)
class ModelEntry:
    """Describe a model on the shelf: what the screen calls it, and how to load it."""

    title: str
    load: Callable[[], TextEncoder]


class Shelf:
    """Hold models and built-in texts; each is loaded when it is first asked for, and read-only from then on."""

    def __init__(self, models: Mapping[str, ModelEntry], store: VectorStore, experts: Iterable[Expert] = ()) -> None:
        """Offer ``models``, by the names that lenses call them; ``EXPERTS`` must be among them.

        Args:
            models: what can be loaded.
            store: vectors and maps that were computed before.
            experts: what is plugged into ``EXPERTS`` for everybody.
        """
        self.models = dict(models)
        self.store = store
        self.experts = {expert.name: expert for expert in experts}
        self._encoders: dict[str, TextEncoder] = {}
        self._texts: dict[str, Texts] = {}
        self._indexed: dict[str, Texts] = {}
        # One lock each: nobody waits for one model, or the sample set, while another is read.
        self._loading = {name: threading.Lock() for name in (*self.models, *BUILT_IN)}

    @classmethod
    def of(cls, store: VectorStore, **encoders: TextEncoder) -> "Shelf":
        """Put loaded models on a shelf, by their names."""
        return cls(
            {name: ModelEntry(encoder.name, partial(_given, encoder)) for name, encoder in encoders.items()}, store
        )

    @classmethod
    def open(
        cls,
        checkpoints: Path,
        cache: Path,
        precision: str = EXACT,
        more: tuple[str, ...] = (),
        indexed: Iterable[tuple[str, str]] = (),
    ) -> "Shelf":
        """Offer the shipped checkpoints, the backbone as it was published, and more models.

        Args:
            checkpoints: folder that holds the checkpoints ``DENSE`` and ``EXPERTS``; both are loaded now. Tensors
                that both hold are held once. Experts in its folder ``experts`` are plugged in, where there are any.
            cache: folder to keep vectors and maps in.
            precision: one of ``PRECISIONS``.
            more: folders or Hub names of further models; the last part of each is its name.
            indexed: (folder of ``mote embed``, index of ``mote index``) of further texts.

        Raises:
            UserError: a checkpoint is missing or damaged, or two models have one name.
        """
        for name in (DENSE, EXPERTS):
            check_checkpoint(checkpoints / name)
        experts = Encoder.from_pretrained(checkpoints / EXPERTS, "MoTE").with_precision(precision)
        experts, shipped = plug_in_shipped(experts, checkpoints / "experts")
        dense = Encoder.from_pretrained(checkpoints / DENSE, "Baseline").with_precision(precision).sharing(experts)
        models = {
            UNTOUCHED: ModelEntry("Untouched", partial(load, UNTOUCHED, "Untouched")),
            DENSE: ModelEntry(dense.name, partial(_given, dense)),
            EXPERTS: ModelEntry(experts.name, partial(_given, experts)),
        }
        for path in more:
            name = Path(path).name
            if name in models:
                raise UserError(f"There are two models called {name!r}. Please rename the folder {path}.")
            models[name] = ModelEntry(name, partial(load, path, name))
        shelf = cls(models, VectorStore(cache), shipped)
        for folder, to in indexed:
            shelf.add_indexed(Path(folder), to)
        return shelf

    def choices(self) -> list[tuple[str, str]]:
        """List (title, name) of the models."""
        return [(book.title, name) for name, book in self.models.items()]

    def encoder(self, name: str | None) -> TextEncoder:
        """Return the model called ``name``; it is loaded once."""
        if name is None or name not in self.models:
            raise unknown_choice("model", name, self.models)
        with self._loading[name]:
            if name not in self._encoders:
                self._encoders[name] = self.models[name].load()
            return self._encoders[name]

    def add_indexed(self, folder: Path, to: str) -> None:
        """Offer texts that lie in a folder of ``mote embed`` and are searched in an index of ``mote index``."""
        texts = attach(folder, to, self.store)
        if texts.name in self.texts_at_hand:
            raise UserError(f"There are two sets of texts called {texts.name!r}. Please rename the folder {folder}.")
        self._indexed[texts.name] = texts

    @property
    def texts_at_hand(self) -> dict[str, str]:
        """Return the titles of the texts that every visitor has, by name."""
        built_in = {name: title for name, (title, _) in BUILT_IN.items()}
        return built_in | {name: texts.title for name, texts in self._indexed.items()}

    @property
    def shipped(self) -> list[Encoder]:
        """Return the dense model and the one with experts."""
        return [encoder for encoder in map(self.encoder, (DENSE, EXPERTS)) if isinstance(encoder, Encoder)]

    @property
    def growing(self) -> Encoder:
        """Return the model that visitors grow experts of."""
        return self.shipped[-1]

    def texts(self, name: str | None) -> Texts:
        """Return the texts called ``name`` that every visitor has; they are read once."""
        if name is None or name not in self.texts_at_hand:
            raise unknown_choice("set of texts", name, self.texts_at_hand)
        if name in self._indexed:
            return self._indexed[name]
        with self._loading[name]:
            if name not in self._texts:
                self._texts[name] = BUILT_IN[name][1](self.store.folder)
            return self._texts[name]


def load_texts(name: str) -> Texts:
    """Return the built-in texts called ``name``: "samples" or "python-docs"; another name is a ``UserError``."""
    if name not in BUILT_IN:
        raise unknown_choice("set of texts", name, BUILT_IN)
    return BUILT_IN[name][1](cache_folder())


def _given(encoder: TextEncoder) -> TextEncoder:
    return encoder
