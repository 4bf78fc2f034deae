import io
import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from mote_demo.data.records import MAX_CHARACTERS, MAX_COLUMNS
from mote_demo.data.uploads import Columns, ReadOptions, guess_columns, read_table, split, to_examples, to_texts
from mote_demo.errors import UserError


@pytest.fixture
def upload(tmp_path):
    def write(content, name="upload.csv", **limits):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, ReadOptions(**limits))

    return write


def parquet(**columns):
    buffer = io.BytesIO()
    pd.DataFrame(columns).to_parquet(buffer)
    return buffer.getvalue()


RANDOM_BYTES = np.random.default_rng(0).bytes(4000)
WHOLE_PARQUET = parquet(text=[f"row {number}" for number in range(500)])

BAD_FILES = {
    "empty": (b"", "a.csv", "empty"),
    "only white space": (b" \n\n ", "a.csv", "empty"),
    "only a mark": (b"\xef\xbb\xbf", "a.csv", "no rows"),
    "only a header": (b"text,label\n", "a.csv", "no rows"),
    "only blank rows": (b"text,label\n,\n , \n", "a.csv", "no rows"),
    "a row too long": (b"text,label\na,b\nc,d,e\n", "a.csv", r"a\.csv, line 3: 3 columns where the first row has 2"),
    "a row too short": (b'text,label\n"a\nb",c\nd\n', "a.csv", "line 4: 1 columns where the first row has 2"),
    "an open quotation": (b'text,label\na,b\n"c,d,e\n', "a.csv", "line 3: a broken quotation"),
    "a long quotation": (b'text,label\n"' + b"x\n" * 100_000 + b'",a\n', "a.csv", "line 2: .*overlong"),
    "binary": (RANDOM_BYTES, "a.csv", "binary"),
    "zeros": (bytes(500), "a.csv", "binary"),
    "a damaged archive": (b"PK\x03\x04" + RANDOM_BYTES, "a.csv", "damaged archive"),
    "a damaged gzip": (b"\x1f\x8b" + RANDOM_BYTES, "a.csv.gz", "damaged archive"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + RANDOM_BYTES, "a.xls", "old Excel"),
    "a PDF": (b"%PDF-1.7 text", "a.txt", "PDF"),
    "a web page": (b"<!DOCTYPE html><html>,</html>", "a.csv", "web page"),
    "broken JSON": (b'{"text": "a"}\n{"text": \n', "a.jsonl", "line 2: broken JSON"),
    "JSON, no object": (
        b'{"text": "a"}\n[1, 2]\n',
        "a.jsonl",
        "row 2: a list of numbers where the first row is an object",
    ),
    "deep JSON": (b'{"text": 1}\n' + b"[" * 200_000, "a.jsonl", "line 2: broken JSON"),
    "a key a line": (b"".join(b'{"key %d": 1}\n' % n for n in range(3000)), "a.jsonl", "more than 200 columns"),
    "a wide header": (b",".join([b"a"] * 5000) + b"\n", "a.csv", "more than 200 columns"),
    "a wide Parquet": (parquet(**{f"c{n}": ["x"] for n in range(201)}), "a.parquet", "more than 200 columns"),
    "empty objects": (b"{}\n{}\n", "a.jsonl", "no rows"),
    "Parquet cut off": (WHOLE_PARQUET[:300], "a.parquet", "damaged Parquet"),
    "Parquet overwritten": (WHOLE_PARQUET[:40] + bytes(900) + WHOLE_PARQUET[940:], "a.parquet", "damaged Parquet"),
    "Parquet footer overwritten": (WHOLE_PARQUET[:-60] + bytes(40) + WHOLE_PARQUET[-20:], "a.parquet", "damaged"),
    "no Parquet": (RANDOM_BYTES, "a.parquet", "binary"),
    "Parquet of bytes": (parquet(image=[b"\x00", b"\x01"]), "a.parquet", "no rows"),
    "Parquet of images": (parquet(image=[{"bytes": b"\x00", "path": "a.png"}]), "a.parquet", "no rows"),
    "Parquet without rows": (parquet(text=[]), "a.parquet", "no rows"),
}


@pytest.mark.parametrize(("content", "name", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_with_its_name_and_cause(upload, content, name, message):
    with pytest.raises(UserError, match=message) as caught:
        upload(content, name)
    assert name in str(caught.value)


def test_a_missing_file_a_folder_and_a_large_file_are_refused(upload, tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(UserError, match="There is no file"):
            read_table(path)
    with pytest.raises(UserError, match=r"limit is 0\.1 MB"):
        upload("text\n" + "a" * 100_001, max_bytes=100_000)


@pytest.mark.parametrize(
    ("encoding", "noted"),
    [("utf-8", ""), ("utf-8-sig", ""), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16-LE"), ("utf-32", "UTF-32")],
)
def test_unicode_encodings_are_read(upload, encoding, noted):
    table = upload("text,label\ncafé 🍰 größer,a\nother words,b\n".encode(encoding))
    assert list(table.frame.columns) == ["text", "label"]
    assert table.frame["text"][0] == "café 🍰 größer"
    assert noted in " ".join(table.notes)
    assert bool(table.notes) == bool(noted)


def test_another_encoding_is_told_and_named(upload):
    table = upload("text,label\ncafé “quoted”,a\n".encode("cp1252"))
    assert table.frame["text"][0] == "café “quoted”"
    assert "Windows-1252" in table.notes[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "a"])
def test_the_delimiter_is_told_by_the_content(upload, delimiter, name):
    table = upload(f'text{delimiter}label\n"one, two; three"{delimiter}a\n"four, five"{delimiter}b\n', name)
    assert table.frame.to_dict("list") == {"text": ["one, two; three", "four, five"], "label": ["a", "b"]}


def test_quoted_line_breaks_markup_and_old_line_ends_are_kept_as_text(upload):
    table = upload('text,label\r"two\nlines ""quoted""",a\r<script>alert(1)</script> <b>&amp;</b>,=1+1\r')
    assert list(table.frame["text"]) == ['two\nlines "quoted"', "<script>alert(1)</script> <b>&amp;</b>"]
    assert table.frame["label"][1] == "=1+1"


def test_words_that_look_like_missing_values_are_text(upload):
    assert list(upload("text,label\nNA,null\nNaN,None\n").frame["text"]) == ["NA", "NaN"]


def test_nul_bytes_and_lone_surrogates_are_dropped(upload):
    assert upload(b"text,label\nhe\0llo,a\n").frame["text"][0] == "hello"
    texts = to_texts(upload(b'{"text": "a\\ud800b\\u0000 \\ud83d\\ude00"}\n', "a.jsonl"), text="text")
    assert texts.frame["text"][0] == "ab 😀"
    assert texts.fingerprint


def test_a_missing_header_is_noticed(upload):
    table = upload("the lamp arrived with a broken glass shade,5\nworks well,4\n")
    assert list(table.frame.columns) == ["column 1", "column 2"]
    assert len(table.frame) == 2
    assert "no header" in table.notes[0]


def test_doubles_blanks_and_nameless_columns_are_cleaned_and_counted(upload):
    table = upload("text,text,,empty\na,b,1,\n,,,\na,b,1,\nc,d,2,\n\n")
    assert list(table.frame.columns) == ["text", "text (2)", "column 3"]
    assert table.frame["text"].tolist() == ["a", "c"]
    assert table.frame.index.tolist() == [0, 1]
    assert table.notes == (
        "Dropped 1 blank row(s).",
        "Dropped 1 blank column(s).",
        "A second column 'text' is called 'text (2)'.",
        "Dropped 1 duplicate row(s).",
    )


def test_rows_and_characters_beyond_the_limits_are_cut_with_notes(upload):
    table = upload("text\n" + "".join(f"row {number}\n" for number in range(30)), max_rows=10)
    assert len(table.frame) == 10
    assert table.notes == ("Kept 10 of 30 rows, drawn at random from the whole file (seed 0).",)
    table = upload("text,label\n" + "é" * (MAX_CHARACTERS + 5) + ",a\n")
    assert table.frame["text"].str.len().tolist() == [MAX_CHARACTERS]
    assert "Cut 1 text(s)" in table.notes[0]


def test_as_many_columns_as_are_allowed_are_read(upload):
    names = [f"text {number}" for number in range(MAX_COLUMNS)]
    for content, name in (
        (",".join(names) + "\n" + ",".join(["x"] * MAX_COLUMNS), "a.csv"),
        (json.dumps(dict.fromkeys(names, "x")), "a.jsonl"),
        (parquet(**{name: ["x"] for name in names}), "a.parquet"),
    ):
        assert list(upload(content, name).frame.columns) == names


def test_json_lines_beyond_the_limit_are_counted_and_bring_no_columns(upload):
    lines = [{"text": f"row {n}"} if n % 2 else {f"key {n}": "x"} for n in range(500)]
    table = upload("\n".join(map(json.dumps, lines)), "a.jsonl", max_rows=10)
    assert len(table.frame.columns) <= 11
    assert table.notes == ("Kept 10 of 500 rows, drawn at random from the whole file (seed 0).",)


@pytest.mark.parametrize("nested", [False, True])
def test_a_small_parquet_file_of_large_repeated_texts_takes_little_memory(upload, nested):
    text = "a word and " * 20_000
    content = parquet(text=[[text] if nested else text] * 2000, number=range(2000))
    assert len(content) < 200_000
    tracemalloc.start()
    try:
        table = upload(content, "a.parquet")
        assert tracemalloc.get_traced_memory()[1] < 250_000_000
    finally:
        tracemalloc.stop()
    assert set(table.frame["text"].str.len()) == {MAX_CHARACTERS}
    assert len(table.frame) == 2000
    assert table.notes == ("Cut 2,000 text(s) at 10,000 characters.",)


def test_a_parquet_file_whose_parts_are_larger_than_an_upload_may_decode_to_is_refused(upload):
    content = parquet(text=["x" * 101_000_000])
    assert len(content) < 6_000_000
    with pytest.raises(UserError, match=r"a\.parquet has 101\.0 MB in one row group; the limit is 100\.0 MB"):
        upload(content, "a.parquet")


def test_json_lines_keep_nested_values_and_fill_missing_ones(upload):
    lines = [{"text": "a\u2028b", "n": 1.5, "tags": ["x", "é"]}, {"text": "c", "ok": True, "n": None}]
    table = upload("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), "a.jsonl")
    assert table.frame.to_dict("list") == {
        "text": ["a\u2028b", "c"],
        "n": ["1.5", ""],
        "tags": ["x, é", ""],
        "ok": ["", "True"],
    }


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_parquet_is_told_by_its_content(upload, name):
    content = parquet(text=["a", None, "c"], score=[1, 2, 3], nested=[{"x": 1}] * 3, raw=[b"1"] * 3)
    table = upload(content, name, max_rows=2)
    assert table.frame["text"].tolist() == ["", "c"]
    assert table.frame["score"].tolist() == ["2", "3"]
    assert table.lines == (2, 3)
    assert table.frame["nested"][0] == '{"x": 1}'
    assert table.objects == ("nested",)
    assert table.notes[:2] == (
        "Kept 2 of 3 rows, drawn at random from the whole file (seed 0).",
        "Left out 1 column(s) of binary data.",
    )


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Text,Category", {"text": "Text", "label": "Category"}),
        ("label,label_text,sentence", {"text": "sentence", "label": "label_text"}),
        ("Headline,body,tag", {"title": "Headline", "text": "body", "label": "tag"}),
        ("question,answer", {"query": "question", "positive": "answer"}),
        ("anchor,positive,hard negative", {"query": "anchor", "positive": "positive", "negative": "hard negative"}),
    ],
)
def test_columns_are_recognised_by_name(upload, header, expected):
    row = ",".join("some words here" for _ in header.split(","))
    columns = guess_columns(upload(f"{header}\n{row}\n"))
    assert {role: getattr(columns, role) for role in expected} == expected


def test_columns_are_recognised_by_content(upload):
    words = "arrives slowly and without any of the parts"
    rows = "".join(f"id{n};parcel {n} {words};{'late' if n % 2 else 'lost'}\n" for n in range(12))
    columns = guess_columns(upload("a;b;c\n" + rows))
    assert (columns.text, columns.label) == ("b", "c")
    rows = "".join(f"a man is {n} years old;somebody has lived {n} years;{n % 6}\n" for n in range(12))
    columns = guess_columns(upload("a;b;c\n" + rows))
    assert (columns.sentence1, columns.sentence2, columns.score) == ("a", "b", "c")
    rows = "".join(f"where is parcel {n}; it is number {n} and it {words};\n" for n in range(12))
    columns = guess_columns(upload("a;b;\n" + rows))
    assert (columns.query, columns.positive) == ("a", "b")


def test_texts_take_the_chosen_columns_and_leave_blank_rows_out(upload):
    table = upload("body,head,text,kind\none,h,x,a\n,h,x,a\ntwo,,y,b\n")
    texts = to_texts(table, text="body", title="head", labels=("kind", "text"))
    assert texts.frame.to_dict("list") == {
        "title": ["h", ""],
        "text": ["one", "two"],
        "kind": ["a", "b"],
        "text (label)": ["x", "y"],
    }
    assert texts.labels == ("kind", "text (label)")
    assert texts.passages == ["h. one", "two"]
    assert "Left out 1 row(s)" in texts.notes[-1]


def test_texts_refuse_a_column_that_is_missing_unknown_or_blank(upload):
    table = upload("text,label\n,a\n,b\n")
    with pytest.raises(UserError, match="No column was given"):
        to_texts(table, text=None)
    with pytest.raises(UserError, match="Unknown column 'nope'"):
        to_texts(table, text="label", labels=("nope",))
    table = upload("text,label,other\n,a,x\n,b,\nc,,\n")
    with pytest.raises(UserError, match="no text in the column 'other'"):
        to_texts(type(table)(table.frame[table.frame["other"] == ""], (), "a.csv"), text="other")


def labelled(upload, counts):
    rows = [f"{label} text number {n},{label}" for label, count in counts.items() for n in range(count)]
    return upload("text,label\n" + "\n".join(rows))


@pytest.mark.parametrize("task", ["classification", "clustering"])
def test_labelled_examples_drop_rare_labels_and_contradictions(upload, task):
    table = labelled(upload, {"a": 6, "b": 5, "rare": 1, "": 2})
    frame = pd.concat([table.frame, pd.DataFrame({"text": ["A  TEXT number 0", "b text number 0"], "label": "b"})])
    examples = to_examples(type(table)(frame, (), "a.csv"), task, Columns(text="text", label="label"))
    assert examples.counts == {"a": 5, "b": 5}
    assert list(examples.frame.columns) == ["text", "label"]
    assert len(examples.notes) == 4


@pytest.mark.parametrize(
    ("task", "content", "columns", "message"),
    [
        ("classification", "text,label\n" + "".join(f"t{n},a\n" for n in range(20)), {}, r"1 label\(s\)"),
        ("classification", "text,label\n" + "".join(f"t{n},l{n}\n" for n in range(20)), {}, r"0 label\(s\)"),
        ("classification", "text,label\na,x\nb,x\nc,y\nd,y\n", {}, "4 usable rows; training needs at least 8"),
        ("classification", "text,label\na,x\n", {"label": None}, "needs a column for 'label'"),
        ("classification", "text,label\na,x\n", {"label": "nope"}, "Unknown column 'nope'"),
        ("classification", "text,label\na,x\n", {"label": "text"}, "different columns"),
        ("retrieval", "text,label\na,x\n", {}, "needs a column for 'query'"),
        ("similarity", "sentence1,sentence2,score\na,b,1\nc,d,good\n", {"score": "score"}, "score 'good' is not"),
        ("similarity", "sentence1,sentence2,score\na,b,1\nc,d,nan\n", {"score": "score"}, "score 'nan' is not"),
        ("similarity", "sentence1,sentence2,score\na,b,1\nc,d,1\n", {"score": "score"}, "every score is 1"),
        (None, "text,label\na,x\n", {}, "No task"),
        ("reranking", "text,label\na,x\n", {}, "Unknown task"),
    ],
)
def test_examples_that_cannot_train_are_refused(upload, task, content, columns, message):
    table = upload(content)
    guessed = guess_columns(table)
    with pytest.raises(UserError, match=message):
        to_examples(table, task, type(guessed)(**{**vars(guessed), **columns}))


def test_scores_are_rescaled_with_a_note_only_where_needed(upload):
    def pairs(scores):
        rows = [f"a {n};b {n};{score}" for n, score in enumerate(scores)]
        table = upload("sentence1;sentence2;score\n" + "\n".join(rows))
        return to_examples(table, "similarity", Columns(sentence1="sentence1", sentence2="sentence2", score="score"))

    examples = pairs(["1", "5", "3", "2,0", "4", "1", "1", "5"])
    assert examples.frame["score"].tolist() == [0, 1, 0.5, 0.25, 0.75, 0, 0, 1]
    assert "1..5" in examples.notes[0]
    assert examples.counts == {"pairs": 8}
    assert pairs(["0.2"] * 4 + ["0.9"] * 4).notes == ()


def test_split_keeps_every_label_on_both_sides_and_no_text_on_two(upload):
    examples = to_examples(
        labelled(upload, {"a": 20, "b": 10, "c": 2}), "clustering", Columns(text="text", label="label")
    )
    train, test = split(examples, held_out=0.2, seed=1)
    assert train.counts == {"a": 16, "b": 8, "c": 1}
    assert test.counts == {"a": 4, "b": 2, "c": 1}
    assert not set(train.frame["text"]) & set(test.frame["text"])
    assert split(examples, seed=1)[1].frame.equals(test.frame)
    assert not split(examples, seed=2)[1].frame.equals(test.frame)


def test_split_keeps_pairs_that_share_a_text_together(upload):
    rows = [f"query {n // 2},document {n // 3} of many" for n in range(600)]
    rows += ["Query 0,another document", "a lone question,document 0  OF many"]
    table = upload("query,positive\n" + "\n".join(rows))
    examples = to_examples(table, "retrieval", guess_columns(table))
    train, test = split(examples)
    assert len(test.frame) + len(train.frame) == len(examples.frame)
    assert len(test.frame) >= 60
    for column in ("query", "positive"):
        sides = [{" ".join(text.lower().split()) for text in side.frame[column]} for side in (train, test)]
        assert not sides[0] & sides[1]


def test_split_refuses_what_it_cannot_split(upload):
    table = upload("query,positive\n" + "".join(f"question {n},the same answer\n" for n in range(9)))
    examples = to_examples(table, "retrieval", guess_columns(table))
    with pytest.raises(UserError, match="Nothing can be held out"):
        split(examples)
    with pytest.raises(UserError, match="between 0 and 1"):
        split(examples, held_out=1.0)


def test_negatives_are_kept_only_where_every_row_has_one(upload):
    def examples(last):
        rows = "".join(f"question {n},answer {n},wrong {n}\n" for n in range(8))
        table = upload(f"query,positive,negative\n{rows}question,answer,{last}\n")
        return to_examples(table, "retrieval", guess_columns(table))

    assert list(examples("wrong").frame.columns) == ["query", "positive", "negative"]
    assert list(examples("").frame.columns) == ["query", "positive"]
    assert "negatives" in examples("").notes[0]
