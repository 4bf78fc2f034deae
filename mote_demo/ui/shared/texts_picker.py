"""The picker of texts that Compare, Map and Classes share."""

from typing import Any

import gradio as gr

from mote_demo.serving.sessions import Session


def list_texts(session: Session, picked: str | None) -> dict[str, Any]:
    """Return the update that lists the visitor's texts; what is picked stays where it is still there."""
    choices = session.texts_choices()
    names = [name for _, name in choices]
    return gr.update(choices=choices, value=picked if picked in names else names[0])
