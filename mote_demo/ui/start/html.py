"""What the Start tab shows, as HTML of its templates."""

from markupsafe import Markup

from mote_demo.serving.meanings import Meaning, Message, Side
from mote_demo.serving.tour import Rule
from mote_demo.study.results import Interval, LensResult, ShippedExperts
from mote_demo.tasks import ROUTES
from mote_demo.ui.shared.templates import render

_SAME = 0.005
"""A measured share belongs to what is shown where it differs by less: another checkpoint's would differ by more."""

_SHOWN = 5
"""Neighbours in sight; the others are one click away."""

_TITLES = {
    "untouched": "untouched backbone",
    "baseline": "baseline, with its instruction",
    "mote": "MoTE, its own route",
    "expert": "MoTE, the grown expert",
}


def intro() -> Markup:
    """Say what MoTE is, with a drawing folded away."""
    return render("mote_demo.ui.start", "intro.html.jinja", routes=ROUTES, chosen="clustering")


def working(stage: str, done: int = 0, total: int = 0) -> Markup:
    """Return a progress line: what is being done and how far it is."""
    return render("mote_demo.ui.start", "working.html.jinja", stage=stage, done=done, total=total)


def message(found: Message, rule: Rule, shipped: ShippedExperts | None) -> Markup:
    """Return a message with what is near it in each meaning, through both models.

    Args:
        found: the message.
        rule: that chose it.
        shipped: what was measured, for intervals, if anything was.
    """

    def interval_of(meaning: Meaning, side: Side) -> Interval | None:
        measured = _measured(shipped, meaning.label, str(side.lens))
        near = measured is not None and abs(measured["neighbours"]["mean"] - side.share) < _SAME
        return measured["neighbours"]["interval"] if measured is not None and near else None

    return render(
        "mote_demo.ui.start", "message.html.jinja", message=found, rule=rule, interval_of=interval_of, shown=_SHOWN
    )


def measured(shipped: ShippedExperts | None, experts: list[str]) -> Markup:
    """Say how the experts that ship were grown and measured, or that there are none.

    Args:
        shipped: what was measured, if anything was.
        experts: names of those that are loaded.
    """
    return render("mote_demo.ui.start", "measured.html.jinja", shipped=shipped, experts=experts, titles=_TITLES)


def _measured(shipped: ShippedExperts | None, label: str, lens: str) -> LensResult | None:
    rows = [] if shipped is None else [row for row in shipped["labels"] if row["label"] == label]
    return next((each for row in rows for each in row["lenses"].values() if each["lens"] == lens), None)
