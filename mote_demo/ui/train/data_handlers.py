"""What steps 1 and 2 of the Train tab do: read data, say what its columns are for, choose a task."""

from html import escape

import gradio as gr

from mote_demo.data.examples import Examples
from mote_demo.data.proposal import (
    TASK_ROLES,
    Role,
    columns_of,
    examples_of,
    propose_texts,
    task_of,
    texts_of,
    with_role,
)
from mote_demo.data.received import receive_table
from mote_demo.data.report import check
from mote_demo.errors import UserError
from mote_demo.growing.rows import choose_rows
from mote_demo.serving.sessions import Session
from mote_demo.tasks import find_task
from mote_demo.ui.shared.column_roles import changed_role, save_problems, show_report, show_roles
from mote_demo.ui.shared.reading_options import to_options
from mote_demo.ui.shared.run_controls import Updates
from mote_demo.ui.shared.uploads import uploaded
from mote_demo.ui.shared.visitor_states import VisitorStates
from mote_demo.ui.train import html as train_html
from mote_demo.ui.train.components import TrainComponents
from mote_demo.ui.train.state import TrainState

_TAB, _TEST = "train", "rows to measure on"


class DataHandlers:
    """Handle the events of steps 1 and 2; what cannot be read leaves the last good data in place."""

    def __init__(self, states: VisitorStates[TrainState], components: TrainComponents) -> None:
        self._states = states
        self._data = components.data
        self._task = components.task

    def open(self, request: gr.Request) -> Updates:
        """Show the visitor's data when the page opens: at first the sample set."""
        return self._show(*self._states.of(request))

    def use_samples(self, request: gr.Request) -> Updates:
        """Go back to the sample set."""
        session, state = self._states.of(request)
        state.use_samples()
        session.hold(_TAB, None)
        session.hold(_TEST, None)
        return {**self._show(session, state), self._data.file: None}

    def upload(
        self, file: str, encoding: str | None, header: str | None, sheet: str | None, request: gr.Request
    ) -> Updates:
        """Read a file and guess what its columns are for, and its task."""
        session, state = self._states.of(request)
        try:
            with uploaded(file) as path:
                table = receive_table(path, to_options(encoding, header, sheet))
            session.hold(_TAB, table)
            session.hold(_TEST, None)
        except UserError as error:
            source = "the sample set" if state.sample else state.table.source
            return {self._data.note: train_html.problem(str(error), kept=f"The data below is still {source}.")}
        state.use_table(table)
        return self._show(session, state)

    def choose_task(self, task: str, request: gr.Request) -> Updates:
        """Guess the columns anew for another task, unless they suit it as well, and offer its starting route."""
        session, state = self._states.of(request)
        if _is_incomplete(state, task):
            state.propose(task)
        return self._check(session, state, task)

    def choose_role(self, task: str, name: str, event: gr.EventData, request: gr.Request) -> Updates:
        """Use a column for something else; the task follows where the roles are those of another."""
        session, state = self._states.of(request)
        column, role = changed_role(event, state.table)
        two_texts = role == Role.TEXT and task == "similarity"
        state.roles = with_role(state.roles, column, role, most=2 if two_texts else 1)
        suited, offered = task_of(state.roles, task), state.offered_name
        updates = self._check(session, state, suited)
        if suited == task:
            # What a person typed or picked stays.
            del updates[self._task.base]
            if name != offered:
                del updates[self._task.name]
        return updates

    def give_test(self, file: str | None, task: str, request: gr.Request) -> Updates:
        """Measure on rows of the visitor's own, or hold some of theirs out again where the file is taken away."""
        session, state = self._states.of(request)
        state.test = None
        session.hold(_TEST, None)
        try:
            if file is not None:
                with uploaded(file) as path:
                    table = receive_table(path)
                session.hold(_TEST, table)
                state.test = table
                choose_rows(chosen_examples(state, task), chosen_test(state, task))
        except UserError as error:
            state.test = None
            session.hold(_TEST, None)
            kept = "A part of your rows is held out instead."
            return {self._data.report: train_html.problem(str(error), kept=kept)}
        return self._report(session, state, task)

    def save_problems(self, request: gr.Request) -> Updates:
        """Write down every problem by row and column."""
        session, state = self._states.of(request)
        return {self._data.problems_file: save_problems(state.report, state.table.source, session)}

    def add_texts(self, request: gr.Request) -> Updates:
        """Offer the uploaded texts in Compare and Map as well."""
        session, state = self._states.of(request)
        made = texts_of(state.table, propose_texts(state.table).roles)
        texts = session.add_texts(made)
        words = [f"{texts.title}: {len(texts):,} texts can be picked in Compare and Map now."]
        # The page takes the message for HTML.
        gr.Info(escape(" ".join([*words, *texts.notes[len(made.notes) :]]), quote=False))
        return {self._data.add_texts: gr.update(interactive=False)}

    def _show(self, session: Session, state: TrainState) -> Updates:
        return {
            self._data.note: train_html.data_note(state.table, sample=state.sample),
            self._data.add_texts: gr.update(interactive=not state.sample),
            **self._check(session, state, state.proposal.task),
        }

    def _check(self, session: Session, state: TrainState, task: str) -> Updates:
        topic = next((name for name, role in state.roles.items() if role == Role.LABEL), task)
        state.offered_name = session.experts.free_name(f"my-{topic}")
        return {
            self._data.roles: show_roles(state.table, state.proposal, state.roles, TASK_ROLES),
            **self._report(session, state, task),
            self._task.task: task,
            self._task.name: state.offered_name,
            self._task.base: gr.update(choices=list(session.mote.routes), value=find_task(task).query_route),
        }

    def _report(self, session: Session, state: TrainState, task: str) -> Updates:
        """Say what there is to train on and to measure on, by the very rows that a training would take."""

        def divide(examples: Examples) -> tuple[Examples, Examples, tuple[str, ...]]:
            rows = choose_rows(examples, chosen_test(state, task))
            return rows.train, rows.test, rows.notes

        encoder = session.mote
        report = state.report = check(
            state.table,
            state.roles,
            task,
            count_tokens=encoder.count_tokens,
            most_tokens=encoder.config.max_tokens,
            try_split=divide,
        )
        proposed = task == state.proposal.task and state.roles == state.proposal.roles
        words = f"{find_task(task).title} is suggested: {state.proposal.reason}" if proposed else ""
        return {
            self._data.report: show_report(report, words, own_test=state.test is not None),
            self._data.problems: gr.update(visible=bool(report.problems)),
        }


def chosen_examples(state: TrainState, task: str) -> Examples:
    """Return the examples that the columns make for ``task``."""
    return examples_of(state.table, state.roles, task)


def chosen_test(state: TrainState, task: str) -> Examples | None:
    """Return the rows of the visitor's own to measure ``task`` on; None where there are none."""
    return None if state.test is None else examples_of(state.test, state.roles, task)


def _is_incomplete(state: TrainState, task: str) -> bool:
    try:
        columns_of(state.roles, task)
    except UserError:
        return True
    return False
