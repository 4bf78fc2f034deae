"""Sessions are sealed: nobody sees what another visitor brought, whatever they ask, and many may bring the same."""

import random
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from reliability.load import Visitor
from reliability.rows import Row
from reliability.serving import served

PUPILS, GUESSES = 30, 200
_SECRET = "zebra quartz vow"
_FILE = "text,label\n" + "".join(f"{_SECRET} number {number},{number % 3}\n" for number in range(30))
_LENSES = ("baseline/retrieval", "mote/retrieval")
_UPLOAD, _ASK = "upload", "compare"
"""Functions of the tab Compare: add a file's texts, and search."""
_PATHS = (
    *("/etc/passwd", "../../../../etc/passwd", "..%2f..%2f..%2fetc/passwd", "file:///etc/passwd", "/proc/self/environ"),
    *("mote_demo/ui/app.py", "./pyproject.toml", "/", ".", "{uploads}", "{uploads}/", "{uploads}/../", "{parent}"),
    *("{parent}/", "{parent}/{random}", "{uploads}/{random}/mine.csv", "{uploads}/{random}/{random}", "~/.ssh/id_rsa"),
)


def sessions_are_sealed(tries: int | None = None, seed: int = 0) -> Iterator[Row]:
    """Yield two rows: what one visitor sees of another, and a class that uploads one file within seconds."""
    pupils, guesses = (PUPILS, GUESSES) if tries is None else (max(2, tries // 10), tries)
    with tempfile.TemporaryDirectory(prefix="mote-reliability-") as folder, served(Path(folder)) as (_, url):
        yield _strangers(url, guesses, random.Random(seed), seed)
        yield _class(url, pupils)


def _strangers(url: str, guesses: int, chance: random.Random, seed: int) -> Row:
    leaks: list[str] = []
    with Visitor(url).page() as owner, Visitor(url).page() as stranger:
        given = owner.upload("mine.csv", _FILE.encode())
        told = owner.call(owner.functions[_UPLOAD], [given, None, None, ""])
        name = _name_of(told)
        if _SECRET not in _answer(owner, name):
            leaks.append("the owner's own texts are not found, so that nothing was tried")
        asked = list(_asked(url, owner, stranger, name, given["path"], guesses, chance))
        leaks += [what for what, answer in asked if _SECRET in answer or "root:" in answer]
        if _SECRET not in _answer(owner, name):
            leaks.append("the owner's texts are gone")
    return Row(
        name="Sessions are sealed",
        tried=len(asked) + 2,
        failed=len(leaks),
        target="0 leaks",
        note="; ".join(
            [
                f"seed {seed}; another visitor's names of texts, page ids (known and guessed) and stream of answers, "
                "and paths of files; a file whose whole path is known can be fetched: the path is its key",
                *sorted(set(leaks))[:8],
            ]
        ),
    )


def _asked(
    url: str, owner: Visitor, stranger: Visitor, name: str, path: str, guesses: int, chance: random.Random
) -> Iterator[tuple[str, str]]:
    """Yield what a stranger asks, and the answer."""
    for texts in (name, "mine.csv", *(f"upload-{number}" for number in range(1, 6))):
        yield f"the texts {texts!r} of another", _answer(stranger, texts)
    own = stranger.session
    stranger.session = owner.session
    yield "texts by the id of another's page", _answer(stranger, name)
    stranger.session = own
    yield "the stream of another's answers", _overheard(owner, stranger, name)
    with Visitor(url).page() as guest:
        for _ in range(guesses // 4):
            guest.session = f"{chance.getrandbits(44):011x}"
            yield "texts by a guessed id", _answer(guest, name)
    for number in range(guesses):
        wanted = _PATHS[number % len(_PATHS)].format(
            uploads=Path(path).parent.parent, parent=Path(path).parent, random=f"{chance.getrandbits(128):032x}"
        )
        route = chance.choice(["/gradio_api/file=", "/file=", "/gradio_api/file/"])
        answer = stranger.http.get(f"{route}{wanted}")
        page = answer.status_code == 200 and "html" not in answer.headers.get("content-type", "")
        yield f"the file {wanted}", f"{_SECRET} {answer.text[:200]}" if page else answer.text


def _overheard(owner: Visitor, stranger: Visitor, name: str) -> str:
    """Return what a stranger hears of the stream of an owner's page while the owner asks."""
    heard: list[str] = []

    def listen() -> None:
        address, of = "/gradio_api/queue/data", {"session_hash": owner.session}
        for _ in range(200):
            with suppress(httpx.HTTPError), stranger.http.stream("GET", address, params=of, timeout=5) as lines:
                heard.extend(lines.iter_lines())
            if done.is_set():
                return

    done = threading.Event()
    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    for _ in range(5):
        with suppress(RuntimeError, httpx.HTTPError):
            _answer(owner, name)
    done.set()
    thread.join()
    return "\n".join(heard)


def _class(url: str, pupils: int) -> Row:
    begun = threading.Barrier(pupils)

    def attend(_: int) -> str:
        try:
            with Visitor(url).page() as pupil:
                begun.wait(120)
                given = pupil.upload("same.csv", _FILE.encode())
                told = pupil.call(pupil.functions[_UPLOAD], [given, None, None, ""])
                found = _SECRET in _answer(pupil, _name_of(told))
                return "" if found else "the own texts are not found"
        except Exception as error:  # whatever a pupil meets is counted
            return f"{type(error).__name__}: {error}"[:200]

    with ThreadPoolExecutor(pupils) as pool:
        problems = [problem for problem in pool.map(attend, range(pupils)) if problem]
    return Row(
        name="A class uploads one file",
        tried=pupils,
        failed=len(problems),
        target=f"0 of {PUPILS} fail",
        note="; ".join([f"{pupils} visitors, the same bytes under one name, at once", *sorted(set(problems))[:5]]),
    )


def _answer(visitor: Visitor, texts: str) -> str:
    """Return what a search says as a page sees it; a refusal is an answer, too."""
    try:
        visitor.call(visitor.functions[_ASK], [*_LENSES, texts, "number", "", 10, None])
        return "\n".join(visitor.heard)
    except (RuntimeError, httpx.HTTPError) as error:
        return str(error)


def _name_of(told: list[Any]) -> str:
    """Return the name of the texts that an upload added, which the picker has now."""
    return next(each["value"] for each in told if isinstance(each, dict) and each.get("choices"))
