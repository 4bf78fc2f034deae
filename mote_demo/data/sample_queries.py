"""A few queries to begin with, for texts that bring none."""

from collections.abc import Sequence

import pandas as pd

from mote_demo.data.groups import text_key
from mote_demo.data.prose import cut

MOST = 12
_LONGEST = 200
_LENGTHS = 6


def pick_queries(frame: pd.DataFrame, labels: Sequence[str] = (), questions: Sequence[str] = ()) -> tuple[str, ...]:
    """Pick queries from the questions that the texts answer, or else from the texts themselves.

    They are spread over the values of the first label column or, without one, over short and long ones; the same
    texts always give the same queries.

    Args:
        frame: with the column ``text``, and those of ``labels``.
        labels: columns that group the texts.
        questions: the question of each row, "" where there is none.

    Returns:
        At most ``MOST``, on one line each, cut at 200 characters between words.
    """
    lines = pd.Series(list(questions) if any(questions) else frame["text"].tolist(), dtype=object)
    lines = lines.map(lambda text: cut(" ".join(text.split()), _LONGEST))
    lines = lines[(lines != "") & ~lines.map(text_key).duplicated()].sample(frac=1, random_state=0)
    if labels:
        group = frame[labels[0]].reset_index(drop=True)[lines.index]
    else:
        group = (lines.str.len().rank(method="first") - 1) * _LENGTHS // len(lines)
    # Each group gives one query before any gives its second.
    turns = lines.groupby(group.to_numpy()).cumcount().sort_values(kind="stable")
    return tuple(lines[turns.index[:MOST]])
