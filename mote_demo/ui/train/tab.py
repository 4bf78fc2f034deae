"""The Train tab: grow an expert on one's own examples, and see what it brought."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from mote_demo.serving.sessions import Sessions
from mote_demo.ui.shared.downloads import fetch_after
from mote_demo.ui.shared.events import MODEL, QUICK
from mote_demo.ui.shared.visitor_states import VisitorStates
from mote_demo.ui.train.components import TrainComponents, build_components
from mote_demo.ui.train.data_handlers import DataHandlers
from mote_demo.ui.train.handlers import TrainHandlers
from mote_demo.ui.train.state import TrainState

_TRAINING: dict[str, Any] = {"concurrency_id": "training", "concurrency_limit": 20}
"""So many visitors may look at their trainings, of which one runs and the others wait in a queue of the app's own."""


@dataclass(frozen=True)
class TrainTab:
    """Offer the picker of the visitor's own experts; it changes when one comes or goes."""

    expert: gr.Dropdown


def build_train_tab(sessions: Sessions) -> TrainTab:
    """Build the tab inside the current ``gr.Tab`` and wire its events."""
    components = build_components()
    states = VisitorStates(sessions, TrainState)
    handlers = TrainHandlers(states, components)
    _wire_data(DataHandlers(states, components), components)
    _wire_training(handlers, components)
    _wire_advice(handlers, components)
    _wire_test(handlers, components)
    _wire_experts(handlers, components)
    return TrainTab(components.experts.expert)


def _wire_data(handlers: DataHandlers, components: TrainComponents) -> None:
    data, task = components.data, components.task
    columns = task.columns.values()
    described = [*columns, task.counts, task.name, task.base]
    every = [data.note, data.preview, data.add_texts, task.task, *described]
    gr.on(None, handlers.open, None, every, **QUICK)
    data.file.upload(handlers.upload, [data.file], every, **QUICK)
    data.samples.click(handlers.use_samples, None, [*every, data.file], **QUICK)
    data.add_texts.click(handlers.add_texts, None, [data.add_texts], **QUICK)
    task.task.input(handlers.choose_task, [task.task], described, **QUICK)
    for column in columns:
        column.input(handlers.choose_columns, {task.task, *columns}, [task.counts], **QUICK)


def _wire_training(handlers: TrainHandlers, components: TrainComponents) -> None:
    task, training, result = components.task, components.training, components.result
    asked = _asked(components)
    headings = [result.before.heading, result.after.heading]
    maps = [*headings, result.before.map, result.after.map]
    plugged = [training.progress, result.choice, task.name, *_listed(components)]
    changed = [training.train, training.stop, result.result, result.command, *plugged, *maps]
    queued = training.train.click(handlers.queue, None, handlers.controls.components, queue=False, **QUICK)
    trained = queued.success(handlers.train, asked, changed, **QUICK, **_TRAINING)
    trained.failure(handlers.controls.free, None, handlers.controls.components, queue=False, **QUICK)
    trained.success(handlers.refine_maps, None, maps, **QUICK, **MODEL)
    training.stop.click(handlers.stop, None, [training.stop], **QUICK)
    result.keep.click(handlers.keep, None, plugged, **QUICK)
    discarded = [result.choice, *headings, result.result, training.progress]
    result.discard.click(handlers.discard, None, [*discarded, result.command], **QUICK)
    gr.on(None, handlers.attach, None, [*handlers.controls.components, *changed], **QUICK)


def _wire_advice(handlers: TrainHandlers, components: TrainComponents) -> None:
    task, training = components.task, components.training
    advised = [training.advice, task.base, training.effort, training.twin, training.test]
    asked = _asked(components)
    # One step later the page has every new choice of columns; at the change itself it may send the old ones.
    changed = task.counts.change(handlers.begin_advice, None, [training.advice], **QUICK, trigger_mode="always_last")
    changed.then(handlers.advise, asked, advised, **QUICK, **MODEL, trigger_mode="multiple")
    settings = [training.effort.input, *(number.input for number in training.changes.values())]
    gr.on(settings, handlers.time_effort, asked, [training.advice], **QUICK, **MODEL, trigger_mode="always_last")


def _wire_test(handlers: TrainHandlers, components: TrainComponents) -> None:
    training, counts = components.training, components.task.counts
    asked = {*_asked(components), training.test}
    gr.on([training.test.upload, training.test.clear], handlers.give_test, asked, [counts], **QUICK)


def _asked(components: TrainComponents) -> set[Any]:
    """Return what a training depends on."""
    task, training = components.task, components.training
    chosen = (task.task, task.name, task.base, training.effort, training.twin)
    return {*chosen, *task.columns.values(), *training.changes.values()}


def _wire_experts(handlers: TrainHandlers, components: TrainComponents) -> None:
    task, experts = components.task, components.experts
    fetch_after(experts.download.click(handlers.download, [experts.expert], [experts.file], **QUICK), experts.file)
    removed = [experts.expert, task.base, task.task]
    experts.remove.click(handlers.remove, removed, _listed(components), **QUICK)
    experts.upload.upload(handlers.upload, [experts.upload], _listed(components), **QUICK)


def _listed(components: TrainComponents) -> list[Any]:
    """Return what changes where an expert comes or goes."""
    experts = components.experts
    return [experts.note, experts.expert, experts.download, experts.remove, components.task.base]
