"""The HTML of the Train tab; every text of a user or a file is escaped here."""

from collections.abc import Mapping, Sequence
from html import escape

from mote_demo.data.examples import Examples
from mote_demo.data.tables import Table
from mote_demo.growing.grow import GrowStep
from mote_demo.growing.heldout import FEW_ROWS
from mote_demo.growing.run import HELD_OUT, MOST_ROWS, Trained

_LABELS_SHOWN = 12
_WIDTH, _HEIGHT = 600, 110
_WINDOW = 5


def section(number: int, title: str, hint: str) -> str:
    """Head one step of the tab."""
    return (
        f'<div class="mote-step"><span class="mote-step-number">{number}</span>'
        f"<div><h3>{escape(title)}</h3><p>{escape(hint)}</p></div></div>"
    )


def data_note(table: Table, *, sample: bool) -> str:
    """Say what was read and what was cleaned up."""
    source = "the sample set" if sample else escape(table.source)
    return (
        f'<div class="mote-train-note" role="status"><p><b>{len(table.frame):,} rows</b> from {source}, columns '
        f"{_codes(list(table.frame.columns))}.</p>{_notes(table.notes)}</div>"
    )


def problem(message: str, *, kept: str = "") -> str:
    """Keep an error readable beside what goes on working."""
    rest = f"<p>{escape(kept)}</p>" if kept else ""
    return f'<div class="mote-train-note mote-train-problem" role="alert"><p>{escape(message)}</p>{rest}</div>'


def examples_note(examples: Examples) -> str:
    """Count what there is to train on, and what is held out."""
    rows = min(len(examples.frame), MOST_ROWS)
    drawn = f" (a random {MOST_ROWS:,} of them are used)" if len(examples.frame) > MOST_ROWS else ""
    held = round(rows * HELD_OUT)
    counts = sorted(examples.counts.items(), key=lambda item: -item[1])
    chips = "".join(
        f'<span class="mote-chip">{escape(name)} <b>{count:,}</b></span>' for name, count in counts[:_LABELS_SHOWN]
    )
    more = (
        f'<span class="mote-chip">and {len(counts) - _LABELS_SHOWN} more</span>' if len(counts) > _LABELS_SHOWN else ""
    )
    return (
        f'<div class="mote-train-note" role="status"><p><b>{len(examples.frame):,} usable rows</b>{drawn}: '
        f"about {rows - held:,} to train on, {held:,} held out to measure on.</p>"
        f"<p>{chips}{more}</p>{_notes(examples.notes)}</div>"
    )


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"<code>{escape(str(name))}</code>" for name in names)


def _notes(notes: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in notes)}</ul>" if notes else ""


def idle() -> str:
    """Say what the button does."""
    return '<p class="mote-status">Nothing is being trained. The shared model never changes.</p>'


def working(words: str, losses: Sequence[float] = ()) -> str:
    """Say what is being done where nobody can tell how long it takes."""
    spinner = '<span class="mote-spinner" aria-hidden="true"></span>'
    return f'<p class="mote-status" role="status">{spinner}{escape(words)} …</p>{curve(losses)}'


def progress(step: GrowStep, losses: Sequence[float]) -> str:
    """Say how far the training is, with the curve of the loss so far."""
    share = step.step / step.steps
    bar = f'<span class="mote-bar"><i style="width:{share:.1%}"></i></span>'
    return (
        f'<p class="mote-status"><span>Step {step.step:,} of {step.steps:,}</span>{bar}'
        f"<span>{_left(step.seconds_left)}</span></p>{curve(losses)}"
    )


def finished(words: str, losses: Sequence[float] = ()) -> str:
    """Say how the training ended."""
    return f'<p class="mote-status" role="status">{escape(words)}</p>{curve(losses)}'


def _left(seconds: float) -> str:
    if seconds >= 90:
        return f"about {seconds / 60:.0f} min left"
    return f"about {max(1, round(seconds)):.0f} s left"


def curve(losses: Sequence[float]) -> str:
    """Draw the loss of each step, with its moving mean."""
    if len(losses) < 2:
        return ""
    means = [sum(losses[max(0, at - _WINDOW + 1) : at + 1]) / min(at + 1, _WINDOW) for at in range(len(losses))]
    top = max(losses) or 1.0
    return (
        f'<figure class="mote-curve"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="Loss from {losses[0]:.2f} to {losses[-1]:.2f}">{_line(losses, top, "mote-curve-raw")}'
        f"{_line(means, top, 'mote-curve-mean')}</svg>"
        f"<figcaption><span>Loss: {losses[0]:.2f} at first</span><span>{losses[-1]:.2f} now</span></figcaption>"
        "</figure>"
    )


def _line(values: Sequence[float], top: float, name: str) -> str:
    places = (
        f"{at / (len(values) - 1) * _WIDTH:.1f},{_HEIGHT - 4 - value / top * (_HEIGHT - 8):.1f}"
        for at, value in enumerate(values)
    )
    return f'<polyline class="{name}" points="{" ".join(places)}"/>'


def empty_result() -> str:
    """Say what will be here."""
    return '<p class="mote-empty">Train an expert, and its measurements before and after appear here.</p>'


def result(trained: Trained) -> str:
    """Compare the held-out metrics before and after, with what to make of them."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{before:.3f}</td><td>{trained.after.metrics[name]:.3f}</td>'
        f"<td>{_change(trained.after.metrics[name] - before)}</td></tr>"
        for name, before in trained.before.metrics.items()
    )
    losses = trained.grown.losses
    return f"""
<section class="mote-result" aria-label="Before and after">
  <table>
    <caption>Measured on {trained.after.rows:,} held-out rows that the training never saw; 1 is best.</caption>
    <thead><tr><th scope="col">Metric</th><th scope="col">Before <code>{escape(trained.route.base)}</code></th>
    <th scope="col">After <code>{escape(trained.route.name)}</code></th><th scope="col">Change</th></tr></thead>
    <tbody>{rows}</tbody>
  </table>
  <p class="mote-result-note">{len(losses):,} of {trained.grown.steps:,} steps in {trained.grown.seconds:,.0f} s on
  {len(trained.train.frame):,} rows; loss {losses[0]:.2f} to {losses[-1]:.2f}.</p>
  {"".join(f'<p class="mote-result-note"><b>{escape(note)}</b></p>' for note in _verdict(trained))}
</section>"""


def _change(change: float) -> str:
    sign, name = ("+", "up") if change > 0.0005 else ("−", "down") if change < -0.0005 else ("±", "same")
    return f'<span class="mote-move mote-move-{name}">{sign}{abs(change):.3f}</span>'


def _verdict(trained: Trained) -> list[str]:
    notes = []
    changes = [trained.after.metrics[name] - before for name, before in trained.before.metrics.items()]
    if min(changes) < -0.0005:
        notes.append(
            "It got worse on held-out rows. More or cleaner rows, a lower learning rate or fewer epochs may help; "
            "the route it started from is unchanged."
        )
    elif min(trained.before.metrics.values()) >= 1:
        notes.append("The route it started from was right on every held-out row already.")
    elif max(changes) <= 0.0005:
        notes.append("Nothing changed on held-out rows. More epochs or a higher learning rate may help.")
    if trained.after.rows < FEW_ROWS:
        notes.append(
            f"Only {trained.after.rows} rows were held out, so one row more or less moves a metric by about "
            f"{1 / trained.after.rows:.3f}: take small changes for chance."
        )
    return notes


def map_heading(title: str, route: str = "", method: str = "") -> str:
    """Title one of the two maps."""
    name = "mote-map-title mote-map-title-right" if title == "After" else "mote-map-title"
    receipt = f"route <code>{escape(route)}</code> · {escape(method)} · strong points were held out" if route else ""
    return f'<h4 class="{name}">{title}</h4><p class="mote-map-receipt">{receipt}</p>'


def experts_note(experts: Mapping[str, str]) -> str:
    """List the visitor's experts, name to task title."""
    if not experts:
        return '<p class="mote-train-note">You have none yet. They last as long as this page is open.</p>'
    names = "".join(f'<span class="mote-chip"><b>{escape(n)}</b> {escape(task)}</span>' for n, task in experts.items())
    return (
        f'<div class="mote-train-note"><p>Ready in Compare and Map, under “More settings”: {names}</p>'
        "<p>They are yours alone and last as long as this page is open; a download can be plugged in again.</p></div>"
    )
