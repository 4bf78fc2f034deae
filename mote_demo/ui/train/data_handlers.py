"""What steps 1 and 2 of the Train tab do: read data, recognise its columns, choose a task."""

from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr
import pandas as pd

from mote_demo.data.columns import Columns, roles_of, suggest_task
from mote_demo.data.examples import Examples, to_examples
from mote_demo.data.tables import read_table
from mote_demo.data.unlabelled import unlabelled_examples
from mote_demo.data.uploads import guess_columns, to_texts
from mote_demo.errors import UserError
from mote_demo.serving.sessions import Session
from mote_demo.tasks import find_task
from mote_demo.ui.shared.error_messages import show_errors
from mote_demo.ui.shared.run_controls import Updates
from mote_demo.ui.shared.uploads import uploaded
from mote_demo.ui.shared.visitor_states import VisitorStates
from mote_demo.ui.train import html as train_html
from mote_demo.ui.train.components import PREVIEW_ROWS, TrainComponents
from mote_demo.ui.train.state import TrainState

NONE = "(none)"
_PREVIEW_CHARACTERS = 120
_PROSE_CHARACTERS = 25


class DataHandlers:
    """Handle the events of steps 1 and 2; what cannot be read leaves the last good data in place."""

    def __init__(self, states: VisitorStates[TrainState], components: TrainComponents) -> None:
        self._states = states
        self._data = components.data
        self._task = components.task

    @show_errors
    def open(self, request: gr.Request) -> Updates:
        """Show the visitor's data when the page opens: at first the sample set."""
        return self._show(*self._states.of(request))

    @show_errors
    def use_samples(self, request: gr.Request) -> Updates:
        """Go back to the sample set."""
        session, state = self._states.of(request)
        state.use_samples()
        return {**self._show(session, state), self._data.file: None}

    @show_errors
    def upload(self, file: str, request: gr.Request) -> Updates:
        """Read a file and guess its columns and its task."""
        session, state = self._states.of(request)
        try:
            with uploaded(file) as path:
                table = read_table(path)
        except UserError as error:
            source = "the sample set" if state.sample else state.table.source
            return {self._data.note: train_html.problem(str(error), kept=f"The data below is still {source}.")}
        state.use_table(table, guess_columns(table))
        return self._show(session, state)

    @show_errors
    def choose_task(self, task: str, request: gr.Request) -> Updates:
        """Ask for the columns and offer the starting route of another task."""
        return self._describe(*self._states.of(request), task)

    @show_errors
    def choose_columns(self, values: dict[Any, Any], request: gr.Request) -> Updates:
        """Count the examples that other columns make."""
        _, state = self._states.of(request)
        columns = {role: values[picker] for role, picker in self._task.columns.items()}
        return {self._task.counts: _count(state, values[self._task.task], columns)}

    @show_errors
    def add_texts(self, request: gr.Request) -> Updates:
        """Offer the uploaded texts in Compare and Map as well."""
        session, state = self._states.of(request)
        guess = state.guess
        text = guess.text or guess.positive or guess.sentence1
        labels = [guess.label] if guess.label and guess.label not in (text, guess.title) else []
        made = to_texts(state.table, text=text, title=guess.title, labels=labels)
        texts = session.add_texts(made)
        words = [f"{texts.title}: {len(texts):,} texts can be picked in Compare and Map now."]
        # The page takes the message for HTML.
        gr.Info(escape(" ".join([*words, *texts.notes[len(made.notes) :]]), quote=False))
        return {self._data.add_texts: gr.update(interactive=False)}

    def _show(self, session: Session, state: TrainState) -> Updates:
        task = suggest_task(state.guess)
        preview = state.table.frame.head(PREVIEW_ROWS).map(_shorten)
        widths = [_width(cells) for _, cells in preview.items()]
        return {
            self._data.note: train_html.data_note(state.table, sample=state.sample),
            self._data.preview: gr.update(value=preview, column_widths=widths),
            self._data.add_texts: gr.update(interactive=not state.sample),
            self._task.task: task,
            **self._describe(session, state, task),
        }

    def _describe(self, session: Session, state: TrainState, task: str) -> Updates:
        roles, choices = roles_of(task), [NONE, *state.table.frame.columns]
        guess = {role: getattr(state.guess, role) or NONE for role in self._task.columns}
        topic = state.guess.label if "label" in roles else task
        return {
            **{
                picker: gr.update(choices=choices, value=guess[role], visible=role in roles)
                for role, picker in self._task.columns.items()
            },
            self._task.counts: _count(state, task, guess),
            self._task.name: session.experts.free_name(f"my-{topic or task}"),
            self._task.base: gr.update(choices=list(session.mote.routes), value=find_task(task).query_route),
        }


def chosen_examples(state: TrainState, task: str, columns: Mapping[str, str | None]) -> Examples:
    """Return the examples that the columns picked for the roles of ``task`` make."""
    picked = {role: None if columns[role] == NONE else columns[role] for role in roles_of(task)}
    if "label" in picked and picked["label"] is None:
        return unlabelled_examples(state.table, task, Columns(**picked))
    return to_examples(state.table, task, Columns(**picked))


def _count(state: TrainState, task: str, columns: Mapping[str, str | None]) -> str:
    try:
        return train_html.examples_note(chosen_examples(state, task, columns))
    except UserError as error:
        return train_html.problem(str(error))


def _width(cells: pd.Series) -> str:
    """Give prose more room than labels."""
    return "320px" if cells.str.len().mean() > _PROSE_CHARACTERS else "110px"


def _shorten(cell: str) -> str:
    line = " ".join(cell.split())
    return line if len(line) <= _PREVIEW_CHARACTERS else f"{line[:_PREVIEW_CHARACTERS].rstrip()} …"
