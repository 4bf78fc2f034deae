"""Verbs that train, measure and fold models."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mote_demo.cli.verbs import Verbs, add_verb, say
from mote_demo.errors import UserError, unknown_choice
from mote_demo.runtime.precision import EXACT, INT8, PRECISIONS
from mote_demo.settings import (
    BACKBONE,
    cache_folder,
    home_folder,
    new_checkpoints_folder,
    report_file,
    spaces_file,
)
from mote_demo.tasks import ROUTES, Route

if TYPE_CHECKING:
    from mote_demo.evaluation.labelled_sets import LabelledSet

_DATA = "a folder, or hub:OWNER/NAME[@REVISION] for a data set repository"


def add_verbs(verbs: Verbs) -> None:
    """Add the verbs of this group."""
    _add_train(verbs)
    _add_evaluate(verbs)
    _add_spaces(verbs)
    _add_study(verbs)
    _add_transfer(verbs)
    _add_fold(verbs)
    _add_refresh(verbs)
    _add_upcycle(verbs)
    _add_export(verbs)


def _add_train(verbs: Verbs) -> None:
    parser = add_verb(verbs, "train", _train, "Train what the app loads; a stopped run goes on where it was.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", help=f"the recipe's Parquet files: {_DATA} (default: the sources' own Hub names)")
    parser.add_argument("--out", type=Path, default=new_checkpoints_folder())
    parser.add_argument("--work", type=Path, default=Path("runs"), help="folder for the states of the run")
    parser.add_argument("--arm", action="append", help="this arm of the recipe instead (may be repeated)")


def _add_evaluate(verbs: Verbs) -> None:
    parser = add_verb(verbs, "evaluate", _evaluate, "Score checkpoints on labelled sets.")
    parser.add_argument(
        "checkpoints",
        nargs="+",
        metavar="[NAME=]CHECKPOINT",
        help="checkpoints, plain encoder folders, or package:NAME",
    )
    parser.add_argument("--data", required=True, help=f"labelled sets, dev/<family>/<set>/*.parquet: {_DATA}")
    parser.add_argument("--sets", nargs="+", default=["small"], help="small (default), all, or names of sets")
    parser.add_argument("--out", type=Path, help="write the report as JSON")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default=EXACT, choices=list(PRECISIONS), help=f"{EXACT} (default), or {INT8}")
    parser.add_argument("--cards", action="store_true", help="write the checkpoints' model cards with these scores")


def _add_spaces(verbs: Verbs) -> None:
    parser = add_verb(verbs, "spaces", _spaces, "Measure how much the routes' spaces and the experts differ.")
    parser.add_argument("baseline", help="checkpoint folder or Hub name of a dense model")
    parser.add_argument("mote", help="checkpoint folder or Hub name of a MoTE model with the same routes")
    parser.add_argument("--backbone", default=BACKBONE, help="what both started from (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=spaces_file(), help="JSON file to write; the app shows it")


def _add_study(verbs: Verbs) -> None:
    parser = add_verb(
        verbs,
        "study",
        _study,
        "Train and measure all arms and seeds of a recipe; a stopped study goes on where it was.",
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", required=True, help=f"the recipe's files and the labelled sets: {_DATA}")
    parser.add_argument("--sets", nargs="+", default=["small"], help="small (default), all, or names of sets")
    parser.add_argument("--work", type=Path, default=Path("runs"), help="folder for checkpoints, states and vectors")
    parser.add_argument("--results", type=Path, default=report_file().parent, help="folder for the measured files")
    parser.add_argument("--page", type=Path, default=home_folder() / "docs" / "results.md", help="page to write")
    parser.add_argument("--arm", action="append", help="only this arm (may be repeated)")
    parser.add_argument("--seed", action="append", type=int, help="only this seed (may be repeated)")
    parser.add_argument("--out", type=Path, help="copy the shipped arms' checkpoints here, with model cards")


def _add_transfer(verbs: Verbs) -> None:
    parser = add_verb(
        verbs,
        "transfer",
        _transfer,
        "Try settings of a recipe on sources that are left out of training; a stopped search goes on where it was.",
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("plan", type=Path, help="folds and variants, a YAML file")
    parser.add_argument("--data", required=True, help=f"the recipe's files and the labelled sets: {_DATA}")
    parser.add_argument(
        "--work", type=Path, default=Path("runs") / "transfer", help="folder for checkpoints and states"
    )
    parser.add_argument("--out", type=Path, default=report_file().parent / "transfer.json", help="results to write")


def _add_fold(verbs: Verbs) -> None:
    parser = add_verb(verbs, "fold", _fold, "Write one route as a plain dense sentence-transformers model.")
    parser.add_argument("checkpoint", help="checkpoint folder or Hub name")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--route", help=f"one of {', '.join(ROUTES)}, or a route of the model")
    which.add_argument("--router", action="store_true", help="all routes in one folder, each asked for by its task")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def _add_refresh(verbs: Verbs) -> None:
    words = "Write what lies beside a checkpoint's weights anew: its code, its prompts and the hashes of its files."
    parser = add_verb(verbs, "refresh", _refresh, words)
    parser.add_argument("checkpoints", nargs="+", type=Path, metavar="FOLDER", help="folders of checkpoints")
    parser.add_argument("--cards", action="store_true", help="write the cards of shipped checkpoints, as recorded, too")


def _add_upcycle(verbs: Verbs) -> None:
    words = "Make a checkpoint of a dense encoder: every expert starts as its MLP. It is to be trained."
    parser = add_verb(verbs, "upcycle", _upcycle, words)
    parser.add_argument("backbone", metavar="NAME_OR_PATH", help="folder or Hub name of an encoder, or package:NAME")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--layers", type=int, nargs="*", help="blocks (from 0) with experts (default: every other one)")
    parser.add_argument("--pooling", help="mean, cls or last (default: what the encoder's files say, else mean)")
    parser.add_argument("--max-tokens", type=int, help="most tokens of a text (default: what the files say, else 256)")


def _add_export(verbs: Verbs) -> None:
    parser = add_verb(verbs, "export", _export, "Write one route for another runtime: ONNX, int8 or OpenVINO.")
    parser.add_argument("checkpoint", help="checkpoint folder or Hub name")
    parser.add_argument("--route", required=True, help=f"one of {', '.join(ROUTES)}, or a route of the model")
    parser.add_argument("--format", required=True, help="onnx, onnx-int8 or openvino")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def _train(options: argparse.Namespace) -> None:
    from mote_demo.data.folders import data_folder
    from mote_demo.evaluation.labelled_sets import discover
    from mote_demo.study.arms import SHIPPED
    from mote_demo.training.card import write_card
    from mote_demo.training.processes import in_turn, is_main
    from mote_demo.training.recipe import load_recipe
    from mote_demo.training.sources import load_sources
    from mote_demo.training.teacher import TEACHER, read_lessons
    from mote_demo.training.trainer import train_arm

    recipe = load_recipe(options.recipe)
    shipped = [arm for arm in recipe.arms if arm in SHIPPED] or list(recipe.arms)
    arms = _known_arms(recipe.arms, options.arm or shipped)
    folder = None if options.data is None else data_folder(options.data)
    sets = [] if folder is None else discover(folder, required=False)
    with in_turn():
        data = load_sources(recipe, folder, sets, work=options.work, say=say)
        lessons = read_lessons(recipe, data, folder=options.work / TEACHER, say=say)
    for arm in arms:
        facts = train_arm(recipe, arm, data, lessons, out=options.out, work=options.work, say=say)
        if is_main():
            write_card(options.out / arm, facts)
    if sets and is_main():
        _score([str(options.out / arm) for arm in arms], sets, ["small"], recipe.seed, None, cards=True)


def _spaces(options: argparse.Namespace) -> None:
    from mote_demo.data.samples import load_samples
    from mote_demo.encoder import Encoder
    from mote_demo.evaluation.reference import untouched
    from mote_demo.files import write_json
    from mote_demo.model.backbones import backbone_path
    from mote_demo.study.route_spaces import measure_spaces

    baseline, mote = (Encoder.from_pretrained(path) for path in (options.baseline, options.mote))
    backbone = untouched(backbone_path(options.backbone))
    write_json(options.out, measure_spaces(baseline, mote, load_samples(), backbone), indent=1)
    say(f"Wrote {options.out}.")


def _study(options: argparse.Namespace) -> None:
    from mote_demo.data.folders import data_folder
    from mote_demo.evaluation.labelled_sets import choose, discover
    from mote_demo.study.arms import DERIVED
    from mote_demo.study.publish import publish, ship
    from mote_demo.study.runs import Study
    from mote_demo.training.recipe import load_recipe

    recipe = load_recipe(options.recipe)
    arms = _known_arms([*recipe.arms, *DERIVED], options.arm)
    folder = data_folder(options.data)
    known = discover(folder)
    sets = choose(known, options.sets)
    study = Study(recipe, folder, sets, known, options.work, options.results / "runs", say)
    study.run(arms, options.seed)
    published = publish(study, options.results, options.page)
    if published and options.out is not None:
        ship(study, options.results, options.out)


def _transfer(options: argparse.Namespace) -> None:
    from mote_demo.data.folders import data_folder
    from mote_demo.evaluation.labelled_sets import choose, discover
    from mote_demo.study.transfer import Transfer, load_plan
    from mote_demo.training.recipe import load_recipe
    from mote_demo.training.sources import load_sources

    recipe, plan = load_recipe(options.recipe), load_plan(options.plan)
    folder = data_folder(options.data)
    known = discover(folder)
    data = load_sources(recipe, folder, known, work=options.work, say=say)
    sets = choose(known, ["small"])
    Transfer(recipe, plan, data, sets, out=options.out, work=options.work, say=say).run()


def _known_arms(arms: Iterable[str], chosen: Sequence[str] | None) -> list[str]:
    for arm in chosen or []:
        if arm not in arms:
            raise unknown_choice("arm", arm, arms)
    return list(chosen or arms)


def _evaluate(options: argparse.Namespace) -> None:
    from mote_demo.data.folders import data_folder
    from mote_demo.evaluation.labelled_sets import discover

    _score(
        options.checkpoints,
        discover(data_folder(options.data)),
        options.sets,
        options.seed,
        options.out,
        cards=options.cards,
        precision=options.precision,
    )


def _score(
    checkpoints: Sequence[str],
    known: "Sequence[LabelledSet]",
    names: Sequence[str],
    seed: int,
    out: Path | None,
    *,
    cards: bool,
    precision: str = EXACT,
) -> None:
    from mote_demo.evaluation.labelled_sets import choose
    from mote_demo.evaluation.markdown import report_table
    from mote_demo.evaluation.reference import load_encoder
    from mote_demo.evaluation.suite import evaluate
    from mote_demo.store import VectorStore
    from mote_demo.training.card import write_cards

    sets = choose(known, names)
    store = VectorStore(cache_folder() / "evaluation")
    if cards and precision != EXACT:
        raise UserError(f"Model cards show exact scores. Please leave out --cards, or --precision {precision}.")
    named = [_name_and_path(checkpoint) for checkpoint in checkpoints]
    words = "" if precision == EXACT else f" {precision}"
    encoders = [load_encoder(path, f"{name}{words}").with_precision(precision) for name, path in named]
    report = evaluate(encoders, sets, seed=seed, store=store, on_set=say)
    say(report_table(report))
    if out is not None:
        report.save(out)
    if cards:
        write_cards([path for _, path in named], report)


def _name_and_path(checkpoint: str) -> tuple[str, str]:
    """Split "NAME=CHECKPOINT"; without a name it is the last part of the path."""
    from mote_demo.model.backbones import backbone_path

    name, _, path = checkpoint.rpartition("=")
    return name or Path(path.rpartition(":")[2]).name, backbone_path(path)


def _fold(options: argparse.Namespace) -> None:
    from mote_demo.model.checkpoint import load_model, load_tokenizer, local_folder
    from mote_demo.model.folding import fold_model, fold_router
    from mote_demo.training.card import write_folded_card

    folder = local_folder(options.checkpoint)
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    if options.router:
        fold_router(model, tokenizer, options.out)
        write_folded_card(options.out, folder, Route("", ""))
        say(f"Wrote the routes of {options.checkpoint} to {options.out}.")
        return
    fold_model(model, tokenizer, options.route, options.out)
    route = Route(model.config.resolve(options.route), model.config.route(options.route).instruction)
    write_folded_card(options.out, folder, route)
    say(f"Wrote the route {options.route!r} of {options.checkpoint} to {options.out}.")


def _refresh(options: argparse.Namespace) -> None:
    from mote_demo.model.checkpoint import refresh

    for folder in options.checkpoints:
        refresh(folder)
        if options.cards:
            from mote_demo.study.publish import write_shipped_card

            write_shipped_card(folder, report_file().parent)
        say(f"Wrote what lies beside the weights of {folder}; these are as they were.")


def _upcycle(options: argparse.Namespace) -> None:
    from mote_demo.model.backbones import backbone_path
    from mote_demo.model.checkpoint import load_tokenizer, local_folder, save_checkpoint
    from mote_demo.model.sentence_files import SentenceFiles
    from mote_demo.model.upcycling import upcycle

    folder = local_folder(backbone_path(options.backbone))
    files, tokenizer = SentenceFiles.read(folder), load_tokenizer(folder)
    model = upcycle(
        str(folder),
        ROUTES,
        expert_layers=options.layers,
        pooling=options.pooling or files.pooling,
        max_tokens=options.max_tokens or files.max_tokens,
    )
    save_checkpoint(model, tokenizer, options.out)
    blocks = ", ".join(map(str, model.config.expert_layers)) or "none"
    say(f"Wrote {options.out}: {len(model.config.experts)} experts in the blocks {blocks}. Train it next.")


def _export(options: argparse.Namespace) -> None:
    from mote_demo.model.exporting import export

    export(options.checkpoint, options.route, options.format, options.out)
    say(f"Wrote the route {options.route!r} of {options.checkpoint} as {options.format} to {options.out}.")
