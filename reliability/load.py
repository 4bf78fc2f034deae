"""Many visitors at once, and many one after another, over HTTP as browsers and programs speak it."""

import json
import random
import signal
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from reliability.processes import app, end, start
from reliability.rows import Row

VISITORS, SECONDS, VISITS = 50, 600.0, 1000
_PORT = 7997
_PAUSE = (5.0, 15.0)
"""Seconds that a visitor looks at an answer before asking again."""
_QUERIES = (
    "my parcel is late",
    "charged twice",
    "the app crashes",
    "I love it",
    "where is my invoice",
    "cannot sign in",
)
_LENSES = ("baseline/retrieval", "mote/retrieval")
_MAPS = 0.1
"""Share of questions that are for maps, and of maps that are not drawn as the page offers them."""
_ALONE = 20
_MOST_TIMES, _MOST_GROWTH = 8.0, 50e6


class Visitor:
    """Speak Gradio's queue protocol as one page does: its session lasts as long as its heartbeat.

    ``heard`` has every line of the last answer.
    """

    def __init__(self, url: str) -> None:
        self.heard: list[str] = []
        self.session = uuid.uuid4().hex[:11]
        self.http = httpx.Client(base_url=url, timeout=120)

    @contextmanager
    def page(self) -> Iterator["Visitor"]:
        """Open the page, and close it when the block ends."""
        with self.http:
            self.http.get("/").raise_for_status()  # brings the cookie
            config = self.http.get("/config").json()
            self.functions = {each["api_name"]: each["id"] for each in config["dependencies"] if each["api_name"]}
            self.list_texts, self.draw_maps = _map_functions(config)
            opening = [each for each in config["dependencies"] if any(event == "load" for _, event in each["targets"])]
            with self.http.stream("GET", f"/gradio_api/heartbeat/{self.session}"):
                for each in opening[:1]:
                    self.call(each["id"], [uuid.uuid4().hex, "", *([None] * (len(each["inputs"]) - 2))])
                yield self

    def search(self, query: str) -> float:
        """Ask both lenses a query; return the seconds that it took.

        Raises:
            RuntimeError: there was no answer.
        """
        started = time.monotonic()
        self.call(self.functions["search"], [*_LENSES, "samples", query, 10])
        return time.monotonic() - started

    def draw(self, neighbours: int) -> None:
        """Choose the tab Map, and draw the maps of both lenses with neighbourhoods of that size.

        Raises:
            RuntimeError: there was no answer.
        """
        self.call(self.list_texts, [None])
        self.call(self.draw_maps, [*_LENSES, "samples", None, neighbours])

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """Upload a file; return what a function takes for it."""
        answer = self.http.post("/gradio_api/upload", files={"files": (name, content)}).raise_for_status()
        return {"path": answer.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def call(self, function: int, data: list[Any]) -> Any:  # noqa: ANN401 - what any function returns
        """Call a function of the page through the queue."""
        joined = {"data": data, "fn_index": function, "session_hash": self.session}
        self.http.post("/gradio_api/queue/join", json=joined).raise_for_status()
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as lines:
            self.heard = []
            for line in lines.iter_lines():
                self.heard.append(line)
                message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if message.get("msg") == "process_completed":
                    if not message["success"]:
                        raise RuntimeError(str(message["output"])[:300])
                    return message["output"]["data"]
        raise RuntimeError("The stream ended before the answer.")


def _map_functions(config: dict[str, Any]) -> tuple[int, int]:
    """Return the functions of the tab Map that list the texts and, after a click on its button, draw."""
    functions = config["dependencies"]
    button = next(each["id"] for each in config["components"] if each["props"].get("elem_id") == "mote-map-draw")
    texts = next(each["id"] for each in config["components"] if each["props"].get("elem_id") == "mote-map-texts")
    clicked = next(each["id"] for each in functions if [button, "click"] in map(list, each["targets"]))
    return (
        next(each["id"] for each in functions if each["inputs"] == each["outputs"] == [texts]),
        next(each["id"] for each in functions if each["trigger_after"] == clicked),
    )


def holds_its_load(tries: int | None = None, seed: int = 0, seconds: float = SECONDS) -> Iterator[Row]:
    """Yield two rows: visitors at once beside a training, and ``tries`` visits one after another."""
    with tempfile.TemporaryDirectory() as folder, app(_PORT, {"MOTE_CACHE": folder}) as process:
        url = f"http://127.0.0.1:{_PORT}"
        with Visitor(url).page() as alone:
            _settle(alone)
            median = float(np.median([alone.search(_QUERIES[number % len(_QUERIES)]) for number in range(_ALONE)]))
        yield _at_once(url, folder, process.pid, seconds, median, seed)
        yield _one_after_another(url, process.pid, VISITS if tries is None else tries)


def _settle(visitor: Visitor, most: float = 300.0) -> None:
    """Wait until the built-in texts are prepared: then searches take as long as the one before."""
    until, known = time.monotonic() + most, [visitor.search(_QUERIES[0])]
    while time.monotonic() < until and (len(known) < 10 or max(known[-5:]) > 1.5 * min(known)):
        known.append(visitor.search(_QUERIES[0]))
        time.sleep(2)


def _at_once(url: str, folder: str, pid: int, seconds: float, median: float, seed: int) -> Row:
    times: list[float] = []
    maps: list[float] = []
    errors: list[str] = []
    arguments = ["grow", "samples", "--task", "classification", "--label", "intent", "--epochs", "1000"]
    training = start([*arguments, "--out", str(Path(folder) / "mine.safetensors")], {"OMP_NUM_THREADS": "1"})
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_visit, args=(url, until, seed + number, times, maps, errors), daemon=True)
        for number in range(VISITORS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 4)
    warm = resident(pid)
    for thread in threads:
        thread.join()
    grown = resident(pid) - warm
    end(training, signal.SIGTERM)
    slow = float(np.percentile(times, 95)) if times else float("inf")
    ratio = slow / median
    failed = len(errors) + (ratio > _MOST_TIMES) + (grown > _MOST_GROWTH)
    return Row(
        name="Holds its load",
        tried=len(times) + len(maps) + len(errors),
        failed=failed,
        target=f"0 errors, 95 % of searches within {_MOST_TIMES:.0f} times the median of one visitor, memory flat",
        note=f"{VISITORS} visitors for {seconds:.0f} s, a question every {_PAUSE[0]:.0f} to {_PAUSE[1]:.0f} s each: "
        f"{len(times):,} searches, {len(maps):,} maps; one training beside; p95 of the searches {1000 * slow:.0f} ms, "
        f"{ratio:.1f} times the {1000 * median:.0f} ms of one; memory {grown / 1e6:+.0f} MB after warm-up"
        + "".join(f"; {error}" for error in errors[:3]),
    )


def _visit(url: str, until: float, seed: int, times: list[float], maps: list[float], errors: list[str]) -> None:
    moments = random.Random(seed)
    time.sleep(moments.uniform(0, _PAUSE[1]))
    try:
        with Visitor(url).page() as visitor:
            while time.monotonic() < until:
                if moments.random() < _MAPS:
                    started = time.monotonic()
                    visitor.draw(moments.randint(5, 50) if moments.random() < _MAPS else 15)
                    maps.append(time.monotonic() - started)
                else:
                    times.append(visitor.search(f"{moments.choice(_QUERIES)} {moments.randrange(1000)}"))
                time.sleep(moments.uniform(*_PAUSE))
    except Exception as error:  # whatever a visitor meets is counted
        errors.append(f"{type(error).__name__}: {error}"[:200])


def _one_after_another(url: str, pid: int, visits: int) -> Row:
    errors: list[str] = []
    warm = 0.0
    for number in range(visits):
        if number == visits // 10:
            warm = resident(pid)
        try:
            with Visitor(url).page() as visitor:
                visitor.search(_QUERIES[number % len(_QUERIES)])
        except Exception as error:  # whatever a visitor meets is counted
            errors.append(f"{type(error).__name__}: {error}"[:200])
    grown = resident(pid) - warm
    return Row(
        name="Many sessions one after another",
        tried=visits,
        failed=len(errors) + (grown > _MOST_GROWTH),
        target=f"0 errors, memory grows by less than {_MOST_GROWTH / 1e6:.0f} MB",
        note=f"memory {grown / 1e6:+.0f} MB after the first tenth" + "".join(f"; {error}" for error in errors[:3]),
    )


def resident(pid: int) -> float:
    """Return the bytes that a process holds in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024.0 * int(line.split()[1])
    raise RuntimeError(f"Nothing is known of the process {pid}.")
