"""The messages that the first screen shows, chosen by rules from how many neighbours each model gets right."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from typing_extensions import TypedDict

from mote_demo.data.texts import Texts
from mote_demo.errors import UserError
from mote_demo.validation import read_json

TOUR_FILE = Path(__file__).with_name("tour.json")

_COMMAND = "python scripts/tour.py"

Gains = Mapping[str, np.ndarray]
"""By label, int64 [n]: how many more right neighbours MoTE finds than the baseline, for each message."""


@dataclass(frozen=True)
class Rule:
    """Say how a message is chosen.

    Attributes:
        title: what the screen calls it.
        words: the rule, a sentence.
        label: the one meaning that the rule looks at; "" where it looks at all of them.
        rank: what the message has the highest value of, float64 [n].
    """

    title: str
    words: str
    label: str
    rank: Callable[[Gains], np.ndarray]


def _total(gains: Gains) -> np.ndarray:
    return np.sum(list(gains.values()), axis=0)


def _win(label: str) -> Rule:
    words = f"Of all messages, MoTE gains most on this one by {label}."
    return Rule(f"A win by {label}", words, label, lambda gains: gains[label])


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "most": Rule(
            "The largest gain",
            "Of all messages, MoTE gains most on this one, by topic, intent and mood together.",
            "",
            _total,
        ),
        "intent": _win("intent"),
        "mood": _win("mood"),
        "middle": Rule(
            "An average message",
            "On this message MoTE gains about as much as on average over all of them.",
            "",
            lambda gains: -np.abs(_total(gains) - _total(gains).mean()),
        ),
        "loss": Rule(
            "A loss",
            "Of all messages, MoTE loses most to the baseline on this one in a single meaning.",
            "",
            lambda gains: -np.min(list(gains.values()), axis=0),
        ),
    }
)
"""The rules in the order of the tour; none takes a message of an earlier one, and of two alike it takes the first."""


class Tour(TypedDict):
    """Hold the row of the message of each rule, in texts of this fingerprint."""

    texts: str
    rows: dict[str, int]


def choose_tour(texts: Texts, right: Mapping[str, np.ndarray]) -> Tour:
    """Choose a message by each rule.

    Args:
        texts: the messages.
        right: by label, int64 [2, n], how many neighbours are right: the baseline's, then MoTE's.
    """
    gains = {label: after - before for label, (before, after) in right.items()}
    rows: dict[str, int] = {}
    for name, rule in RULES.items():
        ranked = np.argsort(-rule.rank(gains), kind="stable").tolist()
        rows[name] = next(row for row in ranked if row not in rows.values())
    return {"texts": texts.fingerprint, "rows": rows}


def read_tour(texts: Texts, path: Path = TOUR_FILE) -> dict[str, int]:
    """Return the row of the message of each rule; a file of other texts is a ``UserError``."""
    tour = read_json(path, Tour, mend=f"Please write it again with `{_COMMAND}`.")
    if tour["texts"] != texts.fingerprint or tour["rows"].keys() != RULES.keys():
        raise UserError(f"{path.name} was chosen from other messages. Please write it again with `{_COMMAND}`.")
    return tour["rows"]
