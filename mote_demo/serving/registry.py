"""What is loaded once and shared by every visitor: two models, the built-in texts, the vector store."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mote_demo.data.docstrings import load_docstrings
from mote_demo.data.samples import load_samples
from mote_demo.data.texts import Texts
from mote_demo.encoder import Encoder
from mote_demo.errors import unknown_choice
from mote_demo.explore.index import IndexKey, VectorIndex
from mote_demo.runtime.precision import EXACT
from mote_demo.settings import check_checkpoint
from mote_demo.store import VectorStore

BUILT_IN: Mapping[str, tuple[str, Callable[[Path], Texts]]] = {
    "samples": ("Support messages (sample set)", lambda _: load_samples()),
    "python-docs": ("Python documentation (installed packages)", lambda cache: load_docstrings(cache=cache)),
}
"""Name of each built-in set of texts, its title, and how to read it, given the folder for what was read before."""

_MOST_INDEXES = 16


@dataclass
class Registry:
    """Hold the models and the built-in texts; read-only after loading.

    Attributes:
        baseline: the dense, instruction-conditioned model.
        mote: the model with task experts.
        store: vectors and maps that were computed before.
    """

    baseline: Encoder
    mote: Encoder
    store: VectorStore
    _texts: dict[str, Texts] = field(default_factory=dict)
    _indexes: OrderedDict[IndexKey, VectorIndex] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _reading: dict[str, threading.Lock] = field(default_factory=lambda: {name: threading.Lock() for name in BUILT_IN})

    @classmethod
    def load(cls, checkpoints: Path, cache: Path, precision: str = EXACT) -> "Registry":
        """Load ``checkpoints/baseline`` and ``checkpoints/mote``; vectors are kept under ``cache``.

        ``precision`` is one of ``PRECISIONS``. Tensors that both models hold are held once.
        """
        for name in ("baseline", "mote"):
            check_checkpoint(checkpoints / name)
        mote = Encoder.from_pretrained(checkpoints / "mote", "MoTE").with_precision(precision)
        baseline = Encoder.from_pretrained(checkpoints / "baseline", "Baseline").with_precision(precision).sharing(mote)
        return cls(baseline=baseline, mote=mote, store=VectorStore(cache))

    def texts(self, name: str | None) -> Texts:
        """Return the built-in texts called ``name``; they are read once."""
        if name is None or name not in BUILT_IN:
            raise unknown_choice("set of texts", name, BUILT_IN)
        # One lock each: nobody waits for the sample set while the documentation is read.
        with self._reading[name]:
            if name not in self._texts:
                self._texts[name] = BUILT_IN[name][1](self.store.folder)
            return self._texts[name]

    def index(self, key: IndexKey, vectors: Callable[[], np.ndarray]) -> VectorIndex:
        """Return the index of ``key``, built on first use; the longest unused ones are forgotten.

        Visitors can share it: a key is made of the contents of a model and of texts.
        """
        with self._lock:
            index = self._indexes.get(key)
        if index is None:
            index = VectorIndex.build(vectors(), key=key)
        with self._lock:
            self._indexes[key] = index
            self._indexes.move_to_end(key)
            while len(self._indexes) > _MOST_INDEXES:
                self._indexes.popitem(last=False)
        return index
