"""Expected failures as messages on the page."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from mote_demo.errors import UserError


def shown(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Show a ``UserError`` of a handler, function or generator, as a message; the page stays as it was."""
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from handler(*args, **kwargs)
            except UserError as error:
                raise gr.Error(str(error), print_exception=False) from error

        return stream

    @functools.wraps(handler)
    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        try:
            return handler(*args, **kwargs)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return call
