"""What a visitor uploaded, on disk for no longer than it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradio.utils import get_upload_folder

from mote_demo.errors import UserError


@contextmanager
def uploaded(path: str | None) -> Iterator[str]:
    """Give the path of an uploaded file to read; the file is deleted afterwards."""
    if path is None:
        raise UserError("There is no file. Please upload one.")
    try:
        yield path
    finally:
        # Whoever writes to an endpoint by hand can name other files that Gradio serves, such as the app's own.
        if Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
            Path(path).unlink(missing_ok=True)
