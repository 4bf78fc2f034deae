import io
import json

import pandas as pd
import pytest

from mote_demo.data.tables import read_table
from mote_demo.data.uploads import ReadOptions
from mote_demo.errors import UserError

ROWS = [{"text": f"message {n}", "label": "ab"[n % 2]} for n in range(12)]
FRAME = pd.DataFrame(ROWS)


@pytest.fixture
def upload(tmp_path):
    def write(content, name="upload.json", **options):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return read_table(path, ReadOptions(**options))

    return write


SHAPES = {
    **{
        f"pandas {orient}": FRAME.to_json(orient=orient) for orient in ("records", "columns", "index", "split", "table")
    },
    "pandas lines": FRAME.to_json(orient="records", lines=True),
    "rows with names of their own": FRAME.set_index(FRAME.index.map("row-{}".format)).to_json(orient="index"),
    "columns with names of rows": FRAME.set_index(FRAME.index.map("row-{}".format)).to_json(orient="columns"),
    "columns of lists": json.dumps(FRAME.to_dict("list")),
    "a list over lines": json.dumps(ROWS, indent=2),
    "objects over lines": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "an object a line and a comma": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]",
    "a wrap": json.dumps({"version": 1, "data": ROWS}),
    "a wrap with another name": json.dumps({"meta": {"by": "me"}, "messages": ROWS}, indent=1),
    "a wrap in a wrap": json.dumps({"response": {"status": "ok", "items": ROWS}}),
    "a wrap among lists": json.dumps({"features": [{"name": "text"}], "rows": ROWS}),
    "a wrap of columns": json.dumps({"data": FRAME.to_dict("list")}),
    "lists under a list of names": json.dumps([["text", "label"], *FRAME.to_numpy().tolist()]),
    "lists a line": "\n".join(map(json.dumps, [["text", "label"], *FRAME.to_numpy().tolist()])),
}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", ["a.json", "a.txt", "A.JSON"])
def test_every_usual_shape_is_the_same_table(upload, content, name):
    table = upload(content, name)
    assert table.frame.to_dict("records") == ROWS


def test_the_values_of_pandas_have_no_names(upload):
    table = upload(FRAME.to_json(orient="values"))
    assert list(table.frame.columns) == ["column 1", "column 2"]
    assert table.frame.to_numpy().tolist() == FRAME.to_numpy().tolist()


def test_a_list_of_texts_is_a_column(upload):
    assert upload(["one text", "another"]).frame["text"].tolist() == ["one text", "another"]
    assert upload('"one text"\n"another"\n', "a.jsonl").frame["text"].tolist() == ["one text", "another"]
    assert upload({"name": "x", "texts": ["one", "two"]}).frame["texts"].tolist() == ["one", "two"]


def test_one_object_is_one_row(upload):
    assert upload({"text": "one", "label": "a"}).frame.to_dict("records") == [{"text": "one", "label": "a"}]
    line = {"query": "one", "pos": ["a text", "b text", "c text"], "neg": ["d"]}
    assert len(upload(line, "a.jsonl").frame) == 3


REFUSED = {
    "several tables": ({"train": ROWS, "test": ROWS}, r"one object with 'train' \(a list of objects\), 'test'"),
    "a mixture": ({"name": "x", "a": [1, 2], "b": [3]}, r"'name' \(a text\), 'a' \(a list of numbers\)"),
    "numbers": ([1, 2, 3], "a list of numbers"),
    "a number": (5, "a list of numbers"),
    "an empty object": ({}, "no rows"),
    "objects and texts": ([{"text": "a"}, "b"], "row 2: a text where the first row is an object"),
    "lists of two lengths": ([["a", "b"], ["c"]], "row 2: a list of 1 values where the first has 2"),
    "an empty list": ([], "no rows"),
    "nulls": ([None, None], "a list of nulls"),
    "broken": ('[\n{"text": "a"},\n{"text": }\n]', "line 3: broken JSON"),
    "cut off": (json.dumps(ROWS)[:-9], "broken JSON"),
    "two lists that are broken": ('{"text": "a"\n{"text": "b"}', "broken JSON"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_another_shape_is_refused_by_its_name(upload, content, message):
    with pytest.raises(UserError, match=message):
        upload(content)


def test_a_text_that_begins_with_a_bracket_is_no_json(upload):
    table = upload("text,label\n[deleted],a\n{name} wrote,b\n", "a.csv")
    assert table.frame["text"].tolist() == ["[deleted]", "{name} wrote"]
    assert upload("[one] text,a\n[two] text,b\n[three] text,a\n[four] text,b\n", "a.csv").frame.shape == (4, 2)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1251"])
def test_json_may_have_any_encoding(tmp_path, encoding):
    rows = [{"text": f"Где моя посылка номер {n}", "label": "ab"[n % 2]} for n in range(8)]
    for number, content in enumerate(
        [json.dumps(rows, ensure_ascii=False, indent=1), "\n".join(map(json.dumps, rows))]
    ):
        path = tmp_path / f"{number}.json"
        path.write_bytes(content.encode(encoding))
        assert read_table(path).frame.to_dict("records") == rows


def test_lists_and_lines_are_sampled_over_the_whole_file(upload):
    rows = [{"text": f"text {n}", "label": "first" if n < 500 else "second"} for n in range(1000)]
    for content in (json.dumps(rows), "\n".join(map(json.dumps, rows)), pd.DataFrame(rows).to_json()):
        table = upload(content, max_rows=60)
        assert len(table.frame) == 60
        assert table.frame["label"].value_counts().min() > 15
        assert "Kept 60 of 1,000 rows" in table.notes[0]
        numbers = table.frame["text"].str[5:].astype(int).tolist()
        assert numbers == sorted(numbers) == [line - 1 for line in table.lines]


def test_a_parquet_file_is_no_json(upload, tmp_path):
    buffer = io.BytesIO()
    FRAME.to_parquet(buffer)
    (tmp_path / "a.json").write_bytes(buffer.getvalue())
    assert read_table(tmp_path / "a.json").frame.to_dict("records") == ROWS


@pytest.mark.parametrize("form", ['{"data": [%s]}', "[%s]"])
def test_half_an_emoji_is_dropped_from_names_and_values(tmp_path, form):
    path = tmp_path / "rows.json"
    path.write_text(form % r'{"te\ud83dxt": "a \ud83d cat", "more": ["x\udc00"]}', "utf-8")
    frame = read_table(path).frame
    assert frame.to_dict("records") == [{"text": "a  cat", "more": "x"}]
