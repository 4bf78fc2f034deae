"""Memory that was freed goes back to the system."""

import ctypes
from contextlib import suppress


def release_freed() -> None:
    """Hand freed memory back where the C library can (glibc), which keeps tens of MB of temporary copies otherwise."""
    # Windows has no library of the process itself, and says so by a TypeError.
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
