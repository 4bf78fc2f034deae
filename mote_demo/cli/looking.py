"""Verbs that encode, search and map texts."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mote_demo.cli.verbs import Verbs, add_model, add_verb, model_name, say
from mote_demo.settings import cache_folder, checkpoints_folder, more_models, precision
from mote_demo.tasks import ROUTES, TASKS

if TYPE_CHECKING:
    from mote_demo.data.texts import Texts
    from mote_demo.explore.lens import Lens
    from mote_demo.explore.pair import Pair
    from mote_demo.explore.search import Answer
    from mote_demo.serving.sessions import Session

_LENS = "MODEL/TASK, such as mote/retrieval or mote/sts?instruction=off; the model is one of the app's, or a folder"

_TABLES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".parquet")


def add_verbs(verbs: Verbs) -> None:
    """Add the verbs of this group."""
    _add_encode(verbs)
    _add_search(verbs)
    _add_compare(verbs)
    _add_matrix(verbs)
    _add_map(verbs)


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


def _add_texts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--texts", default="samples", help="samples, python-docs, a CSV, TSV, JSONL or Parquet file, or a Hub name"
    )


def _encode(options: argparse.Namespace) -> None:
    import numpy as np

    from mote_demo.files import replacing
    from mote_demo.growing.shipped import with_shipped
    from mote_demo.loading import load

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


def _session() -> "Session":
    from mote_demo.serving.sessions import Session
    from mote_demo.serving.shelf import Shelf

    return Session(Shelf.open(checkpoints_folder(), cache_folder(), precision(), more_models()))


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
    from mote_demo.serving.shelf import BUILT_IN

    name = options.texts
    if name in BUILT_IN:
        return session.texts(name)
    path = Path(name)
    if not path.is_file() and (path.is_dir() or path.suffix.lower() not in _TABLES):
        return load_hub(name)
    return read_texts(path)


def _line(text: str, most: int = 100) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
