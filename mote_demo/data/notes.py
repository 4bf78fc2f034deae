"""What was noticed about somebody's data: a sentence, and the place that it is about."""

from collections.abc import Iterable

_NAMED = 5


class Note(str):
    """Say in one sentence what was noticed; it is a str with its place beside it.

    Attributes:
        rows: lines of the file, or rows where it has no lines, from 1; empty where it is about all of them.
        column: the column that it is about, or "".
    """

    rows: tuple[int, ...]
    column: str

    def __new__(cls, what: str, rows: Iterable[int] = (), column: str = "") -> "Note":
        """Make a note of ``what``."""
        note = super().__new__(cls, what)
        note.rows, note.column = tuple(rows), column
        return note

    def __reduce__(self) -> tuple[type, tuple[str, tuple[int, ...], str]]:
        """Return what a copy is made of, for pickle."""
        return Note, (str(self), self.rows, self.column)


def listed_rows(rows: Iterable[int], kind: str = "line") -> str:
    """Name rows in words, the first few of many: "lines 3, 8 and 4 more"."""
    numbers = list(rows)
    named = [f"{number:,}" for number in numbers[:_NAMED]]
    if len(numbers) > _NAMED:
        named.append(f"{len(numbers) - _NAMED:,} more")
    last = named.pop()
    return f"{kind}s {', '.join(named)} and {last}" if named else f"{kind} {last}"
