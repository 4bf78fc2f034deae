"""How long work says what it is doing."""

from collections.abc import Callable

OnStage = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all); 0 steps in all means that nobody can tell."""


def silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""
