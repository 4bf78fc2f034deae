"""Scores of pairs, on whatever scale a file has them, as numbers from 0 to 1."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mote_demo.errors import UserError

_PERCENT = re.compile(r"([-+−]?[\d.,]+)\s*[%％]")
_OUT_OF = re.compile(
    r"([\d.,]+)\s*(?:/|(?:out )?of\b|von\b|sur\b|de\b|su\b|из\b)\s*([\d.,]+)(?:\s*\w+)?", re.IGNORECASE
)
_STARS = re.compile(r"(★+)(☆*)")

_INFERENCE = {
    1.0: "entailment entails entailed entail supports supported",
    0.5: "neutral notenoughinfo unknown undetermined",
    0.0: "contradiction contradicts contradictory contradict notentailment refutes refuted",
}
_SAMENESS = {
    1.0: "duplicate paraphrase same similar equivalent match matching relevant identical yes y true t ja oui si sì sim "
    "да 是 はい 예",
    0.5: "partial partiallyrelevant somewhatrelevant somewhatsimilar related",
    0.0: "notduplicate nonduplicate notaduplicate notparaphrase nonparaphrase notaparaphrase different dissimilar "
    "notsimilar notequivalent nonequivalent nomatch notmatch mismatch nonmatch irrelevant notrelevant nonrelevant "
    "unrelated "
    "no n false f nein non não нет 否 いいえ 아니요",
}
_NO_ANSWER = frozenset(("-", "-1", "n/a", "na", "none", "null", "?"))
_INFERENCE_CODES = {"0": 1.0, "1": 0.5, "2": 0.0}
_INFERENCE_LETTERS = {"e": 1.0, "n": 0.5, "c": 0.0}
_TOPS = (1.0, 5.0, 10.0, 100.0)
_MOST_GRADES = 10
# Cosines are a little above 1 at times.
_NOISE = 1e-3

LEAST_READABLE = 0.95
"""Share of the scores that must be numbers; what else there is counts as missing."""

RIGHT_ANSWER = 0.75
"""A pair must score as much, from 0 to 1, to be an answer to search for."""


@dataclass(frozen=True)
class Scores:
    """Hold a column of scores.

    Attributes:
        values: of each cell, from 0 to 1; None where it says nothing.
        scale: what was read, in words: "0..5", or "entailment = 1, neutral = 0.5"; empty for 0 to 1.
        unclear: whether another reading is as likely, and what it is.
    """

    values: list[float | None]
    scale: str
    unclear: str = ""


def numbers(cells: Sequence[str]) -> list[float | None]:
    """Return each cell as a finite number, or None; a decimal comma is understood."""
    return [number_of(cell) for cell in cells]


def number_of(cell: str) -> float | None:
    """Return a cell as a finite number, or None; a decimal comma and a typographic minus are understood."""
    try:
        value = float(cell.replace(",", ".").replace("−", "-"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def reads_as_scores(values: Sequence[str]) -> bool:
    """Tell whether every value is a number, a percentage, stars, or so many out of so many."""
    return all(_parse(value) is not None for value in values)


def read_share(cells: Sequence[str]) -> float:
    """Return the share of cells that are numbers, percentages, stars, or so many out of so many."""
    return sum(_parse(cell) is not None for cell in cells) / max(1, len(cells))


def reads_as_words(values: Sequence[str], *, inference: bool = False) -> bool:
    """Tell whether the values are words that say how alike two texts are, such as "entailment" or "duplicate"."""
    words = _read_words(dict.fromkeys(values), inference)
    return words is not None and len(set(words.values())) > 1


def read_scores(cells: Sequence[str], source: str, *, inference: bool = False) -> Scores:
    """Read scores on the scale that they have.

    Args:
        cells: one a pair, none of them blank.
        source: name of the file, for errors.
        inference: whether the names of the columns speak of premise and hypothesis, so that 0, 1 and 2 are the usual
            codes of entailment, neutral and contradiction.

    Raises:
        UserError: a cell is not a score, or all are the same.
    """
    distinct = dict.fromkeys(cells)
    words = _read_words(distinct, inference)
    if words is not None:
        values = [words.get(cell) for cell in cells]
        scores = Scores(values, ", ".join(f"{word} = {value:g}" for word, value in words.items()))
    else:
        scores = _read_numbers(cells, source)
    said = [value for value in scores.values if value is not None]
    if len(set(said)) < 2:
        only = next((cell for cell, value in zip(cells, scores.values, strict=True) if value is not None), "missing")
        raise UserError(f"{source}: every score is {only}. Please give pairs with different scores.")
    return scores


def _read_words(distinct: Mapping[str, None], inference: bool) -> dict[str, float] | None:
    """Return what each word stands for, or None where the cells are numbers."""
    plain = {cell: _plain(cell) for cell in distinct if _plain(cell) not in _NO_ANSWER}
    said = set(plain.values())
    # The codes 0 and 1 alone are as likely no and yes.
    for known in (_INFERENCE_CODES, _INFERENCE_LETTERS):
        if inference and said <= set(known) and len(said) > 1 and said != {"0", "1"}:
            return {cell: known[word] for cell, word in sorted(plain.items())}
    if plain and not any(_parse(cell) is not None for cell in plain):
        found = {cell: _word_score(cell) for cell in plain}
        readable = {cell: value for cell, value in found.items() if value is not None}
        if len(readable) == len(found):
            return dict(sorted(readable.items(), key=lambda item: -item[1]))
    return None


def _read_numbers(cells: Sequence[str], source: str) -> Scores:
    parsed = [_parse(cell) for cell in cells]
    strange = [cell for cell, value in zip(cells, parsed, strict=True) if value is None]
    if len(strange) > (1 - LEAST_READABLE) * len(cells):
        raise UserError(
            f"{source}: the score {strange[0]!r} is not a number, nor a word for how alike two texts are, such as "
            "entailment = 1, neutral = 0.5, contradiction = 0 or duplicate = 1, not duplicate = 0. "
            "Please correct it, or choose other columns."
        )
    known = [value for value in parsed if value is not None]
    tops = {top for _, top in known if top}
    if tops:
        bare = max((value for value, top in known if not top), default=0.0)
        most = max(tops)
        # In a column with percentages a bare 80 is 80 % too, and a bare 0.8 as much.
        values = [None if each is None else each[0] / (each[1] or (1.0 if bare <= 1 else most)) for each in parsed]
        low, high = 0.0, 1.0
        if min(value for value in values if value is not None) < 0:
            low = -1.0
        words = "0 %..100 %" if tops == {100.0} else f"0..{most:g}"
        return _scaled(values, low, high, words if low == 0 else "-100 %..100 %")
    plain = [None if each is None else each[0] for each in parsed]
    low, high = _scale(sorted({value for value, _ in known}))
    scores = _scaled(plain, low, high, "" if (low, high) == (0, 1) else f"{low:g}..{high:g}")
    codes = {value for value, _ in known} == {0, 1, 2}
    unclear = "Where 0 stands for entailment and 2 for contradiction, write the words instead." if codes else ""
    return Scores(scores.values, scores.scale, unclear)


def _scaled(values: Sequence[float | None], low: float, high: float, words: str) -> Scores:
    span = high - low or 1.0
    return Scores([None if value is None else min(1.0, max(0.0, (value - low) / span)) for value in values], words)


def _scale(values: Sequence[float]) -> tuple[float, float]:
    """Return the usual scale that distinct sorted values fit on, or else their range."""
    low, high = values[0], values[-1]
    if low < 0:
        even = next((top for top in (1, 2, 3, 5, 10, 100) if max(-low, high) <= top + _NOISE), None)
        return (-even, even) if even else (low, high)
    whole = all(value.is_integer() for value in values)
    top = high if whole and high <= _MOST_GRADES else next((top for top in _TOPS if high <= top + _NOISE), None)
    if top is None:
        return low, high
    return (1.0 if low >= 1 and 1 < top < 100 else 0.0), top


def _parse(cell: str) -> tuple[float, float] | None:
    """Return (number, top of the scale that the cell names, or 0)."""
    value = number_of(cell)
    if value is not None:
        return value, 0.0
    stars = _STARS.fullmatch(cell)
    if stars:
        return float(len(stars[1])), float(max(5, len(stars[1] + stars[2])))
    for pattern, top in ((_PERCENT, "100"), (_OUT_OF, None)):
        found = pattern.fullmatch(cell)
        if found:
            value, most = number_of(found[1]), number_of(top or found[2])
            return None if value is None or not most or value > most else (value, most)
    return None


def _word_score(cell: str) -> float | None:
    plain = _plain(cell)
    for table in (_INFERENCE, _SAMENESS):
        for value, words in table.items():
            if plain in words.split():
                return value
    return None


def _plain(cell: str) -> str:
    """Return a word without case, spaces and signs, and a number without a fraction of nothing."""
    number = number_of(cell)
    if number is not None:
        return f"{number:g}"
    return cell.casefold() if cell.casefold() in _NO_ANSWER else re.sub(r"[\W_]", "", cell.casefold())
