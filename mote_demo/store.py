"""Vectors and maps that were computed before, in memory and on disk."""

import hashlib
import io
import logging
import os
import re
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import numpy as np

from mote_demo.encoder import Stopped
from mote_demo.files import replacing

if TYPE_CHECKING:
    from mote_demo.data.texts import Texts
    from mote_demo.encoder import Progress
    from mote_demo.text_encoder import TextEncoder
    from mote_demo.vector_index import VectorIndex

Arrays = dict[str, np.ndarray]

# A zip whose header was hit may name a method of compression that nobody knows: a kind of RuntimeError.
_DAMAGED = (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)
_SECONDS_BETWEEN_LOOKS = 0.1
_OWN_FILE = re.compile(r"[0-9a-f]{32}\.npz|\.[0-9a-f]{32}\.tmp")
_logger = logging.getLogger(__name__)


class VectorStore:
    """Compute arrays once and keep them; thread-safe.

    Arrays are handed out read-only, because callers share them. Entries are found by a key that
    hashes everything they depend on, so none of them goes stale.
    """

    def __init__(
        self, folder: str | Path | None, *, max_bytes: int = 2_000_000_000, max_memory_bytes: int = 500_000_000
    ) -> None:
        """Keep entries in ``folder``, or in memory alone where it is None.

        The longest unused ones go when a limit in bytes is passed.
        """
        self.folder = None if folder is None else Path(folder)
        self.indexes: dict[str, VectorIndex] = {}  # what is searched elsewhere, by the key of its vectors
        self._max_bytes = max_bytes
        self._max_memory_bytes = max_memory_bytes
        self._memory: OrderedDict[str, Arrays] = OrderedDict()
        # A lock lives only as long as a thread holds or awaits it.
        self._key_locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._done: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def vectors(
        self,
        encoder: "TextEncoder",
        route: str,
        texts: "Texts",
        progress: "Progress | None" = None,
        stop: threading.Event | None = None,
        *,
        instruction: bool = True,
        persist: bool = True,
    ) -> np.ndarray:
        """Return the vectors of ``texts``, encoded on first use.

        Args:
            encoder: the model; its fingerprint of ``route`` and that of ``texts`` make the key.
            route: name of the route.
            texts: what to encode.
            progress: called while they are encoded, by this call or another one, and not at all when they are known.
            stop: set it to end the encoding, or the wait for another's, with ``Stopped``; nothing is kept then.
            instruction: whether the route's instruction is put before the texts.
            persist: False keeps the vectors in memory only, as for what a visitor uploads.

        Returns:
            float32 [len(texts), d], rows of unit length, read-only.
        """
        key = self.key(encoder, route, texts, instruction)

        def report(done: int, total: int) -> None:
            self._done[key] = done, total
            if progress is not None:
                progress(done, total)

        def encode() -> np.ndarray:
            try:
                return encoder.encode(texts.passages, route=route, instruction=instruction, progress=report, stop=stop)
            finally:
                self._done.pop(key, None)

        return self.array(key, encode, persist, stop, progress)

    @staticmethod
    def key(encoder: "TextEncoder", route: str, texts: "Texts", instruction: bool = True) -> str:
        """Return the key of the vectors that ``encoder`` makes of ``texts`` on ``route``."""
        return VectorStore.key_of(encoder.fingerprint(route, instruction=instruction), texts)

    @staticmethod
    def key_of(fingerprint: str, texts: "Texts") -> str:
        """Return the key of the vectors of ``texts`` that a model and route of this fingerprint make."""
        return f"vectors/{fingerprint}/{texts.fingerprint}"

    def knows(self, key: str) -> bool:
        """Tell whether something is kept under ``key``, in memory or on disk."""
        return self._recall(key) is not None or self.folder is not None and _path(self.folder, key).is_file()

    def array(
        self,
        key: str,
        compute: Callable[[], np.ndarray],
        persist: bool = True,
        stop: threading.Event | None = None,
        progress: "Progress | None" = None,
    ) -> np.ndarray:
        """Return the array kept under ``key``, or compute and keep it.

        Args:
            key: names everything that decides the array.
            compute: called by one thread at a time for each key; the others wait for its result.
            persist: False keeps the array in memory only.
            stop: set it to end the wait for another thread with ``Stopped``.
            progress: called while another thread is awaited that told how far it is.

        Returns:
            The array, read-only and of no object type.
        """
        return self.arrays(key, ("array",), lambda: {"array": np.asarray(compute())}, persist, stop, progress)["array"]

    def arrays(
        self,
        key: str,
        names: tuple[str, ...],
        compute: Callable[[], Arrays],
        persist: bool = True,
        stop: threading.Event | None = None,
        progress: "Progress | None" = None,
    ) -> Arrays:
        """Return the arrays ``names`` kept together under ``key``, or compute and keep them (see ``array``)."""

        def wait() -> None:
            if stop is not None and stop.is_set():
                raise Stopped("Stopped while another computation of the same was awaited.")
            done = self._done.get(key)
            if progress is not None and done is not None:
                progress(*done)

        with _held(self._key_lock(key), wait):
            entry = self._recall(key)
            if entry is None:
                made = None if self.folder is None else self._read(self.folder, key, names)
                if made is None:
                    made = compute()
                    if persist and self.folder is not None:
                        self._write(self.folder, key, made)
                entry = {name: _read_only(array) for name, array in made.items()}
            self._remember(key, entry)
            return entry

    def _key_lock(self, key: str) -> threading.Lock:
        with self._lock:
            lock = self._key_locks.get(key)
            if lock is None:
                lock = self._key_locks[key] = threading.Lock()
            return lock

    def _recall(self, key: str) -> Arrays | None:
        with self._lock:
            return self._memory.get(key)

    def _remember(self, key: str, entry: Arrays) -> None:
        with self._lock:
            self._memory[key] = entry
            self._memory.move_to_end(key)
            size = sum(map(_size, self._memory.values()))
            while size > self._max_memory_bytes:
                _, dropped = self._memory.popitem(last=False)
                size -= _size(dropped)

    def _read(self, folder: Path, key: str, names: tuple[str, ...]) -> Arrays | None:
        path = _path(folder, key)
        try:
            # The zip container carries a checksum, so a flipped bit is found as well as a missing end; that of all
            # bytes, since NumPy reads no more of them than the header of the array says, which may be hit as well.
            with zipfile.ZipFile(path) as file:
                entry = {name: np.load(io.BytesIO(file.read(f"{name}.npy")), allow_pickle=False) for name in names}
        except FileNotFoundError:
            return None
        except _DAMAGED as error:
            _logger.warning("Computing again what %s held; it cannot be read: %s", path, error)
            return None
        # The time says which file was used last; a folder that is only readable still serves.
        with suppress(OSError):
            os.utime(path)
        return entry

    def _write(self, folder: Path, key: str, entry: Arrays) -> None:
        try:
            with replacing(_path(folder, key)) as temporary, temporary.open("wb") as file:
                np.savez(file, **entry)  # type: ignore[arg-type]  # its stub takes the names for flags
            self._prune(folder)
        except OSError as error:
            _logger.warning("Going on without keeping a result in %s: %s", folder, error)

    def _prune(self, folder: Path) -> None:
        """Delete the longest unused files beyond the limit on disk; files that are not ours stay."""
        used = []
        for file in folder.iterdir():
            if _OWN_FILE.fullmatch(file.name):
                # Another thread may be finishing or pruning the same file.
                with suppress(FileNotFoundError):
                    used.append((file.stat(), file))
        size = sum(stat.st_size for stat, _ in used)
        for stat, file in sorted(used, key=lambda pair: pair[0].st_mtime_ns):
            if size <= self._max_bytes:
                return
            file.unlink(missing_ok=True)
            size -= stat.st_size


def _path(folder: Path, key: str) -> Path:
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"


@contextmanager
def _held(lock: threading.Lock, wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock; while another thread has it, call ``wait`` again and again, which may raise."""
    while not lock.acquire(timeout=_SECONDS_BETWEEN_LOOKS):
        wait()
    try:
        yield
    finally:
        lock.release()


def _size(entry: Arrays) -> int:
    return sum(array.nbytes for array in entry.values())


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
