"""Where files that a visitor downloads are written."""

import uuid
from pathlib import Path

from gradio.utils import get_upload_folder


def new_file(name: str) -> Path:
    """Return a path to write a download to, in a folder that Gradio empties by the app's ``delete_cache``."""
    folder = Path(get_upload_folder()) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder / name
