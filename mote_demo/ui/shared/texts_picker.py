"""The picker of texts that Compare, Map and Classes share."""

from collections.abc import Iterable
from typing import Any

import gradio as gr

from mote_demo.plain_text import shown_label
from mote_demo.serving.sessions import Session
from mote_demo.ui.shared.address import read_address


def list_texts(session: Session, picked: str | None, tab: str) -> dict[str, Any]:
    """Return the update that lists the visitor's texts; what is picked stays where it is still there.

    Before anything is picked, the page's address says what is, if it is for this tab.
    """
    picked = picked or read_address(session.address, tab).get("texts")
    return gr.update(choices=session.texts_choices(), value=choose_texts(session, picked))


def column_choices(columns: Iterable[str]) -> list[tuple[str, str]]:
    """Return the choices of a picker of columns, long names in short."""
    return [(shown_label(name), name) for name in columns]


def choose_texts(session: Session, wanted: str | None) -> str:
    """Return the texts to begin with: those that are wanted where the visitor has them, or the first."""
    names = [name for _, name in session.texts_choices()]
    return wanted if wanted in names else names[0]
