import sys

import pandas as pd
import pytest

from scripts import reranking_sets


@pytest.fixture
def tables():
    """Forty documents on four things, with titles; two queries, one of which nothing answers."""
    things = ["cat", "dog", "train", "river"]
    documents = [(f"d{row}", things[row % 4], f"about the {things[row % 4]} number {row}") for row in range(40)]
    return {
        "corpus": pd.DataFrame(documents, columns=["id", "title", "text"]),
        "queries": pd.DataFrame([("q1", "which cat is it"), ("q2", "nothing")], columns=["id", "text"]),
        "qrels": pd.DataFrame(
            [("q1", "d0", 1), ("q1", "d3", 2), ("q1", "gone", 1), ("q2", "d1", 0)],
            columns=["query_id", "doc_id", "score"],
        ),
    }


def test_the_right_documents_stand_among_the_nearest_by_shared_words(tables, monkeypatch):
    monkeypatch.setattr(reranking_sets, "CANDIDATES", 8)
    made = reranking_sets.candidates(tables)
    assert set(made["query"]) == {"which cat is it"}
    right = made[made["label"] == 1]["text"].tolist()
    assert right == ["cat. about the cat number 0", "river. about the river number 3"]
    assert made[made["label"] == 0]["text"].str.contains("cat").all()


def test_a_relevant_document_is_never_a_wrong_candidate_even_where_only_some_are_kept(tables, monkeypatch):
    monkeypatch.setattr(reranking_sets, "MOST_RELEVANT", 1)
    cats = [("q1", f"d{row}", 1) for row in range(0, 40, 4)]
    made = reranking_sets.candidates({**tables, "qrels": pd.DataFrame(cats, columns=tables["qrels"].columns)})
    assert made["label"].sum() == 1
    assert not made[made["label"] == 0]["text"].str.contains("cat").any()


def test_the_command_writes_the_set_where_it_is_found(tables, tmp_path, monkeypatch):
    folder = tmp_path / "dev" / "retrieval" / "things"
    folder.mkdir(parents=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet")
    monkeypatch.setattr(sys, "argv", ["reranking_sets", str(tmp_path), str(tmp_path / "dev"), "things"])
    reranking_sets.main()
    found = [one for one in reranking_sets.discover(tmp_path) if one.family == "reranking"]
    assert [one.name for one in found] == ["things_candidates"]
    assert found[0].read()[0]["test"]["label"].sum() == 2
