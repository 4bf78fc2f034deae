"""What the Compare tab shows, as HTML."""

from collections.abc import Iterator

import pandas as pd
from markupsafe import Markup

from mote_demo.explore.highlight import mark_words
from mote_demo.explore.measures import Hit, Move
from mote_demo.explore.search import Answer, LensAnswer
from mote_demo.ui.shared.templates import render

_MOVES = {"up": "▲ {n}", "down": "▼ {n}", "same": "=", "new": "only here"}
_MOVE_WORDS = {
    "up": "{n} places higher than on the other side",
    "down": "{n} places lower than on the other side",
    "same": "same place on both sides",
    "new": "not among the other side's nearest 100",
}


def empty() -> Markup:
    """Return what stands in place of the answers before the first question."""
    return Markup('<div class="mote-empty">Pick a task, type a query and press Compare.</div>')


def answers(answer: Answer) -> Markup:
    """Return both answers side by side under a line on what they share."""

    def hits_of(part: LensAnswer) -> Iterator[tuple[Hit, Move, pd.Series]]:
        for hit, move in zip(part.hits, part.moves, strict=True):
            yield hit, move, answer.texts.frame.iloc[hit.row]

    return render(
        "mote_demo.ui.compare",
        "answers.html.jinja",
        answer=answer,
        sides=list(zip(("left", "right"), answer.sides, strict=True)),
        hits_of=hits_of,
        mark_words=mark_words,
        shortened=_shortened,
        move_signs=_MOVES,
        move_words=_MOVE_WORDS,
    )


def status(stage: str, done: int, total: int) -> Markup:
    """Return a progress line: what is being done and how far it is."""
    return render("mote_demo.ui.compare", "progress.html.jinja", stage=stage, done=done, total=total)


def note(text: str) -> Markup:
    """Return a quiet line below the controls."""
    return Markup('<div class="mote-status" role="status">{}</div>').format(text)


def _shortened(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
