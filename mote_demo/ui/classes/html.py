"""The HTML of the Classes tab."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from markupsafe import Markup

from mote_demo.explore.classes import DRAWS, EXAMPLES, STARTS, Classes, Measure
from mote_demo.plain_text import shown_label
from mote_demo.ui.shared import templates
from mote_demo.ui.shared.streaming import Status

SIDES = ("left", "right")
OTHERS = -1
"""Stands for all classes that have no row of their own in a matrix."""

_MOST_ROWS = 24
_SHOWN_OF_MANY = 20
_LISTED = 50
_HARDEST = 10
_STRONGEST = 60
"""Percent of the colour in the fullest cell; more would make its number hard to read."""

_render = partial(templates.render, "mote_demo.ui.classes")


@dataclass(frozen=True)
class Matrix:
    """Hold the rows and columns of a confusion matrix that fit a page: classes by number, ``OTHERS`` last."""

    shown: tuple[int, ...]
    counts: np.ndarray

    @classmethod
    def of(cls, classes: Classes, side: int) -> "Matrix":
        """Show all classes, or of many those that are confused the most on either side; the rest is one row."""
        shown = shown_classes(classes)
        place = np.full(len(classes.names), len(shown))
        place[list(shown)] = np.arange(len(shown))
        size = len(shown) + (len(shown) < len(classes.names))
        counts = np.zeros((size, size), np.int64)
        np.add.at(counts, (place[:, None], place[None, :]), classes.sides[side].confusion)
        return cls(shown if size == len(shown) else (*shown, OTHERS), counts)

    def heat(self, row: int, column: int) -> int:
        """Return the percent of colour of a cell: its share of the row, drawn up so that few errors are seen."""
        return round(_STRONGEST * float(self.counts[row, column] / max(1, self.counts[row].sum())) ** 0.5)


def shown_classes(classes: Classes) -> tuple[int, ...]:
    """Return the classes that have a row of their own."""
    count = len(classes.names)
    if count <= _MOST_ROWS:
        return tuple(range(count))
    wrong = sum((_errors(side.confusion) for side in classes.sides), np.zeros(count, np.int64))
    return tuple(sorted(np.argsort(-wrong, kind="stable")[:_SHOWN_OF_MANY].tolist()))


def positions_of(classes: Classes, side: int, actual: int, predicted: int) -> np.ndarray:
    """Return the positions of the texts of a cell; ``OTHERS`` are the classes without a row, or a column."""
    shown = shown_classes(classes)

    def match(codes: np.ndarray, code: int) -> np.ndarray:
        return ~np.isin(codes, shown) if code == OTHERS else codes == code

    return np.flatnonzero(match(classes.labelled.codes, actual) & match(classes.sides[side].predicted, predicted))


def idle_line() -> Markup:
    """Say what the tab is for, before anything is measured."""
    return _line("Does a text lie among texts of its own class? Choose labelled texts and press “Measure”.")


def status_line(status: Status) -> Markup:
    """Say what is being done, with a bar where the end is known."""
    if not status.total:
        return _line(f"{status.stage} …", busy=True)
    return _line(
        f"{status.stage}: {status.done:,} of {status.total:,}", done=status.done, total=status.total, busy=True
    )


def done_line(classes: Classes) -> Markup:
    """Say what was measured."""
    what = f"{len(classes.labelled.codes):,} texts from {classes.labelled.texts.title} in {len(classes.names)} classes"
    return _line(" ".join([f"{what} of “{shown_label(classes.labelled.label)}”.", *classes.labelled.notes]))


def stopped_line(classes: Classes | None) -> Markup:
    """Say that the work was stopped, and what is still shown."""
    if classes is None:
        return _line("Stopped. Nothing was measured yet.")
    lenses = " and ".join(side.lens.title for side in classes.sides)
    what = f"{classes.labelled.texts.title}, {shown_label(classes.labelled.label)}"
    return _line(f"Stopped. What is shown belongs to {lenses}, {what}.")


def error_line(message: str) -> Markup:
    """Keep an error readable after its pop-up has gone."""
    return _line(message, error=True)


def _line(words: str, **values: Any) -> Markup:
    return _render(
        "line.html.jinja", **{"error": False, "busy": False, "done": 0, "total": 0, "words": words, **values}
    )


def empty() -> Markup:
    """Say what comes here."""
    return Markup('<p class="mote-empty">Here you see which classes each lens confuses.</p>')


def overview(classes: Classes) -> Markup:
    """Return the headline, the measures of both lenses and their confusion matrices."""
    sides = zip(SIDES, classes.sides, strict=True)
    return _render(
        "overview.html.jinja",
        classes=classes,
        headline=headline(classes),
        tallies=_tallies(classes),
        matrices=[(name, side, Matrix.of(classes, at)) for at, (name, side) in enumerate(sides)],
        name_of=partial(_name_of, classes),
        few=(EXAMPLES, DRAWS, STARTS),
        others=OTHERS,
        percent=_percent,
        points=_points,
        interval=_interval,
    )


def headline(classes: Classes) -> str:
    """Say in words which lens tells more texts right, and whether that may be chance."""
    accuracy = classes.measures[0]
    left, right = (side.lens.title for side in classes.sides)
    low, high = accuracy.interval or (0.0, 0.0)
    if left == right:
        left, right = f"{left} (left)", f"{right} (right)"
    shares = (accuracy.right, accuracy.left)
    change = round(100 * (accuracy.right - accuracy.left), 1)
    if change == 0:
        verdict = "Both tell equally many right."
    else:
        ahead = right if change > 0 else left
        sure = "may be chance" if low <= 0 <= high else "is more than chance among these texts"
        verdict = f"{ahead} is {abs(change):.1f} points ahead, which {sure}."
    told = [f"{_percent(share)} of the texts in {title}" for share, title in zip(shares, (right, left), strict=True)]
    return (
        f"The {classes.k} nearest texts tell the {shown_label(classes.labelled.label)} of {' and of '.join(told)}; "
        f"random neighbours would tell {_percent(accuracy.chance)}. {verdict}"
    )


def cell(classes: Classes, side: int, actual: int, predicted: int) -> Markup:
    """List the texts of a cell of a side's matrix with what both sides take them for."""
    positions = positions_of(classes, side, actual, predicted)
    title, name = classes.sides[side].lens.title, partial(_name_of, classes)
    told = "tells right" if actual == predicted != OTHERS else f"takes for {shown_label(name(predicted))}"
    margins = classes.sides[side].margins[positions]
    return _render(
        "cell.html.jinja",
        classes=classes,
        heading=f"{shown_label(name(actual))}: what {title} {told}",
        side=SIDES[side],
        count=len(positions),
        positions=positions[np.argsort(margins, kind="stable")][:_LISTED].tolist(),
        **_told(classes),
    )


def empty_cell() -> Markup:
    """Say what the panel is for."""
    return Markup(
        '<p class="mote-classes-hint">Choose a cell to read its texts: rows are the labels, columns what the '
        "nearest texts say.</p>"
    )


def details(classes: Classes) -> Markup:
    """Return the table of classes, the texts that one side alone tells right, and the hardest texts."""
    only_left, only_right = classes.won
    left, right = classes.sides
    scores = np.stack([each for side in classes.sides for each in (side.precision, side.recall, side.f1)], axis=1)
    counted = (classes.labelled.support, classes.labelled.chance, scores, right.f1 - left.f1)
    return _render(
        "details.html.jinja",
        classes=classes,
        rows=list(zip(classes.names, *(each.tolist() for each in counted), strict=True)),
        won=[
            (SIDES[at], classes.sides[at].lens.title, len(each), each[:_LISTED].tolist())
            for at, each in enumerate((only_left, only_right))
        ],
        hardest=classes.hardest(_HARDEST).tolist(),
        percent=_percent,
        points=_points,
        listed=_LISTED,
        **_told(classes),
    )


def _told(classes: Classes) -> dict[str, Any]:
    frame = classes.labelled.texts.frame
    return {
        "record": lambda position: frame.iloc[classes.labelled.rows[position]],
        "label_of": lambda position: classes.names[classes.labelled.codes[position]],
    }


def _errors(confusion: np.ndarray) -> np.ndarray:
    return confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * confusion.diagonal()


def _tallies(classes: Classes) -> Sequence[tuple[str, int]]:
    left, right = classes.hits
    titles = [side.lens.title for side in classes.sides]
    if titles[0] == titles[1]:
        titles = list(SIDES)
    return [
        ("both right", int((left & right).sum())),
        (f"only {titles[0]}", int((left & ~right).sum())),
        (f"only {titles[1]}", int((right & ~left).sum())),
        ("both wrong", int((~left & ~right).sum())),
    ]


def _name_of(classes: Classes, code: int) -> str:
    return "other classes" if code == OTHERS else classes.names[code]


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{share:.0%}".replace("%", " %")


def _points(difference: float) -> str:
    rounded = round(100 * difference, 1)
    return f"{'+' if rounded > 0 else '−' if rounded < 0 else '±'}{abs(rounded):.1f}"


def _interval(measure: Measure) -> str:
    return "–" if measure.interval is None else " to ".join(map(_points, measure.interval))
