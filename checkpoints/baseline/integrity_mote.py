# A copy of mote_demo/model/integrity.py, written by `mote refresh`. Licence: Apache-2.0.
"""Hashes of the files that decide vectors: damage is an error, and never another vector."""

import hashlib
import json
from pathlib import Path

from .errors_mote import UserError

INTEGRITY = "integrity.json"
"""Name of the file that holds the hashes, beside the files that they are of."""

_COVERED = ("config.json", "tokenizer.json", "tokenizer_config.json", "*.safetensors", "*.safetensors.index.json")
_AT_ONCE = 1 << 20


def write_hashes(folder: str | Path) -> None:
    """Write ``INTEGRITY``: the SHA-256 of each file of the folder that decides a vector, as they are now."""
    folder = Path(folder)
    values = {"sha256": {name: _sha256(folder / name) for name in sorted(_covered(folder))}}
    (folder / INTEGRITY).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def check_hashes(folder: str | Path, names: tuple[str, ...] | None = None) -> None:
    """Compare the files of a folder with its ``INTEGRITY``; a folder without one is taken as it is.

    Args:
        folder: where the files lie; one that is listed and is not there is none of this function's business.
        names: look at these files alone; None is all that are listed.

    Raises:
        UserError: a file is not what was written, or has no hash, which names it.
    """
    folder = Path(folder)
    if not (folder / INTEGRITY).is_file():
        return
    try:
        known = dict(json.loads((folder / INTEGRITY).read_text(encoding="utf-8"))["sha256"].items())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{folder / INTEGRITY} is damaged. Please get the folder again.") from error
    # A damaged name in the list must not leave its file unchecked.
    for name in sorted(_covered(folder) if names is None else names):
        file = folder / name
        if file.is_file() and _sha256(file) != known.get(name):
            raise UserError(
                f"{file} is damaged: it is not what was written here. Please get it again; "
                f"if it was changed on purpose, run: mote refresh {folder}"
            )


def _covered(folder: Path) -> set[str]:
    return {file.name for pattern in _COVERED for file in folder.glob(pattern)}


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()
