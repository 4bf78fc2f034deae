"""A file of one's own in, texts to look at or examples to train on out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mote_demo.data.columns import Columns, question_of, recognise, roles_of
from mote_demo.data.examples import Examples, to_examples
from mote_demo.data.options import ReadOptions
from mote_demo.data.tables import read_table
from mote_demo.data.texts import Texts
from mote_demo.data.uploads import to_answered_texts, to_texts
from mote_demo.errors import unknown_choice


def read_texts(
    path: str | Path,
    text: str | None = None,
    title: str | None = None,
    labels: str | Sequence[str] | None = None,
    *,
    question: str | None = None,
    options: ReadOptions | None = None,
) -> Texts:
    """Read texts from a file of any of ``FILE_KINDS``.

    Args:
        path: the file.
        text: its column of texts.
        title: its column of titles.
        labels: its columns to colour and group by; an empty list for none.
        question: its column of the questions that the texts answer, as in a list of questions and answers.
        options: encoding, header, delimiter, sheet and the like, where they are not to be guessed.

    Returns:
        The texts, with what was cleaned up and which columns were guessed in ``notes``: those that are None.

    Raises:
        UserError: the file cannot be read, or has no such column; the message lists the columns.

    Example:
        >>> from mote_demo.data.samples import samples_path
        >>> read_texts(samples_path(), text="text", labels=["topic", "mood"])
        Texts('samples', 240 texts, labels topic, mood)
        >>> read_texts(samples_path()).notes
        ("Guessed the columns: text 'text', label 'topic'.",)
    """
    path = Path(path).expanduser()
    table = read_table(path, options)
    if table.answers is not None and text is None:
        return to_answered_texts(table.answers, path.stem)
    chosen = [labels] if isinstance(labels, str) else labels
    named = _given(text=text, title=title, label=chosen[0] if chosen else None)
    # What is a label by a person's word is not guessed to be anything else.
    free = table.plain.drop(columns=[*(chosen or [])[1:], *([question] if question else [])], errors="ignore")
    found = recognise(free, **named)
    guessed = _given(text=found.text, title=found.title, label=found.label if chosen is None else None)
    if chosen is None:
        chosen = [found.label] if found.label else []
    if question is None:
        question = question_of(found, found.text, (found.title, *chosen))
        guessed |= _given(question=question)
    texts = to_texts(table, text=found.text, title=found.title, labels=chosen, name=path.stem, question=question)
    return replace(texts, notes=(*_note(guessed, named), *texts.notes))


def read_examples(
    path: str | Path, task: str, *, options: ReadOptions | None = None, **columns: str | None
) -> Examples:
    """Read examples to train an expert on from a file of any of ``FILE_KINDS``.

    Args:
        path: the file.
        task: name of the task.
        options: encoding, header, delimiter, sheet and the like, where they are not to be guessed.
        **columns: column of each role: ``text`` and ``label``; ``query``, ``positive`` and, where there are any,
            ``negative``; or ``sentence1``, ``sentence2`` and ``score``.

    Returns:
        The checked rows, with what was left out and which columns were guessed in ``notes``: those that are None.

    Raises:
        UserError: an unknown task, role or column, which lists the choices, or rows that nothing can be learnt from.

    Example:
        >>> from mote_demo.data.samples import samples_path
        >>> examples = read_examples(samples_path(), "classification", label="mood")
        >>> examples
        Examples('classification', 240 rows, 3 labels)
        >>> examples.notes
        ("Guessed the columns: text 'text'.",)
    """
    roles = roles_of(task)
    for role in columns:
        if role not in roles:
            raise unknown_choice(f"role of a column for {task}", role, roles)
    table = read_table(Path(path).expanduser(), options)
    named = _given(**columns)
    found = recognise(table.plain, **named)
    used = _given(**{role: getattr(found, role) for role in roles})
    examples = to_examples(table, task, Columns(**used))
    return replace(examples, notes=(*_note(used, named), *table.notes, *examples.notes))


def _given(**columns: str | None) -> dict[str, str]:
    return {role: column for role, column in columns.items() if column is not None}


def _note(found: Mapping[str, str], named: Mapping[str, str]) -> list[str]:
    guessed = ", ".join(f"{role} {column!r}" for role, column in found.items() if role not in named)
    return [f"Guessed the columns: {guessed}."] if guessed else []
