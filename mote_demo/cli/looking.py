"""Verbs that encode, search and map texts, and tell classes apart."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mote_demo.cli.reading import add_reading, reading_options
from mote_demo.cli.verbs import Verbs, add_model, add_verb, model_name, say
from mote_demo.data.file_kinds import SUPPORTED, has_known_suffix
from mote_demo.errors import UserError
from mote_demo.settings import cache_folder, checkpoints_folder, indexed_folders, more_models, precision
from mote_demo.tasks import ROUTES, TASKS

if TYPE_CHECKING:
    from mote_demo.data.texts import Texts
    from mote_demo.explore.classes import Classes
    from mote_demo.explore.lens import Lens
    from mote_demo.explore.pair import Pair
    from mote_demo.explore.queries import Disagreement
    from mote_demo.explore.search import Answer
    from mote_demo.serving.sessions import Session

_LENS = "MODEL/TASK, such as mote/retrieval or mote/sts?instruction=off; the model is one of the app's, or a folder"


def add_verbs(verbs: Verbs) -> None:
    """Add the verbs of this group."""
    _add_encode(verbs)
    _add_search(verbs)
    _add_compare(verbs)
    _add_disagree(verbs)
    _add_matrix(verbs)
    _add_map(verbs)
    _add_classes(verbs)


def _add_encode(verbs: Verbs) -> None:
    parser = add_verb(verbs, "encode", _encode, "Turn texts into vectors, one JSON line each or a .npy file.")
    parser.add_argument("texts", nargs="*", help="texts; none reads one text a line from standard input")
    parser.add_argument("--route", required=True, help=f"one of {', '.join(ROUTES)}, or an expert of the model")
    add_model(parser)
    parser.add_argument("--out", type=Path, help="write float32 [texts, width] to this .npy file")


def _add_search(verbs: Verbs) -> None:
    parser = add_verb(verbs, "search", _search, "Ask the baseline and MoTE the same question.")
    parser.add_argument("query")
    parser.add_argument("--task", required=True, choices=list(TASKS))
    _add_texts(parser)
    parser.add_argument("-k", type=int, default=10, help="results (default 10)")


def _add_compare(verbs: Verbs) -> None:
    parser = add_verb(verbs, "compare", _compare, "Ask any two lenses the same question.")
    parser.add_argument("left", metavar="LEFT", help=_LENS)
    parser.add_argument("right", metavar="RIGHT", help="the same")
    parser.add_argument("--query", required=True)
    _add_texts(parser)
    parser.add_argument("-k", type=int, default=10, help="results (default 10)")
    parser.add_argument("--out", type=Path, help="write the results to this CSV file")


def _add_disagree(verbs: Verbs) -> None:
    words = "Ask any two lenses many questions: where they disagree, and which finds the known answers."
    parser = add_verb(verbs, "disagree", _disagree, words)
    parser.add_argument("left", metavar="LEFT", help=_LENS)
    parser.add_argument("right", metavar="RIGHT", help="the same")
    _add_texts(parser)
    parser.add_argument(
        "--queries",
        type=Path,
        metavar="FILE",
        help="a table (default: the questions of the texts, or samples)",
    )
    parser.add_argument("--query", metavar="COLUMN", help="its column of queries (default: a guess)")
    parser.add_argument(
        "--answer",
        metavar="COLUMN",
        help='of answers, each a text or the number of a row (default: a guess; "": none)',
    )
    parser.add_argument("-k", type=int, default=10, help="depth of the lists that are compared (default 10)")
    parser.add_argument("--rows", type=int, default=10, help="queries to show (default 10)")
    parser.add_argument("--out", type=Path, help="write all queries to this CSV file")


def _add_matrix(verbs: Verbs) -> None:
    parser = add_verb(verbs, "matrix", _matrix, "Show where each task of a model ranks the texts nearest to one text.")
    parser.add_argument("text")
    parser.add_argument("--lens", action="append", help=f"{_LENS} (may be repeated; default: both models of the app)")
    _add_texts(parser)
    parser.add_argument("-k", type=int, default=5, help="results of each task (default 5)")


def _add_map(verbs: Verbs) -> None:
    parser = add_verb(verbs, "map", _map, "Draw the maps of the texts through two lenses.")
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--task", choices=list(TASKS), help="of the baseline and of MoTE")
    chosen.add_argument("--lenses", nargs=2, metavar=("LEFT", "RIGHT"), help=_LENS)
    _add_texts(parser)
    parser.add_argument("--colour", help="column to colour by (default: the first label column)")
    parser.add_argument("--out", type=Path, required=True, help="file to write: .html, .png or .csv")


def _add_classes(verbs: Verbs) -> None:
    parser = add_verb(verbs, "classes", _classes, "Measure how well two lenses tell labelled classes apart.")
    parser.add_argument("left", metavar="LEFT", help=_LENS)
    parser.add_argument("right", metavar="RIGHT", help="the same")
    parser.add_argument("--label", required=True, help="column of the labels")
    _add_texts(parser)
    parser.add_argument("-k", type=int, default=10, help="neighbours that vote (default 10)")
    parser.add_argument("--out", type=Path, help="write each text with both predictions to this CSV file")


def _add_texts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--texts", default="samples", help=f"samples, python-docs, a file ({SUPPORTED}), or a Hub name")
    add_reading(parser)


def _encode(options: argparse.Namespace) -> None:
    import numpy as np

    from mote_demo.files import replacing
    from mote_demo.growing.shipped import with_shipped
    from mote_demo.loading import load

    files = [text for text in options.texts if os.path.isfile(text)]
    if files:
        raise UserError(
            f"{files[0]!r} is a file, not a text. Please run: mote embed {files[0]} --column COLUMN "
            f"--route {options.route} --out FOLDER."
        )
    texts = options.texts or [line.rstrip("\n") for line in sys.stdin]
    model = with_shipped(load(model_name(options)), [options.route])
    vectors = model.encode(texts, route=options.route)
    if options.out is None:
        for text, vector in zip(texts, vectors, strict=True):
            say(json.dumps({"text": text, "vector": [round(float(value), 6) for value in vector]}))
        return
    with replacing(options.out) as temporary, temporary.open("wb") as file:
        np.save(file, vectors)


def _search(options: argparse.Namespace) -> None:
    session = _session()
    _say_answer(_pair(session, *session.both(options.task)).ask(options.query, _texts(session, options), options.k))


def _compare(options: argparse.Namespace) -> None:
    from mote_demo.explore.export import write_csv

    session = _session()
    answer = _pair(session, options.left, options.right).ask(options.query, _texts(session, options), options.k)
    if options.out is None:
        _say_answer(answer)
    else:
        write_csv(options.out, answer.to_frame())


def _disagree(options: argparse.Namespace) -> None:
    from mote_demo.data.queries import read_queries
    from mote_demo.explore.export import write_csv
    from mote_demo.explore.queries import own_queries

    session = _session()
    texts = _texts(session, options)
    given = read_queries(options.queries, options.query, options.answer) if options.queries else own_queries(texts)
    pair = _pair(session, options.left, options.right)
    found = pair.ask_all(given.queries, texts, given.answers or None, options.k)
    for note in (*given.notes, *found.notes):
        say(note)
    _say_disagreement(found, options.rows)
    if options.out is not None:
        write_csv(options.out, found.to_frame())


def _say_disagreement(found: "Disagreement", rows: int) -> None:
    say(f"{found.lenses[0].title} | {found.lenses[1].title}: {len(found.rows):,} queries over {found.texts.title}")
    say(f"mean disagreement {found.mean:.3f} (1 - rank-biased overlap of the first {found.k})")
    if found.scores:
        say(f"{'':9}{'left':>7}{'right':>7}  right - left, 95 % interval, over {found.answered:,} known answers")
    for score in found.scores:
        interval = "" if score.interval is None else " [{:+.3f}, {:+.3f}]".format(*score.interval)
        say(f"{score.metric:9}{score.left:7.3f}{score.right:7.3f}  {score.gain:+.3f}{interval}")
    if found.scores:
        say("the right one: " + ", ".join(f"{found.count(each)} {each}" for each in ("won", "lost", "tied")))
    for row in found.rows[:rows]:
        ranks = "{:>6} ->{:>6}".format(*row.ranks) if row.ranks else ""
        say(f"{row.disagreement:.3f}{ranks}  {_line(row.query)}")


def _matrix(options: argparse.Namespace) -> None:
    session = _session()
    texts = _texts(session, options)
    pairs = [_pair(session, name, name) for name in options.lens or session.both("retrieval")]
    for pair in pairs:
        matrix, _ = pair.matrix(options.text, texts, options.k)
        say(f"{matrix.lenses[0].encoder.name}: {matrix!r}")
        say(f"{'':8}{' '.join(f'{(lens.name.look or lens.encoder.name)[:14]:>14}' for lens in matrix.lenses)}")
        for row, ranks in zip(matrix.rows, matrix.ranks, strict=True):
            cells = " ".join(f"{rank or '-':>14}" for rank in ranks.tolist())
            say(f"{row:7} {cells}  {_line(texts.passages[row], 60)}")


def _say_answer(answer: "Answer") -> None:
    for side in answer.sides:
        say(f"{side.lens.title} ({side.lens}): {side.receipt.text_sent!r}, {side.receipt.tokens} tokens")
        for hit, move in zip(side.hits, side.moves, strict=True):
            places = f" {move.places}" if move.places else ""
            say(f"{hit.rank:4} {hit.score:.3f} {move.direction + places:8} {_line(answer.texts.passages[hit.row])}")
    say(f"{answer.overlap.shared} of {answer.overlap.of} are the same.")


def _map(options: argparse.Namespace) -> None:
    from mote_demo.explore.maps import check_colour, check_file_type

    check_file_type(options.out)
    session = _session()
    texts = _texts(session, options)
    check_colour(texts, options.colour)
    left, right = options.lenses or session.both(options.task)
    _pair(session, left, right).map(texts).save(options.out, options.colour)


def _classes(options: argparse.Namespace) -> None:
    from mote_demo.explore.export import write_csv

    session = _session()
    classes = _pair(session, options.left, options.right).classes(
        _texts(session, options), label=options.label, k=options.k
    )
    _say_classes(classes)
    if options.out is not None:
        write_csv(options.out, classes.to_frame())


def _say_classes(classes: "Classes") -> None:
    say(repr(classes))
    for note in classes.labelled.notes:
        say(note)
    say(f"{'':24} {'chance':>7} {'left':>7} {'right':>7}  right - left, 95 %")
    for measure in classes.measures:
        cells = " ".join(f"{value:7.1%}" for value in (measure.chance, measure.left, measure.right))
        low, high = measure.interval or (None, None)
        interval = "" if low is None else f"  {low:+.1%} to {high:+.1%} over {measure.over}"
        say(f"{measure.name:24} {cells}  {measure.right - measure.left:+.1%}{interval}")
    say(f"{'F1 of the class':24} {'chance':>7} {'left':>7} {'right':>7}  texts")
    parts = (classes.labelled.chance, classes.left.f1, classes.right.f1, classes.labelled.support)
    for name, chance, left, right, support in zip(classes.names, *parts, strict=True):
        say(f"{_line(name, 24):24} {chance:7.1%} {left:7.1%} {right:7.1%}  {support}")
    only_left, only_right = classes.won
    say(f"Only left tells {len(only_left):,} texts right, only right {len(only_right):,}.")


def _session() -> "Session":
    from mote_demo.serving.sessions import Session
    from mote_demo.serving.shelf import Shelf

    folders = indexed_folders()
    return Session(Shelf.open(checkpoints_folder(), cache_folder(), precision(), more_models(), folders))


def _pair(session: "Session", left: str, right: str) -> "Pair":
    from mote_demo.explore.pair import Pair

    return Pair(_lens(session, left), _lens(session, right), session.shelf.store)


def _lens(session: "Session", name: str) -> "Lens":
    """Return a lens through a model of the shelf, or else through a folder or a model of the Hub."""
    from mote_demo.explore.lens import Lens
    from mote_demo.explore.lens_name import LensName

    models = session.shelf.models
    return session.lens(name) if LensName.parse(name, models.__contains__).model in models else Lens.load(name)


def _texts(session: "Session", options: argparse.Namespace) -> "Texts":
    """Return built-in texts, or those of a file or of the Hub."""
    from mote_demo.data.hub import load_hub
    from mote_demo.data.reading import read_texts

    name = options.texts
    if name in session.shelf.texts_at_hand:
        return session.texts(name)
    path = Path(name)
    if not path.is_file() and (path.is_dir() or not has_known_suffix(path.name)):
        return load_hub(name)
    return read_texts(path, options=reading_options(options))


def _line(text: str, most: int = 100) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
