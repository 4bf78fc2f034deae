"""Commands of the package as processes of their own, started, ended and looked at."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from safetensors import safe_open

PATIENCE = 300.0
"""Seconds until a command that does not end counts as hanging."""


def start(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start ``python -m mote_demo ARGUMENTS`` in a process group of its own; its output goes to one pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "mote_demo", *arguments],
        env={**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a command to its end; return its exit status and what it said."""
    process = start(arguments, environment)
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        end(process, signal.SIGKILL)
        return -1, "It did not end."
    return process.returncode, said


def end(process: "subprocess.Popen[str]", by: signal.Signals) -> tuple[float, str]:
    """Send a signal to a command and its children; return the seconds until it had ended, and what it had said."""
    started = time.monotonic()
    os.killpg(process.pid, by)
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
    return time.monotonic() - started, said


@contextmanager
def app(port: int, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Run the app until the block ends, from when it answers on."""
    process = start(["run", "--port", str(port)], environment)
    try:
        wait_for(port, process)
        yield process
    finally:
        if process.poll() is None:
            end(process, signal.SIGKILL)


def wait_for(port: int, process: "subprocess.Popen[str]") -> None:
    """Wait until the app answers on a port.

    Raises:
        RuntimeError: it ended, or does not answer in time.
    """
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"The app ended with {process.returncode}: {process.communicate()[0][-2000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("The app does not answer.")


def damaged_files(folder: Path) -> list[str]:
    """Name the files below ``folder`` that are not whole; what still has a temporary name is not one of them."""
    return [
        str(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _is_temporary(path, folder) and not _is_whole(path)
    ]


def _is_temporary(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _is_whole(path: Path) -> bool:
    import numpy as np

    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                return all(file[name] is not None for name in file.files)
        if path.suffix == ".safetensors":
            with safe_open(path, "np") as file:
                return all(file.get_tensor(name) is not None for name in file.keys())  # noqa: SIM118 - no mapping
        if path.suffix == ".json":
            return json.loads(path.read_text("utf-8")) is not None
    except Exception:  # whatever a reader says, the file is not whole
        return False
    return path.stat().st_size > 0
