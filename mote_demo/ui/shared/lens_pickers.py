"""Two lenses to pick, in one click by a preset or one by one: model, task or expert, and instruction."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr

from mote_demo.errors import UserError
from mote_demo.explore.lens_name import LensName
from mote_demo.serving.presets import PRESETS, lenses_of
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.tasks import TASKS
from mote_demo.ui.shared.address import read_address
from mote_demo.ui.shared.run_controls import Updates
from mote_demo.ui.shared.visitor import visitor_of

_FIRST_PRESET, _FIRST_TASK = next(iter(PRESETS)), next(iter(TASKS))
_ANY, _OWN = "whatever the task", "its own"


@dataclass(frozen=True)
class LensPicker:
    """Hold the components that pick one lens."""

    model: gr.Dropdown
    look: gr.Dropdown
    expert: gr.Dropdown
    instruction: gr.Checkbox

    @property
    def components(self) -> list[Any]:
        """Return them, in the order of the handlers' arguments."""
        return [self.model, self.look, self.expert, self.instruction]


class LensPickers:
    """Keep the components in step that choose two lenses: a preset and a task, or each lens by itself.

    A tab places them: ``build_presets``, ``build_task`` and ``build_lenses``, each inside the current row or column.
    """

    def __init__(self, sessions: Sessions, elem_id: str, task: str = _FIRST_TASK) -> None:
        """Pick lenses for ``task`` at first; the ids in the page begin with ``elem_id``."""
        self._sessions = sessions
        self._elem_id = elem_id
        self._task = task

    def build_presets(self) -> None:
        """Build the row of comparisons that are one click away."""
        presets = [(preset.title, name) for name, preset in PRESETS.items()]
        self.preset = gr.Radio(
            presets,
            value=_FIRST_PRESET,
            label="Compare",
            elem_id=f"{self._elem_id}-preset",
            elem_classes="mote-presets",
        )

    def build_task(self) -> None:
        """Build the choice of a task."""
        tasks = [(task.title, name) for name, task in TASKS.items()]
        self.task = gr.Radio(tasks, value=self._task, label="Task", scale=3, elem_id=f"{self._elem_id}-task")

    def build_lenses(self) -> None:
        """Build the pickers of each lens, folded away under a line that says what is compared."""
        fold = gr.Accordion("", open=False, elem_id=f"{self._elem_id}-lenses", elem_classes="mote-lenses")
        with fold, gr.Row():
            self.left = _build_picker("Left", f"{self._elem_id}-left")
            self.right = _build_picker("Right", f"{self._elem_id}-right")
        self.fold = fold
        # The lenses themselves, by their names: what is asked, and what a link keeps.
        self.names = [
            gr.Textbox(visible="hidden", elem_id=f"{self._elem_id}-{side}-lens") for side in ("left", "right")
        ]

    @property
    def choices(self) -> list[Any]:
        """Return all components that an update of the pickers touches."""
        return [self.preset, self.task, self.fold, *self.left.components, *self.right.components, *self.names]

    def wire(self, **options: Any) -> list[Any]:
        """Keep the pickers in step; return the events after which both lenses are chosen."""
        settled = [
            source.input(self.apply, [self.preset, self.task, *self.names], self.choices, **options)
            for source in (self.preset, self.task)
        ]
        # The pickers of one side change together, so a change is followed before anything is asked.
        for picker, follow in ((self.left, self.picked_left), (self.right, self.picked_right)):
            inputs = [*picker.components, *self.names]
            settled += [source.input(follow, inputs, self.choices, **options) for source in picker.components]
        return settled

    def refresh_on(self, event: Callable[..., Any], **options: Any) -> Any:  # noqa: ANN401
        """List models and experts afresh when ``event`` happens."""
        return event(self.refresh, self.names, self.choices, **options)

    def apply(self, preset: str | None, task: str, left: str, right: str, request: gr.Request) -> Updates:
        """Set both lenses to those of a preset; without one, to the chosen task of the models that are picked."""
        session = self._sessions.of(visitor_of(request))
        if preset is None:
            return self._show(session, _with_task(left, task, session), _with_task(right, task, session), None)
        try:
            return self._show(session, *lenses_of(preset, task, session), preset)
        except UserError as error:
            # What is picked stays, and no preset claims to be what is shown.
            gr.Warning(escape(str(error), quote=False))
            return self._show(session, _known(left, session), _known(right, session), None)

    def picked_left(
        self,
        model: str | None,
        look: str | None,
        expert: str | None,
        instruction: bool,
        left: str,
        right: str,
        request: gr.Request,
    ) -> Updates:
        """Follow a change of the left pickers: what the model can look at is listed, and no preset is chosen."""
        session = self._sessions.of(visitor_of(request))
        return self._show(
            session, _known(_name(model, look, expert, instruction), session), _known(right, session), None
        )

    def picked_right(
        self,
        model: str | None,
        look: str | None,
        expert: str | None,
        instruction: bool,
        left: str,
        right: str,
        request: gr.Request,
    ) -> Updates:
        """Follow a change of the right pickers."""
        session = self._sessions.of(visitor_of(request))
        return self._show(
            session, _known(left, session), _known(_name(model, look, expert, instruction), session), None
        )

    def refresh(self, left: str, right: str, request: gr.Request) -> Updates:
        """List the visitor's models and experts afresh, as when the tab is opened; what is picked stays."""
        session = self._sessions.of(visitor_of(request))
        if not left or not right:  # opened before the page had filled the pickers
            asked = read_address(session.address, self._elem_id.removeprefix("mote-"))
            return self.begin(session, asked.get("left", ""), asked.get("right", ""), warn=False)
        try:
            updates = self._show(session, left, right, None)
        except UserError:
            # An expert was removed meanwhile.
            return self._show(session, _known(left, session), _known(right, session), None)
        # No value: whoever picks something while the lists are on their way keeps it.
        del updates[self.preset]
        return {part: {key: value for key, value in new.items() if key != "value"} for part, new in updates.items()}

    def begin(self, session: Session, left: str = "", right: str = "", *, warn: bool = True) -> Updates:
        """Return the first comparison: two lenses that were asked for, or that of the first preset."""
        if left and right:
            try:
                preset, task = _preset_of(session, left, right)
                return {**self._show(session, left, right, preset), self.task: gr.update(value=task)}
            except UserError as error:
                if warn:
                    gr.Warning(escape(f"The link cannot be followed. {error}", quote=False))
        left, right = lenses_of(_FIRST_PRESET, self._task, session)
        return {**self._show(session, left, right, _FIRST_PRESET), self.task: gr.update(value=self._task)}

    def _show(self, session: Session, left: str, right: str, preset: str | None) -> Updates:
        pair = session.pair(left, right)
        updates: Updates = {
            **{shown: gr.update(value=str(lens)) for shown, lens in zip(self.names, pair.lenses, strict=True)},
            self.preset: gr.update(value=preset),
            self.fold: gr.update(label=f"{pair.left.title}  |  {pair.right.title}"),
        }
        for picker, lens in ((self.left, pair.left), (self.right, pair.right)):
            look = lens.name.look.partition("+")[0]
            looks = [(_look_title(each), each) for each in session.looks(lens.model)] if look else [(_ANY, "")]
            updates |= {
                picker.model: gr.update(choices=session.models(), value=lens.model),
                picker.look: gr.update(choices=looks, value=_task_name(look), interactive=bool(look)),
                picker.expert: gr.update(
                    choices=[(_OWN, ""), *((each, each) for each in session.experts_of(lens.model))],
                    value=lens.expert,
                    interactive=bool(session.experts_of(lens.model)),
                ),
                picker.instruction: gr.update(value=lens.instruction, interactive=bool(look)),
            }
        return updates


def _name(model: str | None, look: str | None, expert: str | None, instruction: bool) -> str:
    if not model:
        raise UserError("No model was chosen. Please choose one of the list.")
    return str(LensName(model, look or "", instruction, expert or ""))


def _build_picker(side: str, elem_id: str) -> LensPicker:
    with gr.Column(min_width=260), gr.Row():
        model = gr.Dropdown([], label=f"{side}: model", min_width=140, elem_id=f"{elem_id}-model")
        look = gr.Dropdown([], label="Task or expert", min_width=140, elem_id=f"{elem_id}-look")
        expert = gr.Dropdown([], label="Expert that runs", min_width=140, elem_id=f"{elem_id}-expert")
        instruction = gr.Checkbox(True, label="Instruction", min_width=140, elem_id=f"{elem_id}-instruction")
    return LensPicker(model, look, expert, instruction)


def _preset_of(session: Session, left: str, right: str) -> tuple[str | None, str]:
    """Return the preset and the task that two lenses are, without a preset the task of the right one."""
    names = str(session.lens(left)), str(session.lens(right))
    for preset in PRESETS:
        for task in TASKS:
            with suppress(UserError):
                if lenses_of(preset, task, session) == names:
                    return preset, task
    found = session.lens(right).task or session.lens(left).task
    return None, found.name if found else _FIRST_TASK


def _known(name: str, session: Session) -> str:
    """Return the lens, or where its model has no such task or expert, one of the model's own that is like it."""
    parsed = LensName.parse(name, session.shelf.models.__contains__)
    expert = parsed.expert if parsed.expert in session.experts_of(parsed.model) else ""
    look = parsed.look if parsed.look in session.looks(parsed.model) else session.looks(parsed.model)[0]
    for candidate in (parsed, replace(parsed, expert=expert), replace(parsed, expert=expert, look=look)):
        with suppress(UserError):
            return str(session.lens(str(candidate)))
    return str(session.lens(str(LensName(parsed.model, look))))


def _with_task(name: str, task: str, session: Session) -> str:
    lens = LensName.parse(name, session.shelf.models.__contains__)
    wanted = replace(lens, look=task if task in session.looks(lens.model) else lens.look)
    return str(session.lens(str(wanted)))


def _task_name(look: str) -> str:
    """Return the task of a route that is all of it: pickers list tasks."""
    return next((name for name, task in TASKS.items() if task.routes == (look,)), look)


def _look_title(look: str) -> str:
    return TASKS[look].title if look in TASKS else look
