"""A stranger's table comes out of its child as it went in, and small files that want much are refused or read."""

import json
import zipfile
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

from mote_demo.data.encodings import decode
from mote_demo.data.options import ReadOptions
from mote_demo.data.received import receive_table
from mote_demo.data.samples import samples_path
from mote_demo.data.tables import read_table
from mote_demo.errors import UserError
from reliability.bombs import BOMBS, dictionary_of_long_texts, lists_of_zeros

ROWS = [{"text": f"row {n}\ud83d é", "tags": ["a", "b"] if n % 2 else [], "meta": {"x": n}} for n in range(30)]
BEIR = {
    "corpus.jsonl": b'{"_id": "d1", "title": "t", "text": "one"}\n{"_id": "d2", "text": "two"}',
    "queries.jsonl": b'{"_id": "q1", "text": "which"}',
    "qrels/test.tsv": b"query-id\tcorpus-id\tscore\nq1\td2\t1\n",
}


def write(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.fixture
def beir(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name, content in BEIR.items():
            archive.writestr(name, content)
    return tmp_path / "set.zip"


def growth_while(work) -> int:
    """Return by how many bytes this process grew at most."""
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    work()
    return resident("VmHWM") - before


def resident(which: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(which))


def assert_equal(one, other):
    pd.testing.assert_frame_equal(one.frame, other.frame)
    kept = ("source", "lines", "objects", "notes")
    assert [getattr(one, name) for name in kept] == [getattr(other, name) for name in kept]
    assert [(note.rows, note.column) for note in one.notes] == [(note.rows, note.column) for note in other.notes]


def test_a_table_is_the_same_as_one_that_is_read_here(tmp_path):
    lines = "\n".join(map(json.dumps, ROWS)).encode()
    for path, options in (
        (samples_path(), None),
        (write(tmp_path, "a.jsonl", lines), ReadOptions(max_rows=20, seed=3)),
        (write(tmp_path, "b.csv", "ж;1\nщ;2\n".encode("cp1251")), ReadOptions(encoding="cp1251", header=False)),
    ):
        assert_equal(receive_table(path, options), read_table(path, options))


def test_known_answers_come_along(beir):
    received, read = receive_table(beir), read_table(beir)
    assert_equal(received, read)
    pd.testing.assert_frame_equal(received.answers.corpus, read.answers.corpus)
    assert (received.answers.queries, received.answers.relevance) == (read.answers.queries, read.answers.relevance)


def test_what_cannot_be_read_is_refused_in_the_readers_words(tmp_path):
    with pytest.raises(UserError, match="a.csv is a PDF. Please export"):
        receive_table(write(tmp_path, "a.csv", b"%PDF-1"))
    with pytest.raises(UserError, match="no file 'gone.csv'"):
        receive_table(tmp_path / "gone.csv")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: lists_of_zeros(1, 60_000_000), id="one list of 60 million zeros"),
        pytest.param(lambda: lists_of_zeros(20, 2_000_000), id="20 lists of 2 million"),
        pytest.param(lambda: lists_of_zeros(1, 18_000_000), id="as many zeros as are read"),
        pytest.param(lambda: dictionary_of_long_texts(20_000, 20_000_000), id="long texts in a dictionary"),
        pytest.param(BOMBS["one object of empty ones.json"], id="one object of empty ones"),
        pytest.param(BOMBS["10 million one-letter lines.csv"], id="10 million one-letter lines"),
    ],
)
def test_a_bomb_costs_the_app_little(tmp_path, content):
    path = write(tmp_path, "bomb", content())

    def read():
        with suppress(UserError):
            receive_table(path)

    assert growth_while(read) < 100_000_000


def test_long_lists_are_cut_before_they_become_objects(tmp_path):
    path = write(tmp_path, "a.parquet", lists_of_zeros(20, 900_000))
    assert growth_while(lambda: read_table(path)) < 300_000_000


def test_all_text_of_a_table_is_measured_in_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("mote_demo.data.tables.MAX_TEXT", 100_000)
    path = write(tmp_path, "a.csv", "\n".join(["text", *(f"{n}" + "語" * 990 for n in range(90))]).encode())
    table = read_table(path)
    assert 90_000 < sum(len(cell.encode()) for cell in table.frame["text"]) <= 100_000
    assert "random" in table.notes[0]


def test_many_values_in_one_object_are_refused(tmp_path, monkeypatch):
    path = write(tmp_path, "a.json", json.dumps({str(n): {"text": "a, b"} for n in range(20)}).encode())
    assert len(read_table(path).frame) == 1
    monkeypatch.setattr("mote_demo.data.json_rows._MOST_AT_ONCE", 50)
    with pytest.raises(UserError, match="a.json holds more than 50 values.*one object a line"):
        read_table(path)


def test_invalid_bytes_in_very_many_lines_are_not_all_listed():
    data = b"\xc3\xa9\xc3\xa9\xc3\xa9\xff\n" * 30_000
    (note,) = decode(data, "a.csv").notes
    assert "in more than 20,000 lines" in note
    assert len(note.rows) <= 20_001


def test_lists_nested_too_deep_are_refused(tmp_path):
    for depth in (500, 900, 5_000):
        content = b'{"a": ' + b"[" * depth + b"1" + b"]" * depth + b"}\n"
        with suppress(UserError):
            read_table(write(tmp_path, "a.jsonl", content * 3))
