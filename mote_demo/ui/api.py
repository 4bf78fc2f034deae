"""The same verbs for programs: endpoints of the running app."""

from typing import Any

import gradio as gr

from mote_demo.errors import UserError
from mote_demo.explore.search import Answer, ask, check_length
from mote_demo.serving.sessions import SIDES, Session
from mote_demo.tasks import TASKS
from mote_demo.ui.shared.errors import told

_MOST_TEXTS = 256


def add_endpoints(session: Session) -> None:
    """Add the endpoints ``/search``, ``/encode`` and ``/tasks`` to the current ``gr.Blocks``.

    All programs share one session: a call without a visitor's page would leave behind a session of its own.

    Args:
        session: gives the models and the built-in texts.
    """

    @told
    def search(task: str, texts: str, query: str, k: int) -> dict[str, Any]:
        """Find the k texts nearest to a query with both models.

        Args:
            task: one of the names that /tasks lists.
            texts: "samples" or "python-docs".
            query: plain text, at most 10,000 characters.
            k: number of hits, from 1 to 50.
        """
        for name, value in (("task", task), ("texts", texts), ("query", query)):
            _check_type(name, value, str, "a text")
        _check_type("k", k, int, "a whole number")
        return _to_json(ask(session, task=task, texts=session.texts(texts), query=query, k=k))

    @told
    def encode(model: str, route: str, texts: list[str]) -> list[list[float]]:
        """Encode up to 256 texts with "baseline" or "mote" on one route; rows have unit length.

        Args:
            model: "baseline" or "mote".
            route: one of the routes that /tasks lists.
            texts: plain texts, at most 10,000 characters each.
        """
        for name, value in (("model", model), ("route", route)):
            _check_type(name, value, str, "a text")
        _check_type("texts", texts, list, "a list of texts")
        if len(texts) > _MOST_TEXTS:
            raise UserError(f"{len(texts)} texts are too many for one call; send at most {_MOST_TEXTS}.")
        for number, text in enumerate(texts, 1):
            _check_type(f"text {number}", text, str, "a text")
            check_length(text, f"text {number}")
        return session.encoder(model).encode(texts, route=route).tolist()

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

    gr.api(search, api_name="search", concurrency_id="model", concurrency_limit=2)
    gr.api(encode, api_name="encode", concurrency_id="model", concurrency_limit=2)
    gr.api(tasks, api_name="tasks")


def _check_type(name: str, value: object, wanted: type, words: str) -> None:
    # JSON's true is an int to Python.
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise UserError(f"The {name} must be {words}, not {type(value).__name__}.")


def _to_json(answer: Answer) -> dict[str, Any]:
    return {
        "task": answer.task,
        "texts": answer.texts.name,
        "query": answer.query,
        "shared": answer.overlap.shared,
        "of": answer.overlap.of,
        **{side: _side_to_json(answer, side) for side in SIDES},
    }


def _side_to_json(answer: Answer, side: str) -> dict[str, Any]:
    part = answer.side(side)
    found = [
        {
            "rank": hit.rank,
            "row": hit.row,
            "score": round(hit.score, 6),
            "move": move.direction,
            "places": move.places,
            "title": answer.texts.frame["title"].iloc[hit.row],
            "text": answer.texts.frame["text"].iloc[hit.row],
        }
        for hit, move in zip(part.hits, part.moves, strict=True)
    ]
    receipt = {
        "route": part.receipt.route,
        "expert": part.receipt.expert,
        "text_sent": part.receipt.text_sent,
        "tokens": part.receipt.tokens,
        "truncated": part.receipt.truncated,
        "checkpoint": part.checkpoint,
    }
    return {"receipt": receipt, "hits": found}
