import pytest

from mote_demo.data.tables import read_table
from mote_demo.data.uploads import ReadOptions
from mote_demo.errors import UserError


@pytest.fixture
def upload(tmp_path):
    def write(content, name="upload.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, ReadOptions(**options))

    return write


def cells(table):
    return table.frame.to_numpy().tolist()


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_marks_in_an_unquoted_file_are_text(upload, delimiter):
    rows = ['"We never got it', "fine", 'the "kettle" broke', 'it is 5"', 'he said "no"', '"all of it"']
    content = f"text{delimiter}label\n" + "".join(f"{row}{delimiter}{'ab'[n % 2]}\n" for n, row in enumerate(rows))
    table = upload(content, "a.tsv")
    assert table.frame["text"].tolist() == rows
    assert "Quotation marks are kept" in table.notes[0]


def test_a_mark_that_opens_in_one_line_and_closes_in_another_joins_no_lines_of_tabs(upload):
    texts = ["a", '"b', "c", 'd"', "e", '"whole"', "f", "g", "h"]
    for delimiter in "\t;,":
        content = f"text{delimiter}label\n" + "".join(
            f"{text}{delimiter}{'xy'[n % 2]}\n" for n, text in enumerate(texts)
        )
        assert upload(content, "a.tsv").frame["text"].tolist() == texts
    pairs = "query\tanswer\n" + "".join(f"{text}{n}\tanswer {n}\n" for n, text in enumerate(["a", '"b', "c", "d"]))
    assert len(upload(pairs + 'e"\tanswer\n', "a.tsv").frame) == 5


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_quoted_text_with_a_line_break_and_a_delimiter_in_it_is_one(upload, delimiter):
    rows = "".join(f"message {n}{delimiter}{'ab'[n % 2]}\n" for n in range(8))
    table = upload(f'text{delimiter}label\n"Hello{delimiter}\nwhere is it?"{delimiter}a\n{rows}')
    assert table.frame["text"][0] == f"Hello{delimiter}\nwhere is it?"
    assert len(table.frame) == 9


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_quoted_values_keep_their_delimiters_marks_and_lines(upload, delimiter):
    content = (
        f'text{delimiter}label\n"one{delimiter} ""two""\nthree"{delimiter}a\n"four"{delimiter}b\nfive{delimiter}b\n'
    )
    assert cells(upload(content)) == [[f'one{delimiter} "two"\nthree', "a"], ["four", "b"], ["five", "b"]]


def test_marks_may_be_escaped_by_a_backslash_and_follow_a_blank(upload):
    rows = [['he said "no", twice', "a"], ["fine, then", "b"]]
    assert cells(upload('text,label\n"he said \\"no\\", twice",a\n"fine, then",b\n')) == rows
    assert cells(upload('"text", "label"\n"he said ""no"", twice", "a"\n"fine, then", "b"\n')) == rows


@pytest.mark.parametrize(
    ("first", "delimiter"),
    [
        ("sep=;", ";"),
        ("SEP=,", ","),
        ('"sep=|"', "|"),
        ("sep=\t", "\t"),
        ("sep=\\t", "\t"),
        ("sep=^", "^"),
        ("sep=:", ":"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_that_names_the_delimiter_is_obeyed(upload, first, delimiter, end):
    rows = [["id", "text", "label"], *([str(n), f"message {n}", "ab"[n % 2]] for n in range(6))]
    table = upload(end.join([first, *(delimiter.join(row) for row in rows), ""]))
    assert list(table.frame.columns) == rows[0]
    assert cells(table) == rows[1:]
    assert table.lines[0] == 3


def test_a_lone_cr_in_a_file_of_lf_or_crlf_is_text(upload):
    for end in ("\n", "\r\n"):
        table = upload(end.join(["text,label", "one\rtwo,a", '"three\rfour",b', "five,a", ""]))
        assert cells(table) == [["one\ntwo", "a"], ["three\nfour", "b"], ["five", "a"]]
        assert table.lines == (2, 3, 4)


def test_a_file_of_cr_may_have_lf_in_quotations(upload):
    assert cells(upload('text,label\r"one\ntwo",a\rthree,b\r')) == [["one\ntwo", "a"], ["three", "b"]]


def test_a_comma_without_quotation_marks_is_text_where_all_else_fits(upload):
    rows = "".join(f"message {n},{'ab'[n % 2]}\n" for n in range(8))
    table = upload(f"text,label\n{rows}one, two, three,b\n")
    assert table.frame["text"].iloc[-1] == "one, two, three"
    assert table.notes == ("In line 10 a comma without quotation marks is taken for a part of the text.",)
    assert table.notes[0].rows == (10,)
    with pytest.raises(UserError, match="line 10: 3 columns where the first row has 2"):
        upload(f"text,label\n{rows}one, two,other\n")


def test_cells_beyond_the_columns_that_are_blank_do_not_count(upload):
    assert cells(upload("text,label\na,b,\nc,d,,\n")) == [["a", "b"], ["c", "d"]]


def test_decimal_commas_and_punctuation_are_no_delimiters(upload):
    rows = [[f"a man, number {n}", f"0,{n}"] for n in range(9)]
    assert cells(upload("\n".join(";".join(row) for row in rows))) == rows
    assert cells(upload("text;score\n" + "\n".join(";".join(row) for row in rows))) == rows


def test_a_delimiter_may_be_given(upload):
    table = upload("text~label\na,b;c~x\nd~y\n", delimiter="~")
    assert cells(table) == [["a,b;c", "x"], ["d", "y"]]
    with pytest.raises(UserError, match="must be one character"):
        upload("a,b", delimiter=", ")


def test_a_list_of_texts_is_one_column(upload):
    texts = ["The lamp, the kettle; both broke", "Where is it?", "I paid, twice, for one", "It works well enough"]
    table = upload("\n".join(texts), "texts.txt")
    assert table.frame["column 1"].tolist() == texts
    assert upload("message\n" + "\n".join(texts), "texts.csv").frame["message"].tolist() == texts


NO_HEADER = {
    "a class that comes again": "wake me at six,alarm\n" + "dim the lights {n},lights\nwake me at {n},alarm\n" * 3,
    "a class with the name of a role": '"awful lamp, broken",negative\n' + "fine {n},positive\nbad {n},negative\n" * 4,
    "a number": "5,good lamp\n" + "4,bad lamp {n}\n" * 5,
    "a long text": "the lamp arrived with a broken glass shade,x\nfine,y\n",
    "pairs": "where is my parcel {n},track it on the page of orders {n}\n" * 6,
    "Chinese": "退款\t我要求退款,路由器坏了{n}\n物流\t我的路由器还没有到{n}\n" * 4,
    "ham and spam": "ham\tGo until jurong point {n}\nspam\tFree entry {n}\nham\tOk lar {n}\n" * 3,
    "one column": "turn on the lamp {n}\nwake me at six\nplay some music {n}\n" * 2,
}


def numbered(content):
    for number in range(content.count("{n}")):
        content = content.replace("{n}", f"{number}", 1)
    return content


@pytest.mark.parametrize("content", NO_HEADER.values(), ids=NO_HEADER)
def test_a_file_without_a_header_keeps_its_first_row(upload, content):
    content = numbered(content)
    table = upload(content)
    assert len(table.frame) == len(set(content.splitlines()))
    assert table.frame.columns[0] == "column 1"
    assert "There is no header row; columns are called by their position." in table.notes


HEADERS = {
    "usual names": "text,label\n" + "dim the lights {n},lights\n" * 4,
    "names above classes": "treść;etykieta\n" + "Proszę o zwrot {n};zwrot\nGdzie jest {n};dostawa\n" * 4,
    "Chinese names": "文本,标签\n" + "我要求退款路由器坏了{n},退款\n我的路由器还没有到{n},物流\n" * 4,
    "a name above numbers": "lamp,stars\n" + "good one {n},5\nbad one {n},1\n" * 4,
    "names above longer texts": "Frage,Antwort\n" + "Wo ist mein Paket {n}?,Das steht auf der Seite {n}\n" * 6,
    "one name": "message\n" + "turn on the lamp {n}\n" * 5,
    "a header that comes again": "text,label\na {n},x\nb {n},y\ntext,label\nc {n},x\n",
    "a blank name": ",text\n" + "{n},some words here\n" * 5,
}


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS)
def test_a_header_is_taken_for_one(upload, content):
    content = numbered(content)
    table = upload(content)
    first = content.splitlines()[0].replace(";", ",").split(",")
    assert [name for name in table.frame.columns if not name.startswith("column")] == [name for name in first if name]
    assert len(table.frame) == len(content.splitlines()) - 1


def test_whether_there_is_a_header_may_be_said(upload):
    table = upload("text,label\na,b\n", header=False)
    assert list(table.frame.columns) == ["column 1", "column 2"]
    assert (len(table.frame), table.notes) == (2, ())
    table = upload("5,good lamp\n4,bad lamp\n", header=True)
    assert list(table.frame.columns) == ["5", "good lamp"]


def test_a_sample_is_drawn_over_the_whole_file_in_its_order(upload):
    content = "text,label\n" + "".join(f'"text, {n}",{"first" if n < 500 else "second"}\n' for n in range(1000))
    for name, body in (("a.csv", content), ("b.csv", content.replace('"', "").replace(", ", " "))):
        table = upload(body, name, max_rows=100)
        numbers = [int(text.split()[-1]) for text in table.frame["text"]]
        assert numbers == sorted(numbers)
        assert len(numbers) == 100
        assert table.frame["label"].value_counts().min() > 30
        assert [line - 2 for line in table.lines] == numbers
        assert table.notes == ("Kept 100 of 1,000 rows, drawn at random from the whole file (seed 0).",)
        assert upload(body, name, max_rows=100).frame.equals(table.frame)
        assert not upload(body, name, max_rows=100, seed=1).frame.equals(table.frame)


def test_rows_with_line_breaks_are_sampled_too(upload):
    content = "text,label\n" + "".join(f'"text\n{n}",{"ab"[n // 500]}\n' for n in range(1000))
    table = upload(content, max_rows=50)
    assert len(table.frame) == 50
    assert set(table.frame["label"]) == {"a", "b"}
    assert table.lines[0] % 2 == 0


def test_blank_rows_take_no_place_in_a_sample(upload):
    content = "text,label\n" + "".join(f"text {n},a\n" for n in range(50)) + ",\n" * 5000
    table = upload(content, max_rows=60)
    assert len(table.frame) == 50
    assert table.notes == ("Dropped 5,000 blank row(s).",)
