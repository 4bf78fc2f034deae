"""What steps 3 and 4 of the Train tab do: train, show the result, keep or remove experts."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from mote_demo.errors import UserError
from mote_demo.explore.figures import extent_of, map_figure
from mote_demo.growing.grow import GrowStep
from mote_demo.growing.run import (
    BeforeAfter,
    Stage,
    Trained,
    free_name,
    map_before_after,
    plug_in,
    plug_in_file,
    remove,
    suited,
    train_expert,
    write_expert,
)
from mote_demo.serving.sessions import Session
from mote_demo.tasks import TASKS, find_task
from mote_demo.ui.map.scatter import drawing
from mote_demo.ui.shared.downloads import new_file
from mote_demo.ui.shared.errors import shown
from mote_demo.ui.shared.uploads import uploaded
from mote_demo.ui.train import html as train_html
from mote_demo.ui.train.components import Bench, Benches, DataParts, TrainParts, Updates
from mote_demo.ui.train.data_handlers import chosen_examples

_SECONDS_BETWEEN_STEPS = 0.3
_FAILED = "The training ended by an error of the app. Nothing was kept; your data is still here."
_STOPPED = "Stopped before the first step. Nothing was kept."


class TrainDesk:
    """Handle the events of steps 3 and 4."""

    def __init__(self, benches: Benches, data: DataParts, parts: TrainParts) -> None:
        self._benches = benches
        self._data = data
        self._parts = parts

    @shown
    def queue(self, request: gr.Request) -> Updates:
        """Say that the training was asked for; one runs at a time."""
        _, bench = self._benches.of(request)
        bench.stop.clear()
        bench.waiting = True
        return {**self._busy(True), self._parts.progress: train_html.working("Waiting for a free place")}

    @shown
    def train(self, values: dict[Any, Any], request: gr.Request) -> Iterator[Updates]:
        """Train an expert on the chosen columns, with the loss as it falls."""
        session, bench = self._benches.of(request)
        losses: list[float] = []
        bench.waiting = False
        yield {self._parts.progress: train_html.working("Reading the data")}
        try:
            settings = self._settings(bench, values)
            for event in train_expert(session, *settings, bench.stop):
                yield from self._event(session, bench, event, losses)
            if not losses:
                yield {self._parts.progress: train_html.finished(_STOPPED)}
            yield self._busy(False)
        except Exception as error:
            words = str(error) if isinstance(error, UserError) else _FAILED
            yield {**self._busy(False), self._parts.progress: train_html.problem(words)}
            raise
        finally:
            bench.stop.set()

    def free(self, request: gr.Request) -> Updates:
        """Offer the button again after a failure; where the training had not begun, nothing else clears its status."""
        _, bench = self._benches.of(request)
        progress = {self._parts.progress: train_html.idle()} if bench.waiting else {}
        bench.waiting = False
        return {**self._busy(False), **progress}

    def stop(self, request: gr.Request) -> Updates:
        """Ask the training to end after its current step."""
        _, bench = self._benches.of(request)
        bench.stop.set()
        return {self._parts.stop: gr.update(interactive=False, value="Stopping …")}

    @shown
    def keep(self, request: gr.Request) -> Updates:
        """Plug in an expert that was stopped or had no room, under a free name where its own was taken meanwhile."""
        session, bench = self._benches.of(request)
        if bench.shown is None:
            raise UserError("There is nothing to keep. Please train an expert first.")
        if bench.shown.route.name in session.mote.routes:
            bench.shown = _renamed(bench.shown, free_name(session, bench.shown.route.name))
        return {**self._plug_in(session, bench, bench.shown), self._parts.choice: gr.update(visible=False)}

    @shown
    def discard(self, request: gr.Request) -> Updates:
        """Forget an expert that was not plugged in."""
        _, bench = self._benches.of(request)
        bench.shown = None
        return {
            self._parts.choice: gr.update(visible=False),
            **self._hide_maps(),
            self._parts.result: train_html.empty_result(),
            self._parts.progress: train_html.idle(),
        }

    @shown
    def refine_maps(self, request: gr.Request) -> Updates:
        """Replace the maps by UMAP's, which take seconds."""
        _, bench = self._benches.of(request)
        shown = bench.shown
        maps = {} if shown is None else self._show_maps(shown, "UMAP")
        # It may have been discarded meanwhile. Gradio refuses an empty dict where there are several outputs.
        return maps if maps and bench.shown is shown else gr.skip()

    @shown
    def download(self, name: str | None, request: gr.Request) -> Updates:
        """Write the chosen expert to a file."""
        session, bench = self._benches.of(request)
        path = new_file(f"{name or 'expert'}.safetensors")
        write_expert(path, session, name, bench.trained.get(name or ""))
        return {self._parts.file: str(path)}

    @shown
    def remove(self, name: str | None, base: str | None, task: str, request: gr.Request) -> Updates:
        """Take the chosen expert out of the visitor's model; the next one cannot start from it."""
        session, bench = self._benches.of(request)
        remove(session, name)
        bench.trained.pop(name or "", None)
        gr.Info(f"The expert {name} was removed.")
        routes = list(session.mote.routes)
        kept = base if base in routes else find_task(task).query_route
        return {**self.list_experts(session), self._data.base: gr.update(choices=routes, value=kept)}

    @shown
    def upload(self, file: str, request: gr.Request) -> Updates:
        """Plug in an expert from a file."""
        session, _ = self._benches.of(request)
        with uploaded(file) as path:
            grown = plug_in_file(session, path)
        gr.Info(f"The expert {grown.name} is ready in Compare and Map.")
        return self.list_experts(session, grown.name)

    def list_experts(self, session: Session, chosen: str | None = None) -> Updates:
        """Show the visitor's experts wherever they can be picked in this tab."""
        names = list(session.grown)
        own = {name: TASKS[grown.task].title for name, grown in session.grown.items()}
        return {
            self._parts.experts_note: train_html.experts_note(own),
            self._parts.expert: gr.update(choices=names, value=chosen or (names[-1] if names else None)),
            self._parts.download: gr.update(interactive=bool(names)),
            self._parts.remove: gr.update(interactive=bool(names)),
            self._data.base: gr.update(choices=list(session.mote.routes)),
        }

    def _settings(self, bench: Bench, values: dict[Any, Any]) -> tuple[Any, Any]:
        task, data = values[self._data.task], self._data
        examples = chosen_examples(bench, task, [values[column] for column in data.columns])
        changes = {name: values[number] for name, number in self._parts.changes.items()}
        name = str(values[data.name] or "").strip()
        return examples, suited(name, task, values[data.base], examples, values[self._parts.effort], **changes)

    def _busy(self, busy: bool) -> Updates:
        return {
            self._parts.train: gr.update(interactive=not busy),
            self._parts.stop: gr.update(interactive=busy, value="Stop"),
        }

    def _event(
        self, session: Session, bench: Bench, event: Stage | GrowStep | Trained, losses: list[float]
    ) -> Iterator[Updates]:
        if isinstance(event, Stage):
            yield {self._parts.progress: train_html.working(event.words, losses)}
        elif isinstance(event, GrowStep):
            losses.append(event.loss)
            now = time.monotonic()
            if event.step == 1 or now - bench.told >= _SECONDS_BETWEEN_STEPS:
                bench.told = now
                yield {self._parts.progress: train_html.progress(event, losses)}
        else:
            yield self._show_result(session, bench, event)

    def _show_result(self, session: Session, bench: Bench, trained: Trained) -> Updates:
        bench.shown = trained
        return {
            **self._show_maps(trained, "PCA"),
            self._parts.result: train_html.result(trained),
            **self._decide(session, bench, trained),
        }

    def _decide(self, session: Session, bench: Bench, trained: Trained) -> Updates:
        """Plug an expert in; where it was stopped, or there is no room for it, leave that to the visitor."""
        words = "Stopped: keep the expert trained so far?"
        if not trained.grown.stopped:
            try:
                return {**self._plug_in(session, bench, trained), self._parts.choice: gr.update(visible=False)}
            except UserError as error:
                words = f"Trained, but not ready to use: {error} 'Keep it' tries again, under a free name."
        progress = train_html.finished(words, trained.grown.losses)
        return {self._parts.progress: progress, self._parts.choice: gr.update(visible=True)}

    def _plug_in(self, session: Session, bench: Bench, trained: Trained) -> Updates:
        plug_in(session, trained)
        bench.trained[trained.route.name] = trained
        words = f"Done: '{trained.route.name}' is ready in Compare and Map."
        return {
            **self.list_experts(session, trained.route.name),
            self._data.name: free_name(session, trained.route.name),
            self._parts.progress: train_html.finished(words, trained.grown.losses),
        }

    def _show_maps(self, trained: Trained, method: str) -> Updates:
        maps = map_before_after(trained, method)
        if maps is None:
            return self._hide_maps()
        before, after = self._parts.headings
        return {
            before: train_html.map_heading("Before", trained.route.base, maps.before.method),
            after: train_html.map_heading("After", trained.route.name, maps.after.method),
            **dict(zip(self._parts.maps, _drawings(maps, trained.route.name), strict=True)),
        }

    def _hide_maps(self) -> Updates:
        # The style sheet hides maps whose headings name no route.
        before, after = self._parts.headings
        return {before: train_html.map_heading("Before"), after: train_html.map_heading("After")}


def _renamed(trained: Trained, name: str) -> Trained:
    """Return the same expert under another name."""
    route = replace(trained.route, name=name, route=replace(trained.route.route, expert=name))
    encoder = trained.encoder.with_route(name, route.route, trained.grown.experts)
    return replace(trained, route=route, encoder=encoder)


def _drawings(maps: BeforeAfter, name: str) -> list[Updates]:
    """Draw both maps with the same axes and colours."""
    extent = extent_of(maps.before.points, maps.after.points)
    hover = [f"Held out: {text}" if out else text for text, out in zip(maps.texts, maps.held_out, strict=True)]
    figures = [
        map_figure(each.points, labels=maps.labels, label_title="label", hover=hover, extent=extent)
        for each in (maps.before, maps.after)
    ]
    for trace in (trace for figure in figures for trace in figure["data"]):
        held_out = maps.held_out[trace["customdata"]]
        trace["marker"] |= {"size": 8, "opacity": np.where(held_out, 1.0, 0.35).tolist()}
    return [drawing(figure, view=f"{name}/{maps.after.method}", groups="label") for figure in figures]
