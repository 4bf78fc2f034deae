"""What counts as a word, and as the same word."""

import re

WORD = re.compile(r"\w+")
STOP_WORDS = frozenset(
    WORD.findall(
        "a an and are as at be been but by can did do does for from had has have how i if in into is it its me my no "
        "not of on or our so that the their them then there these they this to us was we were what when where which "
        "who why will with you your"
    )
)
SHORTEST_STEM = 3
_SUFFIXES = WORD.findall("ations ation ments ment ings ions edly ing ion ies ed es ly s e y")


def stem(word: str) -> str:
    """Return what words have in common that differ in case or in a usual English ending only."""
    word = word.casefold()
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= SHORTEST_STEM:
            word = word.removesuffix(suffix)
            break
    # "billing", "cancelled": the doubled consonant goes, in "bill" as well.
    return word[:-1] if len(word) > SHORTEST_STEM and word[-1] == word[-2] else word
