"""The HTML of the Map tab; every text of a user or a data set is escaped here."""

import math
from collections.abc import Sequence
from html import escape

from mote_demo.explore.maps import NEIGHBOURS, Maps, MapSide
from mote_demo.explore.near import Near, PointDetail, QueryPlace
from mote_demo.ui.shared.streaming import Status

_EXCERPT = 120
_LISTED = 5
SIDE_TITLES = {"baseline": "Baseline", "mote": "MoTE"}


def idle_line() -> str:
    """Say what the tab is for, before anything is drawn."""
    return _line("Each point is a text; near points are texts that the model takes to be alike.")


def status_line(status: Status) -> str:
    """Say what is being done, with a bar where the end is known."""
    if not status.total:
        return _line(f'<span class="mote-spinner" aria-hidden="true"></span><span>{escape(status.stage)} …</span>')
    share = status.done / status.total
    bar = f'<span class="mote-bar"><i style="width: {share:.0%}"></i></span>'
    return _line(f"<span>{escape(status.stage)}: {status.done:,} of {status.total:,} texts</span>{bar}")


def drawn_line(maps: Maps, *, final: bool) -> str:
    """Say what the maps show and how they were made."""
    what = f"{len(maps.texts):,} texts from {escape(maps.texts.title)}, projected with {maps.method}"
    if not final:
        return _line(f'<span class="mote-spinner" aria-hidden="true"></span><span>{what}. UMAP follows …</span>')
    sampled = [note for note in maps.texts.notes if "random sample" in note]
    aligned = "MoTE's map is aligned with the baseline's."
    return _line(f"<span>{' '.join([f'{what}. {aligned}', *map(escape, sampled)])}</span>")


def stopped_line() -> str:
    """Say that drawing was stopped."""
    return _line("Stopped. The maps show what was ready.")


def error_line(message: str) -> str:
    """Keep an error readable after its pop-up has gone."""
    return f'<div class="mote-status mote-map-error" role="alert">{escape(message)}</div>'


def _line(inner: str) -> str:
    return f'<div class="mote-status" role="status">{inner}</div>'


def map_heading(side: str, part: MapSide | None = None) -> str:
    """Title a map and give its receipt: route, expert, instruction and checkpoint."""
    title = f'<h3 class="mote-map-title mote-map-title-{side}">{SIDE_TITLES[side]}</h3>'
    if part is None:
        return title
    expert = f"expert <code>{escape(part.expert)}</code>" if part.expert else "dense, no experts"
    parts = [
        f"route <code>{escape(part.route)}</code>",
        expert,
        f"instruction <code>{escape(part.instruction) or 'none'}</code>",
        f"checkpoint <code>{escape(part.checkpoint[:8])}</code>",
    ]
    return f'{title}<p class="mote-map-receipt">{" · ".join(parts)}</p>'


def summary(maps: Maps) -> str:
    """Measure what both spaces share and which labels each of them groups by."""
    shared = f"""
<section class="mote-map-summary" aria-label="Comparison of both spaces">
  <p class="mote-map-figure"><b>{_percent(float(maps.overlap.mean()))}</b> neighbours shared by both spaces</p>
  <p class="mote-map-note">Of the {maps.baseline.rows.shape[1]} nearest neighbours of each text, measured on the
  original vectors, not on the maps.</p>"""
    return f"{shared}{_agreement_table(maps)}</section>"


def _agreement_table(maps: Maps) -> str:
    if not maps.agreement:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{_percent(baseline)}</td><td>{_percent(mote)}</td>"
        f"<td>{_change(baseline, mote)}</td></tr>"
        for name, (baseline, mote) in maps.agreement.items()
    )
    return f"""
  <table class="mote-map-table">
    <caption>Nearest neighbours with the same label</caption>
    <thead><tr><th scope="col">Label</th><th scope="col">Baseline</th><th scope="col">MoTE</th>
    <th scope="col">Points</th></tr></thead>
    <tbody>{rows}</tbody>
  </table>"""


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{share:.0%}".replace("%", " %")


def _change(baseline: float, mote: float) -> str:
    if math.isnan(baseline) or math.isnan(mote):
        return "–"
    # The difference of the numbers shown beside it, so that the row adds up.
    points = round(100 * mote) - round(100 * baseline)
    return f"{'+' if points > 0 else '−' if points < 0 else '±'}{abs(points)}"


def empty_panel() -> str:
    """Say what the panel is for."""
    return (
        '<p class="mote-empty">Click a point, or put a query on the maps, '
        f"to see its {NEIGHBOURS} nearest texts in both spaces.</p>"
    )


def point_panel(maps: Maps, detail: PointDetail) -> str:
    """Show a text whole, with its labels and its neighbours on each side."""
    chips = "".join(
        f'<span class="mote-chip">{escape(name)}: {escape(value)}</span>' for name, value in detail.labels.items()
    )
    title = f"<h4>{escape(detail.title)}</h4>" if detail.title else ""
    body = f'{title}<p class="mote-map-text">{escape(detail.text)}</p><p>{chips}</p>'
    return _panel("Selected text", body, maps, detail.baseline, detail.mote)


def query_panel(maps: Maps, placed: QueryPlace) -> str:
    """Show a query with its nearest texts on each side and what each model was given."""
    sent = " · ".join(
        f"{SIDE_TITLES[side]} was given <code>{escape(part.receipt.text_sent)}</code>"
        for side, part in (("baseline", placed.baseline), ("mote", placed.mote))
    )
    body = f'<p class="mote-map-text">{escape(placed.query)}</p><p class="mote-map-note">{sent}</p>'
    return _panel("Query", body, maps, placed.baseline.near, placed.mote.near)


def _panel(kind: str, body: str, maps: Maps, baseline: Sequence[Near], mote: Sequence[Near]) -> str:
    shared = sum(near.shared for near in mote)
    return f"""
<section class="mote-map-panel" aria-label="{kind}">
  <p class="mote-map-kind">{kind}</p>
  {body}
  <p class="mote-map-note">{shared} of {len(mote)} nearest texts are shared
  (<span class="mote-shared-sign" aria-hidden="true">●</span>).</p>
  <div class="mote-map-lists">{_near_list("baseline", maps, baseline)}{_near_list("mote", maps, mote)}</div>
</section>"""


def _near_list(side: str, maps: Maps, listed: Sequence[Near]) -> str:
    items = [_near_item(maps, near) for near in listed]
    first, more = "".join(items[:_LISTED]), "".join(items[_LISTED:])
    rest = (
        f"<details><summary>{len(items) - _LISTED} more</summary>"
        f'<ol class="mote-map-list" start="{_LISTED + 1}">{more}</ol></details>'
    )
    return (
        f'<div><h5 class="mote-map-title-{side}">Nearest in {SIDE_TITLES[side]}</h5>'
        f'<ol class="mote-map-list">{first}</ol>{rest if more else ""}</div>'
    )


def _near_item(maps: Maps, near: Near) -> str:
    record = maps.texts.frame.iloc[near.row]
    text = _excerpt(str(record["title"] or record["text"]))
    labels = ", ".join(escape(str(record[name])) for name in maps.texts.labels)
    sign = '<span class="mote-shared-sign" title="near in both spaces">●<i> shared</i></span>' if near.shared else ""
    return (
        f'<li><button type="button" data-row="{near.row}">{escape(text)}</button>'
        f"<small>{near.score:.2f}{' · ' + labels if labels else ''} {sign}</small></li>"
    )


def _excerpt(text: str) -> str:
    text = " ".join(text.split())
    if len(text) <= _EXCERPT:
        return text
    cut = text[:_EXCERPT]
    # Scripts without spaces are cut anywhere.
    return f"{cut.rsplit(' ', 1)[0] if ' ' in cut[-20:] else cut} …"
