"""The first rows of a table, as a notebook shows them."""

from collections.abc import Sequence
from html import escape

import pandas as pd

_ROWS = 5


def preview_html(words: str, frame: pd.DataFrame, notes: Sequence[str]) -> str:
    """Return the first rows of ``frame``, long cells cut, under plain ``words`` and over plain notes."""
    said = "".join(f"<li>{escape(note)}</li>" for note in notes)
    table = frame.head(_ROWS).to_html(max_cols=10)
    return f"<p>{escape(words)}</p>{table}" + (f"<ul>{said}</ul>" if said else "")
