"""Threads that are stopped and awaited before the process ends.

Native code that still computes while Python takes itself down aborts the process.
"""

import atexit
import threading
from collections.abc import Callable

LONGEST_END = 60
"""Seconds to wait at the end for what cannot be stopped, such as a compiler."""

_running: dict[threading.Thread, threading.Event] = {}


def start(work: Callable[[], None], stop: threading.Event) -> threading.Thread:
    """Run ``work`` in a thread; at the end of the process ``stop`` is set, and the thread awaited."""

    def run() -> None:
        try:
            work()
        finally:
            _running.pop(thread, None)

    thread = threading.Thread(target=run, daemon=True)
    _running[thread] = stop
    thread.start()
    return thread


def _end_all() -> None:
    for stop in list(_running.values()):
        stop.set()
    for thread in list(_running):
        thread.join(LONGEST_END)


atexit.register(_end_all)
