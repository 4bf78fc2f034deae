"""The same verbs for programs: endpoints of the running app."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal, TypeAlias, cast

import gradio as gr

from mote_demo.errors import UserError, unknown_choice
from mote_demo.explore.classes import Classes
from mote_demo.explore.queries import Disagreement
from mote_demo.explore.search import Answer, LensAnswer, check_length
from mote_demo.explore.similarity import Similarities
from mote_demo.http.limits import own_texts
from mote_demo.limits import MOST_ENCODED
from mote_demo.serving.sessions import Session
from mote_demo.tasks import TASKS
from mote_demo.ui.shared.events import MODEL
from mote_demo.ui.shared.gpu import on_gpu

# What the API page and the schemas of tools list: the usual names, beside which any other name of a lens will do.
# Written out, since a type is; a test compares them with the tables.
TaskLens: TypeAlias = (
    Literal[
        "untouched",
        "baseline/retrieval",
        "baseline/classification",
        "baseline/clustering",
        "baseline/similarity",
        "mote/retrieval",
        "mote/classification",
        "mote/clustering",
        "mote/similarity",
    ]
    | str
)
RouteLens: TypeAlias = (
    Literal[
        "untouched",
        "baseline/query",
        "baseline/document",
        "baseline/classification",
        "baseline/clustering",
        "baseline/sts",
        "mote/query",
        "mote/document",
        "mote/classification",
        "mote/clustering",
        "mote/sts",
    ]
    | str
)
BuiltIn: TypeAlias = Literal["samples", "python-docs"]
Side: TypeAlias = Literal["query", "document"]


def add_endpoints(session: Session) -> None:
    """Add the endpoints for programs to the current ``gr.Blocks``.

    All programs share one session: a call without a visitor's page would leave behind a session of its own.

    Args:
        session: gives the models and the built-in texts.
    """
    _add_search(session)
    _add_classes(session)
    _add_disagree(session)
    _add_encode(session)
    _add_similarity(session)

    def lenses() -> list[dict[str, Any]]:
        """List the models with the tasks and experts that a lens can have; an empty list needs none."""
        return [
            {"model": name, "title": title, "looks": session.looks(name) if session.lens_needs_look(name) else []}
            for title, name in session.models()
        ]

    def tasks() -> list[dict[str, Any]]:
        """List the tasks with their routes, metrics and columns."""
        return [
            {
                "name": task.name,
                "routes": task.routes,
                "metric": task.metric,
                "columns": task.columns,
                "near": task.near,
            }
            for task in TASKS.values()
        ]

    gr.api(lenses, api_name="lenses", **MODEL)
    gr.api(tasks, api_name="tasks")


def _add_search(session: Session) -> None:
    def search(left: TaskLens, right: TaskLens, texts: BuiltIn | list[str], query: str, k: int = 10) -> dict[str, Any]:
        """Find the k texts nearest to a query through two lenses, side by side; a lens is a model and a task.

        Args:
            left: MODEL/TASK, such as "baseline/retrieval", with ?instruction=off if so wished; /lenses lists them.
            right: the same, such as "mote/retrieval".
            texts: what is searched: "samples" (240 support messages), "python-docs", or a list of up to 2,048 texts.
            query: plain text, at most 10,000 characters.
            k: number of hits, from 1 to 50.
        """
        _check_texts({"left lens": left, "right lens": right, "query": query})
        _check_type("k", k, int, "a whole number")
        if isinstance(texts, list):
            _check_list("texts", texts)
            searched = own_texts(texts)
        else:
            _check_type("texts", texts, str, "a name, or a list of texts")
            searched = session.texts(texts)
        return _to_json(session.pair(left, right).ask(query, searched, k))

    gr.api(search, api_name="search", **MODEL)


def _add_classes(session: Session) -> None:
    def classes(left: TaskLens, right: TaskLens, texts: BuiltIn, label: str, k: int = 10) -> dict[str, Any]:
        """Measure how well two lenses tell labelled classes apart; shares go from 0 to 1.

        Args:
            left: MODEL/TASK, such as "baseline/classification"; /lenses lists them.
            right: the same, such as "mote/classification".
            texts: "samples" or "python-docs".
            label: column of the labels, such as "topic" of the samples or "package" of the documentation.
            k: number of nearest other texts that vote, from 1 to 50.
        """
        _check_texts({"left lens": left, "right lens": right, "texts": texts, "label": label})
        _check_type("k", k, int, "a whole number")
        return _classes_to_json(session.pair(left, right).classes(session.texts(texts), label=label, k=k))

    gr.api(classes, api_name="classes", **MODEL)


def _add_encode(session: Session) -> None:
    def encode(lens: TaskLens | RouteLens, side: Side, texts: list[str]) -> list[list[float]]:
        """Turn up to 256 texts into vectors of unit length, whose products are cosines; a lens is a model and a task.

        Args:
            lens: MODEL/TASK or MODEL/ROUTE, such as "mote/retrieval"; /lenses lists them.
            side: "query" or "document"; of a task with one route both are the same.
            texts: plain texts, at most 10,000 characters each.
        """
        _check_texts({"lens": lens, "side": side})
        _check_type("texts", texts, list, "a list of texts")
        if len(texts) > MOST_ENCODED:
            raise UserError(f"{len(texts)} texts are too many for one call; send at most {MOST_ENCODED}.")
        _check_texts({f"text {number}": text for number, text in enumerate(texts, 1)})
        for number, text in enumerate(texts, 1):
            check_length(text, f"text {number}")
        chosen = session.lens(lens)
        ways = {"query": chosen.encode_query, "document": chosen.encode_document}
        if side not in ways:
            raise unknown_choice("side", side, ways)
        return ways[side](texts).tolist()

    gr.api(on_gpu(encode), api_name="encode", **MODEL)


def _add_similarity(session: Session) -> None:
    def similarity(left: TaskLens, right: TaskLens, texts: list[str]) -> dict[str, Any]:
        """Compare 2 to 50 texts with each other through two lenses: every pair's cosine, and which pairs differ most.

        Args:
            left: MODEL/TASK, such as "baseline/similarity"; /lenses lists them.
            right: the same, such as "mote/similarity".
            texts: plain texts, at most 10,000 characters each.
        """
        _check_texts({"left lens": left, "right lens": right})
        _check_list("texts", texts)
        return _similarities_to_json(session.pair(left, right).similarities(texts))

    gr.api(similarity, api_name="similarity", **MODEL)


def _add_disagree(session: Session) -> None:
    def disagree(
        left: TaskLens,
        right: TaskLens,
        texts: BuiltIn,
        queries: list[str],
        answers: list[str] | None = None,
        k: int = 10,
    ) -> dict[str, Any]:
        """Ask two lenses up to 500 queries: where they disagree, and which finds the known answers.

        Args:
            left: as in /search.
            right: as in /search.
            texts: as in /search.
            queries: plain texts.
            answers: for each query a text, its title, or the number of its row; "" where unknown.
            k: depth of the lists that are compared, from 1 to 50.
        """
        _check_texts({"left lens": left, "right lens": right, "texts": texts})
        _check_type("k", k, int, "a whole number")
        _check_list("queries", queries)
        _check_list("answers", answers or [])
        return _disagreement_to_json(session.pair(left, right).ask_all(queries, session.texts(texts), answers, k))

    gr.api(disagree, api_name="disagree", **MODEL)


def _check_texts(values: Mapping[str, object]) -> None:
    for name, value in values.items():
        _check_type(name, value, str, "a text")


def _check_type(name: str, value: object, wanted: type, words: str) -> None:
    # JSON's true is an int to Python.
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise UserError(f"The {name} must be {words}, not {type(value).__name__}.")


def _check_list(name: str, given: object) -> None:
    _check_type(name, given, list, "a list of texts")
    for number, each in enumerate(cast("list[object]", given), 1):
        _check_type(f"entry {number} of {name}", each, str, "a text")


def _to_json(answer: Answer) -> dict[str, Any]:
    return {
        "texts": answer.texts.name,
        "query": answer.question.query,
        "shared": answer.overlap.shared,
        "of": answer.overlap.of,
        "left": _side_to_json(answer.left),
        "right": _side_to_json(answer.right),
        "hits": json.loads(answer.to_frame().to_json(orient="records")),
    }


def _classes_to_json(classes: Classes) -> dict[str, Any]:
    return {
        "texts": classes.labelled.texts.name,
        "label": classes.labelled.label,
        "k": classes.k,
        "notes": classes.labelled.notes,
        "measures": [asdict(measure) for measure in classes.measures],
        "classes": json.loads(classes.table().to_json(orient="records")),
        "left": {"lens": str(classes.left.lens), "confusion": classes.left.confusion.tolist()},
        "right": {"lens": str(classes.right.lens), "confusion": classes.right.confusion.tolist()},
    }


def _similarities_to_json(found: Similarities) -> dict[str, Any]:
    left, right = (
        {"lens": str(lens), "cosines": cosines.tolist()}
        for lens, cosines in zip(found.lenses, found.cosines, strict=True)
    )
    return {"left": left, "right": right, "contrasts": [asdict(each) for each in found.contrasts()]}


def _disagreement_to_json(found: Disagreement) -> dict[str, Any]:
    return {
        "texts": found.texts.name,
        "left": str(found.lenses[0]),
        "right": str(found.lenses[1]),
        "mean": found.mean,
        "notes": list(found.notes),
        "scores": json.loads(found.scores_frame().to_json(orient="records")),
        "queries": [
            {
                "query": row.query,
                "disagreement": row.disagreement,
                "shared": row.shared,
                "answers": row.answers,
                "outcome": row.outcome,
                "left": {"rows": row.tops[0], "rank": row.ranks[0] if row.ranks else None},
                "right": {"rows": row.tops[1], "rank": row.ranks[1] if row.ranks else None},
            }
            for row in found.rows
        ],
    }


def _side_to_json(side: LensAnswer) -> dict[str, Any]:
    return {
        "lens": str(side.lens),
        "route": side.receipt.route,
        "expert": side.receipt.expert,
        "text_sent": side.receipt.text_sent,
        "tokens": side.receipt.tokens,
        "truncated": side.receipt.truncated,
        "checkpoint": side.checkpoint,
    }
