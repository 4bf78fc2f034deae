"""Vectors of ``mote embed`` in a FAISS file and in Milvus, searched as those in memory are."""

import re
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mote_demo.bulk.embed import Job, embed
from mote_demo.bulk.index import build_index, check_model, open_index
from mote_demo.bulk.parts import kept_of_rows, read_parts
from mote_demo.bulk.source import Source
from mote_demo.errors import UserError
from mote_demo.explore.index import search
from mote_demo.explore.lens import Lens
from mote_demo.explore.pair import Pair
from mote_demo.loading import load
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.serving.sessions import Session
from mote_demo.serving.shelf import Shelf
from mote_demo.settings import indexed_folders
from mote_demo.store import VectorStore

WORDS = ["cat", "dog", "bird", "fish", "car", "train", "plane", "road", "city", "house"]
TEXTS = [f"the {word} is {much}" for word in WORDS for much in ("good", "bad", "big", "red")]
EMPTY = 7


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, tiny_mote, tiny_tokenizer):
    folder = tmp_path_factory.mktemp("index") / "mote"
    save_checkpoint(tiny_mote, tiny_tokenizer, folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory, checkpoint):
    """The vectors of all texts but one, in three parts."""
    folder = tmp_path_factory.mktemp("vectors")
    texts = [None if row == EMPTY else text for row, text in enumerate(TEXTS)]
    pq.write_table(pa.table({"text": texts}), folder / "texts.parquet")
    embed(
        Job(
            Source(folder / "texts.parquet", "text", ("text",)),
            folder / "out",
            str(checkpoint),
            "document",
            batch_rows=16,
        )
    )
    return folder / "out"


@pytest.fixture(params=["faiss:{}/all.faiss", pytest.param("milvus:{}/all.db", marks=pytest.mark.slow)])
def place(request, tmp_path):
    if request.param.startswith("milvus"):
        pytest.importorskip("milvus_lite")
    return request.param.format(tmp_path)


def test_it_finds_what_the_index_in_memory_finds(place, folder):
    assert build_index(folder, place) == len(TEXTS) - 1
    rows, vectors = (np.concatenate(each) for each in zip(*read_parts(folder), strict=True))
    for count in (1, 3):
        scores, found = open_index(place).search(vectors[:count], 5)
        expected_scores, expected = search(vectors, vectors[:count], 5)
        np.testing.assert_allclose(scores, expected_scores, atol=1e-5)
        assert found.tolist() == rows[expected].tolist()
        assert (scores.dtype, found.dtype) == (np.float32, np.int64)
    assert open_index(place).search(vectors[:1], 1000)[1].shape == (1, len(TEXTS) - 1)


def test_the_same_vectors_may_come_again_and_others_may_not(place, folder, checkpoint, tmp_path):
    build_index(folder, place)
    build_index(folder, place)
    index = open_index(place)
    _, vectors = next(read_parts(folder))
    assert sorted(index.search(vectors[:1], 100)[1][0].tolist()) == [row for row in range(len(TEXTS)) if row != EMPTY]
    check_model(index, load(str(checkpoint)), "document")
    with pytest.raises(UserError, match="holds vectors of .*on the route 'document', not of 'mote' on 'sts'"):
        check_model(index, load(str(checkpoint)), "sts")


def test_an_index_that_is_not_there_names_the_command(place):
    with pytest.raises(UserError, match="There is no index .*mote index"):
        open_index(place)


@pytest.mark.slow
def test_milvus_that_does_not_answer_is_one_sentence(folder):
    pytest.importorskip("pymilvus")
    for to in (build_index, lambda _, place: open_index(place)):
        with pytest.raises(UserError, match=r"^Milvus at 127\.0\.0\.1:9 does not answer[^\n]*$"):
            to(folder, "milvus://127.0.0.1:9/texts")


@pytest.mark.slow
def test_a_collection_of_other_vectors_is_left_alone(folder, checkpoint, tmp_path):
    pytest.importorskip("milvus_lite")
    build_index(folder, f"milvus:{tmp_path}/all.db")
    source = Source(folder.parent / "texts.parquet", "text")
    embed(Job(source, tmp_path / "others", str(checkpoint), "sts"))
    with pytest.raises(UserError, match="holds other vectors"):
        build_index(tmp_path / "others", f"milvus:{tmp_path}/all.db")


@pytest.mark.parametrize("place", ["faiss", "faiss:", "qdrant:file", "texts.db"])
def test_what_is_no_index_lists_the_forms(folder, place):
    with pytest.raises(UserError, match="is no index. Please write faiss:FILE, milvus:FILE.db"):
        build_index(folder, place)


def test_without_pymilvus_the_error_names_the_command(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(UserError, match=r"pip install 'mote-demo\[milvus\]'"):
        build_index(folder, "milvus://host:19530/texts")


def test_a_damaged_file_says_how_to_make_it_again(folder, tmp_path):
    build_index(folder, f"faiss:{tmp_path}/all.faiss")
    (tmp_path / "all.faiss").write_bytes(b"IxMp")
    with pytest.raises(UserError, match="damaged.*mote index"):
        open_index(f"faiss:{tmp_path}/all.faiss")


def test_hits_show_the_columns_that_were_kept(folder):
    assert kept_of_rows(folder, [33, 0, 20]) == [TEXTS[33], TEXTS[0], TEXTS[20]]


def test_the_command_line_builds_an_index_and_looks_a_query_up(folder, checkpoint, tmp_path, capsys):
    from mote_demo.cli import main

    place = f"faiss:{tmp_path}/all.faiss"
    assert main(["index", str(folder), "--to", place]) == 0
    lens = f"{checkpoint}/retrieval"
    assert main(["lookup", "the red car", "--index", place, "--lens", lens, "--folder", str(folder), "-k", "3"]) == 0
    put, *hits = capsys.readouterr().out.splitlines()
    assert put.startswith("Put 39 vectors")
    assert len(hits) == 3
    assert all(re.fullmatch(r" +\d -?\d\.\d{3} +\d+ the \w+ is \w+", hit) for hit in hits)


@pytest.fixture
def indexed(place, folder, checkpoint, tiny_baseline_encoder):
    """A session that has the texts of the folder, which are searched in the index."""
    build_index(folder, place)
    shelf = Shelf.of(VectorStore(None), baseline=tiny_baseline_encoder, mote=load(str(checkpoint)))
    shelf.add_indexed(folder, place)
    return Session(shelf)


def test_the_app_asks_the_index_where_it_has_the_vectors_and_encodes_elsewhere(indexed, monkeypatch):
    texts = indexed.texts("out")
    assert ("out", "out") in indexed.texts_choices()
    mote, baseline = indexed.lens("mote/retrieval"), indexed.lens("baseline/retrieval")
    expected = Pair(mote, baseline).ask("the red car", texts, k=10)
    encoded = []
    vectors = VectorStore.vectors
    monkeypatch.setattr(
        VectorStore, "vectors", lambda *given, **how: encoded.append(given[1].name) or vectors(*given, **how)
    )
    found = Pair(mote, baseline, indexed.shelf.store).ask("the red car", texts, k=10)
    assert encoded == [baseline.encoder.name]
    for side, other in zip(found.sides, expected.sides, strict=True):
        rows = [hit.row for hit in other.hits if hit.row != EMPTY]
        assert [hit.row for hit in side.hits if hit.row != EMPTY][: len(rows)] == rows
    assert found.right.hits == expected.right.hits


def test_texts_that_come_again_are_found_once(tmp_path, checkpoint):
    pq.write_table(pa.table({"text": TEXTS * 3}), tmp_path / "texts.parquet")
    embed(Job(Source(tmp_path / "texts.parquet", "text", ("text",)), tmp_path / "out", str(checkpoint), "document"))
    build_index(tmp_path / "out", f"faiss:{tmp_path}/all.faiss")
    shelf = Shelf.of(VectorStore(None), mote=load(str(checkpoint)))
    shelf.add_indexed(tmp_path / "out", f"faiss:{tmp_path}/all.faiss")
    lens = Lens.of(shelf.encoder("mote"), "retrieval")
    texts = shelf.texts("out")
    found, expected = (Pair(lens, lens, store).ask("a big fish", texts) for store in (shelf.store, VectorStore(None)))
    assert [(hit.row, hit.copies) for hit in found.left.hits] == [(hit.row, hit.copies) for hit in expected.left.hits]
    assert {hit.copies for hit in found.left.hits} == {3}


def test_texts_that_the_parts_do_not_keep_cannot_be_shown(tmp_path, folder, checkpoint):
    embed(Job(Source(folder.parent / "texts.parquet", "text"), tmp_path / "bare", str(checkpoint), "document"))
    build_index(tmp_path / "bare", f"faiss:{tmp_path}/bare.faiss")
    shelf = Shelf.of(VectorStore(None), mote=load(str(checkpoint)))
    with pytest.raises(UserError, match="with --keep text"):
        shelf.add_indexed(tmp_path / "bare", f"faiss:{tmp_path}/bare.faiss")
    with pytest.raises(UserError, match="holds other vectors than"):
        shelf.add_indexed(folder, f"faiss:{tmp_path}/bare.faiss")


def test_the_environment_lists_folders_with_their_indexes(monkeypatch):
    monkeypatch.setenv("MOTE_INDEXES", "/a/messages=faiss:/a/all.faiss, /b/faq=milvus://host:1/faq")
    assert indexed_folders() == (("/a/messages", "faiss:/a/all.faiss"), ("/b/faq", "milvus://host:1/faq"))
    monkeypatch.setenv("MOTE_INDEXES", "/a/messages")
    with pytest.raises(UserError, match="MOTE_INDEXES lists FOLDER=INDEX"):
        indexed_folders()
