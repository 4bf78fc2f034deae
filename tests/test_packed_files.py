import datetime
import gzip
import io
import json
import zipfile

import openpyxl
import pytest

from mote_demo.data.file_kinds import FILE_KINDS, SUFFIXES
from mote_demo.data.tables import read_table
from mote_demo.data.uploads import ReadOptions, guess_columns, to_answered_texts
from mote_demo.errors import UserError

ROWS = [["text", "label"], *([f"message {n}", "ab"[n % 2]] for n in range(8))]
CSV = "\n".join(",".join(row) for row in ROWS).encode()


@pytest.fixture
def upload(tmp_path):
    def write(content, name, **options):
        (tmp_path / name).write_bytes(content)
        return read_table(tmp_path / name, ReadOptions(**options))

    return write


def workbook(*sheets, change=None):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    if change:
        change(book)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def packed(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def cells(table):
    return [list(table.frame.columns), *table.frame.to_numpy().tolist()]


@pytest.mark.parametrize("name", ["a.xlsx", "A.XLSX", "a.csv", "a"])
def test_a_workbook_is_read_by_its_content(upload, name):
    assert cells(upload(workbook(("Sheet1", ROWS)), name)) == ROWS


def test_the_first_sheet_with_rows_is_read_and_the_others_named(upload):
    content = workbook(("Cover", []), ("Data", ROWS), ("Notes", [["x", "y"], ["1", "2"]]))
    table = upload(content, "a.xlsx")
    assert cells(table) == ROWS
    assert table.notes == ("Read the sheet 'Data'; not 'Cover', 'Notes'.",)
    assert cells(upload(content, "a.xlsx", sheet="Notes")) == [["x", "y"], ["1", "2"]]
    with pytest.raises(UserError, match="Unknown sheet 'Date'.*'Data'"):
        upload(content, "a.xlsx", sheet="Date")


def test_titles_and_blank_rows_above_the_header_are_left_out(upload):
    def merge(book):
        book["S"].merge_cells("A1:B1")

    rows = [["Messages of the third quarter", None], [], [None, None], *ROWS]
    table = upload(workbook(("S", rows), change=merge), "a.xlsx")
    assert cells(table) == ROWS
    assert "Left out 1 row(s) above the header." in table.notes
    assert table.lines[0] == 5


def test_cells_are_the_text_that_a_person_sees(upload):
    def percent(book):
        book["S"]["F2"].number_format = "0.0%"

    rows = [
        ["text", "whole", "part", "day", "moment", "share", "yes", "fault", "number as text"],
        [
            "a b",
            5.0,
            0.1 + 0.2,
            datetime.date(2024, 3, 1),
            datetime.datetime(2024, 3, 1, 14, 30),
            0.07,
            True,
            "#N/A",
            "007",
        ],
        ["c_x000D_d", 10**6, -1.5, datetime.date(2024, 3, 2), datetime.time(14, 30), 1, False, "", "08"],
    ]
    frame = upload(workbook(("S", rows), change=percent), "a.xlsx", header=True).frame
    seen = ["a b", "5", "0.3", "2024-03-01", "2024-03-01 14:30:00", "7%", "TRUE", "007"]
    assert frame.drop(columns="fault", errors="ignore").iloc[0].tolist() == seen
    assert frame.iloc[1].tolist()[:4] == ["c\nd", "1000000", "-1.5", "2024-03-02"]


def test_formulas_give_the_values_that_were_saved(upload):
    content = workbook(("S", [["text", "label"], ["one", "=A2"], ["two", "x"]]))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    sheet = files["xl/worksheets/sheet1.xml"].decode()
    assert "<f>A2</f><v></v>" in sheet or "<f>A2</f><v />" in sheet
    for blank in ("<f>A2</f><v></v>", "<f>A2</f><v />"):
        sheet = sheet.replace(blank, "<f>A2</f><v>7</v>")
    files["xl/worksheets/sheet1.xml"] = sheet.encode()
    assert upload(packed(**files), "a.xlsx").frame["label"].tolist() == ["7", "x"]


def test_a_workbook_without_a_header_and_one_with_gaps(upload):
    table = upload(workbook(("S", ROWS[1:])), "a.xlsx")
    assert list(table.frame.columns) == ["column 1", "column 2"]
    assert len(table.frame) == 8
    rows = [[None, *ROWS[0]], *([None, *row] if n != 3 else [] for n, row in enumerate(ROWS[1:]))]
    assert cells(upload(workbook(("S", rows)), "a.xlsx")) == [row for n, row in enumerate(ROWS) if n != 4]


def test_rows_of_a_workbook_are_sampled(upload):
    rows = [["text", "label"], *([f"text {n}", "first" if n < 250 else "second"] for n in range(500))]
    table = upload(workbook(("S", rows)), "a.xlsx", max_rows=40)
    assert len(table.frame) == 40
    assert set(table.frame["label"]) == {"first", "second"}


def test_a_sheet_that_claims_a_million_rows_is_read_by_what_it_has(upload):
    def far(book):
        book["S"]["XFD1048576"] = "far"

    table = upload(workbook(("S", ROWS), change=far), "a.xlsx")
    assert table.frame["text"].tolist() == [row[0] for row in ROWS[1:]]


def test_bad_workbooks_are_refused(upload):
    content = workbook(("S", ROWS))
    for bad, message in (
        (workbook(("S", [])), "no rows"),
        (packed(**{"xl/workbook.xml": b"nonsense"}), "damaged Excel workbook"),
        (content[: len(content) // 2], "damaged"),
        (packed(**{"[Content_Types].xml": b"x", "word/document.xml": b"y"}), "an Office document"),
    ):
        with pytest.raises(UserError, match=message):
            upload(bad, "a.xlsx")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.CSV.GZ", "a.gz"])
def test_a_table_packed_by_gzip_is_read(upload, name):
    assert cells(upload(gzip.compress(CSV), name)) == ROWS


def test_json_lines_packed_by_gzip_are_told_by_the_inner_name(upload):
    assert upload(gzip.compress(b'"one text"\n"another"\n'), "a.jsonl.gz").frame["text"].tolist() == [
        "one text",
        "another",
    ]


def test_a_zip_with_one_table_is_read(upload):
    others = {"README.md": "x", "__MACOSX/._a.csv": "x", "data/.DS_Store": "x", "LICENSE.txt": "x"}
    assert cells(upload(packed(**{"data/a.csv": CSV, **others}), "a.zip")) == ROWS
    assert cells(upload(packed(**{"a.csv.gz": gzip.compress(CSV)}), "a.zip")) == ROWS
    assert cells(upload(packed(**{"a.xlsx": workbook(("S", ROWS))}), "a.zip")) == ROWS
    assert cells(upload(packed(**{"評論 #1 50%.CSV": CSV}), "a.zip")) == ROWS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed(**{"a.csv": CSV, "b.csv": CSV}), r"2 tables \(a.csv, b.csv\)"),
        (packed(**{"a.png": b"x"}), r"no table \(a.png\)"),
        (packed(), "an empty zip archive"),
        (packed(**{"a.csv": b"0" * 100_000_001}), "unpacks to more than 100 MB"),
        (packed(**{"xl/workbook.xml": b"0" * 100_000_001}), "unpacks to more than 100 MB"),
        (gzip.compress(b"a,b\n" * 26_000_000, 1), "unpacks to more than 100 MB"),
        (gzip.compress(CSV)[:-12], "damaged archive"),
        (gzip.compress(gzip.compress(CSV)), "archive of archives"),
    ],
    ids=["two tables", "no table", "nothing", "a bomb", "a bomb of a workbook", "a bomb of gzip", "cut off", "nested"],
)
def test_other_archives_are_refused(upload, content, message):
    with pytest.raises(UserError, match=message):
        upload(content, "a.zip")


def test_every_suffix_of_the_one_list_is_in_small_letters():
    assert len(SUFFIXES) == len(set(SUFFIXES)) == sum(map(len, FILE_KINDS.values()))
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in SUFFIXES)


def lines(rows):
    return "\n".join(map(json.dumps, rows))


def beir(
    folder="", qrels="query-id\tcorpus-id\tscore\nq0\td0\t1\nq0\td1\t2\nq1\td2\t1\nq1\td3\t0\nq9\td1\t1\n", **more
):
    corpus = [{"_id": f"d{n}", "title": f"title {n}", "text": f"answer number {n}", "metadata": {}} for n in range(9)]
    queries = [{"_id": f"q{n}", "text": f"question number {n}", "metadata": {"x": n}} for n in range(3)]
    files = {"corpus.jsonl": lines(corpus), "queries.jsonl": lines(queries), "qrels/test.tsv": qrels, **more}
    return packed(**{folder + name: content for name, content in files.items()})


@pytest.mark.parametrize("folder", ["", "scifact/", "my data/set #1/"])
def test_corpus_queries_and_qrels_become_texts_with_known_answers(upload, folder):
    table = upload(beir(folder), "a.zip")
    answers = table.answers
    assert answers.queries == {"q0": "question number 0", "q1": "question number 1"}
    assert answers.relevance == {"q0": {"d0": 1.0, "d1": 2.0}, "q1": {"d2": 1.0}}
    assert answers.corpus["id"].tolist() == [f"d{n}" for n in range(9)]
    assert "Left out 2 judgements" in answers.notes[0]
    assert cells(table)[:2] == [["query", "title", "positive"], ["question number 0", "title 0", "answer number 0"]]
    assert len(table.frame) == 3
    columns = guess_columns(table)
    assert (columns.query, columns.positive) == ("query", "positive")
    texts = to_answered_texts(answers)
    assert texts.passages[0] == "title 0. answer number 0"
    assert texts.queries == ("question number 0", "question number 1")


def test_judgements_of_all_splits_and_of_trec_are_read(upload):
    more = {"qrels/train.tsv": "query-id\tcorpus-id\tscore\nq2\td4\t1\n"}
    assert set(upload(beir(**more), "a.zip").answers.relevance) == {"q0", "q1", "q2"}
    for qrels in ("q0 0 d1 1\nq1 0 d2 1\nq1 0 d3 0\n".replace(" ", "\t"), "q0\td1\t1\nq1\td2\t1\nq1\td3\t0\n"):
        assert upload(beir(qrels=qrels), "a.zip").answers.relevance == {"q0": {"d1": 1.0}, "q1": {"d2": 1.0}}


def test_of_a_large_corpus_the_answers_are_kept(upload):
    answers = upload(beir(), "a.zip", max_rows=4).answers
    assert {"d0", "d1", "d2"} <= set(answers.corpus["id"])
    assert len(answers.corpus) == 4
    assert any("5 texts beyond the limit" in note for note in answers.notes)


def test_judgements_that_name_nothing_there_are_refused(upload):
    with pytest.raises(UserError, match="no judgement names"):
        upload(beir(qrels="query-id\tcorpus-id\tscore\nx\ty\t1\n"), "a.zip")
