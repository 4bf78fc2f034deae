"""What steps 3 to 5 of the Train tab do: train, show the result, keep or remove experts."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from mote_demo.errors import UserError
from mote_demo.explore.cluster_words import clusters_of
from mote_demo.explore.colouring import Colouring
from mote_demo.explore.linked_maps import Side, colours_json, points_json, texts_json
from mote_demo.growing.before_after import BeforeAfterMaps, before_after_maps
from mote_demo.growing.expert import Expert
from mote_demo.growing.grow import GrowthResult, Stage, choose_settings, grow_steps
from mote_demo.growing.training import TrainingStep
from mote_demo.serving.sessions import Session
from mote_demo.tasks import TASKS, find_task
from mote_demo.ui.shared.downloads import new_file
from mote_demo.ui.shared.error_messages import show_errors
from mote_demo.ui.shared.run_controls import RunControls, Updates
from mote_demo.ui.shared.uploads import uploaded
from mote_demo.ui.shared.visitor_states import VisitorStates
from mote_demo.ui.train import html as train_html
from mote_demo.ui.train.components import TrainComponents
from mote_demo.ui.train.data_handlers import chosen_examples
from mote_demo.ui.train.state import TrainState

_SECONDS_BETWEEN_STEPS = 0.3
_FAILED = "The training ended by an error of the app. Nothing was kept; your data is still here."
_STOPPED = "Stopped before the first step. Nothing was kept."


class TrainHandlers:
    """Handle the events of steps 3 to 5."""

    def __init__(self, states: VisitorStates[TrainState], components: TrainComponents) -> None:
        self._states = states
        self._components = components
        self._result = components.result
        self._progress = components.training.progress
        self.controls = RunControls(
            states,
            start=components.training.train,
            stop=components.training.stop,
            status=self._progress,
            waiting=train_html.working("Waiting for a free place"),
            idle=train_html.idle(),
        )

    @show_errors
    def queue(self, request: gr.Request) -> Updates:
        """Say that the training was asked for; one runs at a time, and it can be stopped while it waits."""
        self._states.of(request)[1].stop.clear()
        return self.controls.wait(request)

    @show_errors
    def train(self, values: dict[Any, Any], request: gr.Request) -> Iterator[Updates]:
        """Train an expert on the chosen columns, with the loss as it falls."""
        session, state = self._states.of(request)
        state.waiting = False
        yield {self._progress: train_html.working("Reading the data")}
        try:
            yield from self._train(session, state, values)
            yield self.controls.busy(False)
        except Exception as error:
            words = str(error) if isinstance(error, UserError) else _FAILED
            yield {**self.controls.busy(False), self._progress: train_html.problem(words)}
            raise
        finally:
            state.stop.set()

    def stop(self, request: gr.Request) -> Updates:
        """Ask the training to end after its current step."""
        self._states.of(request)[1].stop.set()
        return {self.controls.stop: gr.update(interactive=False, value="Stopping …")}

    @show_errors
    def keep(self, request: gr.Request) -> Updates:
        """Plug in an expert that was stopped or had no room, under a free name where its own was taken meanwhile."""
        session, state = self._states.of(request)
        if state.result is None:
            raise UserError("There is nothing to keep. Please train an expert first.")
        expert = state.result.expert
        if expert.name in session.mote.routes:
            expert = replace(expert, name=session.experts.free_name(expert.name))
            state.result = replace(state.result, expert=expert)
        return {**self._plug_in(session, state.result), self._result.choice: gr.update(visible=False)}

    @show_errors
    def discard(self, request: gr.Request) -> Updates:
        """Forget an expert that was not plugged in."""
        self._states.of(request)[1].result = None
        return {
            self._result.choice: gr.update(visible=False),
            **self._hide_maps(),
            self._result.result: train_html.empty_result(),
            self._progress: train_html.idle(),
        }

    @show_errors
    def refine_maps(self, request: gr.Request) -> Updates:
        """Replace the maps by UMAP's, which take seconds."""
        _, state = self._states.of(request)
        result = state.result
        maps = {} if result is None else self._show_maps(result, "UMAP")
        # It may have been discarded meanwhile. Gradio refuses an empty dict where there are several outputs.
        return maps if maps and state.result is result else gr.skip()

    @show_errors
    def download(self, name: str | None, request: gr.Request) -> Updates:
        """Write the chosen expert to a file."""
        expert = self._states.of(request)[0].experts[name]
        path = new_file(f"{expert.name}.safetensors")
        expert.save(path)
        return {self._components.experts.file: str(path)}

    @show_errors
    def remove(self, name: str | None, base: str | None, task: str, request: gr.Request) -> Updates:
        """Take the chosen expert out of the visitor's model; the next one cannot start from it."""
        session, _ = self._states.of(request)
        session.experts.remove(name)
        gr.Info(f"The expert {name} was removed.")
        routes = list(session.mote.routes)
        kept = base if base in routes else find_task(task).query_route
        return {**self._list_experts(session), self._components.task.base: gr.update(choices=routes, value=kept)}

    @show_errors
    def upload(self, file: str, request: gr.Request) -> Updates:
        """Plug in an expert from a file."""
        session, _ = self._states.of(request)
        with uploaded(file) as path:
            expert = session.experts.add_file(path)
        gr.Info(f"The expert {expert.name} is ready in Compare and Map.")
        return self._list_experts(session, expert.name)

    def _train(self, session: Session, state: TrainState, values: dict[Any, Any]) -> Iterator[Updates]:
        examples = chosen_examples(state, values[self._components.task.task])
        name = str(values[self._components.task.name] or "").strip()
        changes = {key: values[number] for key, number in self._components.training.changes.items()}
        settings = choose_settings(examples, values[self._components.training.effort], **changes)
        session.experts.check_room()
        base = values[self._components.task.base]
        losses: list[float] = []
        last_shown = 0.0
        for event in grow_steps(session.mote, examples, name, base=base, settings=settings, stop=state.stop):
            if isinstance(event, Stage):
                yield {self._progress: train_html.working(event.words, losses)}
            elif isinstance(event, TrainingStep):
                losses.append(event.loss)
                if event.step == 1 or time.monotonic() - last_shown >= _SECONDS_BETWEEN_STEPS:
                    last_shown = time.monotonic()
                    yield {self._progress: train_html.progress(event, losses)}
            else:
                state.result = event
                yield self._show_result(session, event)
        if not losses:
            yield {self._progress: train_html.finished(_STOPPED)}

    def _show_result(self, session: Session, result: GrowthResult) -> Updates:
        return {
            **self._show_maps(result, "PCA"),
            self._result.result: train_html.result(result),
            **self._decide(session, result),
        }

    def _decide(self, session: Session, result: GrowthResult) -> Updates:
        """Plug an expert in; where it was stopped, or there is no room for it, leave that to the visitor."""
        words = "Stopped: keep the expert trained so far?"
        if not result.training.stopped:
            try:
                return {**self._plug_in(session, result), self._result.choice: gr.update(visible=False)}
            except UserError as error:
                words = f"Trained, but not ready to use: {error} 'Keep it' tries again, under a free name."
        progress = train_html.finished(words, result.training.losses)
        return {self._progress: progress, self._result.choice: gr.update(visible=True)}

    def _plug_in(self, session: Session, result: GrowthResult) -> Updates:
        name = result.expert.name
        session.experts.add(result.expert)
        words = f"Done: '{name}' is ready in Compare and Map."
        return {
            **self._list_experts(session, name),
            self._components.task.name: session.experts.free_name(name),
            self._progress: train_html.finished(words, result.training.losses),
        }

    def _list_experts(self, session: Session, chosen: str | None = None) -> Updates:
        """Show the visitor's experts wherever they can be picked in this tab."""
        listed, names = self._components.experts, session.experts.names
        titles = {expert.name: TASKS[expert.task].title for expert in session.experts}
        return {
            listed.note: train_html.experts_note(titles),
            listed.expert: gr.update(choices=names, value=chosen or (names[-1] if names else None)),
            listed.download: gr.update(interactive=bool(names)),
            listed.remove: gr.update(interactive=bool(names)),
            self._components.task.base: gr.update(choices=list(session.mote.routes)),
        }

    def _show_maps(self, result: GrowthResult, method: str) -> Updates:
        maps = before_after_maps(result, method)
        if maps is None:
            return self._hide_maps()
        return {self._result.maps: gr.update(**_drawing(maps, result.expert))}

    def _hide_maps(self) -> Updates:
        # The style sheet hides maps without points.
        return {self._result.maps: gr.update(points="")}


def _drawing(maps: BeforeAfterMaps, expert: Expert) -> dict[str, Any]:
    """Draw both maps; texts that were held out are strong."""
    texts = [f"Held out: {text}" if out else text for text, out in zip(maps.texts, maps.held_out, strict=True)]
    routes = (("Before training", expert.base, maps.before), ("After training", expert.name, maps.after))
    before, after = (
        Side(title, side.points, (("route", route), (f"{side.method}, strong points were held out", "")))
        for title, route, side in routes
    )
    faint = np.flatnonzero(~maps.held_out).tolist()
    colouring = Colouring.of(maps.labels, len(texts), "label")
    return {
        "points": points_json((before, after), view=f"{expert.name}/{maps.after.method}", faint=faint),
        "texts": texts_json(texts),
        "colours": colours_json(colouring, clusters_of(maps.texts, (before.points, after.points), colouring)),
    }
