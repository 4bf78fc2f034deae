import io
import json

import pandas as pd
import pytest

from mote_demo.data.tables import read_table
from mote_demo.data.uploads import ReadOptions, guess_columns


@pytest.fixture(params=["jsonl", "parquet", "csv"])
def upload(request, tmp_path):
    """Write rows in a format; a CSV holds JSON, as most exports write lists."""

    def write(rows, **options):
        path = tmp_path / f"a.{request.param}"
        if request.param == "jsonl":
            path.write_text("\n".join(map(json.dumps, rows)))
        elif request.param == "parquet":
            pd.DataFrame(rows).to_parquet(path)
        else:
            text = [{k: json.dumps(v) if isinstance(v, (list, dict)) else v for k, v in row.items()} for row in rows]
            pd.DataFrame(text).to_csv(path, index=False)
        return read_table(path, ReadOptions(**options))

    return write


def test_a_list_of_one_is_its_element_and_an_empty_one_is_blank(upload):
    labels = [["refund"], [], ["late"], [], ["refund"]]
    table = upload([{"text": f"message {n}", "label": label} for n, label in enumerate(labels)])
    assert table.frame["label"].tolist() == ["refund", "", "late", "", "refund"]
    assert table.objects == ()


def test_labels_in_any_order_are_the_same_and_noted(upload):
    labels = [["refund", "urgent"], ["urgent", "refund"], ["late"], ["late"], ["urgent", "late", "urgent"]]
    table = upload([{"text": f"message number {n}", "label": label} for n, label in enumerate(labels)])
    assert table.frame["label"].tolist() == ["refund, urgent"] * 2 + ["late"] * 2 + ["late, urgent"]
    note = next(note for note in table.notes if "several values in 'label'" in note)
    assert len(note.rows) == 3
    assert note.column == "label"


def test_labels_without_a_usual_name_are_told_by_coming_again(upload):
    rows = [{"text": f"message number {n}", "about": ["a", "b"] if n % 2 else ["b", "a"]} for n in range(8)]
    assert set(upload(rows).frame["about"]) == {"a, b"}


@pytest.mark.parametrize("names", [("query", "pos", "neg"), ("anchor", "positives", "hard_negatives")])
def test_each_positive_is_a_row_that_keeps_the_negatives(upload, names):
    rows = [
        {names[0]: f"question {n}", names[1]: [f"answer {n}a", f"answer {n}b"], names[2]: [f"no {n}a", f"no {n}b"]}
        for n in range(6)
    ]
    rows[0][names[1]] = ["the only answer"]
    table = upload(rows)
    assert len(table.frame) == 11
    assert list(table.frame.columns) == [*names, f"{names[2]} (2)"]
    assert table.frame.iloc[1].tolist() == ["question 1", "answer 1a", "no 1a", "no 1b"]
    assert table.frame.iloc[2].tolist() == ["question 1", "answer 1b", "no 1b", "no 1a"]
    assert any("6 rows became 11" in note for note in table.notes)
    assert not table.frame.map(lambda cell: "[" in cell).any(axis=None)
    assert table.lines[1] == table.lines[2]


def test_scores_of_the_positives_go_with_them(upload):
    rows = [{"query": f"q {n}", "pos": [f"a {n}", f"b {n}"], "pos_scores": [0.9, 0.5]} for n in range(4)]
    assert upload(rows).frame["pos_scores"].tolist() == ["0.9", "0.5"] * 4


def test_two_texts_in_a_list_and_nothing_else_are_two_columns(upload):
    table = upload([{"set": [f"where is parcel {n}", f"it is at place {n}"]} for n in range(6)])
    assert list(table.frame.columns) == ["set", "set (2)"]
    assert table.frame.iloc[0].tolist() == ["where is parcel 0", "it is at place 0"]


def test_objects_and_lists_of_numbers_are_no_text(upload):
    rows = [
        {"metadata": {"url": f"a long address of the page {n}"}, "vector": [0.1, n], "body": f"words {n}"}
        for n in range(5)
    ]
    table = upload(rows)
    assert set(table.objects) == {"metadata", "vector"}
    assert guess_columns(table).text == "body"
    assert any("'metadata' holds objects" in note for note in table.notes)


def test_tokens_are_joined_to_a_text(upload):
    rows = [{"tokens": ["The", "lamp", "broke", str(n), "times", "today"], "label": "ab"[n % 2]} for n in range(4)]
    assert upload(rows).frame["tokens"][0] == "The lamp broke 0 times today"


def test_rows_made_of_lists_are_no_more_than_the_limit(upload):
    rows = [{"query": f"question {n}", "pos": [f"answer {n}-{m}" for m in range(9)]} for n in range(20)]
    table = upload(rows, max_rows=30)
    assert len(table.frame) == 30
    assert table.frame["query"].nunique() > 12


def csv(tmp_path, content):
    (tmp_path / "a.csv").write_text(content)
    return read_table(tmp_path / "a.csv").frame


def test_lists_as_python_and_numpy_write_them_are_read(tmp_path):
    frame = pd.DataFrame({"text": ["one text", "two texts", "three", "x"], "tags": [["a"], ["b", "a"], [], ["a", "b"]]})
    assert csv(tmp_path, frame.to_csv(index=False))["tags"].tolist() == ["a", "a, b", "", "a, b"]
    assert csv(tmp_path, "text,tags\none text,['a' 'b']\ntwo texts,['b' 'a']\n")["tags"].tolist() == ["a, b"] * 2


def test_texts_in_brackets_stay_texts(tmp_path):
    for text in ("[deleted]", "[see above] and more", "{name}", "[1] and [2]", "__import__('os')"):
        assert csv(tmp_path, f'text,label\n"{text}",a\nother,b\n')["text"][0] == text
        assert csv(tmp_path, f'text,label\n"{text}",a\n"{text}",b\n')["text"][0] == text


def test_joined_labels_that_differ_in_order_are_the_same(tmp_path):
    rows = "".join(f"message {n},{label}\n" for n, label in enumerate(["a#b", "b#a", "a", "b", "a#b", "b", "a", "a"]))
    assert csv(tmp_path, f"text,label\n{rows}")["label"].tolist() == ["a#b", "a#b", "a", "b", "a#b", "b", "a", "a"]
    rows = "".join(f"message {n},{day}\n" for n, day in enumerate(["1;2", "2;1", "1;2", "2;1"]))
    assert csv(tmp_path, f"text,day\n{rows}")["day"].tolist() == ["1;2", "2;1", "1;2", "2;1"]


FEATURES = {
    "label": {"names": ["World", "Sports"], "_type": "ClassLabel"},
    "tags": {"feature": {"names": ["good", "new"], "_type": "ClassLabel"}, "_type": "List"},
    "old": [{"names": ["no", "yes"], "_type": "ClassLabel"}],
    "text": {"dtype": "string", "_type": "Value"},
}


def test_names_of_classes_in_a_schema_are_used(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = {"text": ["a b", "c d", "e f"], "label": [1, 0, -1], "tags": [[1, 0], [0, 1], [0]], "old": [[1], [0], []]}
    table = pa.table(rows).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": FEATURES}})})
    pq.write_table(table, tmp_path / "a.parquet")
    frame = read_table(tmp_path / "a.parquet").frame
    assert frame["label"].tolist() == ["Sports", "World", ""]
    assert frame["tags"].tolist() == ["good, new", "good, new", "good"]
    assert frame["old"].tolist() == ["yes", "no", ""]


def test_a_column_of_pandas_categories_gives_its_names(tmp_path):
    frame = pd.DataFrame({"text": ["a b", "c d"], "label": pd.Categorical(["x", "y"])})
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    (tmp_path / "a.parquet").write_bytes(buffer.getvalue())
    assert read_table(tmp_path / "a.parquet").frame["label"].tolist() == ["x", "y"]
