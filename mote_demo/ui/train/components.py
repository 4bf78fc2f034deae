"""The components of the Train tab, and what it keeps for one visitor."""

import threading
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

from mote_demo.data.columns import Columns
from mote_demo.data.samples import samples_path
from mote_demo.data.tables import Table, read_table
from mote_demo.growing.run import Trained
from mote_demo.serving.sessions import Session, Sessions

NONE = "(none)"
Updates = dict[Any, Any]
"""Components and what becomes of them."""


@dataclass(frozen=True)
class DataParts:
    """Hold the components of steps 1 and 2: the data, and what to make of it."""

    file: gr.File
    samples: gr.Button
    add_texts: gr.Button
    note: gr.HTML
    preview: gr.Dataframe
    task: gr.Radio
    columns: tuple[gr.Dropdown, ...]
    counts: gr.HTML
    name: gr.Textbox
    base: gr.Dropdown


@dataclass(frozen=True)
class TrainParts:
    """Hold the components of steps 3 and 4: training, its result, and the visitor's experts."""

    effort: gr.Radio
    changes: dict[str, gr.Number]
    train: gr.Button
    stop: gr.Button
    progress: gr.HTML
    result: gr.HTML
    choice: gr.Row
    keep: gr.Button
    discard: gr.Button
    headings: tuple[gr.HTML, gr.HTML]
    maps: tuple[gr.HTML, gr.HTML]
    experts_note: gr.HTML
    expert: gr.Dropdown
    download: gr.Button
    file: gr.DownloadButton
    remove: gr.Button
    upload: gr.UploadButton


@dataclass
class Bench:
    """Keep what one visitor works on.

    Attributes:
        table: the last table that could be read.
        guess: its columns as recognised.
        sample: whether it is the sample set.
        shown: the result on the screen.
        trained: results by the name of the expert.
        stop: ends the training that runs.
        waiting: whether a training was asked for and has not begun.
        told: when its progress was last shown.
    """

    table: Table
    guess: Columns
    sample: bool = True
    shown: Trained | None = None
    trained: dict[str, Trained] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    waiting: bool = False
    told: float = 0.0


class Benches:
    """Find the session and the bench of a visitor; a bench goes with its session."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._benches: WeakKeyDictionary[Session, Bench] = WeakKeyDictionary()

    def of(self, request: gr.Request) -> tuple[Session, Bench]:
        """Return the visitor's session and bench; a new one holds the sample set."""
        session = self._sessions.of(request.session_hash)
        if session not in self._benches:
            self._benches[session] = sample_bench()
        return session, self._benches[session]


def sample_bench() -> Bench:
    """Return a bench with the sample set, to be sorted by intent."""
    return Bench(read_table(samples_path()), Columns(text="text", label="intent"))
