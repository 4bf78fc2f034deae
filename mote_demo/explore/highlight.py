"""The part of a text that answers a query, with the query's words marked."""

from collections.abc import Iterator

from mote_demo.explore.words import STOP_WORDS, WORD, stem

_LONGEST_WORD = 30


def mark_words(text: str, query: str, width: int = 240) -> list[tuple[str, bool]]:
    """Cut the part of ``text`` that holds most of the query's words, and mark them.

    Words match when they differ in case or in a usual English ending only; common words such as
    "the" do not count. Runs of white space become one space.

    Args:
        text: plain text.
        query: plain text.
        width: most characters of the part; an ellipsis shows where text was left out.

    Returns:
        (fragment, is marked) in order: plain text, to be escaped by whoever shows it.
    """
    text = " ".join(text.split())
    wanted = {stem(word) for word in WORD.findall(query) if word.casefold() not in STOP_WORDS}
    words = [(match.start(), match.end(), stem(match.group())) for match in WORD.finditer(text)]
    found = [word for word in words if word[2] in wanted]
    start, end = _best_window(text, found, width)
    fragments = list(_fragments(text, [word for word in found if start <= word[0] and word[1] <= end], start, end))
    before, after = [("… ", False)] if start else [], [(" …", False)] if end < len(text) else []
    return [*before, *fragments, *after]


def _best_window(text: str, found: list[tuple[int, int, str]], width: int) -> tuple[int, int]:
    """Return (start, end) of the part with the most different words of the query, the earliest of equals."""
    if len(text) <= width:
        return 0, len(text)
    best, most = (0, 0), 0
    for index, (start, _, _) in enumerate(found):
        inside = [word for word in found[index : index + width] if word[1] <= start + width]
        different = len({root for _, _, root in inside})
        if different > most:
            best, most = (start, inside[-1][1]), different
    start = max(0, min(best[0] - (width - best[1] + best[0]) // 2, len(text) - width))
    return _at_words(text, (start, start + width), best)


def _at_words(text: str, window: tuple[int, int], keep: tuple[int, int]) -> tuple[int, int]:
    """Move the ends of ``window`` inwards to a space, not into ``keep`` and not far: some scripts have none."""
    start, end = window
    if start:
        space = text.find(" ", start - 1, min(keep[0], start + _LONGEST_WORD))
        start = space + 1 if space >= 0 else start
    if end < len(text):
        space = text.rfind(" ", max(keep[1], end - _LONGEST_WORD), end + 1)
        end = space if space >= 0 else end
    return start, end


def _fragments(text: str, marked: list[tuple[int, int, str]], start: int, end: int) -> Iterator[tuple[str, bool]]:
    at = start
    for word_start, word_end, _ in marked:
        if at < word_start:
            yield text[at:word_start], False
        yield text[word_start:word_end], True
        at = word_end
    if at < end:
        yield text[at:end], False
