"""The border between a page and its handlers: what comes in has the types of its components, and no error gets out."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import gradio as gr
from gradio_client.utils import is_http_url_like

from mote_demo.errors import UserError
from mote_demo.event_log import note_error
from mote_demo.plain_text import plain_text

FAILED = "The app made a mistake, and nothing was changed. Please try again; if it happens again, reload the page."
_RELOAD = "Please reload the page and choose again."
_LONGEST_MESSAGE = 2000
_DEEPEST = 20
_LARGEST = 1e15


class Page(gr.Blocks):
    """Blocks with one border around all handlers, in whichever tab they are.

    What a browser or a program sends is cleaned and compared with the types of the components. An expected failure, a
    ``UserError``, is shown as a message, or sent to a program as plain text. Any other is one line in the log, without
    anything that the visitor sent, and one sentence on the screen.

    ``models`` names those that the app has loaded.
    """

    models: tuple[str, ...] = ()

    async def process_api(  # noqa: D102 - Gradio's own name for every call of a handler
        self, block_fn: Any, inputs: list[Any], *args: Any, **options: Any
    ) -> dict[str, Any]:
        function = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        event = options.get("event_data")
        try:
            if event is not None:
                event._data = _cleaned(event._data) if isinstance(event._data, Mapping) else {}
            return await super().process_api(function, _cleaned(inputs), *args, **options)
        except UserError as error:
            raise _message(function, str(error)) from error
        except gr.Error as error:
            raise _message(function, error.message) from error
        except Exception as error:
            note_error(error, doing=function.name or "an event of the page")
            raise _message(function, FAILED) from error

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **options: Any) -> list[Any]:  # noqa: D102
        if len(inputs) < len(block_fn.inputs):
            raise UserError(f"{len(block_fn.inputs)} values are needed, but {len(inputs)} came. {_RELOAD}")
        inputs = [_fitting(component, value) for component, value in zip(block_fn.inputs, inputs, strict=False)]
        try:
            return await super().preprocess_data(block_fn, inputs, *args, **options)
        except Exception as error:
            # Gradio's words repeat what was sent, however long it is.
            raise UserError(f"One of the values is not among the choices, or cannot be used. {_RELOAD}") from error


def _message(function: Any, words: str) -> gr.Error:
    words = words if len(words) <= _LONGEST_MESSAGE else f"{words[:_LONGEST_MESSAGE]}…"
    # The page takes messages for HTML, and they quote names of files and columns; a program gets plain text.
    plain = function.api_visibility == "public"
    return gr.Error(words if plain else escape(words, quote=False), print_exception=False)


def _cleaned(value: Any, depth: int = 0) -> Any:
    """Clean every text in a value that came as JSON."""
    if isinstance(value, str):
        return plain_text(value)
    if depth > _DEEPEST:
        raise UserError("The values are nested too deeply.")
    if isinstance(value, list):
        return [_cleaned(each, depth + 1) for each in value]
    if isinstance(value, dict):
        cleaned = {plain_text(str(name)): _cleaned(each, depth + 1) for name, each in value.items()}
        if is_http_url_like(cleaned.get("path")):
            raise UserError("A file must be uploaded: the app fetches nothing from other addresses for anybody.")
        return cleaned
    return value


def is_number(value: object) -> bool:
    """Tell whether a value is a number to reckon with: neither a truth value nor infinite, huge or NaN."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_file(value: object) -> bool:
    return value is None or (isinstance(value, dict) and isinstance(value.get("path"), str))


_KINDS: tuple[tuple[Any, Callable[[object], bool], str], ...] = (
    ((gr.Slider, gr.Dataset), is_number, "a number"),
    (gr.Number, lambda value: value is None or is_number(value), "a number"),
    (gr.Checkbox, lambda value: value is None or isinstance(value, bool), "true or false"),
    ((gr.Dropdown, gr.Radio), lambda value: _is_text(value) or is_number(value), "one of its choices"),
    ((gr.File, gr.UploadButton), _is_file, "an uploaded file"),
    ((gr.Textbox, gr.Code, gr.HTML), _is_text, "a text"),
)


def _fitting(component: Any, value: Any) -> Any:
    """Return a value for a component, "" for a text that is missing; refuse what no person could give to it."""
    name = getattr(component, "label", None) or "A value"
    for kind, fits, words in _KINDS:
        if isinstance(component, kind) and not fits(value):
            raise UserError(f"{name} must be {words}. {_RELOAD}")
    if getattr(component, "allow_custom_value", False) and not _is_text(value):
        raise UserError(f"{name} must be a text. {_RELOAD}")
    if is_number(value) and isinstance(component, (gr.Slider, gr.Number)):
        _check_bounds(name, value, component.minimum, component.maximum)
    return "" if value is None and isinstance(component, gr.Textbox) else value


def _check_bounds(name: str, value: float, low: float | None, high: float | None) -> None:
    if low is not None and value < low:
        raise UserError(f"{name}: {value:g} is less than {low:g}, which is the least.")
    if high is not None and value > high:
        raise UserError(f"{name}: {value:g} is more than {high:g}, which is the most.")
