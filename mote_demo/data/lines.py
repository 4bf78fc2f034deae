"""Lines of a text drawn at random without making each of them a str: a file of 20 MB may have ten million."""

import random
from collections.abc import Iterator

import numpy as np

from mote_demo.data.encodings import Decoded

_STEP = 1 << 22
_QUOTE = ord('"')


def draw_lines(
    text: Decoded, size: int, seed: int, *, newline: str = "\n", blank: str = "", skipped: int = 0
) -> tuple[list[tuple[int, str]], int, int]:
    """Draw ``size`` lines, in order, among those with content.

    Args:
        text: the text.
        size: lines to draw; all where there are no more.
        seed: the same seed draws the same lines.
        newline: what ends a line: LF or CR.
        blank: ASCII characters that are no content; white space never is.
        skipped: lines with content, at the start, that are not drawn.

    Returns:
        Each line with its number in the text, from 1, how many there were to draw from, and how many had nothing but
        ``blank``.
    """
    end = ord(newline)
    white_space, nothing = _characters(""), _characters(blank)
    counts, written = [], 0
    for part, starts, _ in _parts(text.data, end):
        counts.append(int(np.count_nonzero(_content(part, starts, nothing))))
        written += int(np.count_nonzero(_content(part, starts, white_space))) if blank else counts[-1]
    total = max(0, sum(counts) - skipped)
    places = range(skipped, skipped + total)
    drawn = np.asarray(sorted(random.Random(seed).sample(places, size)) if size < total else places, dtype=np.int64)
    lines: list[tuple[int, str]] = []
    seen = number = 0
    for count, (part, starts, stops) in zip(counts, _parts(text.data, end), strict=True):
        wanted = drawn[np.searchsorted(drawn, seen) : np.searchsorted(drawn, seen + count)] - seen
        for place in np.flatnonzero(_content(part, starts, nothing))[wanted].tolist():
            line = part[starts[place] : stops[place]].tobytes().decode(text.encoding, "replace")
            lines.append((number + place + 1, line))
        seen, number = seen + count, number + len(starts)
    return lines, total, written - sum(counts)


def quotes_are_closed(text: Decoded, newline: str) -> bool:
    """Tell whether every line has an even number of quotation marks, so that no value goes over a line's end."""
    for part, starts, _ in _parts(text.data, ord(newline)):
        if np.any(np.add.reduceat((part == _QUOTE).astype(np.int32), starts) % 2):
            return False
    return True


def _parts(data: bytes, end: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield pieces of whole lines as (bytes, where each line starts, where it stops)."""
    begin = 0
    while begin < len(data):
        found = data.find(end, begin + _STEP)
        after = len(data) if found < 0 else found + 1
        part = np.frombuffer(data, dtype=np.uint8, count=after - begin, offset=begin)
        stops = np.flatnonzero(part == end)
        if not len(stops) or stops[-1] != len(part) - 1:
            stops = np.append(stops, len(part))
        yield part, np.append(0, stops[:-1] + 1), stops
        begin = after


def _characters(more: str) -> np.ndarray:
    """Return for each byte whether it is white space or one of ``more``."""
    table = np.zeros(256, dtype=bool)
    table[list(f" \t\v\f\r\n\0{more}".encode("ascii"))] = True
    return table


def _content(part: np.ndarray, starts: np.ndarray, nothing: np.ndarray) -> np.ndarray:
    return np.logical_or.reduceat(~nothing[part], starts)
