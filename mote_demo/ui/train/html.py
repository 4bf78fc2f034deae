"""What the Train tab shows, as HTML of its templates."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from markupsafe import Markup

from mote_demo.data.tables import Table
from mote_demo.growing.estimate import Estimate
from mote_demo.growing.expert import Expert
from mote_demo.growing.grow import GrowthResult
from mote_demo.growing.heldout import FEW_ROWS
from mote_demo.growing.rows import Rows
from mote_demo.growing.settings import GrowthSettings
from mote_demo.growing.suggestion import Suggestion, rows_needed
from mote_demo.growing.training import TrainingStep
from mote_demo.tasks import TASKS
from mote_demo.ui.shared.templates import render

_ROWS_SHOWN = 50
_WIDTH, _HEIGHT = 600, 110
_WINDOW = 5
_LEAST_CHANGE = 0.0005
_render = partial(render, "mote_demo.ui.train")


def section(number: int, title: str, hint: str) -> Markup:
    """Head one step of the tab."""
    return _render("section.html.jinja", number=number, title=title, hint=hint)


def data_note(table: Table, *, sample: bool) -> Markup:
    """Say what was read and what was cleaned up."""
    return _render("data_note.html.jinja", table=table, source="the sample set" if sample else table.source)


def problem(message: str, *, kept: str = "") -> Markup:
    """Keep an error readable beside what goes on working."""
    return _render("problem.html.jinja", message=message, kept=kept)


def advice(found: Suggestion | None, timed: Estimate, settings: GrowthSettings, rows: Rows) -> Markup:
    """Say where to start from and why, and how long it will take; None where nothing was looked at."""
    seconds = timed.seconds if settings.seconds is None else min(timed.seconds, settings.seconds)
    steps = timed.steps if settings.seconds is None else timed.steps_within(settings.seconds)
    held_out = len(rows.test.frame)
    return _render(
        "advice.html.jinja",
        found=found,
        seconds=_words_of(seconds),
        steps=steps,
        planned=timed.steps,
        train_rows=len(rows.train.frame),
        needed=rows_needed() if held_out < rows_needed() else 0,
        held_out=held_out,
    )


def waiting(before: int) -> Markup:
    """Say how many trainings come first."""
    many = "1 training comes" if before == 1 else f"{before} trainings come"
    return _progress((), words=f"Waiting for a free place: {many} before yours", working=True)


def idle() -> Markup:
    """Say what the button does."""
    return finished("Nothing is being trained. The shared model never changes.")


def working(words: str, losses: Sequence[float] = (), twins: Sequence[float] = ()) -> Markup:
    """Say what is being done where nobody can tell how long it takes."""
    return _progress(losses, twins, words=words, working=True)


def progress(step: TrainingStep, losses: Sequence[float], twins: Sequence[float] = ()) -> Markup:
    """Say how far the training is, or that of the twin where it has begun, with the curves of the loss so far."""
    return _progress(losses, twins, step=step, left=f"about {_words_of(step.seconds_left)} left")


def finished(words: str, losses: Sequence[float] = (), twins: Sequence[float] = ()) -> Markup:
    """Say how the training ended."""
    return _progress(losses, twins, words=words)


def _words_of(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(1, round(seconds))} s"


def _means(losses: Sequence[float]) -> list[float]:
    return [sum(losses[max(0, at - _WINDOW + 1) : at + 1]) / min(at + 1, _WINDOW) for at in range(len(losses))]


def _progress(
    losses: Sequence[float],
    twins: Sequence[float] = (),
    *,
    words: str = "",
    working: bool = False,
    step: TrainingStep | None = None,
    left: str = "",
) -> Markup:
    """Say how far a training is above the loss of each step, with its moving mean, and that of the twin."""
    top = max([*losses, *twins], default=0.0) or 1.0
    most = max(len(losses), len(twins))
    return _render(
        "progress.html.jinja",
        words=words,
        working=working,
        step=step,
        left=left,
        losses=losses,
        twins=twins,
        raw=_points(losses, top, len(losses)),
        mean=_points(_means(losses), top, len(losses)),
        twin_mean=_points(_means(twins), top, most),
        width=_WIDTH,
        height=_HEIGHT,
    )


def _points(values: Sequence[float], top: float, wide: int) -> str:
    """Place the values over the width that ``wide`` of them take."""
    places = (
        f"{at / max(1, wide - 1) * _WIDTH:.1f},{_HEIGHT - 4 - value / top * (_HEIGHT - 8):.1f}"
        for at, value in enumerate(values)
    )
    return " ".join(places)


def empty_result() -> str:
    """Say what will be here."""
    return '<p class="mote-empty">Train an expert, and its measurements before and after appear here.</p>'


def result(grown: GrowthResult) -> Markup:
    """Compare the held-out metrics before and after, with what to make of them."""
    return _render(
        "result.html.jinja",
        expert=grown.expert,
        training=grown.training,
        train_rows=len(grown.train.frame),
        row_notes=grown.notes,
        proof=grown.proof,
        twin=grown.twin,
        changes=grown.changes,
        shown=_ROWS_SHOWN,
        tasks=TASKS,
        verdict=_verdict(grown.expert),
        least_change=_LEAST_CHANGE,
    )


def _verdict(expert: Expert) -> list[str]:
    notes = []
    unsure = all(found.change[0] <= 0 <= found.change[1] for found in expert.intervals.values())
    changes = [expert.after[name] - before for name, before in expert.before.items()]
    if min(changes) < -_LEAST_CHANGE:
        notes.append(
            "It got worse on held-out rows. More or cleaner rows, a lower learning rate or fewer epochs may help; "
            "the route it started from is unchanged."
        )
    elif min(expert.before.values()) >= 1:
        notes.append("The route it started from was right on every held-out row already.")
    elif max(changes) <= _LEAST_CHANGE:
        notes.append("Nothing changed on held-out rows. More epochs or a higher learning rate may help.")
    elif unsure:
        notes.append("The intervals of the change hold 0, so it may be chance: more rows would tell.")
    if expert.held_out_rows < FEW_ROWS:
        notes.append(
            f"Only {expert.held_out_rows} rows were held out, so one row more or less moves a metric by about "
            f"{1 / expert.held_out_rows:.3f}: take small changes for chance."
        )
    return notes


def experts_note(experts: Mapping[str, str], unsaved: Collection[str]) -> Markup:
    """List the visitor's experts, name to task title, and mark those that were never downloaded."""
    return _render("experts_note.html.jinja", experts=experts, unsaved=unsaved)
