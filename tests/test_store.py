import logging
import os
import random
import threading

import numpy as np
import pandas as pd
import pytest

from mote_demo.data.texts import Texts
from mote_demo.encoder import Stopped
from mote_demo.store import VectorStore


class TopicEncoder:
    """Give each topic (the first word) a fixed random direction, another one on each route; count the calls."""

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.calls: list[str] = []

    def fingerprint(self, route: str, *, instruction: bool = True) -> str:
        return f"{self.name}-{route}-{instruction}"

    def encode(self, texts, *, route, instruction=True, progress=None, stop=None) -> np.ndarray:
        self.calls.append(route)
        rows = [np.random.default_rng([*(route + text.split()[0]).encode()]).normal(size=8) for text in texts]
        if progress is not None:
            progress(len(texts), len(texts))
        return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)


def make_texts(*passages: str) -> Texts:
    return Texts("texts", "Texts", pd.DataFrame({"title": "", "text": passages}))


TEXTS = make_texts("billing a", "billing b", "login c")


@pytest.fixture
def encoder():
    return TopicEncoder()


def test_vectors_are_encoded_once_and_read_from_disk_after_a_restart(tmp_path, encoder):
    store = VectorStore(tmp_path)
    first = store.vectors(encoder, "query", TEXTS)
    assert first.shape == (3, 8)
    assert first[0] @ first[1] == pytest.approx(1)
    assert store.vectors(encoder, "query", TEXTS) is first
    again = VectorStore(tmp_path).vectors(encoder, "query", TEXTS)
    assert np.array_equal(again, first)
    assert again.dtype == np.float32
    assert encoder.calls == ["query"]


def test_another_route_model_or_text_has_its_own_vectors(tmp_path, encoder):
    store = VectorStore(tmp_path)
    query = store.vectors(encoder, "query", TEXTS)
    assert not np.allclose(query, store.vectors(encoder, "document", TEXTS))
    store.vectors(encoder, "query", make_texts("billing a", "login c", "billing b"))
    store.vectors(TopicEncoder("other"), "query", TEXTS)
    assert encoder.calls == ["query", "document", "query"]
    assert len(list(tmp_path.iterdir())) == 4


def test_progress_and_stop_reach_the_encoder(tmp_path):
    stop, seen = threading.Event(), []

    class Encoder(TopicEncoder):
        def encode(self, texts, *, route, instruction=True, progress=None, stop=None):
            seen.append(stop)
            return super().encode(texts, route=route, progress=progress)

    VectorStore(tmp_path).vectors(Encoder(), "query", TEXTS, lambda *counts: seen.append(counts), stop)
    assert seen == [stop, (3, 3)]


def test_what_is_not_to_persist_stays_in_memory(tmp_path, encoder):
    store = VectorStore(tmp_path)
    first = store.vectors(encoder, "query", TEXTS, persist=False)
    assert store.vectors(encoder, "query", TEXTS, persist=False) is first
    assert not list(tmp_path.iterdir())
    VectorStore(tmp_path).vectors(encoder, "query", TEXTS, persist=False)
    assert len(encoder.calls) == 2


def test_callers_cannot_change_what_others_share(tmp_path, encoder):
    store = VectorStore(tmp_path)
    for made in (store.vectors(encoder, "query", TEXTS), VectorStore(tmp_path).vectors(encoder, "query", TEXTS)):
        with pytest.raises(ValueError, match="read-only"):
            made[0] = 0


def truncate(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip_a_bit_of_the_numbers(data: bytes) -> bytes:
    # The local header, the name and the array's own header take the first 200 bytes.
    return data[:220] + bytes([data[220] ^ 1]) + data[221:]


def empty(data: bytes) -> bytes:
    return b""


def claim_compression(data: bytes, method: int) -> bytes:
    # The zip module trusts the directory at the end: its entries start with PK 1 2, and the method is at byte 10.
    at = data.rindex(b"PK\x01\x02")
    return data[: at + 10] + method.to_bytes(2, "little") + data[at + 12 :]


def claim_an_unknown_compression(data: bytes) -> bytes:
    return claim_compression(data, 15)


def claim_to_be_deflated(data: bytes) -> bytes:
    return claim_compression(data.replace(b"\x93NUMPY", b"\xffNUMPY"), 8)


def pickled(data: bytes) -> bytes:
    return b"\x80\x04N."


def claim_fewer_rows(data: bytes) -> bytes:
    at = data.index(b"'shape': (") + len(b"'shape': (")
    return data[:at] + b"1" + data[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        claim_fewer_rows,
        truncate,
        flip_a_bit_of_the_numbers,
        empty,
        pickled,
        claim_an_unknown_compression,
        claim_to_be_deflated,
    ],
)
def test_a_damaged_file_is_computed_again_and_replaced(tmp_path, encoder, damage, caplog):
    whole = VectorStore(tmp_path).vectors(encoder, "query", TEXTS)
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    file.write_bytes(damage(good))
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(VectorStore(tmp_path).vectors(encoder, "query", TEXTS), whole)
    assert len(encoder.calls) == 2
    assert str(file) in caplog.text
    VectorStore(tmp_path).vectors(encoder, "query", TEXTS)
    assert len(encoder.calls) == 2


def test_no_flipped_bit_and_no_cut_gives_another_array(tmp_path):
    whole = np.arange(96, dtype=np.float32).reshape(3, 32)
    VectorStore(tmp_path).array("key", lambda: whole)
    (file,) = tmp_path.iterdir()
    good, chance = file.read_bytes(), random.Random(0)
    for trial in range(200):
        damaged, at = bytearray(good), chance.randrange(len(good))
        damaged[at] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged if trial % 4 else good[:at])
        assert np.array_equal(VectorStore(tmp_path).array("key", lambda: whole), whole)


def test_an_array_that_would_run_code_when_loaded_is_not_loaded(tmp_path):
    store = VectorStore(tmp_path)
    store.array("key", lambda: np.ones(3))
    (file,) = tmp_path.iterdir()
    with file.open("wb") as out:
        np.savez(out, array=np.array([{"an": "object"}], dtype=object))
    assert VectorStore(tmp_path).array("key", lambda: np.zeros(3)).tolist() == [0, 0, 0]


def test_two_threads_wanting_the_same_key_compute_it_once(tmp_path):
    store, started, release, calls, results = VectorStore(tmp_path), threading.Event(), threading.Event(), [], []

    def compute():
        calls.append(threading.get_ident())
        started.set()
        release.wait(10)
        return np.arange(3)

    threads = [
        threading.Thread(target=lambda: results.append(store.array("key", compute, persist=False))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    assert started.wait(10)
    # Another key does not wait for this one.
    assert store.array("other", lambda: np.ones(1)).tolist() == [1]
    release.set()
    for thread in threads:
        thread.join(10)
    assert len(calls) == 1
    assert len(results) == 4
    assert all(result is results[0] for result in results)


def test_a_visitor_who_stops_does_not_wait_for_the_computation_of_another(tmp_path):
    store, started, release, stop = VectorStore(tmp_path), threading.Event(), threading.Event(), threading.Event()

    class SlowEncoder(TopicEncoder):
        def encode(self, texts, *, route, instruction=True, progress=None, stop=None):
            started.set()
            assert release.wait(20)
            return super().encode(texts, route=route)

    encoder, results = SlowEncoder(), []
    first = threading.Thread(target=lambda: results.append(store.vectors(encoder, "query", TEXTS)))
    first.start()
    try:
        assert started.wait(10)
        stop.set()
        with pytest.raises(Stopped):
            store.vectors(encoder, "query", TEXTS, stop=stop)
        assert first.is_alive()
    finally:
        release.set()
        first.join(10)
    assert store.vectors(encoder, "query", TEXTS, stop=stop) is results[0]


def test_a_failed_computation_leaves_nothing_and_can_be_repeated(tmp_path):
    store = VectorStore(tmp_path)
    with pytest.raises(RuntimeError, match="stopped"):
        store.array("key", lambda: (_ for _ in ()).throw(RuntimeError("stopped")))
    assert not list(tmp_path.iterdir())
    assert store.array("key", lambda: np.ones(2)).tolist() == [1, 1]


def test_arrays_of_one_entry_are_kept_together(tmp_path):
    made = {"points": np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32), "method": np.array("UMAP")}
    VectorStore(tmp_path).arrays("key", ("points", "method"), lambda: made)
    kept = VectorStore(tmp_path).arrays("key", ("points", "method"), lambda: pytest.fail("computed again"))
    assert str(kept["method"]) == "UMAP"
    assert np.array_equal(kept["points"], made["points"])


def test_a_file_that_lacks_one_of_the_arrays_is_computed_again(tmp_path):
    VectorStore(tmp_path).arrays("key", ("points",), lambda: {"points": np.ones(2)})
    both = {"points": np.zeros(2), "method": np.array("PCA")}
    assert VectorStore(tmp_path).arrays("key", ("points", "method"), lambda: both)["points"].tolist() == [0, 0]


def test_without_a_folder_everything_stays_in_memory():
    store = VectorStore(None)
    first = store.array("key", lambda: np.ones(2))
    assert store.array("key", lambda: pytest.fail("computed again")) is first


def test_the_longest_unused_files_make_room_and_foreign_files_stay(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"x" * 100_000)
    store = VectorStore(tmp_path, max_bytes=10_000, max_memory_bytes=0)
    for age, key in enumerate(["a", "b"]):
        store.array(key, lambda: np.zeros(500))
        for file in tmp_path.glob("*.npz"):
            os.utime(file, (file.stat().st_mtime - 100 - age,) * 2)
    store.array("a", lambda: pytest.fail("was kept"))
    store.array("c", lambda: np.zeros(500))
    store.array("a", lambda: pytest.fail("was used last"))
    assert store.array("b", lambda: np.ones(500))[0] == 1
    assert (tmp_path / "notes.txt").exists()
    assert sum(file.stat().st_size for file in tmp_path.glob("*.npz")) <= 10_000


def test_memory_is_bounded_and_the_last_used_stays(tmp_path):
    store = VectorStore(tmp_path, max_memory_bytes=200)
    for key in ("a", "b", "a", "c"):
        store.array(key, lambda: np.zeros(10), persist=False)
    store.array("a", lambda: pytest.fail("was used after b"), persist=False)
    assert store.array("b", lambda: np.ones(10), persist=False)[0] == 1


def test_a_disk_that_takes_nothing_does_not_stop_the_work(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    store = VectorStore(tmp_path / "file" / "cache")
    with caplog.at_level(logging.WARNING):
        assert store.array("key", lambda: np.ones(2)).tolist() == [1, 1]
    assert "without keeping" in caplog.text


def test_whoever_waits_for_another_is_told_how_far_it_is():
    go_on, told = threading.Event(), threading.Event()

    class SlowEncoder(TopicEncoder):
        def encode(self, texts, *, route, instruction=True, progress=None, stop=None):
            progress(1, 3)
            go_on.wait(10)
            return super().encode(texts, route=route, progress=progress)

    store, encoder, steps = VectorStore(None), SlowEncoder(), []

    def note(*step):
        steps.append(step)
        told.set()

    first = threading.Thread(target=store.vectors, args=(encoder, "query", TEXTS))
    first.start()
    second = threading.Thread(target=store.vectors, args=(encoder, "query", TEXTS, note))
    second.start()
    assert told.wait(10)
    go_on.set()
    first.join(10)
    second.join(10)
    assert steps[0] == (1, 3)
    assert encoder.calls == ["query"]
