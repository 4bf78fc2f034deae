"""What a child process is asked to do in ``test_confined``: the server imports this module, so it imports little."""

import json
import os
import signal
import sys
import time
from pathlib import Path

from mote_demo.errors import UserError


def write(folder: Path, words: str) -> None:
    print(words)  # noqa: T201 - nobody may see it
    (folder / "words.txt").write_text(words, "utf-8")


def tell_surroundings(folder: Path) -> None:
    values = {"pid": os.getpid(), "variables": dict(os.environ), "modules": [name for name in sys.modules]}
    (folder / "told.json").write_text(json.dumps(values), "utf-8")


def refuse(folder: Path, words: str) -> None:
    raise UserError(words)


def fail(folder: Path, secret: str) -> None:
    raise KeyError(secret)


def fill_memory(folder: Path) -> None:
    kept = []
    while True:
        kept.append(bytearray(10_000_000))


def fill_the_disk(folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        for _ in range(100):
            file.write(bytes(1_000_000))


def sleep(folder: Path, told: str = os.devnull) -> None:
    Path(told).write_text(str(os.getpid()))
    time.sleep(60)


def compute(folder: Path) -> None:
    while True:
        pass


def die(folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def answer_with_lies(folder: Path) -> None:
    """Write to every open file, as one would who has taken the child over."""
    for number in range(3, 20):
        try:
            os.write(number, b'\x00\x00\x00\x01{"done": 1}\n' * 200_000)
        except OSError:
            continue
    os._exit(0)
