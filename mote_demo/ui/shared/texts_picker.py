"""The picker of texts that Compare, Map and Classes share."""

from typing import Any

import gradio as gr

from mote_demo.serving.sessions import Session


def list_texts(session: Session, picked: str | None) -> dict[str, Any]:
    """Return the update that lists the visitor's texts; what is picked stays where it is still there."""
    choices = session.texts_choices()
    names = [name for _, name in choices]
    return gr.update(choices=choices, value=picked if picked in names else names[0])


def choose_texts(session: Session, wanted: str | None) -> str:
    """Return the texts to begin with: those that are wanted where the visitor has them, or the first."""
    names = [name for _, name in session.texts_choices()]
    return wanted if wanted in names else names[0]
