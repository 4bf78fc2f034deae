"""How long work says what it is doing, and ends early."""

import threading
from collections.abc import Callable

from mote_demo.encoder import Stopped

OnStage = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all); 0 steps in all means that nobody can tell."""


def silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def stoppable(on_stage: OnStage, stop: threading.Event | None) -> OnStage:
    """Return an ``on_stage`` that ends the work with ``Stopped`` once ``stop`` is set."""

    def report(stage: str, done: int, total: int) -> None:
        if stop is not None and stop.is_set():
            raise Stopped(f"Stopped: {stage}.")
        on_stage(stage, done, total)

    return report
