"""A real Ray cluster of several machines' worth of processes, one of which is killed in the middle."""

import os
import signal
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mote_demo.bulk.embed import Job, embed
from mote_demo.bulk.source import Source
from mote_demo.errors import UserError
from mote_demo.model.checkpoint import save_checkpoint

pytestmark = pytest.mark.slow
PARTS = 60


@pytest.fixture(scope="module")
def cluster():
    """Three nodes, each with room for one worker."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    os.environ["RAY_ADDRESS"] = cluster.address
    yield cluster
    ray.shutdown()
    cluster.shutdown()
    del os.environ["RAY_ADDRESS"]


@pytest.fixture(scope="module")
def job(tmp_path_factory, tiny_mote, tiny_tokenizer):
    folder = tmp_path_factory.mktemp("cluster")
    save_checkpoint(tiny_mote, tiny_tokenizer, folder / "mote")
    texts = [f"the {'big ' * (row % 5)}cat number {row} is good" for row in range(PARTS * 16 - 5)]
    pq.write_table(pa.table({"text": texts}), folder / "texts.parquet", row_group_size=77)
    return lambda out: Job(
        Source(folder / "texts.parquet", "text"), folder / out, str(folder / "mote"), "document", batch_rows=16
    )


def bytes_of(folder):
    return {file.name: file.read_bytes() for file in folder.glob("part-*")}


def workers():
    """Return the processes that hold a model, by what Ray calls them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if name.startswith(b"ray::MapWorker"):
            found.append(int(folder.name))
    return found


def test_workers_write_the_bytes_that_one_process_writes_though_one_is_killed(cluster, job):
    embed(job("local"))
    killed = []

    def kill_one():
        while not killed:
            if len(list(job("ray").out.glob("part-*"))) >= PARTS // 6 and (found := workers()):
                killed.append(found[0])
                os.kill(found[0], signal.SIGKILL)
            time.sleep(0.02)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    lines = []
    done = embed(job("ray"), engine="ray", workers=3, say=lines.append)
    assert killed
    assert (done.written, done.rows) == (PARTS, PARTS * 16 - 5)
    assert bytes_of(job("ray").out) == bytes_of(job("local").out)
    again = embed(job("ray"), engine="ray", workers=3)
    assert (again.written, again.found) == (0, PARTS)


def test_what_a_worker_finds_wrong_is_one_sentence(cluster, job):
    with pytest.raises(UserError, match="no room for a worker on 'cuda'"):
        embed(Job(**{**job("cuda").__dict__, "device": "cuda"}), engine="ray")
