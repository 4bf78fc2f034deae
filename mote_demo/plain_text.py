"""Text of strangers: clean enough to be kept, hashed and tokenized, and short enough to be shown as a label."""

import re
from typing import Any

from mote_demo.limits import LONGEST_LABEL

_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_TAIL = 15


def plain_text(text: str) -> str:
    """Drop NULs and lone surrogates, which no tokenizer, hash or file takes.

    Text without any stays the same object: a value that many rows share takes its memory once.
    """
    return _UNUSABLE.sub("", text) if _UNUSABLE.search(text) else text


def plain_values(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Do so with every text, and name, in what JSON held: it can spell a lone surrogate."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, list):
        return [plain_values(each) for each in value]
    if isinstance(value, dict):
        return {plain_text(name): plain_values(each) for name, each in value.items()}
    return value


def shown_label(label: object) -> str:
    """Return a label on one line, with its middle left out where it is longer than ``LONGEST_LABEL``."""
    line = " ".join(str(label).split())
    if len(line) <= LONGEST_LABEL:
        return line
    return f"{line[: LONGEST_LABEL - _TAIL - 1].rstrip()}…{line[-_TAIL:].lstrip()}"
