"""The app on random models, served by this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import gradio as gr

from mote_demo.ui.app import build_app, launch_options
from mote_demo.ui.map import handlers as map_handlers
from reliability.tiny_models import open_tiny_shelf


@contextmanager
def served(folder: Path) -> Iterator[tuple[gr.Blocks, str]]:
    """Serve the app until the block ends; yield it and its address, without a slash at the end."""
    demo = build_app(open_tiny_shelf(folder)(folder / "store"))
    # A map waits whether more is chosen; nobody chooses here.
    with mock.patch.object(map_handlers, "SECONDS_BEFORE_DRAWING", 0):
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
        try:
            yield demo, url.rstrip("/")
        finally:
            demo.close()
