"""Files that a visitor downloads: where they are written, and how the page fetches them."""

import atexit
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from mote_demo.serving.sessions import Session

_FOLDER = "GRADIO_TEMP_DIR"


def keep_files_private() -> None:
    """Let no other user of this machine read what the process writes; visitors' files get a folder of their own.

    GRADIO_TEMP_DIR names another folder. Call it before components are made: they remember their folder.
    """
    os.umask(0o077)
    if _FOLDER not in os.environ:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="mote-explorer-")
        atexit.register(shutil.rmtree, os.environ[_FOLDER], ignore_errors=True)
    folder = Path(os.environ[_FOLDER])
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def new_file(name: str, session: Session | None = None) -> Path:
    """Return a path to write a download to, in a folder of its own with a name that nobody guesses.

    It goes with the visitor's session, if it is theirs, and in any case by the app's ``delete_cache``.
    """
    folder = Path(get_upload_folder()) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    if session is not None:
        session.files.append(folder)
    return folder / name


def fetch_after(written: Any, file: gr.DownloadButton) -> None:  # noqa: ANN401 - Gradio's events have no public type
    """Let the page fetch a file once the event ``written`` has given its path to the hidden button ``file``."""
    script = f"() => setTimeout(() => document.querySelector('#{file.elem_id}').click(), 100)"
    written.success(None, js=script, api_visibility="private")
