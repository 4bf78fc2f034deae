"""Kill what writes at random moments, fill and lock the disk: files are whole or absent, and the next run goes on."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reliability.processes import damaged_files, end, run, start
from reliability.rows import Row

TRIES = 50
_SEARCH = ("search", "my parcel is late", "--task", "retrieval", "--texts", "samples")
_SAVING = """
import sys
from pathlib import Path
from tokenizers import Tokenizer
from mote_demo.model.checkpoint import load_model, save_checkpoint
from mote_demo.settings import checkpoints_folder
folder = checkpoints_folder() / "baseline"
model, tokenizer = load_model(folder), Tokenizer.from_file(str(folder / "tokenizer.json"))
while True:
    save_checkpoint(model, tokenizer, Path(sys.argv[1]) / "saved")
"""


def half_written(tries: int | None = None, seed: int = 0) -> Iterator[Row]:
    """Yield one row: kill -9 at random moments, then full, read-only and homeless runs."""
    tries = TRIES if tries is None else tries
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        right = _answer(Path(scratch) / "right")
        random_moments = random.Random(seed)
        for number in range(tries):
            folder = Path(scratch) / f"try-{number}"
            folder.mkdir()
            kind = _KINDS[number % len(_KINDS)]
            failures += [f"{number}: {words}" for words in _kill(kind, folder, random_moments, right)]
        others = [*_full(Path(scratch)), *_read_only(Path(scratch)), *_homeless(Path(scratch), right)]
    failures += [words for words in others if words]
    what = "kill -9 of the app at its start, of a training, of saving; a full disk, a read-only folder, no HOME"
    yield Row(
        name="Nothing half-written",
        tried=tries + len(others),
        failed=len(failures),
        target="every file whole or absent, the next run goes on, a clear sentence",
        note="; ".join([what, *failures[:5]]),
    )


def _start_app(folder: Path) -> "subprocess.Popen[str]":
    return start(["run", "--port", "7999"], {"MOTE_CACHE": str(folder)})


def _start_growing(folder: Path) -> "subprocess.Popen[str]":
    arguments = ["grow", "samples", "--task", "classification", "--label", "intent", "--epochs", "1"]
    return start([*arguments, "--out", str(folder / "mine.safetensors")], {"MOTE_CACHE": str(folder)})


def _start_saving(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _SAVING, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


Kind = tuple[Callable[[Path], "subprocess.Popen[str]"], float]
_KINDS: tuple[Kind, ...] = ((_start_app, 25.0), (_start_growing, 15.0), (_start_saving, 10.0))
"""What is killed, and the most seconds until then."""


def _kill(kind: Kind, folder: Path, moments: random.Random, right: str) -> list[str]:
    begin, longest = kind
    process = begin(folder)
    time.sleep(moments.uniform(0.5, longest))
    end(process, signal.SIGKILL)
    failures = [f"{begin.__name__} left {path} damaged" for path in damaged_files(folder)]
    if begin is _start_app and _answer(folder) != right:
        failures.append("a search after the kill answers otherwise")
    return failures


def _answer(cache: Path) -> str:
    status, said = run(_SEARCH, {"MOTE_CACHE": str(cache)})
    return f"{status} {said}"


@contextmanager
def _disk(folder: Path, options: str) -> Iterator[Path]:
    """Mount a small disk in memory, which root alone can do."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _full(scratch: Path) -> list[str]:
    """Fill the disk under the cache and under the file to write; a word for each that went wrong, "" for the others."""
    if os.geteuid() != 0:
        return []
    with _disk(scratch / "full", "size=64k") as folder:
        status, said = run(_SEARCH, {"MOTE_CACHE": str(folder / "cache")})
        cache = "" if status == 0 and "Traceback" not in said else f"a full cache: {said[-300:]}"
        arguments = ["encode", "a", "--route", "sts", "--out", str(folder / "vectors.npy")]
        (folder / "rest").write_bytes(b"0" * (os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize))
        status, said = run(arguments)
        told = status == 2 and "Traceback" not in said and not (folder / "vectors.npy").exists()
        return [cache, "" if told else f"a full disk: {said[-300:]}"]


def _read_only(scratch: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    with _disk(scratch / "locked", "size=64k,ro") as folder:
        status, said = run(_SEARCH, {"MOTE_CACHE": str(folder)})
        cache = "" if status == 0 and "Traceback" not in said else f"a read-only cache: {said[-300:]}"
        status, said = run(["encode", "a", "--route", "sts", "--out", str(folder / "vectors.npy")])
        told = status == 2 and "Traceback" not in said
        return [cache, "" if told else f"a read-only folder: {said[-300:]}"]


def _homeless(scratch: Path, right: str) -> list[str]:
    status, said = run(_SEARCH, {"HOME": "", "XDG_CACHE_HOME": str(scratch / "homeless")})
    return ["" if f"{status} {said}" == right else f"without HOME: {said[-300:]}"]
