"""What the Train tab keeps of one visitor."""

import threading
from dataclasses import dataclass, field

from mote_demo.data.columns import Columns
from mote_demo.data.samples import samples_path
from mote_demo.data.tables import Table, read_table
from mote_demo.growing.grow import GrowthResult
from mote_demo.growing.suggestion import Suggestion
from mote_demo.ui.shared.run_controls import RunState
from mote_demo.ui.train.run import TrainingRun


@dataclass
class TrainState(RunState):
    """Keep what one visitor works on: at first the sample set, to be sorted by intent.

    Attributes:
        table: the last table that could be read.
        guess: its columns as recognised.
        sample: whether it is the sample set.
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
    guess: Columns = Columns(text="text", label="intent")
    sample: bool = True
    result: GrowthResult | None = None
    decided: object = None
    stop: threading.Event = field(default_factory=threading.Event)
    run: TrainingRun | None = None
    test: Table | None = None
    looks: int = 0
    suggested: Suggestion | None = None
    advised: Table | None = None

    def use_table(self, table: Table, guess: Columns) -> None:
        """Work on a table of the visitor's own."""
        self.table, self.guess, self.sample = table, guess, False

    def use_samples(self) -> None:
        """Go back to the sample set."""
        fresh = TrainState()
        self.table, self.guess, self.sample = fresh.table, fresh.guess, True
