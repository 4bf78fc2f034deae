"""One promise, how often it was tried, and how often it did not hold."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """Hold the counts of one promise.

    Attributes:
        name: what was promised; a later count of the same name takes its place.
        tried: how often it was tried.
        failed: how often it did not hold.
        target: what was to be reached, in words.
        note: what a reader should know: seeds, what was tried, what was measured beside.
    """

    name: str
    tried: int
    failed: int
    target: str
    note: str = ""
