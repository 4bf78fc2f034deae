"""The panel that adds a visitor's own texts, from a file or from the Hub."""

from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from markupsafe import Markup

from mote_demo.data.file_kinds import SUFFIXES, SUPPORTED
from mote_demo.data.hub import HUB_SETS, load_hub
from mote_demo.data.proposal import TEXT_ROLES, Proposal, Role, propose_texts, texts_of, with_role
from mote_demo.data.received import receive_table
from mote_demo.data.report import Report, describe
from mote_demo.data.tables import Table
from mote_demo.data.texts import Texts
from mote_demo.data.uploads import to_answered_texts
from mote_demo.errors import UserError
from mote_demo.limits import MAX_BYTES, MAX_ROWS
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.shared.column_roles import changed_role, role_table, save_problems, show_report, show_roles
from mote_demo.ui.shared.downloads import fetch_after
from mote_demo.ui.shared.events import UPLOAD
from mote_demo.ui.shared.reading_options import ReadingOptions, build_reading_options, to_options
from mote_demo.ui.shared.run_controls import Updates
from mote_demo.ui.shared.templates import render
from mote_demo.ui.shared.uploads import uploaded
from mote_demo.ui.shared.visitor_states import VisitorStates

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}
_FIRST_CHARACTERS = 160


@dataclass(frozen=True)
class TextsComponents:
    """Hold the components of the panel; ``texts`` is the picker that gets the new texts."""

    texts: gr.Dropdown
    file: gr.File
    reading: ReadingOptions
    hub: gr.Dropdown
    load: gr.Button
    note: gr.HTML
    roles: gr.HTML
    report: gr.HTML
    problems: gr.Button
    problems_file: gr.DownloadButton


@dataclass
class Upload:
    """Hold a table, what its columns are for, and the name of the texts that were made of it."""

    table: Table
    proposal: Proposal
    roles: dict[str, Role] = field(default_factory=dict)
    name: str | None = None
    report: Report | None = None


@dataclass
class TextsState:
    """Keep a visitor's last upload, so that the roles of its columns can be changed."""

    upload: Upload | None = None


class TextsHandlers:
    """Handle the panel's events."""

    def __init__(self, states: VisitorStates[TextsState], components: TextsComponents, tab: str) -> None:
        self._states = states
        self._tab = tab
        self._components = components

    def upload(
        self, file: str | None, encoding: str | None, header: str | None, sheet: str | None, request: gr.Request
    ) -> Updates:
        """Read a file, guess what its columns are for, and add its texts."""
        components = self._components
        if file is None:
            shown = [components.note, components.roles, components.report]
            return {**dict.fromkeys(shown, ""), components.problems: gr.update(visible=False)}
        session, state = self._states.of(request)
        with uploaded(file) as path:
            table = receive_table(path, to_options(encoding, header, sheet))
        session.hold(self._tab, table)
        proposal = propose_texts(table)
        state.upload = Upload(table, proposal, proposal.roles)
        return self._use(session, state.upload)

    def choose_role(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Use a column for something else; the texts made of it take the place of those before."""
        session, state = self._states.of(request)
        upload = state.upload
        if upload is None:
            raise UserError("There is no file to take columns from. Please upload it again.")
        column, role = changed_role(event, upload.table)
        upload.roles = with_role(upload.roles, column, role, most=len(upload.roles) if role == Role.LABEL else 1)
        return self._use(session, upload)

    def save_problems(self, request: gr.Request) -> Updates:
        """Write down every problem by row and column."""
        session, state = self._states.of(request)
        upload = state.upload
        source = upload.table.source if upload else ""
        return {self._components.problems_file: save_problems(upload.report if upload else None, source, session)}

    def load(self, name: str | None, request: gr.Request) -> Updates:
        """Add texts of a Hub data set."""
        if not (name or "").strip():
            raise UserError("No data set was named. Pick one, or type a Hub name such as owner/name.")
        session, _ = self._states.of(request)
        return self._offer(session, session.add_texts(load_hub(str(name), trusted=False)))

    def _use(self, session: Session, upload: Upload) -> Updates:
        components, encoder = self._components, session.mote
        shown = show_roles(upload.table, upload.proposal, upload.roles, TEXT_ROLES)
        try:
            answers = upload.table.answers
            made = texts_of(upload.table, upload.roles) if answers is None else to_answered_texts(answers)
        except UserError as error:
            return {components.roles: shown, components.note: _render("problem.html.jinja", message=str(error))}
        texts = session.add_texts(made, instead_of=upload.name)
        upload.name = texts.name
        limit = encoder.config.max_tokens
        report = describe(upload.table, upload.roles, count_tokens=encoder.count_tokens, most_tokens=limit)
        upload.report = report
        return {
            **self._offer(session, texts),
            components.roles: shown,
            components.report: show_report(report, trains=False),
            components.problems: gr.update(visible=bool(report.problems)),
        }

    def _offer(self, session: Session, texts: Texts) -> Updates:
        return {
            self._components.texts: gr.update(choices=session.texts_choices(), value=texts.name),
            self._components.note: _added(texts),
        }


def build_texts_panel(sessions: Sessions, texts: gr.Dropdown, name: str) -> None:
    """Build the panel as a closed accordion and wire its events.

    Args:
        sessions: of the visitors.
        texts: the picker it feeds.
        name: of the tab.
    """
    with gr.Accordion("Add your own texts", open=False):
        components = _build(texts, name)
    handlers = TextsHandlers(VisitorStates(sessions, TextsState), components, name)
    outputs = [components.texts, components.note]
    checked = [*outputs, components.roles, components.report, components.problems]
    given = [components.file, *components.reading.components]
    components.file.change(handlers.upload, given, checked, **_PRIVATE, **UPLOAD)
    components.roles.select(handlers.choose_role, None, checked, trigger_mode="multiple", **_PRIVATE)
    components.load.click(handlers.load, [components.hub], outputs, **_PRIVATE)
    saved = components.problems.click(handlers.save_problems, None, [components.problems_file], **_PRIVATE)
    fetch_after(saved, components.problems_file)


def _build(texts: gr.Dropdown, name: str) -> TextsComponents:
    with gr.Row():
        file = gr.File(
            label=f"{SUPPORTED}; at most {MAX_BYTES // 1_000_000} MB, {MAX_ROWS:,} rows are used",
            file_types=list(SUFFIXES),
            height=140,
            min_width=240,
        )
        with gr.Column(min_width=240):
            choices = [(each.title, name) for name, each in HUB_SETS.items()]
            hub = gr.Dropdown(
                choices, value=None, label="Hugging Face Hub data set (needs a network)", allow_custom_value=True
            )
            load = gr.Button("Load from the Hub", size="sm")
    reading = build_reading_options()
    note = gr.HTML("")
    roles = role_table(f"mote-{name}-roles")
    report = gr.HTML("", apply_default_css=False, elem_id=f"mote-{name}-report")
    problems = gr.Button("Download the problems (CSV)", size="sm", visible=False, scale=0, min_width=200)
    return TextsComponents(
        texts=texts,
        file=file,
        reading=reading,
        hub=hub,
        load=load,
        note=note,
        roles=roles,
        report=report,
        problems=problems,
        problems_file=gr.DownloadButton("Download", visible="hidden", elem_id=f"mote-{name}-problems-file"),
    )


def _added(texts: Texts) -> Markup:
    """Say which texts can be picked now, and what was cleaned up."""
    first = " ".join(texts.frame["text"].iloc[0].split())[:_FIRST_CHARACTERS]
    return _render("added.html.jinja", texts=texts, first=first)


def _render(template: str, **values: object) -> Markup:
    return render("mote_demo.ui.shared", template, **values)
