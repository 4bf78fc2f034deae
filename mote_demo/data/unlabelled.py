"""Examples of texts alone, for a training without labels."""

from dataclasses import replace
from pathlib import Path

from mote_demo.data.columns import Columns, recognise
from mote_demo.data.examples import MIN_ROWS, Examples
from mote_demo.data.groups import text_key
from mote_demo.data.options import ReadOptions
from mote_demo.data.tables import Table, read_table
from mote_demo.errors import UserError, unknown_choice
from mote_demo.tasks import find_task

EXPECT = (
    "Without labels the training can only make each text easier to tell from the others of its kind. Expect little: it "
    "helps where your texts differ much from everyday English, and it never learns what you would sort them by."
)
"""What to tell a person before."""


def unlabelled_examples(table: Table, task: str | None, columns: Columns) -> Examples:
    """Return the texts of a table, each once, for a training without labels that starts from the route of ``task``.

    Raises:
        UserError: the task has pairs, so that texts alone say nothing about it; there is no column of texts; or too
            few are left.
    """
    chosen = find_task(task)
    if "text" not in chosen.columns:
        raise UserError(f"{chosen.title} is learnt from pairs, not from texts alone. Please choose a task with labels.")
    if columns.text not in table.frame:
        raise unknown_choice("column of texts", columns.text, table.frame.columns)
    texts = table.frame[columns.text]
    some = texts[texts.str.strip() != ""]
    once = some[~some.map(text_key).duplicated()].reset_index(drop=True)
    if len(once) < MIN_ROWS:
        raise UserError(
            f"{table.source} has {len(once)} different texts; training needs at least {MIN_ROWS}. "
            f"Add {MIN_ROWS - len(once)} or more."
        )
    left = len(texts) - len(once)
    notes = (f"Left out {left:,} row(s) that are blank or repeat another.",) if left else ()
    return Examples(chosen.name, once.to_frame("text"), (*notes, EXPECT), {"texts": len(once)})


def read_unlabelled(
    path: str | Path, task: str, text: str | None = None, *, options: ReadOptions | None = None
) -> Examples:
    """Read the texts of a file for a training without labels; ``text`` is their column, None a guess."""
    table = read_table(Path(path).expanduser(), options)
    named = {} if text is None else {"text": text}
    found = recognise(table.plain, **named)
    examples = unlabelled_examples(table, task, found)
    guessed = () if text is not None else (f"Guessed the columns: text {found.text!r}.",)
    return replace(examples, notes=(*guessed, *table.notes, *examples.notes))
