"""No call crashes the app: each of its functions and addresses with odd, missing, wrong and huge values.

Half of the values are what the page itself could send, so that calls get further than the check of their types.
"""

import json
import logging
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import httpx

from mote_demo.ui.shared.border import FAILED
from reliability.calling import EVENTS, ODD, Caller, handlers_of, usual_values
from reliability.rows import Row
from reliability.serving import served

TRIES = 5000
_OVER_HTTP = 5
"""Of so many calls one goes over HTTP."""
_CALLS_A_PAGE = 100
_LISTED = 8
_WORDS = ("my parcel is late", "mote/retrieval", "baseline/sts", "samples", "python-docs", "query", "topic", "intent")
_HUGE: tuple[Any, ...] = ("long " * 40_000, ["text"] * 5000, "\u202e" * 500, 2**63, -1e308, "9" * 5000)
_PATHS = (
    "/health",
    "/config",
    "/v1/models",
    "/v1/models/{odd}",
    "/v1/embeddings",
    "/gradio_api/info",
    "/gradio_api/queue/join",
    "/gradio_api/queue/data",
    "/gradio_api/queue/status",
    "/gradio_api/call/{odd}",
    "/gradio_api/call/search",
    "/gradio_api/run/predict",
    "/gradio_api/file={odd}",
    "/gradio_api/upload",
    "/gradio_api/cancel",
    "/gradio_api/reset",
    "/gradio_api/component_server",
    "/{odd}",
)
_FIELDS = (
    *("model", "input", "encoding_format", "dimensions", "user", "data", "fn_index", "session_hash", "event_id"),
    *("event_data", "trigger_id", "component_id", "fn_name", "batched", "api_name"),
)


def no_call_crashes(tries: int | None = None, seed: int = 0) -> Iterator[Row]:
    """Yield one row: how many calls ended in an error that nobody expected."""
    tries = TRIES if tries is None else tries
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="mote-reliability-") as folder, served(Path(folder)) as (demo, url):
        handlers = list(handlers_of(demo))
        failures, failed = _tried(demo, handlers, url, tries, chance)
    over_http = tries // _OVER_HTTP
    yield Row(
        name="No call crashes it",
        tried=tries,
        failed=failed,
        target=f"0 of {TRIES:,} calls end in an error that the code does not expect",
        note=f"seed {seed}; {tries - over_http:,} calls of {len(handlers)} functions, private ones too, and "
        f"{over_http:,} requests to {len(_PATHS)} addresses, on random models; half of the values are odd or huge"
        + "".join(f"; {count} times {words}" for words, count in failures.most_common(_LISTED)),
    )


def _tried(
    demo: gr.Blocks, handlers: list[Any], url: str, tries: int, chance: random.Random
) -> tuple[Counter[str], int]:
    failures: Counter[str] = Counter()
    failed, caller = 0, Caller(demo)
    with _noted() as log, httpx.Client(base_url=url, timeout=60) as client:
        for number in range(tries):
            if number % _CALLS_A_PAGE == 0:
                caller = Caller(demo, f"page {chance.randrange(5)}")
                sys.stderr.write(f"  {number:,} of {tries:,}\n")
            if number % _OVER_HTTP == 0:
                found = _ask(client, chance)
            else:
                found = _call(caller, handlers[number % len(handlers)], chance)
            # Threads of the app write into the log as well, so what is there counts whoever was called.
            found = [*found, *log]
            log.clear()
            failures.update(set(found))
            failed += bool(found)
    return failures, failed


def _call(caller: Caller, function: Any, chance: random.Random) -> list[str]:
    values = [
        _changed(each, usual, chance) for each, usual in zip(function.inputs, usual_values(function), strict=True)
    ]
    if chance.random() < 0.05:
        values = values[: chance.randrange(len(values) + 1)]
    event = _odd(chance) if chance.random() < 0.3 else {name: _value(chance) for name in EVENTS}
    try:
        caller.call(function, values, event if function.collects_event_data else None, steps=2)
    except gr.Error as error:
        return [f"{function.name} failed"] if FAILED in error.message or error.print_exception else []
    except Exception as error:  # anything else is what is looked for
        return [f"{function.name}: {type(error).__name__}"]
    return []


def _changed(component: Any, usual: Any, chance: random.Random) -> Any:
    """Return a value for a component: its own, one of its choices, something of its type, or something odd."""
    if chance.random() < 0.5:
        choices = [value for _, value in getattr(component, "choices", None) or []]
        return chance.choice([usual, *choices])
    return _value(chance)


def _value(chance: random.Random) -> Any:
    return chance.choice([_odd(chance), chance.choice(_WORDS), chance.randrange(20), chance.choice(_WORDS)])


def _odd(chance: random.Random) -> Any:
    return chance.choice(_HUGE) if chance.random() < 0.1 else chance.choice(ODD)


def _ask(client: httpx.Client, chance: random.Random) -> list[str]:
    path = chance.choice(_PATHS)
    address = path.format(odd=_in_address(_value(chance)))
    body = _odd(chance) if chance.random() < 0.1 else {name: _value(chance) for name in _some(_FIELDS, chance)}
    if isinstance(body, dict) and chance.random() < 0.5:
        body.update(model="mote/query", input=_value(chance), data=[_value(chance) for _ in range(5)], fn_index=3)
    content = json.dumps(body).encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        content = content[: chance.randrange(len(content) + 1)]
    method = chance.choice(["GET", "POST", "POST", "DELETE", "PUT"])
    parameters = {name: _in_address(_value(chance)) for name in _some(_FIELDS, chance)}
    try:
        with client.stream(
            method, address, params=parameters, content=content, headers={"content-type": "application/json"}
        ) as answer:
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                return []  # an open stream, whose end only its event decides
            answer.read()
    except httpx.HTTPError as error:
        return [f"{method} {path}: {type(error).__name__}"]
    return [f"{method} {path}: {answer.status_code}"] if answer.status_code >= 500 else []


def _some(names: tuple[str, ...], chance: random.Random) -> list[str]:
    return chance.sample(names, chance.randrange(6))


def _in_address(value: Any) -> str:
    """Return what fits into an address: httpx itself refuses what no network could bring."""
    words = str(value).encode("utf-8", "ignore").decode()[:2000]
    return "".join(f"%{byte:02x}" for byte in words.encode())


@contextmanager
def _noted() -> Iterator[list[str]]:
    """Collect the errors that the app writes into its log."""
    found: list[str] = []

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            facts = getattr(record, "facts", {})
            found.append(" ".join(str(facts.get(name, "")) for name in ("type", "doing", "place", "within")))

    handler = Collecting(logging.ERROR)
    logger = logging.getLogger("mote_demo")
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
