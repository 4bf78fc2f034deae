"""The panel that asks both lenses many queries and lists those that they disagree on."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from mote_demo.data.file_kinds import SUFFIXES
from mote_demo.data.options import ReadOptions
from mote_demo.data.queries import Queries, guess_query_columns, to_queries
from mote_demo.data.received import receive_table
from mote_demo.data.tables import Table
from mote_demo.errors import UserError
from mote_demo.evaluation.metrics import FEW
from mote_demo.explore.export import write_csv
from mote_demo.explore.progress import OnStage
from mote_demo.explore.queries import Disagreement, PairedScore, own_queries
from mote_demo.limits import MOST_QUERIES
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui.compare import html as compare_html
from mote_demo.ui.shared.downloads import fetch_after, new_file
from mote_demo.ui.shared.events import MODEL, QUICK, UPLOAD, text
from mote_demo.ui.shared.run_controls import RunControls, RunState, Updates
from mote_demo.ui.shared.streaming import Status, follow
from mote_demo.ui.shared.templates import render
from mote_demo.ui.shared.texts_picker import column_choices
from mote_demo.ui.shared.uploads import uploaded
from mote_demo.ui.shared.visitor_states import VisitorStates

OWN, PASTED, FILE = "own", "pasted", "file"
_TABLE = "queries"
_NO_ANSWERS = "(none)"
_ALL = "all"
_DEPTH = 10
_CSS = (Path(__file__).parent.parent / "static" / "queries.css").read_text("utf-8")
# The answer appears further up: it is brought into sight, and the focus stays in the list.
_ASK = """
element.addEventListener("click", (event) => {
  const query = event.target.closest("[data-query]")?.dataset.query;
  if (query === undefined) return;
  trigger("select", { query });
  document.querySelector("#compare-answers")?.scrollIntoView({ block: "start" });
});
"""


@dataclass(frozen=True)
class QueriesComponents:
    """Hold the components of the panel."""

    source: gr.Radio
    pasted: gr.Textbox
    file: gr.File
    columns: gr.Row
    query: gr.Dropdown
    answer: gr.Dropdown
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    age: gr.HTML
    headline: gr.HTML
    outcome: gr.Radio
    rows: gr.HTML
    save: gr.Button
    export: gr.DownloadButton


@dataclass
class QueriesState(RunState):
    """Hold a visitor's table of queries, and what the lenses found last."""

    table: Table | None = None
    found: Disagreement | None = None
    asked: tuple[str, str, str] | None = None


class QueriesHandlers:
    """Handle the panel's events."""

    def __init__(self, states: VisitorStates[QueriesState], components: QueriesComponents) -> None:
        self._states = states
        self._components = components
        self.controls = RunControls(
            states,
            start=components.run,
            stop=components.stop,
            status=components.status,
            waiting=compare_html.status("Waiting for a free place", 0, 0),
        )

    def choose_source(self, source: str, request: gr.Request) -> Updates:
        """Show the fields of a source of queries."""
        table = self._states.of(request)[1].table
        return {
            self._components.pasted: gr.update(visible=source == PASTED),
            self._components.file: gr.update(visible=source == FILE),
            self._components.columns: gr.update(visible=source == FILE and table is not None),
        }

    def read_file(self, file: str | None, request: gr.Request) -> Updates:
        """Read a file of queries and guess its columns."""
        components, (session, state) = self._components, self._states.of(request)
        state.table = None
        session.hold(_TABLE, None)
        if file is None:
            return {components.columns: gr.update(visible=False)}
        with uploaded(file) as path:
            table = receive_table(path, ReadOptions(max_rows=MOST_QUERIES))
        session.hold(_TABLE, table)
        state.table = table
        query, answer = guess_query_columns(table)
        names = list(table.frame.columns)
        return {
            components.columns: gr.update(visible=True),
            components.query: gr.update(choices=column_choices(names), value=query),
            components.answer: gr.update(choices=[_NO_ANSWERS, *column_choices(names)], value=answer or _NO_ANSWERS),
        }

    def run(
        self,
        left: str,
        right: str,
        texts: str,
        source: str,
        pasted: str | None,
        query: str | None,
        answer: str | None,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """Ask both lenses all queries, with statuses in between."""
        components, (session, state) = self._components, self._states.of(request)
        state.waiting = False
        yield self.controls.busy(True)
        try:
            given = _given(session, state, texts, source, pasted, query, answer)
            for event in follow(partial(_ask_all, session, (left, right), texts, given=given), "Reading the texts"):
                if isinstance(event, Status):
                    yield {components.status: compare_html.status(event.stage, event.done, event.total)}
                else:
                    state.found, state.asked = event, (left, right, texts)
                    yield {
                        **self.controls.busy(False),
                        components.status: "",
                        components.age: gr.update(visible=False),
                        components.headline: _headline(event, given.notes),
                        components.outcome: gr.update(visible=bool(event.scores), value=_ALL, choices=_outcomes(event)),
                        components.rows: _rows(event, _ALL),
                        components.save: gr.update(visible=True),
                    }
        except UserError as error:
            yield {**self.controls.busy(False), components.status: compare_html.note(str(error))}
            raise

    def stop(self) -> Updates:
        """Say that the work was stopped; what was found before stays."""
        note = compare_html.note("Stopped. What was found before stays below.")
        return {**self.controls.busy(False), self._components.status: note}

    def filter(self, outcome: str, request: gr.Request) -> Updates:
        """Show the queries that came out so."""
        found = self._states.of(request)[1].found
        return {self._components.rows: "" if found is None else _rows(found, outcome)}

    def tell_age(self, left: str, right: str, texts: str, request: gr.Request) -> Updates:
        """Say so where the list belongs to other lenses or texts than those that are picked."""
        asked = self._states.of(request)[1].asked
        old = asked not in (None, (left, right, texts))
        words = "The list below is for the previous lenses or texts. Press 'Ask all' for those that are picked now."
        return {self._components.age: gr.update(value=compare_html.note(words), visible=old)}

    def pick(self, event: gr.EventData) -> str:
        """Return the query of the row that was clicked."""
        return text(event, "query")

    def save(self, request: gr.Request) -> Updates:
        """Write all queries as CSV."""
        session, state = self._states.of(request)
        found = state.found
        if found is None:
            raise UserError("There is nothing to export yet. Press 'Ask all' first.")
        path = new_file("mote-disagreement.csv", session)
        write_csv(path, found.to_frame())
        return {self._components.export: str(path)}


def build_queries_panel(sessions: Sessions, names: list[Any], texts: gr.Dropdown, query: gr.Textbox) -> Any:  # noqa: ANN401
    """Build the panel as a closed accordion and wire its events.

    Args:
        sessions: of the visitors.
        names: the components that hold the names of both lenses.
        texts: the picker of texts.
        query: gets the query of a row that is clicked.

    Returns:
        The event of such a click, after which the query is there.
    """
    with gr.Accordion("Where do they disagree?", open=False, elem_id="mote-queries"):
        components = _build()
    handlers = QueriesHandlers(VisitorStates(sessions, QueriesState), components)
    _wire_sources(handlers, components)
    _wire_run(handlers, components, [*names, texts])
    for source in (*names, texts):
        source.change(handlers.tell_age, [*names, texts], [components.age], **QUICK)
    components.outcome.input(handlers.filter, [components.outcome], [components.rows], **QUICK)
    fetch_after(components.save.click(handlers.save, None, [components.export], **QUICK), components.export)
    return components.rows.select(handlers.pick, None, [query], **QUICK)


def _build() -> QueriesComponents:
    with gr.Row(elem_classes="mote-ask"):
        source = gr.Radio(
            [("Of these texts", OWN), ("Pasted", PASTED), ("From a file", FILE)],
            value=OWN,
            label="Queries",
            info="The questions that these texts answer, or else their sample queries.",
            scale=6,
            min_width=220,
        )
        run = gr.Button("Ask all", variant="primary", scale=1, min_width=100)
        stop = gr.Button("Stop", scale=0, min_width=80, interactive=False)
    pasted = gr.Textbox(label=f"Queries, one a line; at most {MOST_QUERIES}", lines=5, max_lines=12, visible=False)
    file = gr.File(
        label=f"A column of queries and, if you like, one of answers; the first {MOST_QUERIES} rows are used",
        file_types=list(SUFFIXES),
        height=140,
        visible=False,
    )
    with gr.Row(visible=False) as columns:
        query = gr.Dropdown([], label="Query column", min_width=150)
        answer = gr.Dropdown(
            [_NO_ANSWERS],
            value=_NO_ANSWERS,
            label="Answer column",
            info="The answer's text, its title, or the number of its row.",
            min_width=150,
        )
    status = gr.HTML("", elem_classes="mote-slot")
    age = gr.HTML("", elem_classes="mote-slot", visible=False)
    headline = gr.HTML("", css_template=_CSS, apply_default_css=False, elem_id="mote-queries-headline")
    outcome = gr.Radio([], label="Show queries that the right side", visible=False, elem_id="mote-queries-outcome")
    rows = gr.HTML("", css_template=_CSS, js_on_load=_ASK, apply_default_css=False, elem_id="mote-queries-rows")
    with gr.Row():
        save = gr.Button("Export queries (CSV)", size="sm", scale=0, min_width=180, visible=False)
        export = gr.DownloadButton("Download", visible="hidden", elem_id="mote-queries-file")
    return QueriesComponents(
        source=source,
        pasted=pasted,
        file=file,
        columns=columns,
        query=query,
        answer=answer,
        run=run,
        stop=stop,
        status=status,
        age=age,
        headline=headline,
        outcome=outcome,
        rows=rows,
        save=save,
        export=export,
    )


def _wire_sources(handlers: QueriesHandlers, components: QueriesComponents) -> None:
    fields = [components.pasted, components.file, components.columns]
    components.source.input(handlers.choose_source, [components.source], fields, **QUICK)
    columns = [components.columns, components.query, components.answer]
    components.file.change(handlers.read_file, [components.file], columns, **QUICK, **UPLOAD)


def _wire_run(handlers: QueriesHandlers, components: QueriesComponents, asked: list[Any]) -> None:
    inputs = [*asked, components.source, components.pasted, components.query, components.answer]
    shown = [components.age, components.headline, components.outcome, components.rows, components.save]
    waited = components.run.click(handlers.controls.wait, None, handlers.controls.components, queue=False, **QUICK)
    ran = waited.success(handlers.run, inputs, [*handlers.controls.components, *shown], **QUICK, **MODEL)
    ran.failure(handlers.controls.free, None, handlers.controls.components, queue=False, **QUICK)
    components.stop.click(handlers.stop, None, handlers.controls.components, cancels=[ran], **QUICK)


def _given(
    session: Session,
    state: QueriesState,
    texts: str,
    source: str,
    pasted: str | None,
    query: str | None,
    answer: str | None,
) -> Queries:
    """Return the queries of the chosen source."""
    if source == PASTED:
        given = Queries(tuple(line for line in (pasted or "").splitlines() if line.strip()))
        missing = "There are no queries. Please paste some, one a line."
    elif source == FILE:
        if state.table is None:
            raise UserError("There is no file of queries. Please upload one, or choose other queries.")
        given = to_queries(state.table, str(query), None if answer == _NO_ANSWERS else answer)
        missing = ""
    else:
        given = own_queries(session.texts(texts))
        missing = "These texts bring no queries. Please paste some, or upload a file."
    if not given.queries:
        raise UserError(missing)
    return given


def _ask_all(
    session: Session, names: tuple[str, str], texts: str, *, given: Queries, report: OnStage, stop: Any
) -> Iterator[Disagreement]:
    chosen = session.texts(texts)
    report("Asking both sides", 0, 0)
    answers = given.answers or None
    yield session.pair(*names).ask_all(given.queries, chosen, answers, _DEPTH, on_stage=report, stop=stop)


def _outcomes(found: Disagreement) -> list[tuple[str, str]]:
    counted = [(f"{outcome} ({found.count(outcome):,})", outcome) for outcome in ("won", "lost", "tied")]
    return [(f"all ({len(found.rows):,})", _ALL), *counted]


def _headline(found: Disagreement, notes: tuple[str, ...]) -> Markup:
    left, right = (lens.title for lens in found.lenses)
    return render(
        "mote_demo.ui.compare",
        "queries.html.jinja",
        found=found,
        left=left,
        right=right,
        notes=(*notes, *found.notes),
        verdict=_verdict,
        few=FEW,
    )


def _verdict(score: PairedScore) -> str:
    low, high = score.interval or (0.0, 0.0)
    return "the right side is better" if low > 0 else "the left side is better" if high < 0 else "within chance"


def _rows(found: Disagreement, outcome: str) -> Markup:
    rows = [row for row in found.rows if outcome in (_ALL, row.outcome)]
    return render("mote_demo.ui.compare", "query_rows.html.jinja", found=found, rows=rows)
