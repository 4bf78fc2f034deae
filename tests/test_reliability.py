"""The promises are tried in short here; ``make soak`` tries them long."""

import json

import pytest

from reliability.__main__ import PROMISES, main, merge
from reliability.rows import Row
from reliability.strange_files import strange_file
from reliability.uploads import uploads


def test_a_file_is_made_by_its_number_and_the_seed():
    files = [[strange_file(number, seed) for number in range(18)] for seed in (0, 0, 1)]
    assert files[0] == files[1]
    assert files[0] != files[2]
    assert len({file.kind for file in files[0]}) == 9


def test_odd_damaged_and_malicious_uploads_are_read_or_refused():
    rows = list(uploads(180, seed=1, bombs=["a header that says an exabyte.safetensors", "entities of entities.xlsx"]))
    counted = {row.name: (row.tried, row.failed) for row in rows}
    assert list(counted.values()) == [(182, 0)] * 3, [row.note for row in rows]


def test_a_later_count_takes_the_place_of_an_earlier_one(tmp_path, monkeypatch, capsys):
    counts = iter([0, 2])
    monkeypatch.setattr("reliability.__main__._promise", lambda _: lambda *_: [Row("a", 5, next(counts), "0")])
    arguments = ["uploads", "--out", str(tmp_path / "out.json")]
    assert (main(arguments), main(arguments)) == (0, 1)
    assert json.loads((tmp_path / "out.json").read_text())["rows"] == [
        {"name": "a", "tried": 5, "failed": 2, "target": "0", "note": ""}
    ]
    assert "2 of 5 failed" in capsys.readouterr().out


def test_other_rows_stay_where_they_are():
    known = [{"name": "a", "tried": 1}, {"name": "b", "tried": 1}]
    assert merge(known, {"name": "a", "tried": 2}) == [{"name": "a", "tried": 2}, {"name": "b", "tried": 1}]
    assert [row["name"] for row in merge(known, {"name": "c"})] == ["a", "b", "c"]


def test_an_unknown_promise_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        main(["bogus"])
    said = capsys.readouterr().err
    assert all(name in said for name in PROMISES)
