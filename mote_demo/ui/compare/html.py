"""What the Compare tab shows, as HTML."""

import pandas as pd
from markupsafe import Markup

from mote_demo.explore.highlight import mark_words
from mote_demo.explore.lab import INSTRUCTION, Lab
from mote_demo.explore.lens import Lens
from mote_demo.explore.matrix import TaskMatrix
from mote_demo.explore.search import Answer
from mote_demo.model.configuration import AVERAGE
from mote_demo.ui.shared.templates import render

VOTING = "classification"
"""The task whose nearest texts vote on a label."""

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
    """Return both answers side by side, and on a phone in one list, under a line on what they share."""
    frame = answer.to_frame()
    hits = {side: part.to_dict("records") for side, part in frame.groupby("side")}
    left, right = (part.lens.encoder.name for part in answer.sides)
    return render(
        "mote_demo.ui.compare",
        "answers.html.jinja",
        answer=answer,
        sides=list(zip(("left", "right"), answer.sides, strict=True)),
        hits=hits,
        merged=_merged(frame),
        names_differ=left != right,
        voting=VOTING,
        zip=zip,
        mark_words=mark_words,
        shortened=_shortened,
        move_signs=_MOVES,
        move_words=_MOVE_WORDS,
    )


def matrix(left: TaskMatrix, right: TaskMatrix) -> Markup:
    """Return the ranks of the same texts under every task of both models."""
    return render(
        "mote_demo.ui.compare",
        "matrix.html.jinja",
        sides=(left, right) if left.lenses != right.lenses else (left,),
        rows=left.rows.tolist(),
        texts=left.texts,
        depth=_depth,
        shortened=_shortened,
    )


def lab(lens: Lens, taken_apart: Lab) -> Markup:
    """Return the lists of each combination of instruction and expert."""

    def title(expert: str) -> str:
        if expert == AVERAGE:
            return "the average of all experts"
        return f"expert “{expert}”" if expert else "its own expert"

    return render(
        "mote_demo.ui.compare",
        "lab.html.jinja",
        lens=lens,
        lab=taken_apart,
        first=taken_apart.rows_of(0, 0).tolist(),
        instruction=INSTRUCTION,
        titles=title,
        shortened=_shortened,
    )


def status(stage: str, done: int, total: int) -> Markup:
    """Return a progress line: what is being done and how far it is."""
    return render("mote_demo.ui.compare", "progress.html.jinja", stage=stage, done=done, total=total)


def note(text: str) -> Markup:
    """Return a quiet line below the controls."""
    return Markup('<div class="mote-status" role="status">{}</div>').format(text)


def _merged(frame: pd.DataFrame) -> list[tuple[dict[str, object], tuple[int | None, int | None]]]:
    """Return each text once with its rank on both sides, None beyond the list, best first."""
    ranks = {side: part.set_index("row")["rank"].to_dict() for side, part in frame.groupby("side")}
    once = frame.sort_values(["rank", "side"], kind="stable").drop_duplicates("row").to_dict("records")
    return [(record, (ranks["left"].get(record["row"]), ranks["right"].get(record["row"]))) for record in once]


def _depth(rank: int, k: int) -> float:
    """Return how dark a cell is: 1 for the first rank, 0 for none, little beyond the list."""
    return 0 if not rank else round(max(0.08, 1 - (rank - 1) / (k + 1)), 2)


def _shortened(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
