"""The panel that adds a visitor's own texts, from a file or from the Hub."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from mote_demo.data.columns import Columns
from mote_demo.data.hub import HUB_SETS, load_hub
from mote_demo.data.tables import MAX_BYTES, MAX_ROWS, Table, read_table
from mote_demo.data.texts import Texts
from mote_demo.data.uploads import guess_columns, to_texts
from mote_demo.errors import UserError
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.compare import html as compare_html
from mote_demo.ui.shared.error_messages import show_errors
from mote_demo.ui.shared.run_controls import Updates
from mote_demo.ui.shared.uploads import uploaded
from mote_demo.ui.shared.visitor_states import VisitorStates

NO_TITLE = "(none)"
_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}


@dataclass(frozen=True)
class TextsComponents:
    """Hold the components of the panel; ``texts`` is the picker that gets the new texts."""

    texts: gr.Dropdown
    file: gr.File
    hub: gr.Dropdown
    load: gr.Button
    columns: gr.Row
    text: gr.Dropdown
    title: gr.Dropdown
    labels: gr.Dropdown
    apply: gr.Button
    note: gr.HTML


@dataclass
class Upload:
    """Hold a table, and the name of the texts that were made of it."""

    table: Table
    name: str | None = None


@dataclass
class TextsState:
    """Keep a visitor's last upload, so that its columns can be corrected."""

    upload: Upload | None = None


class TextsHandlers:
    """Handle the panel's events."""

    def __init__(self, states: VisitorStates[TextsState], components: TextsComponents) -> None:
        self._states = states
        self._components = components

    @show_errors
    def upload(self, file: str | None, request: gr.Request) -> Updates:
        """Read a file, guess its columns and add its texts."""
        components = self._components
        if file is None:
            return {components.columns: gr.update(visible=False), components.note: ""}
        session, state = self._states.of(request)
        with uploaded(file) as path:
            table = read_table(path)
        upload = state.upload = Upload(table)
        columns = guess_columns(table)
        text = _text_column(columns, table)
        labels = [columns.label] if columns.label else []
        names = list(table.frame.columns)
        return {
            **self._add(session, upload, text, columns.title, labels),
            components.columns: gr.update(visible=True),
            components.text: gr.update(choices=names, value=text),
            components.title: gr.update(choices=[NO_TITLE, *names], value=columns.title or NO_TITLE),
            components.labels: gr.update(choices=names, value=labels),
        }

    @show_errors
    def correct(self, text: str, title: str, labels: list[str], request: gr.Request) -> Updates:
        """Make the same file's texts of other columns; they take the place of those that it gave before."""
        session, state = self._states.of(request)
        if state.upload is None:
            raise UserError("There is no file to take columns from. Please upload it again.")
        return self._add(session, state.upload, text, None if title == NO_TITLE else title, labels)

    @show_errors
    def load(self, name: str | None, request: gr.Request) -> Updates:
        """Add texts of a Hub data set."""
        if not (name or "").strip():
            raise UserError("No data set was named. Pick one, or type a Hub name such as owner/name.")
        session, _ = self._states.of(request)
        return self._offer(session, session.add_texts(load_hub(str(name), folders=False)))

    def _add(self, session: Session, upload: Upload, text: str, title: str | None, labels: list[str]) -> Updates:
        labels = [label for label in labels if label not in (text, title)]
        made = to_texts(upload.table, text=text, title=title, labels=labels)
        texts = session.add_texts(made, instead_of=upload.name)
        upload.name = texts.name
        return self._offer(session, texts)

    def _offer(self, session: Session, texts: Texts) -> Updates:
        return {
            self._components.texts: gr.update(choices=session.texts_choices(), value=texts.name),
            self._components.note: compare_html.added(texts),
        }


def build_texts_panel(sessions: Sessions, texts: gr.Dropdown) -> None:
    """Build the panel as a closed accordion and wire its events; ``texts`` is the picker it feeds."""
    with gr.Accordion("Add your own texts", open=False):
        components = _build(texts)
    handlers = TextsHandlers(VisitorStates(sessions, TextsState), components)
    outputs = [components.texts, components.note]
    columns = [components.text, components.title, components.labels]
    components.file.change(handlers.upload, [components.file], [*outputs, components.columns, *columns], **_PRIVATE)
    components.apply.click(handlers.correct, columns, outputs, **_PRIVATE)
    components.load.click(handlers.load, [components.hub], outputs, **_PRIVATE)


def _build(texts: gr.Dropdown) -> TextsComponents:
    with gr.Row():
        file = gr.File(
            label=f"CSV, TSV, JSONL or Parquet; at most {MAX_BYTES // 1_000_000} MB, {MAX_ROWS:,} rows are used",
            file_types=[".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet"],
            height=140,
            min_width=240,
        )
        with gr.Column(min_width=240):
            choices = [(each.title, name) for name, each in HUB_SETS.items()]
            hub = gr.Dropdown(
                choices, value=None, label="Hugging Face Hub data set (needs a network)", allow_custom_value=True
            )
            load = gr.Button("Load from the Hub", size="sm")
    with gr.Row(visible=False) as columns:
        text = gr.Dropdown([], label="Text column", min_width=150)
        title = gr.Dropdown([NO_TITLE], value=NO_TITLE, label="Title column", min_width=150)
        labels = gr.Dropdown([], label="Label columns", multiselect=True, min_width=150)
        apply = gr.Button("Use these columns", size="sm", min_width=140)
    note = gr.HTML("")
    return TextsComponents(
        texts=texts,
        file=file,
        hub=hub,
        load=load,
        columns=columns,
        text=text,
        title=title,
        labels=labels,
        apply=apply,
        note=note,
    )


def _text_column(columns: Columns, table: Table) -> str:
    """Return the column to read: the text, or one side of a table of pairs."""
    for name in (columns.text, columns.positive, columns.sentence1, columns.query):
        if name is not None:
            return name
    return str(table.frame.columns[0])
