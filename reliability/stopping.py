"""End what runs by SIGTERM, and start the app where its port is taken."""

import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from reliability.processes import app, damaged_files, end, run, start
from reliability.rows import Row

_PORT = 7998
_MOST_SECONDS = 5.0


def stops_well(_tries: int | None = None, _seed: int = 0) -> Iterator[Row]:
    """Yield one row: how long what runs takes to end, and what it leaves."""
    failures: list[str] = []
    slowest = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        cases = {"idle": _idle, "while encoding": _encoding, "while growing an expert": _growing}
        for name, ended in cases.items():
            folder = Path(scratch) / name
            folder.mkdir()
            seconds = ended(folder)
            slowest = max(slowest, seconds)
            failures += [f"{name}: ended after {seconds:.1f} s"] if seconds > _MOST_SECONDS else []
            failures += [f"{name}: {path} is damaged" for path in damaged_files(folder)]
    status, said = _port_in_use()
    if status == 0 or "Traceback" in said:
        failures.append(f"port in use: {said[-300:]}")
    yield Row(
        name="Stops well",
        tried=len(cases) + 1,
        failed=len(failures),
        target=f"ended within {_MOST_SECONDS:.0f} s, every file whole, a sentence where the port is in use",
        note="; ".join([f"SIGTERM idle, while encoding and while growing: {slowest:.1f} s at most", *failures]),
    )


def _idle(folder: Path) -> float:
    with app(_PORT, {"MOTE_CACHE": str(folder)}) as process:
        # The built-in texts are prepared in the background until nothing more is written.
        _wait_until_quiet(folder)
        return end(process, signal.SIGTERM)[0]


def _encoding(folder: Path) -> float:
    with app(_PORT, {"MOTE_CACHE": str(folder)}) as process:
        return end(process, signal.SIGTERM)[0]


def _growing(folder: Path) -> float:
    arguments = ["grow", "samples", "--task", "classification", "--label", "intent", "--epochs", "200"]
    process = start([*arguments, "--out", str(folder / "mine.safetensors")], {"MOTE_CACHE": str(folder)})
    time.sleep(15)
    return end(process, signal.SIGTERM)[0]


def _port_in_use() -> tuple[int, str]:
    with socket.socket() as taken, tempfile.TemporaryDirectory() as folder:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        return run(["run", "--port", str(taken.getsockname()[1])], {"MOTE_CACHE": folder})


def _wait_until_quiet(folder: Path, seconds: float = 20.0, most: float = 300.0) -> None:
    until, changed, known = time.monotonic() + most, time.monotonic(), -1
    while time.monotonic() < min(until, changed + seconds):
        count = len(list(folder.iterdir()))
        if count != known:
            changed, known = time.monotonic(), count
        time.sleep(0.5)
