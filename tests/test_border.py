import asyncio
import logging
import math

import gradio as gr
import pytest
from gradio.state_holder import SessionState
from starlette.requests import Request

from mote_demo.ui.app import build_app
from mote_demo.ui.shared.border import FAILED

HALF = "half an emoji \ud83d"
ODD = [
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
]
EVENTS = ("row", "rows", "pair", "side", "actual", "predicted", "column", "role", "query")


class Visitor:
    """One page of the app, whose handlers are called as the server calls them."""

    def __init__(self, demo, name="page"):
        self.demo, self.state = demo, SessionState(demo)
        web = Request({"type": "http", "headers": [], "client": None, "query_string": b"", "path": "/"})
        self.request = gr.Request(web, None, session_hash=name)

    def call(self, function, values, event=None, steps=20):
        """Return what the handler gives last; of a generator at most so many steps."""
        return asyncio.run(self._call(function, values, event, steps))

    async def _call(self, function, values, event, steps):
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


@pytest.fixture(scope="module")
def demo(open_shelf, tmp_path_factory):
    demo = build_app(open_shelf(tmp_path_factory.mktemp("store")))
    yield demo
    demo.close()


@pytest.fixture
def log(caplog):
    logger = logging.getLogger("mote_demo")
    logger.propagate = True
    with caplog.at_level(logging.INFO, logger="mote_demo"):
        yield caplog


def _default(component):
    value = getattr(component, "value", None)
    return None if callable(value) else value


def _calls(function):
    """List (values, event) with odd values in all places at once, and in one place beside the values of a new page."""
    usual = [_default(each) for each in function.inputs]
    for odd in ODD:
        if usual:
            yield [odd] * len(usual), None
        for place in range(len(usual)):
            yield [*usual[:place], odd, *usual[place + 1 :]], None
        if function.collects_event_data:
            yield usual, dict.fromkeys(EVENTS, odd)
    yield usual, HALF


def _handlers(demo):
    """Return each handler once, although several events call it with the same values."""
    found = {}
    for function in demo.fns.values():
        if function.fn is not None:
            found.setdefault((function.fn, *(each._id for each in function.inputs)), function)
    return found.values()


def test_no_value_makes_any_handler_fail(demo, log, capfd):
    visitor, failures, count = Visitor(demo), [], 0
    for function in _handlers(demo):
        for values, event in _calls(function):
            count += 1
            try:
                visitor.call(function, values, event, steps=2)
            except gr.Error as error:
                if FAILED in error.message or error.print_exception:
                    failures.append((function.name, values, event, log.messages[-1:], log.records[-1].facts))
            except Exception as error:  # noqa: BLE001 - anything else is what the test is for
                failures.append((function.name, values, event, repr(error)))
    assert count > 1000
    assert not failures, f"{len(failures)} of {count}, such as {failures[:: max(1, len(failures) // 25)]}"
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err
