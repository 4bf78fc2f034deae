"""An index as a FAISS file, with its manifest beside it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mote_demo.bulk.parts import Manifest
from mote_demo.errors import UserError
from mote_demo.files import replacing, write_json


class FaissFile:
    """Search a FAISS index exactly, by the numbers of rows; all of it is in memory."""

    def __init__(self, path: Path, index: Any, manifest: Manifest) -> None:  # noqa: ANN401 - a type of FAISS
        """Hold an index that has the numbers of rows as ids."""
        self.path, self.manifest = path, manifest
        self._index = index

    @classmethod
    def create(cls, place: str, manifest: Manifest) -> "FaissFile":
        """Begin an index; nothing is on disk before ``finish``."""
        faiss = _faiss()
        return cls(Path(place), faiss.IndexIDMap(faiss.IndexFlatIP(manifest.dimension)), manifest)

    @classmethod
    def open(cls, place: str) -> "FaissFile":
        """Read an index; one that is missing or damaged is a ``UserError``."""
        path = Path(place)
        if not path.is_file() or not _beside(path).is_file():
            raise UserError(f"There is no index {path} with its {_beside(path).name}. Please run 'mote index'.")
        try:
            manifest = Manifest(**json.loads(_beside(path).read_text(encoding="utf-8")))
            return cls(path, _faiss().read_index(str(path)), manifest)
        except (RuntimeError, ValueError, TypeError) as error:
            raise UserError(f"The index {path} is damaged. Please run 'mote index' again.") from error

    def add(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Put in vectors float32 [n, d] with the numbers of their rows, int64 [n]."""
        self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), rows)

    def finish(self) -> None:
        """Write the file, whole or not at all."""
        with replacing(self.path) as temporary:
            _faiss().write_index(self._index, str(temporary))
        write_json(_beside(self.path), asdict(self.manifest), indent=1)

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (scores float32 [q, k], rows int64 [q, k]), best first."""
        return self._index.search(np.ascontiguousarray(queries, np.float32), min(k, self._index.ntotal))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _faiss() -> Any:  # noqa: ANN401 - a module
    try:
        import faiss
    except ImportError as error:
        raise UserError("An index as a file needs FAISS. Please run: pip install faiss-cpu.") from error
    return faiss
