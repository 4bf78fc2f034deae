"""Follow work that runs in a thread, from a handler that streams to the page."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from mote_demo.encoder import Stopped
from mote_demo.ui.shared.threads import start

Result = TypeVar("Result")

_SECONDS_BETWEEN_STATUSES = 0.2
_SECONDS_OF_SILENCE = 0.5


@dataclass(frozen=True)
class Status:
    """Say what is being done and how far it is; 0 steps in all means that nobody can tell."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class _End(Generic[Result]):
    error: Exception | None = None


def follow(work: Callable[..., Iterator[Result]], first: str) -> Iterator[Status | Result]:
    """Run a generator in a thread and yield its results with statuses in between.

    When the handler is cancelled or the page is closed, the work is asked to stop. Gradio can cancel
    only between two yields, so the last status is repeated while nothing happens.

    Args:
        work: called with ``report``, which takes what a ``Status`` holds, and ``stop``, an event; it
            may end early with ``Stopped``.
        first: what is being done until the work reports something, in words.
    """
    events: queue.Queue[Status | Result | _End] = queue.Queue()
    stop = threading.Event()

    def run() -> None:
        try:
            for result in work(report=lambda *step: events.put(Status(*step)), stop=stop):
                events.put(result)
            events.put(_End())
        except Stopped:
            events.put(_End())
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            events.put(_End(error))

    start(run, stop)
    try:
        yield from _until_end(events, Status(first, 0, 0))
    finally:
        stop.set()


def _until_end(events: "queue.Queue[Status | Result | _End]", status: Status) -> Iterator[Status | Result]:
    shown = time.monotonic()
    yield status
    while True:
        try:
            event = events.get(timeout=_SECONDS_OF_SILENCE)
        except queue.Empty:
            yield status
            continue
        if isinstance(event, _End):
            if event.error is not None:
                raise event.error
            return
        if isinstance(event, Status):
            # One status a batch would flood the page.
            now = time.monotonic()
            fresh = event.stage != status.stage
            status = event
            if not fresh and now - shown < _SECONDS_BETWEEN_STATUSES:
                continue
            shown = now
        yield event
