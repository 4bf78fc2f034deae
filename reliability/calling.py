"""Handlers of the app called as its server calls them, within this process, and what no person would give to them."""

import asyncio
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState
from starlette.requests import Request

HALF = "half an emoji \ud83d"
ODD: Sequence[Any] = (
    None,
    "",
    HALF,
    "nul \0",
    "x" * 300,
    "owner/" + "n" * 300,
    "<img src=x onerror=alert(1)>",
    "../../etc/passwd",
    math.nan,
    math.inf,
    -1,
    0,
    3.7,
    10**400,
    True,
    [],
    ["a", None],
    [[[[[[[[[[[[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]]]]]]]]]]],
    {},
    {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    {"path": 3},
)
EVENTS = ("row", "rows", "pair", "side", "actual", "predicted", "column", "role", "query")
"""Names of what the page's own events bring."""


class Caller:
    """One page of the app, whose handlers are called as the server calls them."""

    def __init__(self, demo: gr.Blocks, name: str = "page") -> None:
        self.demo, self.state = demo, SessionState(demo)
        web = Request({"type": "http", "headers": [], "client": None, "query_string": b"", "path": "/"})
        self.request = gr.Request(web, None, session_hash=name)

    def call(self, function: Any, values: list[Any], event: object = None, steps: int = 20) -> Any:
        """Return what the handler gives last; of a generator at most so many steps."""
        # A thread of its own: one that drives a browser has a loop that runs already.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self._call(function, values, event, steps)).result()

    async def _call(self, function: Any, values: list[Any], event: object, steps: int) -> Any:
        told, iterator = None, None
        for _ in range(steps):
            told = await self.demo.process_api(
                function,
                values if iterator is None else [],
                state=self.state,
                request=self.request,
                iterator=iterator,
                session_hash=self.request.session_hash,
                event_data=gr.EventData(None, event),
            )
            iterator = told["iterator"]
            if not told["is_generating"]:
                break
        return told


def usual_values(function: Any) -> list[Any]:
    """Return what the controls of a handler have on a new page."""
    return [_default(each) for each in function.inputs]


def handlers_of(demo: gr.Blocks) -> Iterator[Any]:
    """Yield each handler once, although several events call it with the same values."""
    seen = set()
    for function in demo.fns.values():
        key = (function.fn, *(each._id for each in function.inputs))
        if function.fn is not None and key not in seen:
            seen.add(key)
            yield function


def _default(component: Any) -> Any:
    value = getattr(component, "value", None)
    return None if callable(value) else value
