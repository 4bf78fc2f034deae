"""The command line: the app's verbs for the terminal."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mote_demo.errors import UserError, unknown_choice
from mote_demo.runtime.precision import EXACT, INT8, PRECISIONS
from mote_demo.settings import (
    cache_folder,
    check_checkpoint,
    checkpoints_folder,
    home_folder,
    more_models,
    precision,
    report_file,
    spaces_file,
)
from mote_demo.tasks import ROUTES, TASKS

if TYPE_CHECKING:
    from mote_demo.data.texts import Texts
    from mote_demo.evaluation.labelled_sets import LabelledSet
    from mote_demo.explore.pair import Pair
    from mote_demo.explore.search import Answer
    from mote_demo.serving.sessions import Session

_DATA = "a folder, or hub:OWNER/NAME[@REVISION] for a data set repository"

_LENS = "MODEL/TASK, such as mote/retrieval or mote/sts?instruction=off; the model is one of the app's, or a folder"

_TABLES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".parquet")

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; an expected failure is one line on standard error and exit status 2."""
    options = _parser().parse_args(arguments)
    # Read when transformers is imported: the bar of each file loaded would hide the one line that matters.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        options.verb(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads, such as head, has seen enough; Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (UserError, OSError) as error:
        sys.stderr.write(f"mote_demo: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("mote_demo: stopped\n")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mote_demo", description="Mixture of Task Experts embeddings.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    _add_run(verbs)
    _add_encode(verbs)
    _add_search(verbs)
    _add_compare(verbs)
    _add_matrix(verbs)
    _add_map(verbs)
    _add_train(verbs)
    _add_evaluate(verbs)
    _add_spaces(verbs)
    _add_study(verbs)
    _add_transfer(verbs)
    _add_fold(verbs)
    return parser


def _verb(verbs: Verbs, name: str, run: Callable[[argparse.Namespace], None], words: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=words, description=words)
    parser.set_defaults(verb=run)
    return parser


def _add_run(verbs: Verbs) -> None:
    parser = _verb(verbs, "run", _run, "Start the app.")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 serves other machines too")
    parser.add_argument("--checkpoints", type=Path, help="folder that holds baseline and mote")


def _add_encode(verbs: Verbs) -> None:
    parser = _verb(verbs, "encode", _encode, "Turn texts into vectors, one JSON line each or a .npy file.")
    parser.add_argument("texts", nargs="*", help="texts; none reads one text a line from standard input")
    parser.add_argument("--route", required=True, help=f"one of {', '.join(ROUTES)}, or a route of the model")
    parser.add_argument("--model", help="checkpoint folder or Hub name (default: the MoTE checkpoint)")
    parser.add_argument("--out", type=Path, help="write float32 [texts, width] to this .npy file")


def _add_search(verbs: Verbs) -> None:
    parser = _verb(verbs, "search", _search, "Ask the baseline and MoTE the same question.")
    parser.add_argument("query")
    parser.add_argument("--task", required=True, choices=list(TASKS))
    _add_texts(parser)
    parser.add_argument("-k", type=int, default=10, help="results (default 10)")


def _add_compare(verbs: Verbs) -> None:
    parser = _verb(verbs, "compare", _compare, "Ask any two lenses the same question.")
    parser.add_argument("left", metavar="LEFT", help=_LENS)
    parser.add_argument("right", metavar="RIGHT", help="the same")
    parser.add_argument("--query", required=True)
    _add_texts(parser)
    parser.add_argument("-k", type=int, default=10, help="results (default 10)")
    parser.add_argument("--out", type=Path, help="write the results to this CSV file")


def _add_matrix(verbs: Verbs) -> None:
    parser = _verb(verbs, "matrix", _matrix, "Show where each task of a model ranks the texts nearest to one text.")
    parser.add_argument("text")
    parser.add_argument("--lens", action="append", help=f"{_LENS} (may be repeated; default: both shipped models)")
    _add_texts(parser)
    parser.add_argument("-k", type=int, default=5, help="results of each task (default 5)")


def _add_map(verbs: Verbs) -> None:
    parser = _verb(verbs, "map", _map, "Draw the maps of the texts through two lenses.")
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--task", choices=list(TASKS), help="of the baseline and of MoTE")
    chosen.add_argument("--lenses", nargs=2, metavar=("LEFT", "RIGHT"), help=_LENS)
    _add_texts(parser)
    parser.add_argument("--colour", help="column to colour by (default: the first label column)")
    parser.add_argument("--out", type=Path, required=True, help="file to write: .html, .png or .csv")


def _add_train(verbs: Verbs) -> None:
    parser = _verb(verbs, "train", _train, "Train what the app loads; a stopped run goes on where it was.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", help=f"the recipe's Parquet files: {_DATA} (default: the sources' own Hub names)")
    parser.add_argument("--out", type=Path, default=checkpoints_folder())
    parser.add_argument("--work", type=Path, default=Path("runs"), help="folder for the states of the run")
    parser.add_argument("--arm", action="append", help="this arm of the recipe instead (may be repeated)")


def _add_evaluate(verbs: Verbs) -> None:
    parser = _verb(verbs, "evaluate", _evaluate, "Score checkpoints on labelled sets.")
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
    parser = _verb(verbs, "spaces", _spaces, "Measure how much the routes' spaces and the experts differ.")
    parser.add_argument("baseline", help="checkpoint folder or Hub name of a dense model")
    parser.add_argument("mote", help="checkpoint folder or Hub name of a MoTE model with the same routes")
    parser.add_argument("--out", type=Path, default=spaces_file(), help="JSON file to write; the app shows it")


def _add_study(verbs: Verbs) -> None:
    parser = _verb(
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
    parser = _verb(
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
    parser = _verb(verbs, "fold", _fold, "Write one route as a plain dense sentence-transformers model.")
    parser.add_argument("checkpoint", help="checkpoint folder or Hub name")
    parser.add_argument("--route", required=True, help=f"one of {', '.join(ROUTES)}, or a route of the model")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def _add_texts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--texts", default="samples", help="samples, python-docs, a CSV, TSV, JSONL or Parquet file, or a Hub name"
    )


def _run(options: argparse.Namespace) -> None:
    if options.checkpoints:
        os.environ["MOTE_CHECKPOINTS"] = str(options.checkpoints)
    from mote_demo.ui.app import launch_options, open_app

    open_app().launch(server_name=options.host, server_port=options.port, **launch_options())


def _encode(options: argparse.Namespace) -> None:
    import numpy as np

    from mote_demo.encoder import Encoder
    from mote_demo.files import replacing

    texts = options.texts or [line.rstrip("\n") for line in sys.stdin]
    model = options.model or check_checkpoint(checkpoints_folder() / "mote")
    vectors = Encoder.from_pretrained(model).encode(texts, route=options.route)
    if options.out is None:
        for text, vector in zip(texts, vectors, strict=True):
            _say(json.dumps({"text": text, "vector": [round(float(value), 6) for value in vector]}))
        return
    with replacing(options.out) as temporary, temporary.open("wb") as file:
        np.save(file, vectors)


def _search(options: argparse.Namespace) -> None:
    session = _session()
    left, right = session.both(options.task)
    _say_answer(session.pair(left, right).ask(options.query, _texts(session, options.texts), options.k))


def _compare(options: argparse.Namespace) -> None:
    from mote_demo.explore.export import write_csv

    session = _session()
    answer = _pair(session, options.left, options.right).ask(options.query, _texts(session, options.texts), options.k)
    if options.out is None:
        _say_answer(answer)
    else:
        write_csv(options.out, answer.to_frame())


def _matrix(options: argparse.Namespace) -> None:
    session = _session()
    texts = _texts(session, options.texts)
    left, *rest = options.lens or session.both("retrieval")
    right = rest[0] if rest else left
    found = _pair(session, left, right).matrix(options.text, texts, options.k)
    for matrix in found[: len(options.lens or found)]:
        _say(repr(matrix))
        _say(f"{'':8}{' '.join(f'{lens.name.look[:14]:>14}' for lens in matrix.lenses)}")
        for row, ranks in zip(matrix.rows, matrix.ranks, strict=True):
            cells = " ".join(f"{rank or '-':>14}" for rank in ranks.tolist())
            _say(f"{row:7} {cells}  {_line(texts.passages[row], 60)}")


def _say_answer(answer: "Answer") -> None:
    for side in answer.sides:
        _say(f"{side.lens.title} ({side.lens}): {side.receipt.text_sent!r}, {side.receipt.tokens} tokens")
        for hit, move in zip(side.hits, side.moves, strict=True):
            places = f" {move.places}" if move.places else ""
            _say(f"{hit.rank:4} {hit.score:.3f} {move.direction + places:8} {_line(answer.texts.passages[hit.row])}")
    _say(f"{answer.overlap.shared} of {answer.overlap.of} are the same.")


def _map(options: argparse.Namespace) -> None:
    from mote_demo.explore.maps import check_colour, check_file_type

    check_file_type(options.out)
    session = _session()
    texts = _texts(session, options.texts)
    check_colour(texts, options.colour)
    left, right = options.lenses or session.both(options.task)
    _pair(session, left, right).map(texts).save(options.out, options.colour)


def _train(options: argparse.Namespace) -> None:
    from mote_demo.data.folders import data_folder
    from mote_demo.evaluation.labelled_sets import discover
    from mote_demo.study.arms import SHIPPED
    from mote_demo.training.card import write_card
    from mote_demo.training.recipe import load_recipe
    from mote_demo.training.sources import load_sources
    from mote_demo.training.teacher import TEACHER, read_lessons
    from mote_demo.training.trainer import train_arm

    recipe = load_recipe(options.recipe)
    shipped = [arm for arm in recipe.arms if arm in SHIPPED] or list(recipe.arms)
    arms = _known_arms(recipe.arms, options.arm or shipped)
    folder = None if options.data is None else data_folder(options.data)
    sets = [] if folder is None else discover(folder, required=False)
    data = load_sources(recipe, folder, sets, work=options.work, say=_say)
    lessons = read_lessons(recipe, data, folder=options.work / TEACHER, say=_say)
    for arm in arms:
        facts = train_arm(recipe, arm, data, lessons, out=options.out, work=options.work, say=_say)
        write_card(options.out / arm, facts)
    if sets:
        _score([str(options.out / arm) for arm in arms], sets, ["small"], recipe.seed, None, cards=True)


def _spaces(options: argparse.Namespace) -> None:
    from mote_demo.data.samples import load_samples
    from mote_demo.encoder import Encoder
    from mote_demo.files import write_json
    from mote_demo.study.route_spaces import measure_spaces

    baseline, mote = (Encoder.from_pretrained(path) for path in (options.baseline, options.mote))
    write_json(options.out, measure_spaces(baseline, mote, load_samples()), indent=1)
    _say(f"Wrote {options.out}.")


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
    study = Study(recipe, folder, sets, known, options.work, options.results / "runs", _say)
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
    data = load_sources(recipe, folder, known, work=options.work, say=_say)
    sets = choose(known, ["small"])
    Transfer(recipe, plan, data, sets, out=options.out, work=options.work, say=_say).run()


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
    report = evaluate(encoders, sets, seed=seed, store=store, on_set=_say)
    _say(report_table(report))
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
    from mote_demo.model.folding import fold

    fold(options.checkpoint, options.route, options.out)
    _say(f"Wrote the route {options.route!r} of {options.checkpoint} to {options.out}.")


def _session() -> "Session":
    from mote_demo.serving.sessions import Session
    from mote_demo.serving.shelf import Shelf

    return Session(Shelf.open(checkpoints_folder(), cache_folder(), precision(), more_models()))


def _pair(session: "Session", left: str, right: str) -> "Pair":
    """Return two lenses, each through a model of the app or of a folder."""
    from mote_demo.explore.lens import Lens
    from mote_demo.explore.lens_name import LensName
    from mote_demo.explore.pair import Pair

    def lens(name: str) -> Lens:
        at_hand = session.shelf.models
        return session.lens(name) if LensName.parse(name, at_hand.__contains__).model in at_hand else Lens.load(name)

    return Pair(lens(left), lens(right), session.shelf.store)


def _texts(session: "Session", name: str) -> "Texts":
    """Return built-in texts, or those of a file or of the Hub."""
    from mote_demo.data.hub import load_hub
    from mote_demo.data.tables import read_table
    from mote_demo.data.uploads import guess_columns, to_texts
    from mote_demo.serving.shelf import BUILT_IN

    if name in BUILT_IN:
        return session.texts(name)
    path = Path(name)
    if not path.is_file() and (path.is_dir() or path.suffix.lower() not in _TABLES):
        return load_hub(name)
    table = read_table(name)
    columns = guess_columns(table)
    return to_texts(table, text=columns.text, title=columns.title, labels=[columns.label] if columns.label else [])


def _line(text: str, most: int = 100) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
