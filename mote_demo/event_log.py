"""The log of the app: one line an event, for people or as JSON. It never holds what a visitor typed or uploaded."""

import json
import logging
import time
import traceback
import warnings
from pathlib import Path

from mote_demo.errors import UserError

JSON, WORDS = "json", "words"
_LOGGER = logging.getLogger("mote_demo")
_PACKAGE = Path(__file__).resolve().parent


def note(event: str, *, problem: bool = False, **facts: str | float) -> None:
    """Write that something happened, with facts that are the app's own, such as counts, names and seconds."""
    _LOGGER.log(logging.ERROR if problem else logging.INFO, event, extra={"facts": facts})


def note_error(error: BaseException, doing: str) -> None:
    """Write that something failed that should not: the type of the error, and where it was, without its words.

    The words of an error may quote a visitor's text; functions and lines are enough to find it again.

    Args:
        error: what was raised.
        doing: what the app was about to do.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    places = {"place": frames[-1:], "within": own[-1:]}
    told = {
        name: f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for name, found in places.items()
        for frame in found
    }
    note("error", problem=True, type=type(error).__name__, doing=doing, **told)


def begin_log(style: str = WORDS) -> None:
    """Write events to standard error from now on, in one of two styles: "words" or "json"."""
    formatters = {WORDS: _Words(), JSON: _Json()}
    if style not in formatters:
        raise UserError(f"MOTE_LOG must be {' or '.join(repr(each) for each in formatters)}, not {style!r}.")
    handler = logging.StreamHandler()
    handler.setFormatter(formatters[style])
    _LOGGER.handlers = [handler]
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
    # Gradio's warnings repeat values that it was sent.
    warnings.filterwarnings("ignore", module=r"gradio\.")


class _Words(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value}" for name, value in _facts_of(record).items())
        return f"{_time_of(record)} {record.levelname.lower()} {record.getMessage()} {facts}".rstrip()


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = {"time": _time_of(record), "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps({**told, **_facts_of(record)}, ensure_ascii=False, default=str)


def _time_of(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))


def _facts_of(record: logging.LogRecord) -> dict[str, object]:
    return getattr(record, "facts", {})
