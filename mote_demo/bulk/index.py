"""Vectors of a folder of parts in an index that answers without them: a FAISS file, or a collection of Milvus."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from mote_demo.bulk.faiss_file import FaissFile
from mote_demo.bulk.milvus import MilvusCollection
from mote_demo.bulk.parts import Manifest, read_parts
from mote_demo.errors import UserError
from mote_demo.text_encoder import TextEncoder

FORMS = "faiss:FILE, milvus:FILE.db, or milvus://HOST:PORT/COLLECTION"
_SECONDS_BETWEEN_LINES = 5.0


class StoredIndex(Protocol):
    """Be an ``Index`` (see ``explore.index``) that vectors can be added to, and that knows what they are."""

    manifest: Manifest

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (scores float32 [q, k], rows int64 [q, k]), best first; -1 where there are fewer rows."""
        ...

    def add(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Put in vectors float32 [n, d] with the numbers of their rows, int64 [n]; a row that is there is replaced."""
        ...

    def finish(self) -> None:
        """Make what was added last."""
        ...


def build_index(folder: Path, to: str, say: Callable[[str], None] = lambda _: None) -> int:
    """Put all vectors that ``mote embed`` wrote to a folder into an index; return how many.

    Args:
        folder: finished parts; those that are missing or damaged are a ``UserError``.
        to: one of ``FORMS``; a file is replaced when all is in it, a collection of the same vectors is completed.
        say: called with lines of progress.
    """
    manifest = Manifest.read(folder)
    kind, place = _parsed(to)
    index: StoredIndex = (FaissFile if kind == "faiss" else MilvusCollection).create(place, manifest)
    done, told = 0, time.monotonic()
    for rows, vectors in read_parts(folder):
        index.add(rows, vectors)
        done += len(rows)
        if time.monotonic() - told >= _SECONDS_BETWEEN_LINES:
            told = time.monotonic()
            say(f"{done:,} of {manifest.rows:,} vectors")
    index.finish()
    return done


def open_index(to: str) -> StoredIndex:
    """Open an index that ``build_index`` made; one that is not there, or does not answer, is a ``UserError``."""
    kind, place = _parsed(to)
    return FaissFile.open(place) if kind == "faiss" else MilvusCollection.open(place)


def check_model(index: StoredIndex, model: TextEncoder, document: str) -> None:
    """Refuse a model whose vectors of documents are others than those in the index."""
    if model.fingerprint(document) != index.manifest.fingerprint:
        raise UserError(
            f"The index holds vectors of {index.manifest.model!r} on the route {index.manifest.route!r}, "
            f"not of {model.name!r} on {document!r}. Please search it with the model that made it."
        )


def _parsed(to: str) -> tuple[str, str]:
    kind, colon, place = to.partition(":")
    if kind not in ("faiss", "milvus") or not colon or not place.strip("/"):
        raise UserError(f"{to!r} is no index. Please write {FORMS}.")
    return kind, place
