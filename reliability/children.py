"""What child processes do for the soak of uploads; this imports no more than the app's own child does."""

import json
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mote_demo.data.options import ReadOptions
from mote_demo.data.received import PRELOADED, write_table
from mote_demo.errors import UserError
from mote_demo.growing.expert_file import write_expert
from reliability.bombs import BOMBS

__all__ = ["EXPERT", "PRELOADED", "end_of", "read_many", "write_bomb"]

EXPERT = ".safetensors"
"""The end of the name of an expert's file."""


def end_of(work: Callable[..., object], *arguments: Any) -> str:
    """Return "read", "refused", or what broke where."""
    try:
        work(*arguments)
    except UserError:
        return "refused"
    except Exception as error:  # noqa: BLE001 - these are what is counted
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno} {str(error)[:200]}"
    return "read"


def read_many(folder: Path, paths: list[str]) -> None:
    """Read files as the app does, one after the other; leave what was read by their place, and how each ended."""
    ends = []
    for number, path in enumerate(paths):
        started = time.perf_counter()
        (folder / str(number)).mkdir()
        end = end_of(_write, folder / str(number), path)
        ends.append((end, time.perf_counter() - started))
    (folder / "ends.json").write_text(json.dumps(ends), "utf-8")


def _write(folder: Path, path: str) -> None:
    if path.endswith(EXPERT):
        write_expert(folder, path)
    else:
        write_table(folder, path, asdict(ReadOptions()))


def write_bomb(folder: Path, name: str) -> None:
    """Make a bomb in a child, whose memory is not counted."""
    (folder / name).write_bytes(BOMBS[name]())
