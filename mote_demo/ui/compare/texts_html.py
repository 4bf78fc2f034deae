"""What is said about texts that were added, as HTML."""

from html import escape

from mote_demo.data.texts import Texts


def added(texts: Texts) -> str:
    """Say how many texts there are, what was cleaned up, and show the first of them."""
    notes = "".join(f"<li>{escape(note)}</li>" for note in texts.notes)
    first = escape(" ".join(texts.frame["text"].iloc[0].split())[:160])
    labels = f" Labels: {escape(', '.join(texts.labels))}." if texts.labels else ""
    return (
        f'<div class="mote-added" role="status"><p><b>{len(texts):,} texts</b> from {escape(texts.title)} are ready.'
        f"{labels} The first one: “{first}”</p>{f'<ul>{notes}</ul>' if notes else ''}</div>"
    )
