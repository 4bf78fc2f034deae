"""The panel that adds a visitor's own texts, from a file or from the Hub."""

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

from mote_demo.data.columns import Columns
from mote_demo.data.hub import HUB_SETS, load_hub
from mote_demo.data.tables import MAX_BYTES, MAX_ROWS, Table, read_table
from mote_demo.data.texts import Texts
from mote_demo.data.uploads import guess_columns, to_texts
from mote_demo.errors import UserError
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.compare.texts_html import added
from mote_demo.ui.shared.errors import shown
from mote_demo.ui.shared.uploads import uploaded

NO_TITLE = "(none)"
_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}
Updates = dict[Any, Any]


@dataclass(frozen=True)
class TextsParts:
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


@dataclass(frozen=True)
class _Upload:
    """Hold a visitor's last table, and the name of the texts that were made of it."""

    table: Table
    name: str | None = None


class TextsDesk:
    """Handle the panel's events; a visitor's last table is kept so that its columns can be corrected."""

    def __init__(self, sessions: Sessions, parts: TextsParts) -> None:
        self._sessions = sessions
        self._parts = parts
        self._uploads: WeakKeyDictionary[Session, _Upload] = WeakKeyDictionary()

    @shown
    def upload(self, file: str | None, request: gr.Request) -> Updates:
        """Read a file, guess its columns and add its texts."""
        if file is None:
            return {self._parts.columns: gr.update(visible=False), self._parts.note: ""}
        session = self._sessions.of(request.session_hash)
        with uploaded(file) as path:
            table = read_table(path)
        upload = self._uploads[session] = _Upload(table)
        columns = guess_columns(table)
        text = _text_column(columns, table)
        labels = [columns.label] if columns.label else []
        names = list(table.frame.columns)
        return {
            **self._add(session, upload, text, columns.title, labels),
            self._parts.columns: gr.update(visible=True),
            self._parts.text: gr.update(choices=names, value=text),
            self._parts.title: gr.update(choices=[NO_TITLE, *names], value=columns.title or NO_TITLE),
            self._parts.labels: gr.update(choices=names, value=labels),
        }

    @shown
    def correct(self, text: str, title: str, labels: list[str], request: gr.Request) -> Updates:
        """Make the same file's texts of other columns; they take the place of those that it gave before."""
        session = self._sessions.of(request.session_hash)
        upload = self._uploads.get(session)
        if upload is None:
            raise UserError("There is no file to take columns from. Please upload it again.")
        return self._add(session, upload, text, None if title == NO_TITLE else title, labels)

    @shown
    def load(self, name: str | None, request: gr.Request) -> Updates:
        """Add texts of a Hub data set."""
        if not (name or "").strip():
            raise UserError("No data set was named. Pick one, or type a Hub name such as owner/name.")
        session = self._sessions.of(request.session_hash)
        return self._offer(session, session.add_texts(load_hub(str(name), folders=False)))

    def _add(self, session: Session, upload: _Upload, text: str, title: str | None, labels: list[str]) -> Updates:
        labels = [label for label in labels if label not in (text, title)]
        made = to_texts(upload.table, text=text, title=title, labels=labels)
        texts = session.add_texts(made, instead_of=upload.name)
        self._uploads[session] = _Upload(upload.table, texts.name)
        return self._offer(session, texts)

    def _offer(self, session: Session, texts: Texts) -> Updates:
        return {
            self._parts.texts: gr.update(choices=session.texts_choices(), value=texts.name),
            self._parts.note: added(texts),
        }


def build_texts_panel(sessions: Sessions, texts: gr.Dropdown) -> None:
    """Build the panel as a closed accordion and wire its events; ``texts`` is the picker it feeds."""
    with gr.Accordion("Add your own texts", open=False):
        parts = _build(texts)
    desk = TextsDesk(sessions, parts)
    outputs = [parts.texts, parts.note]
    every = [*outputs, parts.columns, parts.text, parts.title, parts.labels]
    parts.file.change(desk.upload, [parts.file], every, **_PRIVATE)
    parts.apply.click(desk.correct, [parts.text, parts.title, parts.labels], outputs, **_PRIVATE)
    parts.load.click(desk.load, [parts.hub], outputs, **_PRIVATE)


def _build(texts: gr.Dropdown) -> TextsParts:
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
    return TextsParts(texts, file, hub, load, columns, text, title, labels, apply, note)


def _text_column(columns: Columns, table: Table) -> str:
    """Return the column to read: the text, or one side of a table of pairs."""
    for name in (columns.text, columns.positive, columns.sentence1, columns.query):
        if name is not None:
            return name
    return str(table.frame.columns[0])
