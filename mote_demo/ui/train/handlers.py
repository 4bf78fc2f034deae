"""What steps 3 to 5 of the Train tab do: train, show the result, keep or remove experts."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr
import numpy as np

from mote_demo.data.columns import roles_of
from mote_demo.data.proposal import columns_of
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError
from mote_demo.event_log import note
from mote_demo.explore.cluster_words import clusters_of
from mote_demo.explore.colouring import Colouring
from mote_demo.explore.linked_maps import Side, colours_json, points_json, texts_json
from mote_demo.growing.before_after import BeforeAfterMaps, before_after_maps
from mote_demo.growing.budget import check_step, check_time, needs_timing
from mote_demo.growing.command import repeat_command
from mote_demo.growing.estimate import estimate
from mote_demo.growing.expert import Expert
from mote_demo.growing.grow import GrowthResult, Stage, choose_settings, grow_steps, with_twin
from mote_demo.growing.leaving import zip_folded
from mote_demo.growing.rows import Rows, choose_rows
from mote_demo.growing.settings import GrowthSettings
from mote_demo.growing.suggestion import suggest
from mote_demo.growing.training import TrainingStep, check_base
from mote_demo.growing.twin import TwinStep
from mote_demo.limits import TRAINING_SECONDS
from mote_demo.serving.sessions import Session
from mote_demo.serving.shelf import DENSE, EXPERTS
from mote_demo.settings import checkpoints_folder
from mote_demo.tasks import TASKS, find_task
from mote_demo.ui.shared.downloads import new_file
from mote_demo.ui.shared.run_controls import RunControls, Updates
from mote_demo.ui.shared.uploads import uploaded
from mote_demo.ui.shared.visitor_states import VisitorStates
from mote_demo.ui.train import html as train_html
from mote_demo.ui.train.components import TrainComponents
from mote_demo.ui.train.data_handlers import chosen_examples, chosen_test
from mote_demo.ui.train.run import TrainingQueue, TrainingRun, Waiting
from mote_demo.ui.train.state import TrainState

_SECONDS_BETWEEN_STEPS = 0.3
_FAILED = "The training ended by an error of the app. Nothing was kept; your data is still here."
_STOPPED = "Stopped before the first step. Nothing was kept."
_TWIN_STOPPED = "Done: your expert is ready. The training of the baseline was stopped."


class TrainHandlers:
    """Handle the events of steps 3 to 5."""

    def __init__(self, states: VisitorStates[TrainState], components: TrainComponents) -> None:
        self._states = states
        self._queue = TrainingQueue()
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

    def queue(self, request: gr.Request) -> Updates:
        """Say that the training was asked for; one runs at a time, and it can be stopped while it waits."""
        self._states.of(request)[1].stop = threading.Event()
        return self.controls.wait(request)

    def begin_advice(self, request: gr.Request) -> Updates:
        """Say that the rows are looked at; what is said of earlier ones no longer counts."""
        _, state = self._states.of(request)
        state.looks += 1
        state.suggested = None
        return {self._components.training.advice: train_html.working("Looking at some of your rows")}

    def advise(self, values: dict[Any, Any], request: gr.Request) -> Iterator[Updates]:
        """Look at some of the rows, and choose where to start from and how hard to train, with the reasons."""
        session, state = self._states.of(request)
        training, task = self._components.training, self._components.task
        chosen = values[task.task]
        if state.advised is not state.table:
            state.advised, state.test = state.table, None
            yield {training.twin: state.sample, training.test: None}
        try:
            rows = choose_rows(chosen_examples(state, chosen), chosen_test(state, chosen))
        except UserError:
            # Step 2 says so already.
            yield {training.advice: ""}
            return
        look = state.looks
        try:
            found = suggest(session.mote, rows.train)
            settings = choose_settings(rows.train, found.effort, own_test=True)
            timed = estimate(session.mote, rows.train, len(rows.test.frame), found.base, settings)
        except UserError as error:
            yield {training.advice: train_html.problem(str(error))}
            return
        if state.looks != look:
            yield gr.skip()
            return
        state.suggested = found
        yield {
            task.base: found.base,
            training.effort: found.effort,
            training.advice: train_html.advice(found, timed, settings, rows),
        }

    def time_effort(self, values: dict[Any, Any], request: gr.Request) -> Updates:
        """Say how long another effort takes."""
        session, state = self._states.of(request)
        base = values[self._components.task.base]
        try:
            rows, settings = self._rows(state, values)
            check_step(session.mote, rows.train, base, settings.batch_size)
            timed = estimate(session.mote, rows.train, len(rows.test.frame), base, settings)
            check_time(timed, settings, twin=bool(values[self._components.training.twin]))
        except UserError as error:
            return {self._components.training.advice: train_html.problem(str(error))}
        return {self._components.training.advice: train_html.advice(state.suggested, timed, settings, rows)}

    def train(self, values: dict[Any, Any], request: gr.Request) -> Iterator[Updates]:
        """Train an expert on the chosen columns, with the loss as it falls."""
        session, state = self._states.of(request)
        if state.stop.is_set():
            yield gr.skip()
            return
        yield {self._progress: train_html.working("Reading the data")}
        try:
            state.run = TrainingRun(self._queue, self._work(session, state, values), state.stop)
            state.waiting = False
            yield from self._follow(session, state, state.run)
        except Exception as error:
            state.waiting = False
            words = str(error) if isinstance(error, UserError) else _FAILED
            yield {**self.controls.busy(False), self._progress: train_html.problem(words)}
            raise

    def attach(self, request: gr.Request) -> Iterator[Updates]:
        """Go on showing a training where the page was reloaded."""
        session, state = self._states.of(request)
        if state.run is None or state.run.ended:
            yield gr.skip()
            return
        yield self.controls.busy(True)
        yield from self._follow(session, state, state.run)

    def stop(self, request: gr.Request) -> Updates:
        """Ask the training to end after its current step, or take it out of the queue."""
        _, state = self._states.of(request)
        state.stop.set()
        if state.waiting:
            # Its turn did not come, and when it comes there is nothing to do.
            state.waiting = False
            return {**self.controls.busy(False), self._progress: train_html.finished(_STOPPED)}
        return {self.controls.stop: gr.update(interactive=False, value="Stopping …")}

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

    def discard(self, request: gr.Request) -> Updates:
        """Forget an expert that was not plugged in."""
        self._states.of(request)[1].result = None
        return {
            self._result.choice: gr.update(visible=False),
            self._result.command: gr.update(visible=False),
            **self._hide_maps(),
            self._result.result: train_html.empty_result(),
            self._progress: train_html.idle(),
        }

    def refine_maps(self, request: gr.Request) -> Updates:
        """Replace the maps by UMAP's, which take seconds."""
        _, state = self._states.of(request)
        result = state.result
        maps = {} if result is None else self._show_maps(result, "UMAP")
        # It may have been discarded meanwhile. Gradio refuses an empty dict where there are several outputs.
        return maps if maps and state.result is result else gr.skip()

    def download(self, name: str | None, request: gr.Request) -> Updates:
        """Write the chosen expert to a file."""
        session, _ = self._states.of(request)
        path = new_file(f"{session.experts[name].name}.safetensors", session)
        session.experts.save(name, path)
        return {**self._list_experts(session, name), self._components.experts.file: str(path)}

    @staticmethod
    def begin_folding() -> Any:  # noqa: ANN401 - an update of Gradio's
        """Say that the model is being written; a second press does nothing."""
        return gr.update(value="Writing the model …", interactive=False)

    def fold(self, name: str | None, request: gr.Request) -> Updates:
        """Write the chosen expert as a plain model, in a zip file."""
        session, _ = self._states.of(request)
        expert = session.experts[name]
        path = new_file(f"{expert.name}.zip", session)
        zip_folded(expert, session.shelf.growing, checkpoints_folder() / EXPERTS, path)
        return {self._components.experts.file: str(path)}

    @staticmethod
    def end_folding() -> Any:  # noqa: ANN401 - an update of Gradio's
        """Offer it again."""
        return gr.update(value="Download as a model", interactive=True)

    def remove(self, name: str | None, base: str | None, task: str, request: gr.Request) -> Updates:
        """Take the chosen expert out of the visitor's model; the next one cannot start from it."""
        session, _ = self._states.of(request)
        session.experts.remove(name)
        gr.Info(f"The expert {name} was removed.")
        routes = list(session.mote.routes)
        kept = base if base in routes else find_task(task).query_route
        return {**self._list_experts(session), self._components.task.base: gr.update(choices=routes, value=kept)}

    def upload(self, file: str, request: gr.Request) -> Updates:
        """Plug in an expert from a file."""
        session, _ = self._states.of(request)
        with uploaded(file) as path:
            expert = session.experts.add_file(path)
        gr.Info(f"The expert {expert.name} is ready in Compare and Map.")
        return self._list_experts(session, expert.name)

    def _work(
        self, session: Session, state: TrainState, values: dict[Any, Any]
    ) -> Callable[[threading.Event], Iterator[object]]:
        """Check all that can be checked before it is anyone's turn, and return what is to be done."""
        rows, settings = self._rows(state, values)
        training = self._components.training
        name = str(values[self._components.task.name] or "").strip()
        session.experts.check_room()
        task, base = values[self._components.task.task], values[self._components.task.base]
        examples, test = chosen_examples(state, task), chosen_test(state, task)
        columns = vars(columns_of(state.roles, task))
        twin, mote = bool(values[training.twin]), session.mote
        check_base(mote, base)
        check_step(mote, rows.train, base, settings.batch_size)
        dense = session.shelf.encoder(DENSE) if twin else None
        command = partial(
            repeat_command,
            rows="samples" if state.sample else state.table.source,
            columns={role: columns[role] for role in roles_of(task) if columns[role] is not None},
            test=None if state.test is None else state.test.source,
            unlabelled=list(examples.frame.columns) == ["text"],
            twin=twin,
        )

        def work(stop: threading.Event) -> Iterator[object]:
            if needs_timing(settings, len(rows.train.frame)):
                yield Stage("Timing two steps")
                timed = estimate(mote, rows.train, len(rows.test.frame), base, settings)
                check_time(timed, settings, twin=twin)
            ends = time.monotonic() + TRAINING_SECONDS
            for event in grow_steps(mote, examples, name, base=base, settings=settings, test=test, stop=stop):
                if time.monotonic() > ends:
                    stop.set()
                if isinstance(event, GrowthResult):
                    note("trained", task=task, steps=event.expert.steps, seconds=round(event.seconds, 1))
                yield _Shown(event, command(event.expert)) if isinstance(event, GrowthResult) else event
                if isinstance(event, GrowthResult) and isinstance(dense, Encoder) and not event.training.stopped:
                    for step in with_twin(event, mote, dense, stop=stop):
                        if time.monotonic() > ends:
                            stop.set()
                        yield _Shown(step, command(event.expert)) if isinstance(step, GrowthResult) else step

        return work

    def _follow(self, session: Session, state: TrainState, run: TrainingRun) -> Iterator[Updates]:
        losses: list[float] = []
        twins: list[float] = []
        shown = 0.0
        for event in run.follow():
            if isinstance(event, Waiting):
                yield {self._progress: train_html.waiting(event.before)}
            elif isinstance(event, Stage):
                yield {self._progress: train_html.working(event.words, losses, twins)}
            elif isinstance(event, (TrainingStep, TwinStep)):
                step = event.step if isinstance(event, TwinStep) else event
                (twins if isinstance(event, TwinStep) else losses).append(step.loss)
                if step.step == 1 or time.monotonic() - shown >= _SECONDS_BETWEEN_STEPS:
                    shown = time.monotonic()
                    yield {self._progress: train_html.progress(step, losses, twins)}
            elif isinstance(event, _Shown):
                yield self._show_result(session, state, event, twins)
        yield self.controls.busy(False)
        if not losses:
            yield {self._progress: train_html.finished(_STOPPED)}
        elif state.stop.is_set() and twins and state.result is not None and state.result.twin is None:
            yield {self._progress: train_html.finished(_TWIN_STOPPED, losses, twins)}

    def _rows(self, state: TrainState, values: dict[Any, Any]) -> tuple[Rows, GrowthSettings]:
        """Return the rows to train on and to measure on, and how to train."""
        task, training = values[self._components.task.task], self._components.training
        examples, test = chosen_examples(state, task), chosen_test(state, task)
        changes = {key: values[number] for key, number in training.changes.items()}
        settings = choose_settings(examples, values[training.effort], own_test=test is not None, **changes)
        return choose_rows(examples, test, settings.seed), settings

    def _show_result(self, session: Session, state: TrainState, shown: "_Shown", twins: list[float]) -> Updates:
        """Show a result, and decide on it when it first comes: it comes again with its twin, and to a page reloaded."""
        result, layers = shown.result, shown.result.expert.layers
        first = state.decided is not layers
        if first:
            state.decided, state.result = layers, result
        elif state.result is None:
            return {self._progress: train_html.idle()}  # discarded meanwhile
        else:
            state.result = replace(state.result, twin=result.twin)
        told: Updates = {
            self._result.result: train_html.result(state.result),
            self._result.command: gr.update(value=shown.command, visible=True),
        }
        if result.twin is None:
            told |= self._show_maps(state.result, "PCA")
        else:
            words = "Done: the baseline had the same training, and is as it was again."
            told[self._progress] = train_html.finished(words, result.training.losses, twins)
        return {**told, **self._decide(session, result)} if first else told

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
            listed.note: train_html.experts_note(titles, session.experts.unsaved),
            listed.expert: gr.update(choices=names, value=chosen or (names[-1] if names else None)),
            listed.download: gr.update(interactive=bool(names)),
            listed.fold: gr.update(interactive=bool(names)),
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


@dataclass(frozen=True)
class _Shown:
    """Hold a result and the command that repeats it."""

    result: GrowthResult
    command: str


def _drawing(maps: BeforeAfterMaps, expert: Expert) -> dict[str, Any]:
    """Draw both maps; texts that were held out are strong, and those of a pair are joined."""
    texts = [f"Held out: {text}" if out else text for text, out in zip(maps.texts, maps.held_out, strict=True)]
    routes = (("Before training", expert.base, maps.before), ("After training", expert.name, maps.after))
    shown = "pairs that were held out" if len(maps.pairs) else "strong points were held out"
    before, after = (
        Side(title, side.points, (("route", route), (f"{side.method}, {shown}", ""))) for title, route, side in routes
    )
    view, faint = f"{expert.name}/{maps.after.method}", np.flatnonzero(~maps.held_out).tolist()
    colouring = Colouring.of(maps.labels, len(texts), "side" if len(maps.pairs) else "label")
    return {
        "points": points_json((before, after), view=view, faint=faint, pairs=maps.pairs),
        "texts": texts_json(texts),
        "colours": colours_json(colouring, clusters_of(maps.texts, (before.points, after.points), colouring)),
    }
