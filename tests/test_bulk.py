"""Large sources in, parts of vectors out."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mote_demo.bulk.embed import Job, Pace, embed, parse_shard, shares, time_left
from mote_demo.bulk.parts import Manifest, part_file, read_parts
from mote_demo.bulk.source import Source
from mote_demo.errors import UserError
from mote_demo.model.checkpoint import save_checkpoint

WORDS = ["cat", "dog", "bird", "fish", "car", "train", "plane", "road", "city", "house"]
TEXTS = [f"the {word} is good" + " and big" * (number % 7) for number, word in enumerate(WORDS * 5)]
ROWS = len(TEXTS)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, tiny_mote, tiny_tokenizer):
    folder = tmp_path_factory.mktemp("bulk") / "mote"
    save_checkpoint(tiny_mote, tiny_tokenizer, folder)
    return folder


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    """Row groups of 13 rows, which no part ends with; row 3 has no text."""
    path = tmp_path_factory.mktemp("source") / "texts.parquet"
    texts = [None if row == 3 else text for row, text in enumerate(TEXTS)]
    pq.write_table(pa.table({"id": [f"n{row}" for row in range(ROWS)], "text": texts}), path, row_group_size=13)
    return path


@pytest.fixture
def job(checkpoint, parquet, tmp_path):
    def make(out="out", source=parquet, column="text", keep=(), **settings):
        settings = {"batch_rows": 8, **settings}
        return Job(Source(source, column, keep), tmp_path / out, str(checkpoint), "document", **settings)

    return make


def bytes_of(folder):
    return {file.name: file.read_bytes() for file in folder.glob("part-*")}


def vectors_of(folder):
    rows, vectors = (np.concatenate(each) for each in zip(*read_parts(folder), strict=True))
    return dict(zip(rows.tolist(), vectors, strict=True))


def test_every_row_has_the_vector_that_encode_gives_it(job, tiny_encoder):
    done = embed(job(keep=("id",)))
    assert (done.written, done.found, done.rows) == (7, 0, ROWS)
    found = vectors_of(job().out)
    assert sorted(found) == [row for row in range(ROWS) if row != 3]
    expected = tiny_encoder.encode(TEXTS, route="document")
    for row, vector in found.items():
        np.testing.assert_allclose(vector, expected[row], atol=5e-3)  # the checkpoint is stored in 16 bits
    table = pq.read_table(part_file(job().out, 1))
    assert table["id"].to_pylist() == [f"n{row}" for row in range(8, 16)]
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 32)


def test_vectors_are_the_same_bytes_whatever_the_shard_and_wherever_a_run_stopped(job):
    embed(job("whole"))
    for shard in ("2/3", "1/3", "3/3"):
        embed(job("shards"), shard=parse_shard(shard))
    embed(job("stopped"), shard=(1, 2))
    embed(job("stopped"))
    assert bytes_of(job("whole").out) == bytes_of(job("shards").out) == bytes_of(job("stopped").out)


def test_what_is_finished_is_skipped_and_what_is_damaged_is_written_again(job):
    embed(job())
    whole = bytes_of(job().out)
    broken = part_file(job().out, 2)
    content = bytearray(broken.read_bytes())
    content[len(content) // 2] ^= 1
    broken.write_bytes(content)
    part_file(job().out, 4).write_bytes(b"PAR1")
    part_file(job().out, 5).unlink()
    with pytest.raises(UserError, match="lacks 1 of 7 parts.*mote embed"):
        list(read_parts(job().out))
    lines = []
    done = embed(job(), say=lines.append)
    assert (done.written, done.found) == (3, 4)
    assert any("Part 2 is damaged" in line for line in lines)
    assert bytes_of(job().out) == whole


@pytest.mark.parametrize("changed", [{"dtype": "float16"}, {"batch_rows": 9}, {"keep": ("id",)}])
def test_settings_that_changed_since_are_an_error_that_names_them(job, changed):
    embed(job(), shard=(1, 7))
    before = bytes_of(job().out)
    with pytest.raises(UserError, match=f"other settings: .*{next(iter(changed))}.*another folder"):
        embed(job(**changed))
    assert bytes_of(job().out) == before


def test_half_as_many_bytes_hold_the_rounded_vectors(job):
    embed(job("exact"))
    embed(job("half", dtype="float16"))
    exact, half = vectors_of(job("exact").out), vectors_of(job("half").out)
    assert all((half[row] == exact[row].astype(np.float16)).all() for row in exact)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "folder"])
def test_other_kinds_of_sources_give_the_same_vectors(job, parquet, tmp_path, kind):
    frame = pd.DataFrame({"text": [*TEXTS[:5], 'with "quotes",\nand a line', *TEXTS[6:]], "id": range(ROWS)})
    frame.to_parquet(tmp_path / "same.parquet")
    if kind == "csv":
        frame.to_csv(tmp_path / "texts.csv", index=False)
    elif kind == "jsonl":
        frame.to_json(tmp_path / "texts.jsonl", orient="records", lines=True)
    else:
        (tmp_path / "texts.folder").mkdir()
        frame[:20].to_parquet(tmp_path / "texts.folder" / "1.parquet")
        frame[20:].to_csv(tmp_path / "texts.folder" / "2.csv", index=False)
    embed(job("expected", tmp_path / "same.parquet"))
    embed(job("found", tmp_path / f"texts.{kind}"), shard=(2, 2))
    embed(job("found", tmp_path / f"texts.{kind}"))
    expected, found = vectors_of(job("expected").out), vectors_of(job("found").out)
    assert all((expected[row] == found[row]).all() for row in range(ROWS))


def test_parts_are_whole_when_a_run_is_cut_off_while_it_writes(job, monkeypatch):
    def cut_off(*_, **__):
        raise KeyboardInterrupt

    embed(job(), shard=(1, 7))
    with monkeypatch.context() as patched:
        patched.setattr(pq, "write_table", cut_off)
        with pytest.raises(KeyboardInterrupt):
            embed(job())
    assert {file.name for file in job().out.iterdir()} == {"manifest.json", "part-0000000.parquet"}


def test_the_manifest_says_what_the_vectors_are(job, tiny_encoder):
    embed(job(), shard=(1, 7))
    said = json.loads((job().out / "manifest.json").read_text("utf-8"))
    assert said["instruction"] == tiny_encoder.config.route("document").instruction
    assert (said["route"], said["dtype"], said["dimension"], said["batch_rows"]) == ("document", "float32", 32, 8)
    assert (said["source"]["name"], said["source"]["rows"]) == ("texts.parquet", ROWS)
    assert Manifest.read(job().out).parts == 7


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"column": "body"}, "column of texts.parquet 'body'. Choose one of: 'id', 'text'"),
        ({"keep": ("name",)}, "column of texts.parquet 'name'. Choose one of: 'id', 'text'"),
        ({"device": "cuda:9"}, "device 'cuda:9'. Choose one of: 'cpu'"),
        ({"device": "quantum"}, "device 'quantum'"),
        ({"dtype": "int3"}, "dtype 'int3'. Choose one of: 'float32', 'float16'"),
        ({"batch_rows": 0}, "at least 1 row"),
        ({"precision": "exactly"}, "precision 'exactly'"),
    ],
)
def test_a_setting_that_will_not_do_is_one_sentence_and_writes_nothing(job, settings, words):
    with pytest.raises(UserError, match=words):
        embed(job(**settings))
    assert not job().out.exists()


def test_a_source_that_will_not_do_is_one_sentence(job, parquet, tmp_path):
    pq.write_table(pa.table({"text": [1, 2]}), tmp_path / "numbers.parquet")
    (tmp_path / "cut.parquet").write_bytes(parquet.read_bytes()[:-10])
    (tmp_path / "nothing").mkdir()
    for name, words in {
        "numbers.parquet": "holds int64, not texts",
        "cut.parquet": "Cannot read .*cut.parquet",
        "nothing": "holds no file that ends in .parquet",
        "absent.parquet": "no file or folder",
    }.items():
        with pytest.raises(UserError, match=words):
            embed(job(source=tmp_path / name))


def test_a_folder_of_something_else_is_left_alone(job):
    job().out.mkdir()
    (job().out / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="holds files, but no manifest"):
        embed(job())


@pytest.mark.parametrize("words", ["0/2", "3/2", "2", "a/b", "1/0"])
def test_a_wrong_shard_says_what_a_shard_is(words):
    with pytest.raises(UserError, match="shard"):
        parse_shard(words)


@pytest.mark.parametrize("of", [1, 3, 7, 20])
def test_every_part_is_in_one_share(of):
    assert [number for index in range(1, of + 1) for number in shares(10, index, of)] == list(range(10))


def test_progress_tells_rows_a_second_and_what_is_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    lines = []
    pace = Pace(1000, lines.append)
    for _ in range(4):
        now[0] += 3
        pace.add(30)
    assert lines == ["60 of 1,000 rows, 10.0 rows/s, 94 s left", "120 of 1,000 rows, 10.0 rows/s, 88 s left"]
    assert [time_left(each) for each in (59, 600, 9000, 400_000)] == ["59 s", "10 min", "2 h 30 min", "4 d 15 h"]


def test_without_ray_the_engine_names_the_command(job, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'mote-demo\[ray\]'"):
        embed(job(), engine="ray")
    with pytest.raises(UserError, match="engine 'spark'. Choose one of: 'local', 'ray'"):
        embed(job(), engine="spark")
