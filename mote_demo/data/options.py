"""How a file is read: what a person may set where the guess is wrong, and the limits."""

from dataclasses import dataclass

from mote_demo.limits import MAX_BYTES, MAX_ROWS


@dataclass(frozen=True)
class ReadOptions:
    """Hold the options of every reader; what is None is told by the content.

    Attributes:
        encoding: a key of ``ENCODINGS``, or any codec of Python.
        header: whether the first row names the columns.
        delimiter: the one character between cells.
        sheet: name of a workbook's sheet; None is the first that is not empty.
        seed: the same seed keeps the same rows of a file that has more than ``max_rows``.
        max_rows: rows to keep: a sample over the whole file.
        max_bytes: a larger file is a ``UserError``.
    """

    encoding: str | None = None
    header: bool | None = None
    delimiter: str | None = None
    sheet: str | None = None
    seed: int = 0
    max_rows: int = MAX_ROWS
    max_bytes: int = MAX_BYTES
