"""What each column of a table is used for: a guess with its reasons, which a person may change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from mote_demo.data.cells import look_at
from mote_demo.data.column_names import meaning
from mote_demo.data.columns import Columns, Found, find_columns, suggest_task
from mote_demo.data.examples import Examples, to_examples
from mote_demo.data.scores import numbers
from mote_demo.data.tables import Table
from mote_demo.data.texts import Texts
from mote_demo.data.unlabelled import unlabelled_examples
from mote_demo.data.uploads import to_texts
from mote_demo.errors import UserError
from mote_demo.tasks import find_task


class Role(str, Enum):
    """Name what a column is used for."""

    TEXT = "Text"
    TITLE = "Title"
    LABEL = "Label"
    QUESTION = "Question"
    ANSWER = "Answer"
    NEGATIVE = "Negative"
    SCORE = "Score"
    IGNORE = "Ignore"


TASK_ROLES = tuple(Role)
"""Roles of columns to train on."""

TEXT_ROLES = (Role.TEXT, Role.TITLE, Role.LABEL, Role.QUESTION, Role.IGNORE)
"""Roles of columns of texts to search and map, where several columns may be labels."""

_ROLE_OF = {
    "text": Role.TEXT,
    "title": Role.TITLE,
    "label": Role.LABEL,
    "query": Role.QUESTION,
    "positive": Role.ANSWER,
    "negative": Role.NEGATIVE,
    "sentence1": Role.TEXT,
    "sentence2": Role.TEXT,
    "score": Role.SCORE,
}
_NEEDS = {
    "classification": "one Text and one Label",
    "clustering": "one Text and one Label",
    "retrieval": "one Question and one Answer",
    "similarity": "two columns of Text and one Score",
}
_IGNORED = {
    "id": "Numbers or names of the rows.",
    "date": "Dates or times.",
    "link": "Links, addresses or files.",
    "split": "The part of a data set that a row belongs to.",
    "person": "Who wrote or labelled a row.",
    "status": "The state of a row.",
    "code": "A code of its own in every row.",
    "object": "Nested values.",
    "number": "Numbers: maps can be coloured by them.",
    "scale": "Numbers: maps can be coloured by them.",
}


@dataclass(frozen=True)
class ColumnRole:
    """Say what a column is used for, and in one short sentence why."""

    column: str
    role: Role
    reason: str


@dataclass(frozen=True)
class Proposal:
    """Hold a guess of what a table is for.

    Attributes:
        columns: one a column of the table, in order.
        task: name of the task that suits it.
        reason: why that task.
    """

    columns: tuple[ColumnRole, ...]
    task: str
    reason: str

    @property
    def roles(self) -> dict[str, Role]:
        """Return the role of each column, to be changed and checked."""
        return {each.column: each.role for each in self.columns}

    def having(self, column: str) -> ColumnRole:
        """Return what is said about one column."""
        return next(each for each in self.columns if each.column == column)


def propose(table: Table, task: str | None = None) -> Proposal:
    """Propose a role for every column, for ``task`` or for the one that suits the table.

    Example:
        >>> from mote_demo.data.samples import samples_path
        >>> from mote_demo.data.tables import read_table
        >>> proposal = propose(read_table(samples_path()))
        >>> proposal.task, proposal.roles["text"].value, proposal.roles["topic"].value
        ('classification', 'Text', 'Label')
    """
    found = find_columns(table.plain)
    columns = Columns(**{role: each.column for role, each in found.items()})
    chosen = find_task(task or suggest_task(columns))
    roles: Sequence[str] = chosen.columns
    if "text" in roles:
        roles = ("text", "label", "title")
    elif "positive" in roles:
        # Without a pair that it was made for, a score is nobody's.
        roles = ("query", "positive", "negative", *(["score"] if columns.score and columns.sentence1 else []))
    return Proposal(_assign(table, found, roles, chosen.title), chosen.name, _why(chosen.name, columns))


def propose_texts(table: Table) -> Proposal:
    """Propose roles for texts to search and map: of a table of pairs, one side is the text."""
    found = find_columns(table.plain)
    if "positive" in found:
        found["text"] = found["positive"]
    if "text" not in found:
        found["text"] = Found(str(table.frame.columns[0]), "The first column.")
    roles = ("text", "query", "title", "label") if "positive" in found and "score" not in found else ("text", "title")
    return Proposal(_assign(table, found, (*roles, "label"), "texts"), "classification", "Texts to search and to map.")


def with_role(roles: Mapping[str, Role], column: str, role: Role, *, most: int = 1) -> dict[str, Role]:
    """Give a column another role; others give it up, the last first, where more than ``most`` would have it."""
    others = [name for name, own in roles.items() if own == role and name != column]
    ignored = dict.fromkeys(others[most - 1 :], Role.IGNORE) if role != Role.IGNORE else {}
    return {**roles, **ignored, column: role}


def texts_of(table: Table, roles: Mapping[str, Role]) -> Texts:
    """Make texts of a table by the roles of its columns.

    Labels vote and group. All other columns are there to colour maps by, those of numbers as float64; questions become
    sample queries.

    Raises:
        UserError: no column or several columns are the text, or every text is blank.
    """
    by_role = {role: [column for column, own in roles.items() if own == role] for role in Role}
    texts, titles, labels = by_role[Role.TEXT], by_role[Role.TITLE], by_role[Role.LABEL]
    if len(texts) != 1 or len(titles) > 1:
        raise UserError("Texts need one column that is the Text, and one at most that is the Title.")
    others = [str(name) for name in table.frame.columns if name not in (*texts, *titles, *labels)]
    made = to_texts(
        table,
        text=texts[0],
        title=titles[0] if titles else None,
        labels=[*labels, *others],
        question=next(iter(by_role[Role.QUESTION]), None),
    )
    frame = made.frame.copy()
    for name in made.labels[len(labels) :]:
        if look_at(frame[name]).kind == "number":
            frame[name] = [float("nan") if number is None else number for number in numbers(frame[name].tolist())]
    return replace(made, frame=frame, labels=made.labels[: len(labels)])


def examples_of(table: Table, roles: Mapping[str, Role], task: str) -> Examples:
    """Make examples to train ``task`` on by the roles of the columns: texts alone where none is the label.

    Raises:
        UserError: as ``columns_of``, or nothing can be learnt from the rows.
    """
    columns = columns_of(roles, task)
    unlabelled = "label" in find_task(task).columns and columns.label is None
    return (unlabelled_examples if unlabelled else to_examples)(table, task, columns)


def columns_of(roles: Mapping[str, Role], task: str) -> Columns:
    """Return the columns that ``task`` reads by their roles; only a label may be missing.

    Raises:
        UserError: too few or too many columns have a role that the task needs.
    """
    by_role = {role: [column for column, own in roles.items() if own == role] for role in Role}
    texts = by_role[Role.TEXT]
    found = find_task(task)
    needed = {role: 2 if found.columns.count("sentence1") and role == Role.TEXT else 1 for role in _needed(task)}
    optional = {Role.NEGATIVE, Role.SCORE} if "positive" in found.columns else {Role.TITLE}
    wrong = [role for role, count in needed.items() if len(by_role[role]) != count]
    if not by_role[Role.LABEL]:
        wrong = [role for role in wrong if role != Role.LABEL]
    wrong += [role for role in optional if len(by_role[role]) > 1]
    if wrong:
        has = ", ".join(f"{role.value}: {' and '.join(map(repr, by_role[role])) or 'none'}" for role in wrong)
        raise UserError(
            f"{found.title} needs {_NEEDS[task]}; here is {has}. Please change the roles above the columns."
        )
    if "sentence1" in found.columns:
        return Columns(sentence1=texts[0], sentence2=texts[1], score=by_role[Role.SCORE][0])
    read = {name: role for name, role in _ROLE_OF.items() if role in (*needed, *optional)}
    return Columns(**{name: by_role[role][0] for name, role in read.items() if by_role[role] and "sent" not in name})


def task_of(roles: Mapping[str, Role], preferred: str | None = None) -> str:
    """Return a task that columns of these roles are complete for: the preferred one if any, else the nearest."""
    given: list[Role] = [role for role in roles.values() if role != Role.IGNORE]
    for task in (preferred, "similarity", "retrieval", "classification"):
        if task and all(given.count(role) >= (2 if _pairs(task, role) else 1) for role in _needed(task)):
            return task
    return preferred or "classification"


def _needed(task: str) -> tuple[Role, ...]:
    return tuple(dict.fromkeys(_ROLE_OF[name] for name in find_task(task).columns))


def _pairs(task: str, role: Role) -> bool:
    return role == Role.TEXT and "sentence1" in find_task(task).columns


def _assign(table: Table, found: Mapping[str, Found], roles: Sequence[str], task: str) -> tuple[ColumnRole, ...]:
    assigned: dict[str, ColumnRole] = {}
    for name in roles:
        if name in found:
            column = found[name].column
            assigned.setdefault(column, ColumnRole(column, _ROLE_OF[name], found[name].reason))
    return tuple(assigned.get(str(name)) or _ignore(table, str(name), task) for name in table.frame.columns)


def _ignore(table: Table, name: str, task: str) -> ColumnRole:
    look, known = look_at(table.frame[name]), meaning(name)
    said = next((kind for kind in known.kinds if kind in _IGNORED), look.kind)
    reason = _IGNORED.get(said if look.is_words or look.is_numeric else look.kind)
    if reason is None and look.repeated:
        reason = f"{look.distinct:,} values: maps can be coloured by them."
    return ColumnRole(name, Role.IGNORE, reason or f"Not needed for {task}.")


def _why(task: str, columns: Columns) -> str:
    if task == "similarity":
        return f"Two texts, and {columns.score!r} says how alike they are." if columns.score else ""
    if task == "retrieval":
        return f"{columns.positive!r} answers {columns.query!r}." if columns.positive else ""
    if columns.label:
        return f"{columns.label!r} says what each text is."
    return "There are texts, but no column of labels was found: choose one, or train without."
