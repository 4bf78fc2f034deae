"""Grow one new task expert from a person's rows: split, measure, train, measure again."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mote_demo.data.examples import Examples, split
from mote_demo.data.groups import text_hash
from mote_demo.encoder import Encoder, Stopped, as_mote
from mote_demo.growing.expert import Expert, model_fingerprint, route_pair
from mote_demo.growing.heldout import measure
from mote_demo.growing.settings import GrowthSettings
from mote_demo.growing.training import TrainedLayers, TrainingStep, check_base, train_layers
from mote_demo.model.configuration import check_name
from mote_demo.tasks import find_task

if TYPE_CHECKING:
    from mote_demo.sentence_encoder import SentenceEncoder

HELD_OUT = 0.25
"""Share of the rows to measure on."""

MOST_ROWS = 2000
"""Rows of a training; more would keep a visitor, and those who wait, for long."""


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
        vectors_before: by text, float32 [d]: those of all texts with a label, or of all documents; none of pairs.
        vectors_after: those with the new expert.
    """

    expert: Expert
    training: TrainedLayers
    train: Examples
    test: Examples
    vectors_before: Mapping[str, np.ndarray]
    vectors_after: Mapping[str, np.ndarray]


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
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Expert:
    """Grow an expert for the examples' task on three quarters of them, and measure it on the rest.

    Args:
        encoder: a model with task experts; it stays as it is (see ``Expert.plugged_into``).
        examples: checked rows of one task.
        name: of the new expert: small letters, digits, "-" and "_".
        base: route to start from; None takes the task's own.
        effort: "quick" or "thorough", where there are no settings.
        settings: how to train; None chooses by the task, the number of rows and the effort.
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
    settings = settings or choose_settings(examples, effort)
    for event in grow_steps(as_mote(encoder), examples, name, base=base, settings=settings, stop=stop):
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
    stop: threading.Event | None = None,
) -> Iterator[Stage | TrainingStep | GrowthResult]:
    """Do what ``grow`` does, and say how far it is.

    Yields:
        What is being done, one ``TrainingStep`` a step and, last, ``GrowthResult``, unless it was stopped before the
        first step.
    """
    task = find_task(examples.task)
    base = base or task.query_route
    check_name("expert", name)
    check_base(encoder, base)
    encoder.config.check_new(name, name)
    yield Stage("Setting rows aside to measure on")
    train, test = hold_out(examples, settings.seed)
    yield Stage(f"Measuring the route '{base}' on {len(test.frame):,} held-out rows")
    before = measure(encoder, route_pair(task.name, base), train, test)
    yield Stage("Starting to train")
    for event in train_layers(encoder, train, base, settings, known=before.vectors, stop=stop):
        if isinstance(event, TrainingStep):
            yield event
            continue
        if not event.losses:
            return
        yield Stage(f"Measuring '{name}' on the same {len(test.frame):,} rows")
        expert = Expert(
            name=name,
            task=task.name,
            base=base,
            instruction=encoder.config.route(base).instruction,
            layers=event.layers,
            fingerprint=model_fingerprint(encoder, task.name),
            settings=settings,
            steps=len(event.losses),
            losses=event.losses,
            trained_on=frozenset(map(text_hash, _texts_of(train))),
        )
        # Documents meet the new expert nowhere, so theirs are the vectors of before; labelled texts are encoded anew.
        after = measure(expert.plugged_into(encoder), expert.routes, train, test, documents=before.vectors)
        measured = replace(expert, before=before.metrics, after=after.metrics, held_out_rows=after.rows)
        yield GrowthResult(measured, event, train, test, before.vectors, after.vectors)


def hold_out(examples: Examples, seed: int = 0) -> tuple[Examples, Examples]:
    """Return the rows that a training with this seed would train on, and those it would be measured on."""
    return split(_sample(examples, seed), HELD_OUT, seed)


def choose_settings(examples: Examples, effort: str = "quick", **changes: Any) -> GrowthSettings:
    """Choose settings for the part of the examples that is trained on (see ``GrowthSettings.for_rows``)."""
    rows = round(min(MOST_ROWS, len(examples.frame)) * (1 - HELD_OUT))
    return GrowthSettings.for_rows(rows, examples.task, effort, **changes)


def _texts_of(examples: Examples) -> Iterator[str]:
    for _, column in examples.frame.drop(columns=["label", "score"], errors="ignore").items():
        yield from column


def _sample(examples: Examples, seed: int) -> Examples:
    if len(examples.frame) <= MOST_ROWS:
        return examples
    frame = examples.frame.sample(MOST_ROWS, random_state=seed).reset_index(drop=True)
    return replace(examples, frame=frame)
