"""Files that a visitor downloads: where they are written, and how the page fetches them."""

import uuid
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder


def new_file(name: str) -> Path:
    """Return a path to write a download to, in a folder that Gradio empties by the app's ``delete_cache``."""
    folder = Path(get_upload_folder()) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder / name


def fetch_after(written: Any, file: gr.DownloadButton) -> None:  # noqa: ANN401 - Gradio's events have no public type
    """Let the page fetch a file once the event ``written`` has given its path to the hidden button ``file``."""
    script = f"() => setTimeout(() => document.querySelector('#{file.elem_id}').click(), 100)"
    written.success(None, js=script, api_visibility="private")
