"""What a visitor uploaded: a file of one owner, on disk for no longer than it is read."""

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from mote_demo.errors import UserError


class _OwnedFiles(set[str]):
    """Note uploads as Gradio does, and give each a folder of its own first.

    Gradio keeps identical uploads at one path, so that whoever reads first would take the file from the others. Its
    route notes them here between writing them and telling the page where they are; nothing else runs in between.
    """

    def update(self, *files: Iterable[str]) -> None:
        """Note files; a list is changed to where they are now, which is what the page is told."""
        for some in files:
            if isinstance(some, list):
                some[:] = map(_move_to_own_folder, some)
            super().update(some)


def own_uploads(demo: gr.Blocks) -> None:
    """Give each file that is uploaded to an app a path that no other upload has."""
    owned = _OwnedFiles(demo.upload_file_set)
    demo.temp_file_sets = [owned if each is demo.upload_file_set else each for each in demo.temp_file_sets]
    demo.upload_file_set = owned


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
            _remove_if_empty(Path(path).parent)


def _move_to_own_folder(path: str) -> str:
    shared = Path(path)
    own = Path(get_upload_folder(), uuid.uuid4().hex, shared.name)
    own.parent.mkdir()
    try:
        os.replace(shared, own)
    except OSError:  # a file that Gradio copies from another disk later, by the name that it has
        _remove_if_empty(own.parent)
        return path
    _remove_if_empty(shared.parent)
    return str(own)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        if folder.resolve() != Path(get_upload_folder()).resolve():
            folder.rmdir()
