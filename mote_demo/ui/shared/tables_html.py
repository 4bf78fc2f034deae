"""Tables of measurements, as HTML, and what they call things."""

from collections.abc import Sequence
from html import escape

_SCOPE_TITLES = {"sts": "STS", "nli": "NLI", "all": "All sets"}


def table(header: Sequence[str], rows: str, texts: int) -> str:
    """Return a table around rows of HTML; its first ``texts`` columns are text, the others numbers."""
    cells = "".join(
        f"<th scope='col'{' class=mote-number' if number >= texts else ''}>{escape(name)}</th>"
        for number, name in enumerate(header)
    )
    return f'<div class="mote-table-wrap"><table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>'


def number_cells(cells: Sequence[str]) -> str:
    """Return a cell of numbers for each of ``cells``, which are HTML."""
    return "".join(f'<td class="mote-number">{cell}</td>' for cell in cells)


def capitalized(words: str) -> str:
    """Return the words with a large first letter."""
    return words[:1].upper() + words[1:]


def scope_words(scope: str) -> str:
    """Return what tables call a family of sets, or the mean over all."""
    return _SCOPE_TITLES.get(scope, scope.capitalize())
