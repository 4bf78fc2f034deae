"""Verbs that grow an expert and say what its file holds."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mote_demo.cli.reading import add_reading, reading_options
from mote_demo.cli.verbs import Verbs, add_model, add_verb, load_mote, model_name, say
from mote_demo.data.file_kinds import SUPPORTED
from mote_demo.errors import UserError
from mote_demo.growing.settings import EFFORTS
from mote_demo.settings import check_checkpoint, checkpoints_folder, report_file
from mote_demo.tasks import TASKS

if TYPE_CHECKING:
    from mote_demo.data.examples import Examples
    from mote_demo.encoder import Encoder
    from mote_demo.growing.expert import Expert
    from mote_demo.growing.grow import GrowthResult, Stage
    from mote_demo.growing.training import TrainingStep
    from mote_demo.growing.twin import TwinStep

_SETTINGS: Mapping[str, type] = MappingProxyType(
    {
        **{"epochs": int, "steps": int, "batch_size": int, "learning_rate": float, "temperature": float},
        **{"seed": int, "blocks": int, "seconds": float},
    }
)
"""What of ``GrowthSettings`` can be given."""
_ROLES = ("text", "label", "query", "positive", "negative", "sentence1", "sentence2", "score")


def add_verbs(verbs: Verbs) -> None:
    """Add the verbs of this group."""
    _add_grow(verbs)
    _add_expert(verbs)
    _add_grow_study(verbs)


def _add_grow(verbs: Verbs) -> None:
    parser = add_verb(verbs, "grow", _grow, "Grow an expert from rows of your own, and measure it on a part of them.")
    parser.add_argument("rows", metavar="ROWS", help=f"a file of rows ({SUPPORTED}); or samples, the sample set")
    parser.add_argument("--task", required=True, choices=list(TASKS))
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the expert's file to write")
    parser.add_argument("--name", help="of the expert: small letters, digits, - and _ (default: that of FILE)")
    parser.add_argument("--base", metavar="ROUTE", help="route to start from (default: the task's own)")
    parser.add_argument("--test", type=Path, metavar="FILE", help="rows to measure on (default: a part of ROWS)")
    parser.add_argument(
        "--unlabelled", action="store_true", help="learn from the texts alone, to tell them apart; expect little"
    )
    parser.add_argument("--effort", default="quick", choices=list(EFFORTS))
    for name, kind in _SETTINGS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help="(default: by rows, task and effort)")
    parser.add_argument(
        "--twin", action="store_true", help="do the same to the dense model, and show what each forgets"
    )
    add_model(parser)
    for role in _ROLES:
        parser.add_argument(f"--{role}", metavar="COLUMN", help=f"column of the {role} (default: a guess)")
    add_reading(parser)


def _add_expert(verbs: Verbs) -> None:
    words = "Show what an expert's file holds, or write it as a model of its own."
    parts = verbs.add_parser("expert", help=words, description=words).add_subparsers(required=True, metavar="VERB")
    show = add_verb(parts, "show", _show, "Say what an expert is, how it was grown, and whether it fits the model.")
    fold = add_verb(parts, "fold", _fold, "Write an expert as a plain dense sentence-transformers model.")
    whole = add_verb(parts, "checkpoint", _checkpoint, "Write a checkpoint that has an expert as one more route.")
    for parser in (show, fold, whole):
        parser.add_argument("file", type=Path, metavar="FILE", help="what grow or the app wrote")
        add_model(parser)
    for parser in (fold, whole):
        parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write")


def _add_grow_study(verbs: Verbs) -> None:
    words = "Compare grown experts with fine-tuning and more, on labelled sets; a stopped study goes on where it was."
    parser = add_verb(verbs, "grow-study", _grow_study, words)
    parser.add_argument("--data", type=Path, required=True, help="labelled sets, dev/<family>/<set>/*.parquet")
    parser.add_argument("--out", type=Path, default=report_file().with_name("grow.json"), help="JSON file to write")
    parser.add_argument("--work", type=Path, default=Path("runs") / "grow", help="folder for a file of each cell")
    parser.add_argument("--set", action="append", help="only this set (may be repeated)")
    parser.add_argument("--rows", action="append", type=int, help="only uploads of so many rows (may be repeated)")
    parser.add_argument("--seed", action="append", type=int, help="only this seed (may be repeated)")
    add_model(parser)


def _grow_study(options: argparse.Namespace) -> None:
    from mote_demo.study.growing import SEEDS, SETS, SIZES, grow_study

    grow_study(
        load_mote(options),
        _load_dense(),
        options.data,
        options.out,
        work=options.work,
        sets=options.set or SETS,
        sizes=options.rows or SIZES,
        seeds=options.seed or SEEDS,
        say=say,
    )


def _grow(options: argparse.Namespace) -> None:
    from mote_demo.growing.grow import GrowthResult, choose_settings, grow_steps, with_twin

    encoder = load_mote(options)
    examples, test = _read(options)
    for note in examples.notes:
        say(note)
    changes = {name: getattr(options, name) for name in _SETTINGS}
    settings = choose_settings(examples, options.effort, own_test=test is not None, **changes)
    name = options.name or options.out.stem
    line = _Line()
    result: GrowthResult | None = None
    try:
        for event in grow_steps(encoder, examples, name, settings=settings, base=options.base, test=test):
            if isinstance(event, GrowthResult):
                result = event
            else:
                line.show(event)
        if result is None:
            raise UserError("Nothing was trained.")
        if options.twin:
            for told in with_twin(result, encoder, _load_dense()):
                if isinstance(told, GrowthResult):
                    result = told
                else:
                    line.show(told)
    finally:
        line.clear()
    result.expert.save(options.out)
    for note in result.notes:
        say(note)
    _say_metrics(result.expert)
    _say_proof(result)
    say(f"Wrote {options.out}.")


def _read(options: argparse.Namespace) -> "tuple[Examples, Examples | None]":
    """Read the rows to train on and, where they are given, those to measure on."""
    from mote_demo.data.reading import read_examples
    from mote_demo.data.samples import samples_path
    from mote_demo.data.unlabelled import read_unlabelled

    columns = {role: getattr(options, role) for role in _ROLES if getattr(options, role) is not None}
    reading = reading_options(options)
    rows = samples_path() if options.rows == "samples" else Path(options.rows)

    def read(path: Path) -> "Examples":
        if options.unlabelled:
            return read_unlabelled(path, options.task, options.text, options=reading)
        return read_examples(path, options.task, options=reading, **columns)

    return read(rows), None if options.test is None else read(options.test)


def _load_dense() -> "Encoder":
    from mote_demo.encoder import Encoder

    return Encoder.from_pretrained(check_checkpoint(checkpoints_folder() / "baseline"), "Baseline")


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
    if expert.train_rows:
        say(f"Trained on {expert.train_rows:,} rows; hashes of their {len(expert.trained_on):,} texts are in the file")
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
    from mote_demo.growing.leaving import fold_expert
    from mote_demo.loading import find_model
    from mote_demo.model.checkpoint import local_folder

    expert = load_expert(options.file)
    fold_expert(expert, load_mote(options), local_folder(str(find_model(model_name(options)))), options.out)
    say(f"Wrote the expert {expert.name!r} to {options.out}.")
    asked, searched = expert.routes
    if searched != asked:
        say(f"It is for queries. Documents take the route {searched!r}, which 'fold' writes.")


def _checkpoint(options: argparse.Namespace) -> None:
    from mote_demo.growing.expert import load_expert
    from mote_demo.growing.leaving import save_with_expert
    from mote_demo.loading import find_model
    from mote_demo.model.checkpoint import local_folder

    expert = load_expert(options.file)
    save_with_expert(expert, load_mote(options), local_folder(str(find_model(model_name(options)))), options.out)
    say(f"Wrote a checkpoint with the route {expert.name!r} to {options.out}.")


def _say_metrics(expert: "Expert") -> None:
    if not expert.before:
        return
    say(expert.to_frame().to_string(float_format="{:.3f}".format))
    for name, found in expert.intervals.items():
        low, high = found.change
        say(f"Change of {name}: {low:+.3f} to {high:+.3f} (95 % interval)")
    for name, guess in expert.guesses.items():
        say(f"Without a model, {name}: {guess.commonest:.3f} by the commonest answer, {guess.chance:.3f} by chance")
    say(f"{expert.held_out_rows:,} held-out rows; 1 is best.")


def _say_proof(result: "GrowthResult") -> None:
    """Say what became of everything else, and what the same training did to the dense model."""
    same = sum(result.proof.before[name] == after for name, after in result.proof.after.items())
    say(f"Other routes: {same} of {len(result.proof.before)} have the same tensors and vectors, bit for bit.")
    twin = result.twin
    if twin is None:
        return
    for name, before in twin.before.metrics.items():
        mine = result.expert
        moved = f"{before:.3f} -> {twin.after.metrics[name]:.3f}"
        say(f"{name}: {twin.model} {moved}, {mine.name} {mine.before[name]:.3f} -> {mine.after[name]:.3f}")
    for one in twin.others:
        say(
            f"{one.task}, {one.name} ({one.rows} rows): {twin.model} {one.before:.3f} -> {one.after:.3f}, "
            f"{one.points:+.1f} points ({100 * one.change[0]:+.1f} to {100 * one.change[1]:+.1f}); MoTE the same"
        )


class _Line:
    """Show what is being done on one line of a terminal; where there is none, as in a log, show nothing."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def show(self, event: "Stage | TrainingStep | TwinStep") -> None:
        """Write over what was shown before."""
        from mote_demo.growing.grow import Stage
        from mote_demo.growing.twin import TwinStep

        if isinstance(event, Stage):
            self._write(f"{event.words} ...")
        elif isinstance(event, TwinStep):
            self._write(f"Twin: step {event.step.step} of {event.step.steps}, loss {event.step.loss:.3f}")
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
