"""The same verbs for programs: endpoints of the running app."""

from typing import Any

import gradio as gr

from mote_demo.errors import UserError
from mote_demo.search import Answer, ask
from mote_demo.sessions import SIDES, Sessions
from mote_demo.tasks import TASKS
from mote_demo.ui.errors import shown

_MOST_TEXTS = 256


def add_endpoints(sessions: Sessions) -> None:
    """Add the endpoints ``/search``, ``/encode`` and ``/tasks`` to the current ``gr.Blocks``."""

    @shown
    def search(task: str, texts: str, query: str, k: int, request: gr.Request) -> dict[str, Any]:
        """Find the k texts nearest to a query with both models.

        Args:
            task: one of the names that /tasks lists.
            texts: "samples" or "python-docs".
            query: plain text.
            k: number of hits, from 1 to 50.
            request: filled in by Gradio.
        """
        session = sessions.of(request.session_hash)
        return _to_json(ask(session, task=task, texts=session.texts(texts), query=query, k=k))

    @shown
    def encode(model: str, route: str, texts: list[str], request: gr.Request) -> list[list[float]]:
        """Encode up to 256 texts with "baseline" or "mote" on one route; rows have unit length."""
        if len(texts) > _MOST_TEXTS:
            raise UserError(f"{len(texts)} texts are too many for one call; send at most {_MOST_TEXTS}.")
        return sessions.of(request.session_hash).encoder(model).encode(texts, route=route).tolist()

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
