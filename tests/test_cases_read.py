"""Files that people stumbled on, each a folder of tests/cases, and what reading them must give."""

import random
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mote_demo.data.reading import read_texts
from mote_demo.data.tables import MAX_TEXT, read_table
from mote_demo.data.uploads import ReadOptions, guess_columns, to_examples
from mote_demo.errors import UserError

CASES = Path(__file__).with_name("cases")


def case(name):
    return sorted(path for path in next(CASES.glob(f"{name}*")).iterdir() if path.suffix)


def named(path):
    return path.name


@pytest.mark.parametrize("path", case("01"), ids=named)
def test_an_unquoted_file_of_tabs_keeps_its_lines_and_marks(path):
    frame = read_table(path).frame
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    assert [list(frame.columns), *frame.to_numpy().tolist()] == lines
    assert len(frame) == 60


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("chinese", "gb18030"), ("japanese", "cp932"), ("korean", "cp949"), ("polish", "cp1250"), ("russian", "cp1251")],
)
def test_what_excel_saves_in_five_countries_is_readable(name, encoding):
    path = next(path for path in case("02") if path.name.startswith(name))
    table = read_table(path)
    content = path.read_bytes().decode(encoding)
    assert len(table.frame) == 24
    assert all(cell in content for row in table.frame.to_numpy() for cell in row)
    assert all(column in content.splitlines()[0] for column in table.frame.columns)
    assert "because it is not UTF-8" in table.notes[0]


@pytest.mark.parametrize("path", case("04"), ids=named)
def test_the_first_line_of_excel_is_obeyed(path):
    frame = read_table(path).frame
    assert len(frame) == 60
    assert set(frame.columns) >= {"text", "label"}
    assert frame["label"].nunique() == 4


@pytest.mark.parametrize(("name", "rows"), [("chinese.tsv", 24), ("commands.csv", 42), ("sentiment.csv", 48)])
def test_short_texts_without_a_header_are_all_kept(name, rows):
    table = read_table(next(path for path in case("05") if path.name == name))
    assert list(table.frame.columns) == ["column 1", "column 2"]
    assert len(table.frame) == rows
    assert "no header" in table.notes[0]


def test_lists_of_positives_become_rows():
    several, one = (read_table(path) for path in case("06"))
    assert (len(several.frame), len(one.frame)) == (72, 36)
    for table in (several, one):
        assert list(table.frame.columns)[:3] == ["query", "pos", "neg"]
        assert (table.frame[["query", "pos", "neg"]] != "").all(axis=None)
        assert not table.frame.map(lambda cell: "[" in cell).any(axis=None)


@pytest.mark.parametrize("path", case("09"), ids=named)
def test_every_shape_of_json_has_its_60_rows(path):
    frame = read_table(path).frame
    assert list(frame.columns) == ["text", "label"]
    assert frame.shape == (60, 2)
    assert len(read_texts(path, text="text")) == 60


@pytest.mark.parametrize("path", case("11"), ids=named)
def test_labels_in_lists_have_no_order_and_may_be_none(path):
    frame = read_table(path).frame
    assert len(frame) == 80
    labels = frame["label"]
    assert (labels == "").sum() == 20
    assert {"refund", "billing"} <= set(labels)
    parts = [frozenset(label.replace("#", ", ").split(", ")) for label in set(labels)]
    assert len(parts) == len(set(parts))
    text = "text" if "text" in frame else "data"
    examples = to_examples(
        read_table(path), "classification", guess_columns(read_table(path)).__class__(text, None, "label")
    )
    assert not any("[" in label for label in examples.counts)


@pytest.mark.parametrize("path", case("12"), ids=named)
def test_files_of_any_name_are_read(path):
    frame = read_table(path).frame
    assert frame.shape == (60, 2)
    assert list(frame.columns) == ["text", "label"]


def test_metadata_of_a_corpus_is_never_a_text():
    for path in case("32"):
        table = read_table(path)
        assert table.objects == ("metadata",)
        columns = guess_columns(table)
        assert columns.text == "text"
        assert "metadata" not in vars(columns).values()


def test_a_lone_carriage_return_is_text():
    (path,) = case("33")
    frame = read_table(path).frame
    assert frame.shape == (60, 2)
    assert "I was charged twice for the lamp \nSent from my phone" in set(frame["text"])


def test_names_of_classes_in_a_parquet_file_are_used():
    (path,) = case("34")
    assert set(read_table(path).frame["label"]) == {"World", "Sports", "Business", "Tech"}


def test_a_file_sorted_by_label_keeps_both_labels(tmp_path):
    chance = random.Random(0)
    path = tmp_path / "reviews.csv"
    rows = [
        f'"The {chance.choice("abc")} did {n}, {label}",{label}' for label in ("bad", "good") for n in range(22_000)
    ]
    path.write_text("\n".join(["review,sentiment", *rows]))
    table = read_table(path)
    assert len(table.frame) == 20_000
    assert table.frame["sentiment"].value_counts().min() > 9_000
    assert table.notes == ("Kept 20,000 of 44,000 rows, drawn at random from the whole file (seed 0).",)


@pytest.mark.parametrize("content", ["a\n", 'b\n"c"\n', '{"a":1}\n'])
def test_a_file_of_very_many_short_lines_takes_little_memory(tmp_path, content):
    path = tmp_path / "letters.txt"
    path.write_text(content * (6_000_000 // len(content)))
    tracemalloc.start()
    try:
        read_table(path)
        assert tracemalloc.get_traced_memory()[1] < 150_000_000
    finally:
        tracemalloc.stop()


def repeated(text, count):
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), [text])


def test_a_parquet_file_whose_values_repeat_takes_little_memory(tmp_path):
    path = tmp_path / "a.parquet"
    long_list = pa.ListArray.from_arrays(pa.array([0, 200_000], pa.int32()), repeated("y" * 100_000, 200_000))
    wide = {f"c{n}": repeated(f"{n}" + "x" * 9_000, 2_000) for n in range(20)}
    for table in (pa.table({"l": long_list}), pa.table(wide)):
        pq.write_table(table, path)
        assert path.stat().st_size < 200_000
        tracemalloc.start()
        try:
            read = read_table(path)
            assert tracemalloc.get_traced_memory()[1] < 700_000_000
        finally:
            tracemalloc.stop()
        assert sum(int(cells.str.len().sum()) for _, cells in read.frame.items()) <= MAX_TEXT
    pq.write_table(pa.table({"n": pa.array([1] * 20_000_001, pa.int8())}), path)
    with pytest.raises(UserError, match="20,000,001 values; the limit is 20,000,000"):
        read_table(path)


def test_a_parquet_file_of_many_groups_is_sampled_over_all(tmp_path):
    labels = ["first"] * 5_000 + ["second"] * 5_000
    table = pa.table({"text": [f"text {n}" for n in range(10_000)], "label": labels})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=700)
    read = read_table(tmp_path / "a.parquet", ReadOptions(max_rows=200))
    assert read.frame["label"].value_counts().min() > 60
    assert read.frame["text"].tolist() == [f"text {line - 1}" for line in read.lines]
    assert "Kept 200 of 10,000 rows" in read.notes[0]
