import csv

import numpy as np
import pandas as pd
import pytest

from mote_demo.data.tables import read_table
from mote_demo.explore.export import plain_cell, write_csv, write_map_png
from mote_demo.explore.figures import map_figure


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)


def test_the_image_shows_the_maps_side_by_side(tmp_path, points):
    pytest.importorskip("matplotlib")
    from PIL import Image

    left = map_figure(points, labels=["$a_b$", "<b>", None] * 10, title="Baseline $1", star=points[0])
    right = map_figure(points, labels=np.linspace(0, 1, 30), title="MoTE", dark=True)
    write_map_png(tmp_path / "map.png", [left, right], dpi=50)
    with Image.open(tmp_path / "map.png") as image:
        assert image.format == "PNG"
        assert image.size == (700, 350)
        assert len(set(image.convert("RGB").getdata())) > 20


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_has_one_line_a_row_and_keeps_quotes_and_lines(tmp_path):
    frame = pd.DataFrame({"title": [""] * 30, "text": ['a, "quoted"\nline'] * 30, "x": np.arange(30) / 3})
    write_csv(tmp_path / "map.csv", frame, index_label="row")
    lines = rows_of(tmp_path / "map.csv")
    assert len(lines) == 30
    assert lines[3] == {"row": "3", "title": "", "text": 'a, "quoted"\nline', "x": "1.000000"}
    write_csv(tmp_path / "hits.csv", frame)
    assert list(rows_of(tmp_path / "hits.csv")[0]) == ["title", "text", "x"]


def test_no_spreadsheet_takes_a_text_of_the_table_for_a_formula(tmp_path):
    texts = ["=1+1", "+cmd", "-x", "@SUM(1)", "\tx", "\rx", "-0.5", "a=b"]
    frame = pd.DataFrame({"text": texts, "=2+2": "x", "size": np.arange(8) - 5, "share": np.float32(-0.25)})
    write_csv(tmp_path / "map.csv", frame, index_label="row")
    lines = rows_of(tmp_path / "map.csv")
    assert [line["text"] for line in lines] == ["'=1+1", "'+cmd", "'-x", "'@SUM(1)", "'\tx", "'\rx", "-0.5", "a=b"]
    assert list(lines[0]) == ["row", "text", "'=2+2", "size", "share"]
    assert (lines[0]["size"], lines[0]["share"]) == ("-5", "-0.250000")
    assert plain_cell(-1) == -1


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff0b1\uff0d2", "'\uff0b1\uff0d2"),
        ("\uff20SUM(A1)", "'\uff20SUM(A1)"),
        ("a;=1+1", "a;'=1+1"),
        ("a; =1+1;b", "a;' =1+1;b"),
        ("a\t@x", "a\t'@x"),
        ("a\n-cmd|x", "a\n'-cmd|x"),
        ("  =1+1", "'  =1+1"),
        ("well-known; a=b, -c", "well-known; a=b, -c"),
        ("-1e-3", "-1e-3"),
        ("", ""),
    ],
)
def test_no_cell_begins_a_formula_whatever_a_spreadsheet_separates_at(cell, plain):
    assert plain_cell(cell) == plain
    assert plain_cell(plain) == plain


def test_accents_survive_in_a_spreadsheet_and_an_export_can_be_read_again(tmp_path):
    path = tmp_path / "hits.csv"
    write_csv(path, pd.DataFrame({"text": ["größer; =1+1", "naïve \U0001f600", 'a "quoted" word'], "n": [1, 2, 3]}))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert all(cell.startswith('"') for line in path.read_text("utf-8-sig").splitlines() for cell in line.split(",", 1))
    table = read_table(path)
    assert list(table.frame.columns) == ["text", "n"]
    assert table.frame["text"].tolist() == ["größer;' =1+1", "naïve \U0001f600", 'a "quoted" word']
