"""Write a file whole or not at all."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path in the folder of ``path``; it takes the place of ``path`` when the block succeeds.

    Readers see the old file or the complete new one. The folder is made; after an exception nothing is left.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, values: Any, *, indent: int | None = None) -> None:
    """Write JSON, whole or not at all, with letters of every script as they are."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")
