"""What the Compare tab shows, as HTML; every text from outside is escaped here."""

from html import escape

from mote_demo.encoder import Receipt
from mote_demo.explore.measures import Hit, Move, mark_words
from mote_demo.explore.search import Answer, SideAnswer
from mote_demo.serving.sessions import SIDES
from mote_demo.tasks import TASKS

SIDE_TITLES = {"baseline": "Baseline", "mote": "MoTE"}
_MOVES = {"up": "▲ {n}", "down": "▼ {n}", "same": "=", "new": "only here"}
_MOVE_WORDS = {
    "up": "{n} places higher than in the other model",
    "down": "{n} places lower than in the other model",
    "same": "same place in both models",
    "new": "not among the other model's nearest 100",
}


def empty() -> str:
    """Return what stands in place of the answers before the first question."""
    return '<div class="mote-empty">Pick a task, type a query and press Compare.</div>'


def answers(answer: Answer) -> str:
    """Return both models' answers side by side under a line on what they share."""
    columns = "".join(_side(answer, side) for side in SIDES)
    return f'{_headline(answer)}<div class="mote-columns">{columns}</div>'


def _headline(answer: Answer) -> str:
    shared, of = answer.overlap.shared, answer.overlap.of
    task = TASKS[answer.task]
    return (
        f'<p class="mote-headline"><strong>{shared} of {of}</strong> nearest texts are the same in both models. '
        f"<span>{escape(task.title)}: near means {escape(task.near)}.</span></p>"
    )


def _side(answer: Answer, side: str) -> str:
    part = answer.side(side)
    rows = "".join(_hit(answer, hit, move) for hit, move in zip(part.hits, part.moves, strict=True))
    return (
        f'<section class="mote-side mote-side-{side}" aria-label="{SIDE_TITLES[side]} results">'
        f"<header><h3>{SIDE_TITLES[side]}</h3><span>{part.milliseconds:.0f} ms</span></header>"
        f"{_pair(part)}{_votes(answer, part)}{receipt(part)}<ol class='mote-hits'>{rows}</ol></section>"
    )


def _pair(part: SideAnswer) -> str:
    if part.pair is None:
        return ""
    return (
        f'<p class="mote-pair">Similarity of your two texts: <strong>{part.pair:.3f}</strong>'
        f"{_bar(max(0.0, part.pair))}</p>"
    )


def _votes(answer: Answer, part: SideAnswer) -> str:
    if not part.votes:
        return ""
    rows = "".join(
        f"<li><span>{escape(label)}</span>{_bar(weight)}<span>{weight:.0%}</span></li>"
        for label, weight in part.votes[:5]
    )
    return (
        f'<div class="mote-votes"><p>Vote of the nearest texts on <em>{escape(answer.label or "")}</em></p>'
        f"<ul>{rows}</ul></div>"
    )


def _bar(share: float) -> str:
    return f'<span class="mote-bar" aria-hidden="true"><i style="width:{min(share, 1.0):.1%}"></i></span>'


def receipt(part: SideAnswer) -> str:
    """Return what one model did with the query: expert, exact text, tokens, checkpoint."""
    given: Receipt = part.receipt
    expert = f"expert “{escape(given.expert)}”" if given.expert else "no expert of its own (dense)"
    cut = f", cut from {given.tokens_before}" if given.truncated else ", nothing cut"
    rows = {
        "Route": f"{escape(given.route)}, {expert}; texts by {escape(part.document_route)}",
        "Text sent": f"<code>{escape(given.text_sent)}</code>",
        "Tokens": f"{given.tokens}{cut}",
        "Checkpoint": f"<code>{escape(part.checkpoint)}</code>",
    }
    items = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows.items())
    return (
        f'<details class="mote-receipt"><summary>{expert} on <code>{escape(_short(given.text_sent))}</code></summary>'
        f"<dl>{items}</dl></details>"
    )


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _hit(answer: Answer, hit: Hit, move: Move) -> str:
    record = answer.texts.frame.iloc[hit.row]
    snippet = "".join(
        f"<mark>{escape(part)}</mark>" if marked else escape(part)
        for part, marked in mark_words(record["text"], answer.query)
    )
    title = f"<b>{escape(record['title'])}</b>" if record["title"] else ""
    labels = "".join(
        f'<span class="mote-chip" title="{escape(name)}">{escape(str(record[name]))}</span>'
        for name in answer.texts.labels
    )
    words = _MOVE_WORDS[move.direction].format(n=move.places)
    badge = _MOVES[move.direction].format(n=move.places)
    return (
        f'<li class="mote-hit"><span class="mote-rank">{hit.rank}</span><div class="mote-hit-body">{title}'
        f"<details><summary>{snippet}</summary><p>{escape(record['text'])}</p></details>{labels}</div>"
        f'<div class="mote-hit-side"><span class="mote-score">{hit.score:.3f}</span>'
        f'<span class="mote-move mote-move-{move.direction}" title="{words}" aria-label="{words}">{badge}</span>'
        "</div></li>"
    )


def status(stage: str, done: int, total: int) -> str:
    """Return a progress line: what is being done and how far it is."""
    share = f" {done:,} of {total:,}" if total else ""
    return (
        f'<div class="mote-status" role="status"><span class="mote-spinner" aria-hidden="true"></span>'
        f"{escape(stage)}{share}{_bar(done / total) if total else ''}</div>"
    )


def note(text: str) -> str:
    """Return a quiet line below the controls."""
    return f'<div class="mote-status" role="status">{escape(text)}</div>'
