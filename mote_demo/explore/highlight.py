"""The part of a text that answers a query, with the query's words marked."""

import re
from collections.abc import Iterator

_WORD = re.compile(r"\w+")
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a an and are as at be been but by can did do does for from had has have how i if in into is it its me my no "
        "not of on or our so that the their them then there these they this to us was we were what when where which "
        "who why will with you your"
    )
)
_SUFFIXES = _WORD.findall("ations ation ments ment ings ions edly ing ion ies ed es ly s e y")
_SHORTEST_STEM = 3
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
    wanted = {_stem(word) for word in _WORD.findall(query) if word.casefold() not in _STOP_WORDS}
    words = [(match.start(), match.end(), _stem(match.group())) for match in _WORD.finditer(text)]
    found = [word for word in words if word[2] in wanted]
    start, end = _best_window(text, found, width)
    fragments = list(_fragments(text, [word for word in found if start <= word[0] and word[1] <= end], start, end))
    before, after = [("… ", False)] if start else [], [(" …", False)] if end < len(text) else []
    return [*before, *fragments, *after]


def _stem(word: str) -> str:
    word = word.casefold()
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            word = word.removesuffix(suffix)
            break
    # "billing", "cancelled": the doubled consonant goes, in "bill" as well.
    return word[:-1] if len(word) > _SHORTEST_STEM and word[-1] == word[-2] else word


def _best_window(text: str, found: list[tuple[int, int, str]], width: int) -> tuple[int, int]:
    """Return (start, end) of the part with the most different words of the query, the earliest of equals."""
    if len(text) <= width:
        return 0, len(text)
    best, most = (0, 0), 0
    for index, (start, _, _) in enumerate(found):
        inside = [word for word in found[index : index + width] if word[1] <= start + width]
        different = len({stem for _, _, stem in inside})
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
