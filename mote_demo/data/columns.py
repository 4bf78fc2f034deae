"""Which column of a table is the text, the label, the query: by name first, then by content."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from mote_demo.tasks import find_task

_SYNONYMS = {
    "text": "text body content message comment review utterance post tweet sentence passage document description "
    "abstract article",
    "title": "title subject headline heading name",
    "label": "labeltext labelname label labels category class topic intent target tag sentiment genre mood group",
    "query": "query question anchor search queries",
    "positive": "positive pos answer positivepassage relevant response passage document doc context",
    "negative": "negative neg hardnegative negatives",
    "sentence1": "sentence1 sentencea text1 texta premise s1 sent1",
    "sentence2": "sentence2 sentenceb text2 textb hypothesis s2 sent2",
    "score": "score similarity similarityscore relatedness relatednessscore rating gold",
}
_ROLE_NAMES = {role: tuple(names.lower().split()) for role, names in _SYNONYMS.items()}
_GROUPS = (("text", "title", "label"), ("query", "positive", "negative"), ("sentence1", "sentence2", "score"))
"""Roles within a group have different columns; groups belong to different tasks and may share one."""

_RETRIEVAL_ROLES = ("query", "positive", "negative")
_SCORE_TOP = 5.0
_LABEL_CHARACTERS = 60


@dataclass(frozen=True)
class Columns:
    """Name the column of each role; None where there is none."""

    text: str | None = None
    title: str | None = None
    label: str | None = None
    query: str | None = None
    positive: str | None = None
    negative: str | None = None
    sentence1: str | None = None
    sentence2: str | None = None
    score: str | None = None


def is_role_name(name: str) -> bool:
    """Tell whether a column name is a usual name of some role."""
    return any(_plain(name) in names for names in _ROLE_NAMES.values())


def recognise(frame: pd.DataFrame, **named: str) -> Columns:
    """Guess the column of each role in a frame of str cells, but for the ``named`` ones; the caller may correct it."""
    found: dict[str, str | None] = {}
    for group in _GROUPS:
        taken: dict[str, str | None] = {role: named[role] for role in group if role in named}
        for role in group:
            taken[role] = taken.get(role) or _by_name(frame, role, taken.values())
        found |= taken
    _fill_text_and_label(frame, found)
    _fill_pair(frame, found)
    return Columns(**found)


def question_of(columns: Columns, text: str | None, used: Iterable[str | None] = ()) -> str | None:
    """Return the column of questions that the texts of the column ``text`` answer, if one seems to be among the rest.

    Args:
        columns: what was guessed.
        text: the column of texts.
        used: columns that are something else, such as titles and labels.
    """
    if columns.query in (None, text, *used):
        return None
    # A column may be taken for queries because it is the shorter one of two: then the longer one has the answers.
    is_named = _plain(columns.query or "") in _ROLE_NAMES["query"]
    return columns.query if is_named or columns.positive == text else None


def roles_of(task: str) -> tuple[str, ...]:
    """List the roles that columns can have for ``task``; ``negative`` is optional."""
    columns = find_task(task).columns
    return _RETRIEVAL_ROLES if "positive" in columns else columns


def suggest_task(columns: Columns) -> str:
    """Return the task that a table with these columns is made for."""
    for task in ("similarity", "retrieval"):
        if all(getattr(columns, role) for role in find_task(task).columns):
            return task
    return "classification"


def numbers(cells: Iterable[str]) -> list[float | None]:
    """Return each cell as a finite number, or None; a decimal comma is understood."""
    return [_number(cell) for cell in cells]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _number(cell: str) -> float | None:
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _by_name(frame: pd.DataFrame, role: str, taken: Iterable[str | None]) -> str | None:
    used = set(taken)
    plain = {_plain(column): column for column in reversed(frame.columns) if column not in used}
    names = (plain[name] for name in _ROLE_NAMES[role] if name in plain)
    return next((name for name in names if role != "score" or _is_score(frame[name])), None)


def _fill_text_and_label(frame: pd.DataFrame, found: dict[str, str | None]) -> None:
    if found["text"] is None:
        free = [column for column in frame.columns if column not in (found["title"], found["label"])]
        found["text"] = _longest(frame, free)
    if found["label"] is None:
        used = (found["text"], found["title"])
        free = [column for column in frame.columns if column not in used and _is_label(frame[column])]
        found["label"] = min(free, key=lambda column: frame[column].nunique(), default=None)


def _fill_pair(frame: pd.DataFrame, found: dict[str, str | None]) -> None:
    """Where there are two columns of prose and a score, or two of unlike length, they are a pair."""
    prose = [column for column in frame.columns if _is_prose(frame[column])]
    scores = [column for column in frame.columns if column not in prose and _is_score(frame[column])]
    if len(prose) != 2:
        return
    if found["sentence1"] is None and found["sentence2"] is None and scores:
        found["sentence1"], found["sentence2"] = prose
        found["score"] = found["score"] or scores[0]
    elif found["query"] is None and found["positive"] is None and not scores:
        found["query"], found["positive"] = sorted(prose, key=lambda column: _mean_length(frame[str(column)]))


def _longest(frame: pd.DataFrame, names: list[str]) -> str | None:
    prose = [name for name in names if not _is_numeric(frame[name])]
    return max(prose, key=lambda name: _mean_length(frame[str(name)]), default=None)


def _mean_length(cells: pd.Series) -> float:
    return float(cells.str.len().mean())


def _is_numeric(cells: pd.Series) -> bool:
    return all(value is not None for value in numbers(cell for cell in cells if cell))


def _is_score(cells: pd.Series) -> bool:
    values = [value for value in numbers(cell for cell in cells if cell) if value is not None]
    return _is_numeric(cells) and bool(values) and min(values) >= 0 and max(values) <= _SCORE_TOP


def _is_label(cells: pd.Series) -> bool:
    """Few distinct short values, each on two rows or more on average."""
    distinct = cells.nunique()
    return 2 <= distinct <= len(cells) / 2 and cells.str.len().max() <= _LABEL_CHARACTERS


def _is_prose(cells: pd.Series) -> bool:
    words = cells.map(lambda cell: len(cell.split()))
    return not _is_numeric(cells) and bool((words >= 3).mean() > 0.5)
