"""What steps 1 and 2 of the Train tab do: read data, recognise its columns, choose a task."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr
import pandas as pd

from mote_demo.data.columns import Columns, roles_of, suggest_task
from mote_demo.data.examples import Examples, to_examples
from mote_demo.data.tables import read_table
from mote_demo.data.uploads import guess_columns, to_texts
from mote_demo.errors import UserError
from mote_demo.growing.run import free_name
from mote_demo.serving.sessions import Session
from mote_demo.tasks import find_task
from mote_demo.ui.shared.errors import shown
from mote_demo.ui.shared.uploads import uploaded
from mote_demo.ui.train import html as train_html
from mote_demo.ui.train.components import NONE, Bench, Benches, DataParts, Updates, sample_bench

PREVIEW_ROWS = 8
_PREVIEW_CHARACTERS = 120
_PROSE_CHARACTERS = 25


class DataDesk:
    """Handle the events of steps 1 and 2; what cannot be read leaves the last good data in place."""

    def __init__(self, benches: Benches, parts: DataParts) -> None:
        self._benches = benches
        self._parts = parts

    @shown
    def open(self, request: gr.Request) -> Updates:
        """Show the visitor's data when the page opens: at first the sample set."""
        session, bench = self._benches.of(request)
        return self._show(session, bench)

    @shown
    def use_samples(self, request: gr.Request) -> Updates:
        """Go back to the sample set."""
        session, bench = self._benches.of(request)
        samples = sample_bench()
        bench.table, bench.guess, bench.sample = samples.table, samples.guess, True
        return {**self._show(session, bench), self._parts.file: None}

    @shown
    def upload(self, file: str, request: gr.Request) -> Updates:
        """Read a file and guess its columns and its task."""
        session, bench = self._benches.of(request)
        try:
            with uploaded(file) as path:
                table = read_table(path)
        except UserError as error:
            source = "the sample set" if bench.sample else bench.table.source
            kept = f"The data below is still {source}."
            return {self._parts.note: train_html.problem(str(error), kept=kept)}
        bench.table, bench.guess, bench.sample = table, guess_columns(table), False
        return self._show(session, bench)

    @shown
    def choose_task(self, task: str, request: gr.Request) -> Updates:
        """Ask for the columns and offer the starting route of another task."""
        session, bench = self._benches.of(request)
        return self._describe(session, bench, task)

    @shown
    def choose_columns(self, values: dict[Any, Any], request: gr.Request) -> Updates:
        """Count the examples that other columns make."""
        _, bench = self._benches.of(request)
        columns = [values[column] for column in self._parts.columns]
        return {self._parts.counts: _count(bench, values[self._parts.task], columns)}

    @shown
    def add_texts(self, request: gr.Request) -> Updates:
        """Offer the uploaded texts in Compare and Map as well."""
        session, bench = self._benches.of(request)
        guess = bench.guess
        text = guess.text or guess.positive or guess.sentence1
        labels = [guess.label] if guess.label and guess.label not in (text, guess.title) else []
        made = to_texts(bench.table, text=text, title=guess.title, labels=labels)
        texts = session.add_texts(made)
        words = [f"{texts.title}: {len(texts):,} texts can be picked in Compare and Map now."]
        # The page takes the message for HTML.
        gr.Info(escape(" ".join([*words, *texts.notes[len(made.notes) :]]), quote=False))
        return {self._parts.add_texts: gr.update(interactive=False)}

    def _show(self, session: Session, bench: Bench) -> Updates:
        task = suggest_task(bench.guess)
        preview = bench.table.frame.head(PREVIEW_ROWS).map(_shorten)
        return {
            self._parts.note: train_html.data_note(bench.table, sample=bench.sample),
            self._parts.preview: gr.update(
                value=preview, column_widths=[_width(cells) for _, cells in preview.items()]
            ),
            self._parts.add_texts: gr.update(interactive=not bench.sample),
            self._parts.task: task,
            **self._describe(session, bench, task),
        }

    def _describe(self, session: Session, bench: Bench, task: str) -> Updates:
        roles, names = roles_of(task), list(bench.table.frame.columns)
        chosen = [getattr(bench.guess, role) or NONE for role in roles]
        updates: Updates = {
            picker: gr.update(choices=[NONE, *names], value=value, label=_role_title(role, task), visible=True)
            for picker, role, value in zip(self._parts.columns, roles, chosen, strict=False)
        }
        for picker in self._parts.columns[len(roles) :]:
            updates[picker] = gr.update(visible=False)
        topic = bench.guess.label if "label" in roles else task
        return {
            **updates,
            self._parts.counts: _count(bench, task, chosen),
            self._parts.name: free_name(session, f"my-{topic or task}"),
            self._parts.base: gr.update(choices=list(session.mote.routes), value=find_task(task).query_route),
        }


def chosen_examples(bench: Bench, task: str, columns: Sequence[str]) -> Examples:
    """Return the examples that the picked columns make."""
    picked = {role: None if column == NONE else column for role, column in zip(roles_of(task), columns, strict=False)}
    return to_examples(bench.table, task, Columns(**picked))


def _count(bench: Bench, task: str, columns: Sequence[str]) -> str:
    try:
        return train_html.examples_note(chosen_examples(bench, task, columns))
    except UserError as error:
        return train_html.problem(str(error))


def _role_title(role: str, task: str) -> str:
    optional = "" if role in find_task(task).columns else " (optional)"
    return f"Column: {role}{optional}"


def _width(cells: pd.Series) -> str:
    """Give prose more room than labels."""
    return "320px" if cells.str.len().mean() > _PROSE_CHARACTERS else "110px"


def _shorten(cell: str) -> str:
    line = " ".join(cell.split())
    return line if len(line) <= _PREVIEW_CHARACTERS else f"{line[:_PREVIEW_CHARACTERS].rstrip()} …"
