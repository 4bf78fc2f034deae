"""What a visitor uploads, as texts to look at or as examples to train on."""

from collections.abc import Sequence

from mote_demo.data.beir import KnownAnswers
from mote_demo.data.columns import Columns, recognise
from mote_demo.data.examples import Examples, split, to_examples
from mote_demo.data.options import ReadOptions
from mote_demo.data.sample_queries import pick_queries
from mote_demo.data.tables import Table, read_table
from mote_demo.data.texts import Texts
from mote_demo.errors import UserError, unknown_choice

_SAMPLE_QUERIES = 6

__all__ = [
    "Columns",
    "Examples",
    "ReadOptions",
    "Table",
    "guess_columns",
    "read_table",
    "split",
    "to_answered_texts",
    "to_examples",
    "to_texts",
]


def guess_columns(table: Table) -> Columns:
    """Guess which column has which role, by name and by content."""
    return recognise(table.plain)


def to_texts(
    table: Table,
    *,
    text: str | None,
    title: str | None = None,
    labels: Sequence[str] = (),
    name: str = "upload",
    queries: Sequence[str] = (),
    question: str | None = None,
) -> Texts:
    """Make texts of a table.

    Args:
        table: the table.
        text: its column of texts; rows where it is blank are left out, with a note.
        title: its column of titles; None leaves them empty.
        labels: its columns to colour and group by, under their own names.
        name: stable identifier of the texts.
        queries: sample queries; none takes some of the questions or, without such, of the texts.
        question: its column of the questions that the texts answer; None where there is none.

    Raises:
        UserError: a column is missing or unknown, or every text is blank.
    """
    for column in (text, *(name for name in (title, question) if name is not None), *labels):
        if column is None or column not in table.frame:
            raise unknown_choice("column", column, table.frame.columns)
    filled = table.frame[table.frame[text] != ""].reset_index(drop=True)
    if filled.empty:
        raise UserError(f"{table.source} has no text in the column {text!r}. Please choose another column.")
    renamed = {_free_name(column): column for column in dict.fromkeys(labels)}
    frame = filled[list(renamed.values())].set_axis(list(renamed), axis=1)
    frame.insert(0, "text", filled[text])
    frame.insert(0, "title", filled[title] if title is not None else "")
    blank = len(table.frame) - len(filled)
    notes = (*table.notes, f"Left out {blank:,} row(s) without text.") if blank else table.notes
    questions = tuple(filled[question]) if question is not None else ()
    queries = tuple(queries) or pick_queries(frame, tuple(renamed), questions)
    return Texts(name, table.source, frame, tuple(renamed), queries, notes, questions=questions)


def to_answered_texts(answers: KnownAnswers, name: str = "upload") -> Texts:
    """Make texts of a set with known answers: its corpus, with its queries as samples.

    The rows are those of ``answers.corpus``, so that its ids tell which of them answer a query.
    """
    frame = answers.corpus[["title", "text"]]
    asked = {text: answers.queries[query] for query, grades in answers.relevance.items() for text in grades}
    questions = tuple(asked.get(text, "") for text in answers.corpus["id"])
    queries = tuple(answers.queries.values())[:_SAMPLE_QUERIES]
    return Texts(name, answers.source, frame, (), queries, answers.notes, questions=questions)


def _free_name(label: str) -> str:
    """Keep a label column apart from the two columns that every ``Texts`` has."""
    return f"{label} (label)" if label in ("title", "text") else label
