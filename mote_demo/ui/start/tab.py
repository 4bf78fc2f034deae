"""The Start tab: one message, and what three meanings of near make of it in both models."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mote_demo.serving.sessions import Sessions
from mote_demo.serving.tour import RULES
from mote_demo.study.results import ShippedExperts
from mote_demo.ui.shared.events import MODEL, QUICK
from mote_demo.ui.start import html as start_html
from mote_demo.ui.start.handlers import StartComponents, StartHandlers


@dataclass(frozen=True)
class StartTab:
    """Offer what the app needs.

    Attributes:
        bind: takes the page, whose opening shows the first message.
        grow: is clicked to grow an expert of one's own.
    """

    bind: Callable[[gr.Blocks], None]
    grow: gr.Button


def build_start_tab(sessions: Sessions, shipped: ShippedExperts | None = None) -> StartTab:
    """Build the tab inside the current ``gr.Tab`` and wire its events.

    Args:
        sessions: of the visitors.
        shipped: what was measured of the experts that ship, if anything was.
    """
    components = _build()
    handlers = StartHandlers(sessions, components, shipped)
    _show_on(components.tour.input, handlers, components)
    return StartTab(lambda page: _show_on(page.load, handlers, components), components.grow)


def _build() -> StartComponents:
    with gr.Column(elem_classes="mote-start"):
        gr.HTML(start_html.intro(), apply_default_css=False)
        tour = gr.Radio(
            [(rule.title, name) for name, rule in RULES.items()],
            value=next(iter(RULES)),
            label="A tour of five messages, each chosen by a rule",
            elem_id="mote-start-tour",
            elem_classes="mote-presets",
        )
        status = gr.HTML("", elem_classes="mote-slot", elem_id="mote-start-status")
        message = gr.HTML("", apply_default_css=False, elem_id="mote-start-message")
        grow = gr.Button("Grow your own in a minute", variant="primary", elem_id="mote-start-grow")
        measured = gr.HTML("", apply_default_css=False, elem_id="mote-start-measured")
    return StartComponents(tour, status, message, measured, grow)


def _show_on(event: Callable[..., Any], handlers: StartHandlers, components: StartComponents) -> None:
    changed = [components.status, components.message, components.measured]
    event(handlers.show, [components.tour], changed, trigger_mode="always_last", **QUICK, **MODEL)
