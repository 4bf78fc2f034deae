"""Headings that are heard and not seen."""

import gradio as gr


def unseen_heading(words: str) -> None:
    """Build a heading that tells a screen reader what follows, where the screen shows it."""
    gr.HTML(f'<h2 class="mote-unseen">{words}</h2>', apply_default_css=False, elem_classes="mote-slot")
