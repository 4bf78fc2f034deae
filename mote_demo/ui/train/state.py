"""What the Train tab keeps of one visitor."""

import threading
from dataclasses import dataclass, field

from mote_demo.data.proposal import Proposal, Role, propose, with_role
from mote_demo.data.report import Report
from mote_demo.data.samples import samples_path
from mote_demo.data.tables import Table, read_table
from mote_demo.growing.grow import GrowthResult
from mote_demo.growing.suggestion import Suggestion
from mote_demo.ui.shared.run_controls import RunState
from mote_demo.ui.train.run import TrainingRun

_SAMPLE_LABEL = "intent"


@dataclass
class TrainState(RunState):
    """Keep what one visitor works on: at first the sample set, to be sorted by intent.

    Attributes:
        table: the last table that could be read.
        proposal: what its columns were taken for.
        roles: what they are for by now.
        report: what comes of it.
        sample: whether it is the sample set.
        offered_name: of the next expert.
        result: what is on the screen.
        decided: the layers of the expert that was plugged in, or that the visitor was asked about, last.
        stop: ends the training that was asked for last, whether it waits or runs.
        run: this training.
        test: rows of the visitor's own to measure on.
        looks: how often the rows were looked at.
        suggested: where to start from, by the rows that were looked at last.
        advised: the table that the choice of the twin was last made for.
    """

    table: Table = field(default_factory=lambda: read_table(samples_path()))
    proposal: Proposal = field(init=False)
    roles: dict[str, Role] = field(init=False)
    report: Report | None = None
    sample: bool = True
    offered_name: str = ""
    result: GrowthResult | None = None
    decided: object = None
    stop: threading.Event = field(default_factory=threading.Event)
    run: TrainingRun | None = None
    test: Table | None = None
    looks: int = 0
    suggested: Suggestion | None = None
    advised: Table | None = None

    def __post_init__(self) -> None:
        """Take the columns of the sample set for what they are."""
        self.propose()
        self.roles = with_role(self.roles, _SAMPLE_LABEL, Role.LABEL)

    def propose(self, task: str | None = None) -> None:
        """Guess the columns, for a task where one is given."""
        self.proposal = propose(self.table, task)
        self.roles = self.proposal.roles

    def use_table(self, table: Table) -> None:
        """Work on a table of the visitor's own."""
        self.table, self.test, self.sample = table, None, False
        self.propose()

    def use_samples(self) -> None:
        """Go back to the sample set."""
        fresh = TrainState()
        self.table, self.proposal, self.roles = fresh.table, fresh.proposal, fresh.roles
        self.test, self.sample = None, True
