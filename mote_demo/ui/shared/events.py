"""How events run, and what they bring: options of Gradio's event listeners, and typed readers of their data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import gradio as gr

from mote_demo.errors import UserError
from mote_demo.ui.shared.border import is_number

QUICK: Mapping[str, Any] = MappingProxyType({"api_visibility": "private", "show_progress": "hidden"})
"""Answer the page alone, without a sign of progress of Gradio's own."""

MODEL: Mapping[str, Any] = MappingProxyType({"concurrency_id": "model", "concurrency_limit": 2})
"""Compute with a model, together with one more visitor at most."""

MAP: Mapping[str, Any] = MappingProxyType({"concurrency_id": "map", "concurrency_limit": 2})
"""Draw maps, together with one more visitor at most: UMAP takes seconds, and whoever asks a query waits for none."""

UPLOAD: Mapping[str, Any] = MappingProxyType({"concurrency_id": "upload", "concurrency_limit": 2})
"""Read an uploaded file, together with one more visitor at most: each may take all that ``Limits`` allow."""


def whole_number(event: gr.EventData, name: str) -> int:
    """Read a whole number that a script of the page sent with an event; anybody may send something else."""
    return _whole(_sent(event, name))


def whole_numbers(event: gr.EventData, name: str) -> list[int]:
    """Read a list of whole numbers that a script of the page sent with an event."""
    values = _sent(event, name)
    if not isinstance(values, list):
        raise _not_understood()
    return [_whole(value) for value in values]


def text(event: gr.EventData, name: str) -> str:
    """Read a text that a script of the page sent with an event."""
    value = _sent(event, name)
    if not isinstance(value, str):
        raise _not_understood()
    return value


def _sent(event: gr.EventData, name: str) -> object:
    return (event._data or {}).get(name)


def _whole(value: object) -> int:
    if not is_number(value) or value != int(value):  # type: ignore[call-overload]
        raise _not_understood()
    return int(value)  # type: ignore[call-overload]


def _not_understood() -> UserError:
    return UserError("The app did not understand what was chosen. Please reload the page and choose again.")
