"""Expected failures as messages on the page, or to a program."""

import functools
import inspect
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import gradio as gr

from mote_demo.errors import UserError

Handler = Callable[..., Any]


def show_errors(handler: Handler) -> Handler:
    """Show a ``UserError`` of a handler, function or generator, as a message; the page stays as it was."""
    # The page takes messages for HTML, and they quote file and column names.
    return _translated(handler, functools.partial(escape, quote=False))


def send_errors(handler: Handler) -> Handler:
    """Send a program the ``UserError`` of its endpoint, as plain text."""
    return _translated(handler, str)


def _translated(handler: Handler, words: Callable[[str], str]) -> Handler:
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from handler(*args, **kwargs)
            except UserError as error:
                raise gr.Error(words(str(error)), print_exception=False) from error

        return stream

    @functools.wraps(handler)
    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        try:
            return handler(*args, **kwargs)
        except UserError as error:
            raise gr.Error(words(str(error)), print_exception=False) from error

    return call
