"""Addresses beside the page."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from starlette.routing import BaseRoute


def add_routes(demo: gr.Blocks, routes: Sequence[BaseRoute]) -> None:
    """Serve ``routes`` before Gradio's own; it makes its web app when ``demo`` is launched, and takes them then."""
    launch = demo.launch

    def launch_with_routes(*args: Any, app_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> Any:  # noqa: ANN401
        given = app_kwargs or {}
        return launch(*args, app_kwargs={**given, "routes": [*given.get("routes", []), *routes]}, **kwargs)

    demo.launch = launch_with_routes  # type: ignore[method-assign]
