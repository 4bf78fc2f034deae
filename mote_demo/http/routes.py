"""The addresses of the OpenAI API that the app answers, as Starlette routes."""

import json
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mote_demo.encoder import Stopped
from mote_demo.http.embeddings import EmbeddingRequest, RequestError, list_models, show_model
from mote_demo.http.limits import MOST_BYTES
from mote_demo.serving.sessions import Session

_logger = logging.getLogger(__name__)

_AT_ONCE = 2
"""Requests that compute together, as for Gradio's own endpoints."""
_SECONDS_BETWEEN_LOOKS = 0.5
_CLIENT_CLOSED = 499

Make = Callable[[], dict[str, Any]]


def openai_routes(session: Session) -> list[Route]:
    """Return the routes ``/v1/embeddings`` and ``/v1/models``.

    Args:
        session: gives the models; all programs share it, and it holds nothing of a visitor.
    """
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def embeddings(request: Request) -> Response:
        body = await _read(request)
        if isinstance(body, Response):
            return body
        stop = threading.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_watch, request, stop)
            answer = await anyio.to_thread.run_sync(
                partial(_write, lambda: EmbeddingRequest.parse(_parse(body), session).answer(stop)), limiter=limiter
            )
            tasks.cancel_scope.cancel()
        return answer

    async def models(_: Request) -> Response:
        return await anyio.to_thread.run_sync(partial(_write, partial(list_models, session)), limiter=limiter)

    async def model(request: Request) -> Response:
        name = request.path_params["name"]
        return await anyio.to_thread.run_sync(partial(_write, partial(show_model, name, session)), limiter=limiter)

    return [
        Route("/v1/embeddings", embeddings, methods=["POST"]),
        Route("/v1/models", models, methods=["GET"]),
        Route("/v1/models/{name:path}", model, methods=["GET"]),
    ]


async def _read(request: Request) -> bytes | Response:
    """Return the body; an answer that refuses it where it is too long, before all of it is read."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return _refuse(RequestError(f"The request has more than {MOST_BYTES:,} bytes.", status=413))
    return bytes(body)


def _parse(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError("The body is not JSON.") from error


def _write(make: Make) -> Response:
    """Return what ``make`` makes; it runs in a thread, and so does the writing of many numbers."""
    try:
        return _json(make())
    except RequestError as error:
        return _refuse(error)
    except Stopped:
        return Response(status_code=_CLIENT_CLOSED)
    except Exception as error:
        # The text of an error may repeat what was sent, which is nobody's but the sender's.
        _logger.error("A request to /v1 failed: %s", type(error).__name__)
        failure = {"message": "The app made a mistake. Please try again.", "type": "server_error"}
        return _json({"error": {**failure, "param": None, "code": None}}, 500)


def _refuse(error: RequestError) -> Response:
    return _json(error.body(), error.status)


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(value), status, media_type="application/json")


async def _watch(request: Request, stop: threading.Event) -> None:
    """Stop the computation for a client that is gone."""
    while not await request.is_disconnected():
        await anyio.sleep(_SECONDS_BETWEEN_LOOKS)
    stop.set()
