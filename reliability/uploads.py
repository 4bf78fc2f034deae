"""Nobody's upload brings the app down: odd, damaged and malicious files are read or refused, and cost it little.

What a try covers is what the app does with an upload: reading it in a confined child, taking the table over, and
guessing its columns, or taking an expert over. Odd and damaged files share a child by the hundred, which only saves
time: what kills it is tried again, one by one, on the app's own way, on which bombs are from the start.
"""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mote_demo.confined import Limits, confined
from mote_demo.data.proposal import propose, propose_texts, texts_of
from mote_demo.data.received import receive_table, take_table
from mote_demo.data.report import check, describe
from mote_demo.data.tables import Table
from mote_demo.data.uploads import to_answered_texts
from mote_demo.errors import UserError
from mote_demo.growing.expert import to_expert
from mote_demo.growing.expert_file import receive_expert_file, take_expert
from reliability.bombs import BOMBS
from reliability.children import EXPERT, end_of, read_many, write_bomb
from reliability.rows import Row
from reliability.strange_files import StrangeFile, strange_file

TRIES = 20_000
MOST_GROWN = 200_000_000
MOST_SECONDS = 20.0

_TOGETHER = 100
_A_TIME = 500
_LISTED = 12
_OF_MANY = Limits(seconds=600.0, cpu_seconds=600)
_OF_A_BOMB = Limits(memory=4_000_000_000, seconds=600.0, cpu_seconds=600)


@dataclass
class _Counts:
    """Count tries, and name those that failed, so that each can be made again by its number or name."""

    tried: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    crashed: list[str] = field(default_factory=list)
    swollen: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    most_grown: tuple[int, str] = (0, "")

    def note(self, kind: str, name: str, end: str, seconds: float) -> None:
        """Note how a try ended: "read", "refused", or what broke."""
        self.tried[kind] += 1
        self.ends[end if end in ("read", "refused") else "broke"] += 1
        if end not in ("read", "refused"):
            self.crashed.append(f"{name}: {end}")
        if seconds > MOST_SECONDS:
            self.slow.append(name)
        self.slowest = max(self.slowest, (seconds, name))

    def note_growth(self, name: str, grown: int) -> None:
        """Note by how many bytes this process had grown at most meanwhile."""
        if grown > MOST_GROWN:
            self.swollen.append(name)
        self.most_grown = max(self.most_grown, (grown, name))


def uploads(tries: int | None = None, seed: int = 0, bombs: Sequence[str] = tuple(BOMBS)) -> Iterator[Row]:
    """Try odd and damaged files, then bombs; yield what broke, what made this process swell, and what took long.

    The rows come again after each few hundred, so that a soak that is stopped keeps what it counted.
    """
    tries = TRIES if tries is None else tries
    counts = _Counts()
    with tempfile.TemporaryDirectory(prefix="mote-reliability-") as folder:
        _warm_up(Path(folder))
        at_first = _resident()
        for start in range(0, tries, _TOGETHER):
            files = [strange_file(number, seed) for number in range(start, min(tries, start + _TOGETHER))]
            with _watched(counts, f"files from {start}"):
                _try_together(Path(folder), files, counts)
            if (start + len(files)) % _A_TIME == 0:
                yield from _rows(counts, seed, _resident() - at_first)
        for name in bombs:
            _try_bomb(name, counts)
        yield from _rows(counts, seed, _resident() - at_first)


def _rows(counts: _Counts, seed: int, grown: int) -> Iterator[Row]:
    tried = sum(counts.tried.values())
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in counts.tried.items())
    ends = ", ".join(f"{count:,} {end}" for end, count in sorted(counts.ends.items()))
    seconds, slowest = counts.slowest
    most, largest = counts.most_grown
    yield Row(
        "uploads: tracebacks",
        tried,
        len(counts.crashed),
        f"0 of {TRIES:,}",
        f"seed {seed}; {kinds}; {ends}{_listed(counts.crashed)}",
    )
    yield Row(
        "uploads: the app's process grows by more than 200 MB",
        tried,
        len(counts.swollen),
        "0",
        f"at most {most / 1e6:,.0f} MB ({largest}), {grown / 1e6:+,.0f} MB in the end{_listed(counts.swollen)}",
    )
    yield Row(
        "uploads: longer than 20 s",
        tried,
        len(counts.slow),
        "0",
        f"the longest {seconds:.1f} s ({slowest}){_listed(counts.slow)}",
    )


# The app's side


def _try_together(folder: Path, files: Sequence[StrangeFile], counts: _Counts) -> None:
    paths = []
    for file in files:
        paths.append(folder / file.name)
        paths[-1].write_bytes(file.content)
    try:
        with confined(read_many, "a batch", limits=_OF_MANY, paths=[str(path) for path in paths]) as out:
            told = json.loads((out / "ends.json").read_text("utf-8"))
            for number, (file, (end, seconds)) in enumerate(zip(files, told, strict=True)):
                started = time.perf_counter()
                if end == "read":
                    end = end_of(_take, out / str(number), file.name)
                seconds += time.perf_counter() - started
                if seconds > MOST_SECONDS:  # with others, and without the app's limits
                    _try_alone(paths[number], file.kind, counts)
                else:
                    counts.note(file.kind, file.name, end, seconds)
    except UserError:  # one of them took all that there was
        for file, path in zip(files, paths, strict=True):
            _try_alone(path, file.kind, counts)
    for path in paths:
        path.unlink()


def _try_alone(path: Path, kind: str, counts: _Counts) -> None:
    started = time.perf_counter()
    end = end_of(_receive, path)
    counts.note(kind, path.name, end, time.perf_counter() - started)


def _try_bomb(name: str, counts: _Counts) -> None:
    with confined(write_bomb, name, limits=_OF_A_BOMB, name=name) as out, _watched(counts, name):
        _try_alone(out / name, "bombs", counts)


def _receive(path: Path) -> None:
    if path.suffix == EXPERT:
        to_expert(receive_expert_file(path))
    else:
        _use(receive_table(path))


def _take(folder: Path, name: str) -> None:
    if name.endswith(EXPERT):
        to_expert(take_expert(folder))
    else:
        _use(take_table(folder))


def _use(table: Table) -> None:
    """Do what the tabs do with a table before anybody presses a button."""
    proposal = propose_texts(table)
    describe(table, proposal.roles)
    if table.answers is not None:
        to_answered_texts(table.answers)
    trained = propose(table)
    check(table, trained.roles)
    texts_of(table, proposal.roles)


def _warm_up(folder: Path) -> None:
    """Use what each try does once, so that what is imported and kept is not taken for growth."""
    path = folder / "first.csv"
    path.write_text("text,label\n" + "".join(f"some words {n},{n % 2}\n" for n in range(20)), "utf-8")
    _receive(path)
    end_of(receive_expert_file, path)


@contextmanager
def _watched(counts: _Counts, name: str) -> Iterator[None]:
    """Note the growth of this process at its peak within a block, where the machine tells."""
    before = _resident()
    if _CLEAR.exists():
        _CLEAR.write_text("5")
    yield
    counts.note_growth(name, max(0, _resident("VmHWM") - before))


_CLEAR = Path("/proc/self/clear_refs")


def _resident(which: str = "VmRSS") -> int:
    """Return the bytes of memory that this process holds, or held at most; 0 where the machine does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(which)), 0)


def _listed(names: Sequence[str]) -> str:
    return f"; {'; '.join(names[:_LISTED])}" if names else ""
