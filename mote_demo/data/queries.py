"""A file or a list of queries, with their answers where it has them."""

from dataclasses import dataclass
from pathlib import Path

from mote_demo.data.columns import recognise
from mote_demo.data.options import ReadOptions
from mote_demo.data.tables import Table, read_table
from mote_demo.errors import UserError, unknown_choice
from mote_demo.limits import MOST_QUERIES


@dataclass(frozen=True)
class Queries:
    """Hold what is asked.

    Attributes:
        queries: plain texts.
        answers: what answers each, in words or as the number of a row; "" where unknown. Empty where nobody knows any.
        notes: what was cleaned up or guessed while reading, one sentence each.
    """

    queries: tuple[str, ...]
    answers: tuple[str | int, ...] = ()
    notes: tuple[str, ...] = ()


def read_queries(path: str | Path, query: str | None = None, answer: str | None = None) -> Queries:
    """Read queries from a CSV, TSV, JSONL or Parquet file.

    Args:
        path: the file.
        query: its column of queries; None guesses one.
        answer: its column of answers, each a text or the number of a row; None guesses one, "" takes none.

    Raises:
        UserError: the file cannot be read, has no such column, or no query; the message lists the columns.
    """
    table = read_table(Path(path).expanduser(), ReadOptions(max_rows=MOST_QUERIES))
    found_query, found_answer = guess_query_columns(table)
    query = found_query if query is None else query
    answer = (found_answer if found_answer != query else None) if answer is None else answer
    return to_queries(table, query, answer or None)


def guess_query_columns(table: Table) -> tuple[str, str | None]:
    """Guess the columns of queries and of answers, by name and by content."""
    columns = recognise(table.plain)
    query = columns.query or columns.text or str(table.frame.columns[0])
    rows = next((name for name in table.frame.columns if name.lower() in ("row", "id") and name != query), None)
    return query, columns.positive if columns.positive not in (None, query) else rows


def to_queries(table: Table, query: str, answer: str | None) -> Queries:
    """Make queries of two columns of a table, or of one without answers; rows without a query are left out."""
    for column in filter(None, (query, answer)):
        if column not in table.frame:
            raise unknown_choice("column", column, table.frame.columns)
    filled = table.frame[table.frame[query] != ""]
    if filled.empty:
        raise UserError(f"{table.source} has no query in the column {query!r}. Please choose another column.")
    blank = len(table.frame) - len(filled)
    columns = f"Queries are the column {query!r}" + (f", answers {answer!r}." if answer else ", without answers.")
    left_out = (f"Left out {blank:,} row(s) without a query.",) if blank else ()
    answers = tuple(filled[answer]) if answer else ()
    return Queries(tuple(filled[query]), answers, (columns, *table.notes, *left_out))
