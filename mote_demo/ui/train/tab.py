"""The Train tab: grow an expert on one's own examples, and see what it brought."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mote_demo.serving.sessions import Sessions
from mote_demo.ui.shared.downloads import fetch_after
from mote_demo.ui.shared.events import MAP, MODEL, QUICK, UPLOAD
from mote_demo.ui.shared.visitor_states import VisitorStates
from mote_demo.ui.train.components import TrainComponents, build_components
from mote_demo.ui.train.data_handlers import DataHandlers
from mote_demo.ui.train.handlers import TrainHandlers
from mote_demo.ui.train.state import TrainState

_TRAINING: dict[str, Any] = {"concurrency_id": "training", "concurrency_limit": 20}
"""So many visitors may look at their trainings, of which one runs and the others wait in a queue of the app's own."""


@dataclass(frozen=True)
class TrainTab:
    """Offer what the app needs.

    Attributes:
        expert: the picker of the visitor's own experts; it changes when one comes or goes.
        use_samples_on: takes an event, after which the tab works on the sample set.
    """

    expert: gr.Dropdown
    use_samples_on: Callable[[Callable[..., Any]], Any]


def build_train_tab(sessions: Sessions) -> TrainTab:
    """Build the tab inside the current ``gr.Tab`` and wire its events."""
    components = build_components()
    states = VisitorStates(sessions, TrainState)
    handlers = TrainHandlers(states, components)
    use_samples_on = _wire_data(DataHandlers(states, components), components)
    _wire_training(handlers, components)
    _wire_advice(handlers, components)
    _wire_experts(handlers, components)
    return TrainTab(components.experts.expert, use_samples_on)


def _wire_data(handlers: DataHandlers, components: TrainComponents) -> Callable[[Callable[..., Any]], Any]:
    """Wire steps 1 and 2; return what wires an event to use the sample set."""
    data, task = components.data, components.task
    checked = [data.roles, data.report, data.problems, task.task, task.name, task.base]
    every = [data.note, data.add_texts, *checked]
    gr.on(None, handlers.open, None, every, **QUICK)
    data.file.upload(handlers.upload, [data.file, *data.reading.components], every, **QUICK, **UPLOAD)

    def use_samples_on(event: Callable[..., Any]) -> Any:  # noqa: ANN401 - Gradio's events have no public type
        return event(handlers.use_samples, None, [*every, data.file], **QUICK)

    use_samples_on(data.samples.click)
    data.add_texts.click(handlers.add_texts, None, [data.add_texts], **QUICK)
    # Who changes two roles in a row means both: none may be dropped while the first is being checked.
    data.roles.select(handlers.choose_role, [task.task, task.name], checked, **QUICK, trigger_mode="multiple")
    saved = data.problems.click(handlers.save_problems, None, [data.problems_file], **QUICK)
    fetch_after(saved, data.problems_file)
    task.task.input(handlers.choose_task, [task.task], checked, **QUICK)
    test = components.training.test
    gr.on(
        [test.upload, test.clear],
        handlers.give_test,
        [test, task.task],
        [data.report, data.problems],
        **QUICK,
        **UPLOAD,
    )
    return use_samples_on


def _wire_training(handlers: TrainHandlers, components: TrainComponents) -> None:
    task, training, result = components.task, components.training, components.result
    asked = _asked(components)
    plugged = [training.progress, result.choice, task.name, *_listed(components)]
    changed = [training.train, training.stop, result.result, result.command, *plugged, result.maps]
    queued = training.train.click(handlers.queue, None, handlers.controls.components, queue=False, **QUICK)
    trained = queued.success(handlers.train, asked, changed, **QUICK, **_TRAINING)
    trained.failure(handlers.controls.free, None, handlers.controls.components, queue=False, **QUICK)
    trained.success(handlers.refine_maps, None, [result.maps], **QUICK, **MAP)
    training.stop.click(handlers.stop, None, handlers.controls.components, **QUICK)
    result.keep.click(handlers.keep, None, plugged, **QUICK)
    discarded = [result.choice, result.maps, result.result, result.command, training.progress]
    result.discard.click(handlers.discard, None, discarded, **QUICK)
    gr.on(None, handlers.attach, None, [*handlers.controls.components, *changed], **QUICK)


def _wire_advice(handlers: TrainHandlers, components: TrainComponents) -> None:
    data, task, training = components.data, components.task, components.training
    advised = [training.advice, task.base, training.effort, training.twin, training.test]
    asked = _asked(components)
    # One step later the page has the new task; at the change itself it may send the old one.
    changed = data.report.change(handlers.begin_advice, None, [training.advice], **QUICK, trigger_mode="always_last")
    changed.then(handlers.advise, asked, advised, **QUICK, **MODEL, trigger_mode="multiple")
    settings = [training.effort.input, *(number.input for number in training.changes.values())]
    gr.on(settings, handlers.time_effort, asked, [training.advice], **QUICK, **MODEL, trigger_mode="always_last")


def _asked(components: TrainComponents) -> set[Any]:
    """Return what a training depends on."""
    task, training = components.task, components.training
    chosen = (task.task, task.name, task.base, training.effort, training.twin)
    return {*chosen, *training.changes.values()}


def _wire_experts(handlers: TrainHandlers, components: TrainComponents) -> None:
    task, experts = components.task, components.experts
    saved = [experts.file, *_listed(components)]
    fetch_after(experts.download.click(handlers.download, [experts.expert], saved, **QUICK), experts.file)
    # It takes a second or two, and the button says so meanwhile.
    folding = experts.fold.click(handlers.begin_folding, None, [experts.fold], **QUICK)
    folded = folding.then(handlers.fold, [experts.expert], [experts.file], **QUICK, **MODEL)
    folded.then(handlers.end_folding, None, [experts.fold], **QUICK)
    fetch_after(folded, experts.file)
    removed = [experts.expert, task.base, task.task]
    experts.remove.click(handlers.remove, removed, _listed(components), **QUICK)
    experts.upload.upload(handlers.upload, [experts.upload], _listed(components), **QUICK, **UPLOAD)


def _listed(components: TrainComponents) -> list[Any]:
    """Return what changes where an expert comes or goes."""
    experts = components.experts
    return [experts.note, experts.expert, experts.download, experts.fold, experts.remove, components.task.base]
