"""Grow one new task expert from a person's rows: split, measure, train, measure again."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mote_demo.data.examples import Examples
from mote_demo.data.groups import text_hash
from mote_demo.encoder import Encoder, Stopped, as_mote
from mote_demo.growing.estimate import estimate
from mote_demo.growing.expert import Expert, model_fingerprint, route_pair
from mote_demo.growing.heldout import Measured, measure
from mote_demo.growing.intervals import paired_intervals
from mote_demo.growing.proof import Proof, hash_routes
from mote_demo.growing.row_changes import RowChanges, row_changes
from mote_demo.growing.rows import HELD_OUT, choose_rows
from mote_demo.growing.settings import GrowthSettings
from mote_demo.growing.training import TrainedLayers, TrainingStep, blocks_of, check_base, train_layers
from mote_demo.growing.twin import Twin, TwinStep, train_twin
from mote_demo.limits import TRAINED_ROWS
from mote_demo.model.configuration import check_name
from mote_demo.tasks import find_task

if TYPE_CHECKING:
    from mote_demo.sentence_encoder import SentenceEncoder


@dataclass(frozen=True)
class Stage:
    """Say what is being done, in words."""

    words: str


@dataclass(frozen=True)
class GrowthResult:
    """Hold a new expert with all that is known of how it came to be.

    Attributes:
        expert: what was grown, as far as the training went.
        training: how the training went.
        train: the rows it was trained on.
        test: those it was measured on.
        before: what the route it started from made of them.
        after: what the expert makes of them.
        proof: that all other routes are as they were.
        notes: what to know of the rows, one sentence each.
        seconds: wall-clock time of all of it.
        twin: what the same training does to a dense model, where that was asked for.
    """

    expert: Expert
    training: TrainedLayers
    train: Examples
    test: Examples
    before: Measured
    after: Measured
    proof: Proof
    notes: tuple[str, ...]
    seconds: float
    twin: Twin | None = None

    @property
    def changes(self) -> RowChanges:
        """Return which held-out rows the training set right, and which it spoilt."""
        return row_changes(self.test, self.before, self.after)


Progress = Callable[[Stage | TrainingStep], None]
"""Called with what is being done, and with each step of the training."""


def grow(
    encoder: "Encoder | SentenceEncoder",
    examples: Examples,
    name: str,
    *,
    base: str | None = None,
    effort: str = "quick",
    settings: GrowthSettings | None = None,
    test: Examples | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Expert:
    """Grow an expert for the examples' task on three quarters of them, and measure it on the rest.

    Examples that are texts alone (see ``unlabelled_examples``) teach only to tell such texts apart.

    Args:
        encoder: a model with task experts; it stays as it is (see ``Expert.plugged_into``).
        examples: checked rows of one task.
        name: of the new expert: small letters, digits, "-" and "_".
        base: route to start from; None takes the task's own.
        effort: "quick", "two-minutes" or "thorough", where there are no settings.
        settings: how to train; None chooses by the task, the number of rows and the effort.
        test: rows to measure on instead; then all examples are trained on.
        progress: told what is being done.
        stop: set it from another thread to end the training early with what was learnt so far; before the
            first step, that is ``Stopped``.

    Example:
        >>> from mote_demo.data.reading import read_examples
        >>> from mote_demo.data.samples import samples_path
        >>> from mote_demo.loading import load
        >>> encoder = load("mote")
        >>> examples = read_examples(samples_path(), "classification", label="mood")
        >>> expert = grow(encoder, examples, "my-moods", settings=GrowthSettings(epochs=1, learning_rate=1e-3))
        >>> list(expert.to_frame().columns), expert.held_out_rows
        (['before', 'after', 'change'], 60)
        >>> expert.plugged_into(encoder).encode(["What a day!"], route="my-moods").shape
        (1, 384)
    """
    settings = settings or choose_settings(examples, effort, own_test=test is not None)
    for event in grow_steps(as_mote(encoder), examples, name, base=base, settings=settings, test=test, stop=stop):
        if isinstance(event, GrowthResult):
            return event.expert
        if progress is not None:
            progress(event)
    raise Stopped("Stopped before the first step.")


def grow_steps(
    encoder: Encoder,
    examples: Examples,
    name: str,
    *,
    settings: GrowthSettings,
    base: str | None = None,
    test: Examples | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Stage | TrainingStep | GrowthResult]:
    """Do what ``grow`` does, and say how far it is.

    Yields:
        What is being done, one ``TrainingStep`` a step and, last, ``GrowthResult``, unless it was stopped before the
        first step.
    """
    started = time.monotonic()
    task = find_task(examples.task)
    base = base or task.query_route
    check_name("expert", name)
    check_base(encoder, base)
    encoder.config.check_new(name, name)
    yield Stage("Setting rows aside to measure on")
    rows = choose_rows(examples, test, settings.seed)
    train, held_out = rows.train, rows.test
    yield Stage(f"Measuring the route '{base}' on {len(held_out.frame):,} held-out rows")
    hashes = hash_routes(encoder)
    before = measure(encoder, route_pair(task.name, base), train, held_out)
    measuring = time.monotonic() - started
    left: float | None = None
    if settings.seconds is not None:
        yield Stage("Timing two steps")
        timed = estimate(encoder, train, len(held_out.frame), base, settings)
        settings = replace(settings, steps=timed.steps_within(settings.seconds))
        left = (settings.seconds or 0.0) - measuring - (time.monotonic() - started)
    yield Stage("Starting to train")
    for event in train_layers(encoder, train, base, settings, known=before.vectors, stop=stop, seconds=left):
        if isinstance(event, TrainingStep):
            yield event
            continue
        if not event.losses:
            return
        yield Stage(f"Measuring '{name}' on the same {len(held_out.frame):,} rows")
        expert = Expert(
            name=name,
            task=task.name,
            base=base,
            instruction=encoder.config.route(base).instruction,
            layers=event.layers,
            fingerprint=model_fingerprint(encoder, task.name),
            settings=_as_done(settings, event),
            steps=len(event.losses),
            losses=event.losses,
            train_rows=len(train.frame),
            trained_on=frozenset(map(text_hash, _texts_of(train))),
        )
        grown = expert.plugged_into(encoder)
        # Documents meet the new expert nowhere, so theirs are the vectors of before; labelled texts are encoded anew.
        documents = before.vectors if "query" in train.frame else None
        after = measure(grown, expert.routes, train, held_out, documents=documents)
        measured = replace(
            expert,
            before=before.metrics,
            after=after.metrics,
            held_out_rows=after.rows,
            intervals=paired_intervals(before, after),
            guesses=before.guesses,
        )
        proof = Proof(hashes, hash_routes(grown, list(hashes)))
        seconds = time.monotonic() - started
        yield GrowthResult(measured, event, train, held_out, before, after, proof, rows.notes, seconds)


def with_twin(
    result: GrowthResult, encoder: Encoder, dense: Encoder, *, stop: threading.Event | None = None
) -> Iterator[Stage | TwinStep | GrowthResult]:
    """Do the same training to a dense model, with as many steps (see ``twin``).

    Args:
        result: what was grown.
        encoder: the model that it was grown on.
        dense: a model without task experts.
        stop: set it from another thread to end early.

    Yields:
        What is being done, one ``TwinStep`` a step and, last, the result with its twin, unless it was stopped.
    """
    expert = result.expert
    settings = replace(expert.settings or GrowthSettings(), steps=expert.steps)
    yield Stage(f"The same training of {dense.name}: measuring every task before")
    blocks = blocks_of(encoder, settings)
    for event in train_twin(dense, result.train, result.test, expert.base, settings, blocks, stop=stop):
        yield replace(result, twin=event) if isinstance(event, Twin) else event


def choose_settings(
    examples: Examples, effort: str = "quick", *, own_test: bool = False, **changes: Any
) -> GrowthSettings:
    """Choose settings for the part of the examples that is trained on (see ``GrowthSettings.for_rows``)."""
    rows = min(TRAINED_ROWS, len(examples.frame))
    return GrowthSettings.for_rows(rows if own_test else round(rows * (1 - HELD_OUT)), examples.task, effort, **changes)


def _as_done(settings: GrowthSettings, training: TrainedLayers) -> GrowthSettings:
    """Return settings that do these very steps again, however fast a machine is."""
    limited = settings.seconds is not None or training.stopped
    return replace(settings, steps=len(training.losses) if limited else settings.steps, seconds=None)


def _texts_of(examples: Examples) -> Iterator[str]:
    for column in examples.frame.columns.drop(["label", "score"], errors="ignore"):
        yield from examples.frame[column]
