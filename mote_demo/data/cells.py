"""What the cells of a column look like: texts, few repeated values, numbers, dates, links or objects."""

import re
from dataclasses import dataclass

import pandas as pd

from mote_demo.data.scores import number_of, reads_as_scores

_SCRIPTS_WITHOUT_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
# Chinese and Japanese words have about two signs, Thai, Lao, Burmese and Khmer ones about five.
_WORD = re.compile(
    rf"[{_IDEOGRAPHS}]{{1,2}}|[{_SCRIPTS_WITHOUT_SPACES}]{{1,5}}|[^\s{_IDEOGRAPHS}{_SCRIPTS_WITHOUT_SPACES}]+"
)
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([T ,]+\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2})?"
)
_LINK = re.compile(r"(https?://|www\.)\S+|[^\s@]+@[^\s@]+\.\w+|\S+\.(jpe?g|png|gif|pdf|txt|csv|html?)", re.IGNORECASE)
_CODE = re.compile(r"(?=\S*\d)[\w.:#-]+")
_SPLITS = frozenset(["train", "training", "test", "testing", "dev", "valid", "validation", "val", "eval"])
_FLAGS = frozenset(
    ["yes", "no", "true", "false", "y", "n", "ja", "nein", "oui", "non", "si", "sì", "да", "нет", "是", "否"]
)

_MOSTLY = 0.9
LABEL_CHARACTERS = 60
_READS_LIKE_TEXT = 3
_MOST_CODES = 50


@dataclass(frozen=True)
class Look:
    """Describe the cells of one column.

    Attributes:
        filled: share of cells that are not blank.
        distinct: how many values there are.
        words: mean words of a filled cell; in scripts without spaces an estimate.
        kind: "blank", "number", "scale" (numbers with signs, such as "80%" or "4/5"), "date", "link", "object", "code"
            (ids), "split" (parts of a data set), or "words".
        repeated: whether few distinct short values come again and again, as labels do.
        flag: whether all of them are yes or no.
    """

    filled: float
    distinct: int
    words: float
    kind: str
    repeated: bool
    flag: bool

    @property
    def is_words(self) -> bool:
        """Tell whether a model could read the cells."""
        return self.kind in ("words", "code")

    @property
    def is_numeric(self) -> bool:
        """Tell whether every cell is a number, whatever sign it has."""
        return self.kind in ("number", "scale")

    @property
    def reads_like_text(self) -> bool:
        """Tell whether the cells are texts rather than names of something."""
        return self.is_words and self.words >= _READS_LIKE_TEXT


def count_words(cell: str) -> int:
    """Count the words of a cell; in scripts without spaces this is an estimate."""
    return len(_WORD.findall(cell))


def look_at(cells: pd.Series) -> Look:
    """Describe a column of str cells."""
    filled = cells[cells != ""]
    values = filled.unique().tolist()
    if not values:
        return Look(0.0, 0, 0.0, "blank", False, False)
    kind = _kind(values, len(filled))
    whole = kind == "words" or (kind in ("number", "split") and all(_is_whole(value) for value in values))
    short = (filled.str.len() <= LABEL_CHARACTERS).mean() > 1 - (1 - _MOSTLY) / 5
    lowered = {value.casefold() for value in values}
    return Look(
        filled=len(filled) / len(cells),
        distinct=len(values),
        words=float(filled.map(count_words).mean()),
        kind=kind,
        repeated=bool(2 <= len(values) <= len(filled) / 2 and short and whole),
        flag=lowered <= _FLAGS or lowered <= {"0", "1"},
    )


def _kind(values: list[str], rows: int) -> str:
    if all(number_of(value) is not None for value in values):
        return "number"
    if reads_as_scores(values):
        return "scale"
    if {value.casefold() for value in values} <= _SPLITS and len(values) > 1:
        return "split"
    for kind, pattern in (("date", _DATE), ("link", _LINK)):
        if sum(bool(pattern.fullmatch(value)) for value in values) >= _MOSTLY * len(values):
            return kind
    if sum(value.startswith("{") and value.endswith("}") for value in values) >= _MOSTLY * len(values):
        return "object"
    # Each row a code of its own: ids, not words.
    if len(values) == rows and sum(bool(_CODE.fullmatch(value)) for value in values) >= _MOSTLY * len(values):
        return "code"
    return "words"


def _is_whole(value: str) -> bool:
    number = number_of(value)
    return number is None or number.is_integer()
