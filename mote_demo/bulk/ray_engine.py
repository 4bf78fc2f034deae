"""The parts of a job on a Ray cluster: workers that each hold the model, read their own rows and write whole parts."""

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mote_demo.bulk.embed import Embedder, Job, OnRows
from mote_demo.bulk.parts import Manifest, part_file, state_of_part
from mote_demo.errors import UserError

if TYPE_CHECKING:
    import numpy as np

_LONGEST_RUN = 16
"""Parts of one task: a worker reads a row group from its start to where its parts are, so neighbours go together."""

_TASKS_OF_A_WORKER = 8
_SECONDS_BETWEEN_LOOKS = 1.0


class Worker:
    """Hold the model in a process of the cluster; Ray Data starts one, and another where one was lost."""

    def __init__(self, job: Job, manifest: Manifest) -> None:
        """Load the model on the device of the job."""
        self._embedder, self._manifest = Embedder(job), manifest

    def __call__(self, batch: "dict[str, np.ndarray]") -> "dict[str, np.ndarray]":
        """Write the parts from ``first`` to ``last``; those that a lost worker finished stay."""
        out = self._embedder.job.out
        for first, last in zip(batch["first"].tolist(), batch["last"].tolist(), strict=True):
            todo = [n for n in range(first, last + 1) if state_of_part(out, self._manifest, n) != "whole"]
            for _ in self._embedder.write(self._manifest, todo, lambda _: None):
                pass
        return batch


def write_parts(
    job: Job, manifest: Manifest, numbers: Sequence[int], workers: int | None, on_rows: OnRows
) -> Iterator[int]:
    """Have workers write these parts; yield the number of each.

    Uses the cluster of RAY_ADDRESS, or one that this process is connected to, or starts one on this machine. A worker
    that is lost is replaced, and what it did not finish is done again.

    Args:
        job: what to do; its source and folder lie where every machine finds them.
        manifest: of the folder.
        numbers: of the parts, in rising order.
        workers: how many; None takes as many as the cluster has processors (of ``job.threads``) or GPUs for.
        on_rows: called as parts appear in the folder.

    Raises:
        UserError: Ray is not installed or has no such device, or what a worker raised.
    """
    try:
        import ray
    except ImportError as error:
        raise UserError("The engine 'ray' needs Ray. Please run: pip install 'mote-demo[ray]'.") from error

    if not ray.is_initialized():
        ray.init(address=os.environ.get("RAY_ADDRESS"), log_to_driver=False, logging_level=logging.ERROR)
    share = _share_of_a_worker(job)
    room = int(ray.cluster_resources().get("GPU" if "num_gpus" in share else "CPU", 0) // max(share.values()))
    if not room:
        raise UserError(f"The Ray cluster has no room for a worker on {job.device!r} ({share}).")
    workers = min(workers or room, room)
    seen = threading.Event()
    look = threading.Thread(target=_count_parts, args=(job, manifest, numbers, on_rows, seen), daemon=True)
    look.start()
    try:
        _run(job, manifest, _runs(numbers, workers), workers, share)
    finally:
        seen.set()
        look.join()
    lacking = [number for number in numbers if not part_file(job.out, number).exists()]
    if lacking:
        raise UserError(f"The workers wrote {len(lacking):,} parts elsewhere. All machines must share {job.out}.")
    yield from numbers


def _share_of_a_worker(job: Job) -> dict[str, float]:
    return {"num_gpus": 1.0} if job.device.startswith("cuda") else {"num_cpus": float(job.threads or 1)}


def _runs(numbers: Sequence[int], workers: int) -> list[dict[str, int]]:
    """Cut numbers into runs of neighbours, short enough that no worker is left with most of the work."""
    most = max(1, min(_LONGEST_RUN, len(numbers) // (workers * _TASKS_OF_A_WORKER)))
    runs: list[dict[str, int]] = []
    for number in numbers:
        last = runs[-1] if runs else None
        if last and number == last["last"] + 1 and number - last["first"] < most:
            last["last"] = number
        else:
            runs.append({"first": number, "last": number})
    return runs


def _run(job: Job, manifest: Manifest, runs: list[dict[str, int]], workers: int, share: dict[str, Any]) -> None:
    import ray

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    pool = ray.data.ActorPoolStrategy(min_size=1, initial_size=workers, max_size=workers)
    tasks = ray.data.from_items(runs, override_num_blocks=len(runs))
    done = tasks.map_batches(Worker, fn_constructor_args=(job, manifest), batch_size=1, compute=pool, **share)
    try:
        for _ in done.iter_rows():
            pass
    except ray.exceptions.RayError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, UserError):
            cause = getattr(cause, "cause", None) or cause.__cause__
        raise cause or UserError(f"The Ray cluster gave up: {' '.join(str(error).split())[-300:]}") from error


def _count_parts(job: Job, manifest: Manifest, numbers: Sequence[int], on_rows: OnRows, stop: threading.Event) -> None:
    """Count parts as they appear: the folder knows what every worker did, whichever of them were lost."""
    there = {number for number in numbers if part_file(job.out, number).exists()}
    last = False
    while not last:
        last = stop.wait(_SECONDS_BETWEEN_LOOKS)
        for number in numbers:
            if number not in there and part_file(job.out, number).exists():
                there.add(number)
                on_rows(manifest.rows_of(number))
