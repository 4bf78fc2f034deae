"""The study of grown experts: cells on disk, a table of all that are there."""

import json

import numpy as np
import pandas as pd
import pytest

from mote_demo.study import growing
from mote_demo.study.growing import METHODS, grow_study, make_upload

pytest.importorskip("peft", exc_type=ImportError)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data" / "dev"
    random = np.random.default_rng(0)
    words = {"pets": ["cat", "dog", "fish"], "wheels": ["car", "train", "road"]}

    def frame(rows, start):
        labels = [("pets", "wheels")[number % 2] for number in range(rows)]
        texts = [f"a {random.choice(words[label])} {start + number}" for number, label in enumerate(labels)]
        return pd.DataFrame({"text": texts, "label_text": labels})

    (folder / "classification" / "kinds").mkdir(parents=True)
    frame(40, 0).to_parquet(folder / "classification" / "kinds" / "train.parquet")
    frame(20, 100).to_parquet(folder / "classification" / "kinds" / "test.parquet")
    notes = folder / "retrieval" / "notes"
    notes.mkdir(parents=True)
    ids = [str(number) for number in range(30)]
    pd.DataFrame({"id": ids, "title": "", "text": [f"the cat {one}" for one in ids]}).to_parquet(
        notes / "corpus.parquet"
    )
    pd.DataFrame({"id": ids, "text": [f"cat {one}" for one in ids]}).to_parquet(notes / "queries.parquet")
    qrels = pd.DataFrame({"query_id": ids, "doc_id": ids, "score": 1.0})
    qrels.to_parquet(notes / "qrels.parquet")
    return tmp_path / "data"


def test_a_study_writes_a_row_for_each_upload_and_goes_on_where_it_was(
    tiny_encoder, tiny_baseline_encoder, data, tmp_path, monkeypatch
):
    said, out = [], tmp_path / "grow.json"
    choice = {"work": tmp_path / "work", "sets": ["kinds", "notes"], "sizes": [16, 999], "seeds": [0, 1]}
    grow_study(tiny_encoder, tiny_baseline_encoder, data, out, **choice, say=said.append)
    rows = json.loads(out.read_text())["rows"]
    assert [(row["set"], row["task"], row["rows"], row["seeds"]) for row in rows] == [
        ("kinds", "classification", 16, 2),
        ("notes", "retrieval", 16, 2),
    ]
    assert len(said) == 4
    for row in rows:
        assert {*METHODS, "others_identical", "twin_forgets"} <= row.keys()
        assert row["others_identical"] is True
        assert all(0 <= row[method] <= 100 for method in METHODS if method != "logreg")
        low, high = row["intervals"]["grown-untrained"]
        assert low <= row["grown"] - row["untrained"] + 0.01
        assert high >= row["grown"] - row["untrained"] - 0.01
    assert rows[1]["logreg"] is None
    monkeypatch.setattr(growing, "compute_cell", lambda *_: pytest.fail("computed again"))
    grow_study(tiny_encoder, tiny_baseline_encoder, data, out, **choice)
    assert json.loads(out.read_text())["rows"] == rows


def test_no_test_text_is_in_an_upload(data):
    tables = {name: pd.read_parquet(data / f"dev/classification/kinds/{name}.parquet") for name in ("train", "test")}
    upload = make_upload("classification", tables, 16, 0)
    assert not set(upload.train.frame["text"]) & set(upload.test.frame["text"])
    assert make_upload("classification", tables, 41, 0) is None
