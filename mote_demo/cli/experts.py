"""Verbs that grow an expert and say what its file holds."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mote_demo.cli.reading import add_reading, reading_options
from mote_demo.cli.verbs import Verbs, add_model, add_verb, load_mote, model_name, say
from mote_demo.data.file_kinds import SUPPORTED
from mote_demo.errors import UserError
from mote_demo.growing.settings import EFFORTS
from mote_demo.tasks import TASKS

if TYPE_CHECKING:
    from mote_demo.growing.expert import Expert
    from mote_demo.growing.grow import Stage
    from mote_demo.growing.training import TrainingStep

_ROLES = ("text", "label", "query", "positive", "negative", "sentence1", "sentence2", "score")


def add_verbs(verbs: Verbs) -> None:
    """Add the verbs of this group."""
    _add_grow(verbs)
    _add_expert(verbs)


def _add_grow(verbs: Verbs) -> None:
    parser = add_verb(verbs, "grow", _grow, "Grow an expert from rows of your own, and measure it on a part of them.")
    parser.add_argument("rows", type=Path, metavar="ROWS", help=f"a file of rows ({SUPPORTED})")
    parser.add_argument("--task", required=True, choices=list(TASKS))
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the expert's file to write")
    parser.add_argument("--name", help="of the expert: small letters, digits, - and _ (default: that of FILE)")
    parser.add_argument("--base", metavar="ROUTE", help="route to start from (default: the task's own)")
    parser.add_argument("--effort", default="quick", choices=list(EFFORTS))
    parser.add_argument("--epochs", type=int, help="passes over the rows (default: by their number)")
    parser.add_argument("--learning-rate", type=float, help="the highest one (default: by the task)")
    add_model(parser)
    for role in _ROLES:
        parser.add_argument(f"--{role}", metavar="COLUMN", help=f"column of the {role} (default: a guess)")
    add_reading(parser)


def _add_expert(verbs: Verbs) -> None:
    words = "Show what an expert's file holds, or write it as a model of its own."
    parts = verbs.add_parser("expert", help=words, description=words).add_subparsers(required=True, metavar="VERB")
    show = add_verb(parts, "show", _show, "Say what an expert is, how it was grown, and whether it fits the model.")
    fold = add_verb(parts, "fold", _fold, "Write an expert as a plain dense sentence-transformers model.")
    for parser in (show, fold):
        parser.add_argument("file", type=Path, metavar="FILE", help="what grow or the app wrote")
        add_model(parser)
    fold.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write")


def _grow(options: argparse.Namespace) -> None:
    from mote_demo.data.reading import read_examples
    from mote_demo.growing.grow import choose_settings, grow

    columns = {role: getattr(options, role) for role in _ROLES if getattr(options, role) is not None}
    examples = read_examples(options.rows, options.task, options=reading_options(options), **columns)
    for note in examples.notes:
        say(note)
    changes = {"epochs": options.epochs, "learning_rate": options.learning_rate}
    settings = choose_settings(examples, options.effort, **changes)
    name = options.name or options.out.stem
    line = _Line()
    try:
        expert = grow(load_mote(options), examples, name, base=options.base, settings=settings, progress=line.show)
    finally:
        line.clear()
    expert.save(options.out)
    _say_metrics(expert)
    say(f"Wrote {options.out}.")


def _show(options: argparse.Namespace) -> None:
    from mote_demo.growing.expert import load_expert

    expert = load_expert(options.file)
    say(f"Expert {expert.name!r} of {expert.task}, grown from {expert.base!r}")
    say(f"Instruction: {expert.instruction!r}")
    weights = sum(parameter.numel() for layer in expert.layers.values() for parameter in layer.parameters())
    say(f"Layers: {len(expert.layers)}, with {weights:,} parameters")
    if expert.settings is not None:
        settings = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in vars(expert.settings).items())
        say(f"Settings: {settings}; {expert.steps:,} steps")
    say(_fit(expert, options))
    _say_metrics(expert)


def _fit(expert: "Expert", options: argparse.Namespace) -> str:
    """Say whether the expert plugs into the model of the options."""
    try:
        model = load_mote(options)
    except UserError as error:
        return f"Whether it fits is not known. {error}"
    try:
        expert.plugged_into(model)
    except UserError as error:
        return f"It does not fit {model.name}. {error}"
    return f"It fits {model.name}."


def _fold(options: argparse.Namespace) -> None:
    from mote_demo.growing.expert import load_expert
    from mote_demo.loading import find_model
    from mote_demo.model.folding import fold_model

    expert = load_expert(options.file)
    grown, path = expert.plugged_into(load_mote(options)), find_model(model_name(options))
    fold_model(grown.model, str(path), expert.name, options.out)
    say(f"Wrote the expert {expert.name!r} to {options.out}.")
    asked, searched = expert.routes
    if searched != asked:
        say(f"It is for queries. Documents take the route {searched!r}, which 'fold' writes.")


def _say_metrics(expert: "Expert") -> None:
    if expert.before:
        say(expert.to_frame().to_string(float_format="{:.3f}".format))
        say(f"{expert.held_out_rows:,} held-out rows; 1 is best.")


class _Line:
    """Show what is being done on one line of a terminal; where there is none, as in a log, show nothing."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def show(self, event: "Stage | TrainingStep") -> None:
        """Write over what was shown before."""
        from mote_demo.growing.grow import Stage

        if isinstance(event, Stage):
            self._write(f"{event.words} ...")
        else:
            left = f"about {event.seconds_left:.0f} s left"
            self._write(f"Step {event.step} of {event.steps}, loss {event.loss:.3f}, {left}")

    def clear(self) -> None:
        """Leave an empty line."""
        self._write("")

    def _write(self, words: str) -> None:
        if self._shown:
            sys.stderr.write(f"\r{words}\x1b[K")
            sys.stderr.flush()
