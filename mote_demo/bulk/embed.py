"""Embed every row of a large source: parts in order, those that are there skipped, on one machine or on many."""

import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mote_demo.bulk.parts import DTYPES, Manifest, state_of_part, write_part
from mote_demo.bulk.source import Source, texts_of
from mote_demo.encoder import Encoder
from mote_demo.errors import UserError, unknown_choice
from mote_demo.runtime.precision import EXACT

if TYPE_CHECKING:
    from mote_demo.sentence_encoder import SentenceEncoder

Say = Callable[[str], None]
OnRows = Callable[[int], None]
"""Called with how many rows were embedded since the last call."""

BATCH_ROWS = 4096
LOCAL, RAY = "local", "ray"
ENGINES = (LOCAL, RAY)
_SECONDS_BETWEEN_LINES = 5.0


@dataclass(frozen=True)
class Job:
    """Say what is to be embedded, with what, and where to.

    Attributes:
        source: the texts.
        out: folder of the parts; several machines share it.
        model: what ``loading.load`` loads.
        route: name of the route.
        dtype: of the vectors, one of ``DTYPES``.
        precision: one of ``PRECISIONS``.
        device: such as "cpu" or "cuda".
        batch_rows: rows of a part.
        threads: of one process on the CPU; None leaves torch its own number.
    """

    source: Source
    out: Path
    model: str
    route: str
    dtype: str = DTYPES[0]
    precision: str = EXACT
    device: str = "cpu"
    batch_rows: int = BATCH_ROWS
    threads: int | None = None


@dataclass(frozen=True)
class Embedded:
    """Count what a run did: parts written and found whole, rows written, and seconds for these."""

    written: int
    found: int
    rows: int
    seconds: float


class Embedder:
    """Hold the loaded model of a job and write its parts."""

    def __init__(self, job: Job, device: str | None = None) -> None:
        """Load the model; ``device`` is where it computes, that of the job by default."""
        import torch

        from mote_demo.growing.shipped import with_shipped
        from mote_demo.loading import load

        if job.threads is not None:
            torch.set_num_threads(job.threads)
        place = checked_device(device or job.device)
        model = with_shipped(load(job.model), [job.route])
        if job.route not in model.all_routes:
            raise unknown_choice("route", job.route, model.all_routes)
        self.job = job
        self._model = _prepared(model, job.precision).on(place)

    def manifest(self) -> Manifest:
        """Return what the folder of the job is to hold."""
        job, model = self.job, self._model
        return Manifest(
            model=job.model,
            fingerprint=model.fingerprint(job.route),
            route=job.route,
            instruction=model.all_routes[job.route].instruction,
            precision=job.precision,
            dtype=job.dtype,
            dimension=model.dimension,
            source=job.source.describe(),
            batch_rows=job.batch_rows,
        )

    def write(self, manifest: Manifest, numbers: Sequence[int], on_rows: OnRows) -> Iterator[int]:
        """Embed and write these parts, in order; yield the number of each when it is on disk."""
        job = self.job
        for number, block in job.source.blocks(numbers, job.batch_rows):
            texts = texts_of(block, job.source.column)
            vectors = self._encode(texts, on_rows)
            write_part(job.out, manifest, number, vectors, texts, block.select(list(job.source.keep)))
            yield number

    def _encode(self, texts: Sequence[str | None], on_rows: OnRows) -> np.ndarray:
        done = 0

        def progress(so_far: int, _: int) -> None:
            nonlocal done
            on_rows(so_far - done)
            done = so_far

        present = [row for row, text in enumerate(texts) if text is not None]
        vectors = np.zeros((len(texts), self._model.dimension), np.float32)
        if present:
            found = [text for text in texts if text is not None]
            vectors[present] = self._model.encode(found, route=self.job.route, progress=progress)
        on_rows(len(texts) - len(present))
        return vectors


class Pace:
    """Turn counted rows into lines with rows per second and the time that is left, one in five seconds."""

    def __init__(self, rows: int, say: Say) -> None:
        """Count up to ``rows`` from now on."""
        self._total, self._say = rows, say
        self.rows = 0
        self.started = self._told = time.monotonic()

    @property
    def seconds(self) -> float:
        """Return the seconds since the first row was awaited."""
        return time.monotonic() - self.started

    def add(self, rows: int) -> None:
        """Count rows that were embedded."""
        self.rows += rows
        now = time.monotonic()
        if now - self._told >= _SECONDS_BETWEEN_LINES and self.rows:
            self._told = now
            rate = self.rows / self.seconds
            left = time_left((self._total - self.rows) / rate)
            self._say(f"{self.rows:,} of {self._total:,} rows, {rate:,.1f} rows/s, {left} left")


def embed(
    job: Job,
    *,
    shard: tuple[int, int] = (1, 1),
    engine: str = LOCAL,
    workers: int | None = None,
    say: Say = lambda _: None,
) -> Embedded:
    """Embed a source into Parquet parts of vectors; what an earlier run finished is kept.

    The vectors depend on the job alone, byte for byte: not on the shard, the engine or where an earlier run stopped.

    Args:
        job: what to do.
        shard: (i, n) embeds the i-th of n shares, from 1.
        engine: "local", this process alone, or "ray", workers on a cluster (see ``ray_engine``).
        workers: of the engine "ray"; None takes as many as the cluster has room for.
        say: called with lines of progress.

    Raises:
        UserError: the source, a setting, the device or the folder will not do; parts that were written stay.
    """
    if engine not in ENGINES:
        raise unknown_choice("engine", engine, ENGINES)
    if job.dtype not in DTYPES:
        raise unknown_choice("dtype", job.dtype, DTYPES)
    if job.batch_rows < 1:
        raise UserError(f"A part has at least 1 row, not {job.batch_rows}.")
    _check_shard(shard)
    if not job.source.rows:
        raise UserError(f"{job.source.path} has no rows.")
    # Where others compute, this machine only says what the model is.
    embedder = Embedder(job, "cpu" if engine == RAY else None)
    manifest = embedder.manifest()
    manifest.put_into(job.out)
    numbers = shares(manifest.parts, *shard)
    missing = _missing(job.out, manifest, numbers, say)
    rows = sum(manifest.rows_of(number) for number in missing)
    share = "" if shard[1] == 1 else f" for shard {shard[0]} of {shard[1]}"
    say(f"{len(missing):,} of {len(numbers):,} parts are to do{share}, {rows:,} of {manifest.rows:,} rows")
    pace = Pace(rows, say)
    if engine == RAY and missing:
        from mote_demo.bulk.ray_engine import write_parts

        del embedder
        written = sum(1 for _ in write_parts(job, manifest, missing, workers, pace.add))
    else:
        written = sum(1 for _ in embedder.write(manifest, missing, pace.add))
    return Embedded(written, len(numbers) - len(missing), pace.rows, pace.seconds)


def shares(parts: int, index: int, of: int) -> range:
    """Return the numbers of the parts in the ``index``-th of ``of`` shares, from 1: neighbours, which read least."""
    return range(parts * (index - 1) // of, parts * index // of)


def parse_shard(words: str) -> tuple[int, int]:
    """Read "i/n"; anything else is a ``UserError``."""
    match = re.fullmatch(r"(\d+)/(\d+)", words.strip())
    if match is None:
        raise UserError(f"A shard is i/n, such as 1/4, not {words!r}.")
    shard = int(match[1]), int(match[2])
    _check_shard(shard)
    return shard


def time_left(seconds: float) -> str:
    """Say a duration in the two units that matter."""
    minutes = math.ceil(seconds / 60)
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def checked_device(name: str) -> str:
    """Return the name of a device that is there; another one is a ``UserError`` that lists them."""
    import torch

    there = ["cpu"]
    if torch.cuda.is_available():
        there += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        there.append("mps")
    if name not in there:
        raise unknown_choice("device", name, there)
    return name


def _prepared(model: "Encoder | SentenceEncoder", precision: str) -> "Encoder | SentenceEncoder":
    if isinstance(model, Encoder):
        return model.with_precision(precision)
    if precision != EXACT:
        raise UserError(
            f"{model.name} is computed by sentence-transformers, which knows the precision {EXACT!r} alone."
        )
    return model


def _check_shard(shard: tuple[int, int]) -> None:
    index, of = shard
    if not 1 <= index <= of:
        raise UserError(f"There is no shard {index} of {of}. The first of n is 1/n and the last n/n.")


def _missing(folder: Path, manifest: Manifest, numbers: Sequence[int], say: Say) -> list[int]:
    """Return the parts that are to be written, and say which were damaged."""
    missing, told = [], time.monotonic()
    for number in numbers:
        state = state_of_part(folder, manifest, number)
        if state == "damaged":
            say(f"Part {number} is damaged and will be written again.")
        if state != "whole":
            missing.append(number)
        if time.monotonic() - told >= _SECONDS_BETWEEN_LINES:
            told = time.monotonic()
            say(f"Checked {number - numbers[0] + 1:,} of {len(numbers):,} parts")
    return missing
