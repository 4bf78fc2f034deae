"""The panel that compares a few texts with each other, and two of them under all tasks."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from markupsafe import Markup

from mote_demo.errors import UserError
from mote_demo.explore.export import write_csv
from mote_demo.explore.progress import OnStage
from mote_demo.explore.similarity import FEWEST, MOST, Similarities, TaskSimilarities
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.compare import html as compare_html
from mote_demo.ui.shared.downloads import fetch_after, new_file
from mote_demo.ui.shared.events import MODEL, QUICK, whole_numbers
from mote_demo.ui.shared.run_controls import Updates
from mote_demo.ui.shared.streaming import Status, follow
from mote_demo.ui.shared.templates import render
from mote_demo.ui.shared.visitor_states import VisitorStates

_EXAMPLE = """Where is my parcel?
My parcel came today, thank you!
Where do I find my invoice?
The invoice is right at last, thank you!
Why is the app so slow?
The app is wonderful, thank you!"""
_MOST_SHOWN = 12
"""Of more texts, cells are too small for numbers."""

_CSS = (Path(__file__).parent.parent / "static" / "similarity.css").read_text("utf-8")
_PICK = (Path(__file__).parent.parent / "static" / "similarity.js").read_text("utf-8")


@dataclass(frozen=True)
class SimilarityComponents:
    """Hold the components of the panel."""

    texts: gr.Textbox
    show: gr.Button
    heat: gr.HTML
    pickers: gr.Row
    first: gr.Dropdown
    second: gr.Dropdown
    status: gr.HTML
    pair: gr.HTML
    save: gr.Button
    export: gr.DownloadButton


@dataclass
class SimilarityState:
    """Hold what a visitor compares, and the two texts that were picked of it last."""

    found: Similarities | None = None
    chosen: tuple[str, str] | None = None


class SimilarityHandlers:
    """Handle the panel's events."""

    def __init__(self, states: VisitorStates[SimilarityState], components: SimilarityComponents) -> None:
        self._states = states
        self._components = components

    def show(self, left: str, right: str, texts: str, request: gr.Request) -> Updates:
        """Compare the texts with each other; the pair whose order differs most is picked."""
        session, state = self._states.of(request)
        found = session.pair(left, right).similarities([line for line in texts.splitlines() if line.strip()])
        state.found = found
        contrasts = found.contrasts()
        first, second = (contrasts[0].first, contrasts[0].second) if contrasts else (0, 1)
        choices = [(f"{number}. {text}", number - 1) for number, text in enumerate(found.texts, start=1)]
        several = len(found.texts) > FEWEST
        components = self._components
        return {
            components.heat: _heat(found) if several else "",
            components.pickers: gr.update(visible=several),
            components.first: gr.update(choices=choices, value=first),
            components.second: gr.update(choices=choices, value=second),
            components.save: gr.update(visible=True),
        }

    def show_again(self, left: str, right: str, request: gr.Request) -> Updates:
        """Compare the same texts through other lenses, if any were compared."""
        _, state = self._states.of(request)
        if state.found is None:
            return {self._components.heat: gr.skip()}
        return self.show(left, right, "\n".join(state.found.texts), request)

    def pick(self, event: gr.EventData) -> Updates:
        """Pick the two texts of a cell, or of a pair that is named."""
        first, second, *_ = [*whole_numbers(event, "pair"), 0, 0]
        return {self._components.first: first, self._components.second: second}

    def compare(
        self, left: str, right: str, first: int | None, second: int | None, request: gr.Request
    ) -> Iterator[Updates]:
        """Compare two of the texts under all tasks: cosines at once, then where they stand."""
        components, (session, state) = self._components, self._states.of(request)
        texts = state.found.texts if state.found is not None else ()
        if first is None or second is None or max(first, second) >= len(texts):
            yield {components.status: ""}
            return
        state.chosen = chosen = texts[int(first)], texts[int(second)]
        try:
            for event in follow(partial(_compare, session, (left, right), chosen), "Comparing the two"):
                # Two runs may overlap; what a later one shows stays.
                if state.chosen is not chosen:
                    return
                if isinstance(event, Status):
                    yield {components.status: compare_html.status(event.stage, event.done, event.total)}
                else:
                    yield {components.status: "", components.pair: _pair(event, session, (left, right))}
        except UserError as error:
            yield {components.status: compare_html.note(str(error))}
            raise

    def save(self, request: gr.Request) -> Updates:
        """Write all pairs to a file."""
        session, state = self._states.of(request)
        if state.found is None:
            raise UserError("There is nothing to export yet. Press 'Show similarities' first.")
        path = new_file("similarities.csv", session)
        write_csv(path, state.found.to_frame())
        return {self._components.export: str(path)}


def build_similarity_panel(sessions: Sessions, names: list[Any]) -> None:
    """Build the panel as a closed accordion and wire its events; ``names`` hold the names of both lenses."""
    with gr.Accordion("Compare a few texts with each other", open=False, elem_id="mote-similarity"):
        components = _build()
    handlers = SimilarityHandlers(VisitorStates(sessions, SimilarityState), components)
    shown = [components.heat, components.pickers, components.first, components.second, components.save]
    fetch_after(components.save.click(handlers.save, None, [components.export], **QUICK), components.export)
    picked = [components.first, components.second]
    settled = [components.show.click(handlers.show, [*names, components.texts], shown, **QUICK, **MODEL)]
    settled += [name.change(handlers.show_again, names, shown, **QUICK, **MODEL) for name in names]
    settled += [components.heat.select(handlers.pick, None, picked, **QUICK)]
    events: list[Any] = [*(each.success for each in settled), *(picker.input for picker in picked)]
    for event in events:
        event(handlers.compare, [*names, *picked], [components.status, components.pair], **QUICK, **MODEL)


def _build() -> SimilarityComponents:
    with gr.Row(elem_classes="mote-ask"):
        texts = gr.Textbox(
            _EXAMPLE, label=f"Texts, one a line ({FEWEST} to {MOST})", lines=4, max_lines=12, scale=6, min_width=220
        )
        show = gr.Button("Show similarities", variant="primary", scale=1, min_width=160)
    heat = gr.HTML("", css_template=_CSS, js_on_load=_PICK, apply_default_css=False, elem_id="mote-similarity-heat")
    with gr.Row(visible=False) as pickers:
        first = gr.Dropdown([], label="One text", min_width=200)
        second = gr.Dropdown([], label="Another, under all tasks", min_width=200)
    status = gr.HTML("", elem_classes="mote-slot")
    pair = gr.HTML("", css_template=_CSS, apply_default_css=False, elem_id="mote-similarity-pair")
    save = gr.Button("Export similarities (CSV)", size="sm", scale=0, min_width=180, visible=False)
    export = gr.DownloadButton("Download", visible="hidden", elem_id="mote-similarity-file")
    return SimilarityComponents(
        texts=texts,
        show=show,
        heat=heat,
        pickers=pickers,
        first=first,
        second=second,
        status=status,
        pair=pair,
        save=save,
        export=export,
    )


def _compare(
    session: Session, names: tuple[str, str], texts: tuple[str, str], *, report: OnStage, stop: Any
) -> Iterator[TaskSimilarities]:
    pair = session.pair(*names)
    yield pair.similarity(*texts, placed=False)
    yield pair.similarity(*texts, on_stage=report, stop=stop)


def _heat(found: Similarities) -> Markup:
    others = ~np.eye(len(found.texts), dtype=bool)
    sides = [
        (side, lens, cosines.tolist(), float(cosines[others].min()), float(cosines[others].max()))
        for side, lens, cosines in zip(("left", "right"), found.lenses, found.cosines, strict=True)
    ]
    return render(
        "mote_demo.ui.compare",
        "similarities.html.jinja",
        found=found,
        sides=sides,
        contrasts=found.contrasts(),
        heat=_percent,
        most_shown=_MOST_SHOWN,
    )


def _percent(cosine: float, low: float, high: float) -> float:
    return 100 * (cosine - low) / (high - low) if high > low else 0.0


def _pair(found: TaskSimilarities, session: Session, names: tuple[str, str]) -> Markup:
    left, right = (session.lens(name).encoder.name for name in names)
    return render("mote_demo.ui.compare", "pair.html.jinja", found=found, left=left, right=right)
