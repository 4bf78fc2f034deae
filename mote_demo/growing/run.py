"""Train an expert for one visitor: split, measure, grow, measure again, plug in."""

import itertools
import re
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mote_demo.data.examples import Examples, split
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError, unknown_choice
from mote_demo.explore.projection import Projection, joint_maps
from mote_demo.growing.expert_file import load_expert, save_expert
from mote_demo.growing.grow import Grown, GrowStep, Growth, grow
from mote_demo.growing.heldout import Measured, measure
from mote_demo.model.configuration import is_reserved
from mote_demo.serving.sessions import MAX_GROWN, GrownRoute, Session
from mote_demo.tasks import TASKS, Route, find_task

HELD_OUT = 0.25
"""Share of the rows to measure on."""

MOST_ROWS = 2000
"""Rows of a training; more would keep a visitor, and those who wait, for long."""


@dataclass(frozen=True)
class Stage:
    """Say what is being done, in words."""

    words: str


@dataclass(frozen=True)
class Trained:
    """Hold a new expert with what it brought.

    Attributes:
        route: the new route.
        grown: its layers and the losses.
        train: what it was trained on.
        test: what it was measured on.
        before: measurements of the route it started from.
        after: its own, on the same rows.
        encoder: the model with the new route.
    """

    route: GrownRoute
    grown: Grown
    train: Examples
    test: Examples
    before: Measured
    after: Measured
    encoder: Encoder

    @property
    def routes_before(self) -> tuple[str, str]:
        """Return (query route, document route) without the new expert."""
        return _pair(self.route.task, self.route.base)

    @property
    def routes_after(self) -> tuple[str, str]:
        """Return (query route, document route) with the new expert."""
        return _pair(self.route.task, self.route.name)


@dataclass(frozen=True)
class BeforeAfter:
    """Hold maps of the same labelled texts before and after, the second aligned with the first.

    ``held_out`` tells for each text, bool [n], whether it was kept out of training.
    """

    before: Projection
    after: Projection
    texts: list[str]
    labels: list[str]
    held_out: np.ndarray


def train_expert(
    session: Session, examples: Examples, settings: Growth, stop: threading.Event
) -> Iterator[Stage | GrowStep | Trained]:
    """Grow an expert on three quarters of the examples and measure it on the rest.

    Args:
        session: the visitor; the model stays as it is until ``plug_in``.
        examples: checked rows of one task.
        settings: how to grow.
        stop: set it to end the growth early; what was learnt so far is measured.

    Yields:
        What is being done, one ``GrowStep`` a step and, last, ``Trained``, unless it was stopped before
        the first step.
    """
    _check_room(session)
    encoder = session.mote
    encoder.config.check_new(settings.name, settings.name)
    yield Stage("Setting rows aside to measure on")
    train, test = split(_sample(examples, settings.seed), HELD_OUT, settings.seed)
    yield Stage(f"Measuring the route '{settings.base}' on {len(test.frame):,} held-out rows")
    before = measure(encoder, _pair(settings.task, settings.base), train, test)
    yield Stage("Starting to train")
    for event in grow(encoder, train, settings, known=before.vectors, stop=stop):
        if isinstance(event, GrowStep):
            yield event
            continue
        if not event.losses:
            return
        yield Stage(f"Measuring '{settings.name}' on the same {len(test.frame):,} rows")
        instruction = encoder.config.route(settings.base).instruction
        route = GrownRoute(settings.name, settings.task, settings.base, Route(settings.name, instruction))
        plugged = encoder.with_route(route.name, route.route, event.experts)
        # Documents meet the new expert nowhere, so theirs are the vectors of before; labelled texts are encoded anew.
        after = measure(plugged, _pair(settings.task, settings.name), train, test, documents=before.vectors)
        yield Trained(route, event, train, test, before, after, plugged)


def plug_in(session: Session, trained: Trained) -> None:
    """Add a trained expert to the visitor's model."""
    session.add_route(trained.route, trained.grown.experts)


def plug_in_file(session: Session, path: str | Path) -> GrownRoute:
    """Add an expert from a file to the visitor's model."""
    _check_room(session)
    file = load_expert(path)
    if file.grown.name in session.mote.routes:
        raise UserError(f"There is an expert {file.grown.name!r} already. Please remove it first.")
    session.add_route(file.grown, file.experts_for(session.mote))
    return file.grown


def remove(session: Session, name: str | None) -> None:
    """Take an expert out of the visitor's model; the others stay."""
    if name not in session.grown:
        raise unknown_choice("trained expert", name, session.grown)
    with session.changing:
        kept = {other: grown for other, grown in session.grown.items() if other != name}
        mote = session.registry.mote
        for grown in kept.values():
            mote = mote.with_route(grown.name, grown.route, _experts_of(session, grown.name))
        session.mote, session.grown = mote, kept


def write_expert(path: str | Path, session: Session, name: str | None, trained: Trained | None = None) -> None:
    """Write one of the visitor's experts to a file, with its settings and measurements where they are known."""
    if name not in session.grown:
        raise unknown_choice("trained expert", name, session.grown)
    save_expert(path, session.registry.mote, session.grown[name], _experts_of(session, name), _facts(trained))


def _experts_of(session: Session, name: str) -> dict[str, nn.Module]:
    model = session.mote.model
    return {path: model.backbone.get_submodule(path)[session.grown[name].route.expert] for path in model.expert_paths}


def _facts(trained: Trained | None) -> dict[str, Any]:
    if trained is None:
        return {}
    return {
        "settings": asdict(trained.grown.settings),
        "steps": len(trained.grown.losses),
        "held_out_rows": trained.after.rows,
        "before": trained.before.metrics,
        "after": trained.after.metrics,
    }


def map_before_after(trained: Trained, method: str = "PCA") -> BeforeAfter | None:
    """Map the labelled texts before and after; None for a task without labels.

    Args:
        trained: the result.
        method: one of ``projection.METHODS``.
    """
    if "label" not in trained.test.frame:
        return None
    texts, labels, held_out = _texts_on_map(trained)
    before, after = (
        np.stack([measured.vectors[text] for text in texts]) for measured in (trained.before, trained.after)
    )
    first, second = joint_maps(before, after, method=method)
    return BeforeAfter(first, second, texts, labels, held_out)


def _texts_on_map(trained: Trained) -> tuple[list[str], list[str], np.ndarray]:
    test, train = trained.test.frame, trained.train.frame
    held_out = np.arange(len(test) + len(train)) < len(test)
    return [*test["text"], *train["text"]], [*test["label"], *train["label"]], held_out


def free_name(session: Session, wanted: str) -> str:
    """Turn words into a usable name of an expert that does not exist yet: my-topic, then my-topic-2."""
    base = re.sub(r"[^a-z0-9_-]+", "-", wanted.lower()).strip("-_0123456789")[:40] or "my-expert"
    config = session.mote.config
    taken = {*config.routes, *config.experts, *TASKS}
    numbered = (f"{base}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([base], numbered) if name not in taken and not is_reserved(name))


def suited(name: str, task: str, base: str, examples: Examples, effort: str, **changes: Any) -> Growth:
    """Choose settings by the size of the training part; a change that is None or 0 is left out."""
    rows = round(min(MOST_ROWS, len(examples.frame)) * (1 - HELD_OUT))
    chosen = Growth.suited(name, task, rows, base=base, effort=effort)
    return replace(chosen, **{key: value for key, value in changes.items() if value})


def _sample(examples: Examples, seed: int) -> Examples:
    if len(examples.frame) <= MOST_ROWS:
        return examples
    frame = examples.frame.sample(MOST_ROWS, random_state=seed).reset_index(drop=True)
    return replace(examples, frame=frame)


def _check_room(session: Session) -> None:
    if len(session.grown) >= MAX_GROWN:
        raise UserError(f"There are {MAX_GROWN} trained experts in this session. Please remove one first.")


def _pair(task: str, route: str) -> tuple[str, str]:
    """Return (query route, document route); of retrieval, documents keep their own."""
    chosen = find_task(task)
    return route, chosen.document_route if len(chosen.routes) > 1 else route
