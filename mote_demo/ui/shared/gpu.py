"""A call on the GPU that a Space lends."""

from collections.abc import Callable
from typing import Any

LONGEST = 60
"""Seconds: as long as a Space lends its GPU to a call."""


def on_gpu(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that asks for the lent GPU while it runs, where the package ``spaces`` is; else ``function``.

    On such a Space it runs in a process of its own, so that what it keeps is lost: only what it returns counts.
    """
    try:
        import spaces  # type: ignore[import-not-found]  # installed by Spaces, and nowhere else
    except ModuleNotFoundError:
        return function
    return spaces.GPU(duration=LONGEST)(function)
