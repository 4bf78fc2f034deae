"""A preview whose headers say what each column is for, and the report on what comes of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import gradio as gr
from markupsafe import Markup

from mote_demo.data.proposal import Proposal, Role
from mote_demo.data.report import SAMPLED, Report
from mote_demo.data.tables import Table
from mote_demo.errors import UserError
from mote_demo.explore.export import write_csv
from mote_demo.serving.sessions import Session
from mote_demo.ui.shared.downloads import new_file
from mote_demo.ui.shared.events import text, whole_number
from mote_demo.ui.shared.templates import render

PREVIEW_ROWS = 8

_SCRIPT = Path(__file__).parent.parent / "static" / "roles.js"
_PREVIEW_CHARACTERS = 120
_LONG_CHARACTERS = 25
_BARS = 12
_PROBLEMS = 10
_CHOSEN = "Chosen instead."


def role_table(elem_id: str) -> gr.HTML:
    """Return a component for ``show_roles``; its event ``select`` brings what ``changed_role`` reads."""
    return gr.HTML("", js_on_load=_SCRIPT.read_text("utf-8"), apply_default_css=False, elem_id=elem_id)


def show_roles(table: Table, proposal: Proposal, roles: Mapping[str, Role], offered: Sequence[Role]) -> Markup:
    """Show the first rows under headers with the role of each column, the reason of a guess beneath."""
    rows = table.frame.head(PREVIEW_ROWS).map(_shorten)
    columns = [
        {
            "name": str(name),
            "role": roles[str(name)],
            "reason": guess.reason if guess.role == roles[str(name)] else _CHOSEN,
            "long": cells.str.len().mean() > _LONG_CHARACTERS,
        }
        for (name, cells), guess in zip(rows.items(), proposal.columns, strict=True)
    ]
    return _render("roles.html.jinja", columns=columns, offered=offered, rows=rows.to_numpy().tolist())


def changed_role(event: gr.EventData, table: Table) -> tuple[str, Role]:
    """Return the column whose role was changed, and its new role."""
    column, role = whole_number(event, "column"), text(event, "role")
    try:
        return str(table.frame.columns[column]), Role(role)
    except (IndexError, ValueError) as error:
        raise UserError("There is no such column or role any more. Please upload the file again.") from error


def show_report(report: Report, words: str = "", *, trains: bool = True, own_test: bool = False) -> Markup:
    """Show what a table gives: rows, balance, lengths, what the model cannot read, problems.

    Args:
        report: what was found.
        words: to begin with.
        trains: whether it is to be trained on, or else only looked at.
        own_test: whether the rows to measure on are those of a file of their own.
    """
    examples, lengths = report.examples, report.lengths
    counts = sorted(examples.counts.items(), key=lambda item: -item[1]) if examples is not None else []
    labels = counts if examples is not None and "label" in examples.frame else []
    bins = [(_range(least, most), count) for least, most, count in lengths.bins] if lengths else []
    return _render(
        "report.html.jinja",
        report=report,
        words=words,
        alarm=trains,
        own_test=own_test,
        labels=_shares(labels[:_BARS]),
        count=len(labels),
        more=len(labels[_BARS:]),
        lengths=_shares(bins),
        sampled=SAMPLED,
        problems=report.problems[:_PROBLEMS],
    )


def save_problems(report: Report | None, source: str, session: Session) -> str:
    """Write the problems to a CSV file that no spreadsheet takes for formulas; return its path."""
    if report is None or not report.problems:
        raise UserError("There are no problems to write down.")
    path = new_file(f"{Path(source).stem}-problems.csv", session)
    write_csv(path, report.to_frame())
    return str(path)


def _render(template: str, **values: object) -> Markup:
    return render("mote_demo.ui.shared", template, **values)


def _shares(items: Sequence[tuple[str, int]]) -> list[tuple[str, int, float]]:
    most = max((count for _, count in items), default=1) or 1
    return [(name, count, count / most) for name, count in items]


def _range(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more"
    return str(least) if least == most else f"{least} to {most}"


def _shorten(cell: str) -> str:
    line = " ".join(cell.split())
    return line if len(line) <= _PREVIEW_CHARACTERS else f"{line[:_PREVIEW_CHARACTERS].rstrip()} …"
