"""What the benchmarks say about what they measured; how fast anything is, no test says."""

import json

import pytest

from benchmarks.__main__ import MEASURES, main, merge
from benchmarks.report import results_table
from benchmarks.rows import Row, alternate


def test_a_row_says_median_range_and_whether_it_reaches_its_target():
    faster = Row("encode", "peer", (1.5, 1.9, 1.8), 1.7, "higher", "note")
    assert faster.to_dict() == {
        "name": "encode", "ratio": 1.8, "min": 1.5, "max": 1.9, "peer": "peer", "target": 1.7, "better": "higher",
        "note": "note", "met": True, "alternations": 3,
    }  # fmt: skip
    assert not Row("memory", "peer", (1.5, 1.9, 1.8), 1.7, "lower").met


def test_works_take_turns_and_each_goes_first_as_often():
    calls = []
    own, theirs = alternate(lambda: calls.append("ours"), lambda: calls.append("peer"), times=4)
    assert calls[2:] == ["ours", "peer", "peer", "ours"] * 2
    assert own.shape == theirs.shape == (4,)


def test_the_rows_of_one_measure_are_replaced_and_the_others_stay():
    known = [{"measure": "b", "name": 1}, {"measure": "a", "name": 2}, {"measure": "gone", "name": 3}]
    found = merge(known, "a", [{"measure": "a", "name": 4}], ["a", "b"])
    assert [row["name"] for row in found] == [4, 1]


def test_what_misses_is_in_the_table_too():
    row = Row("memory", "weights", (3.5,), 3.0, "lower", "1,234 MB").to_dict()
    line = results_table({"rows": [row]}).splitlines()[-1]
    assert line == "| memory | weights | 3.50 (3.50 to 3.50) | ≤ 3 | no | 1,234 MB |"


def test_rows_of_another_machine_are_dropped(tmp_path, monkeypatch):
    row = Row("one query", "peer", (1.0,), 1, "lower")
    monkeypatch.setattr("benchmarks.__main__._measure", lambda name: lambda: iter([row]))
    for name in ("query", "experts"):
        main([name, "--out", str(tmp_path)])
    file = tmp_path / "results.json"
    values = json.loads(file.read_text("utf-8"))
    assert [row["measure"] for row in values["rows"]] == ["query", "experts"]
    file.write_text(json.dumps(values | {"machine": values["machine"] | {"processor": "other"}}), "utf-8")
    main(["experts", "--out", str(tmp_path)])
    assert [row["measure"] for row in json.loads(file.read_text("utf-8"))["rows"]] == ["experts"]


def test_an_unknown_benchmark_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        main(["bogus"])
    error = capsys.readouterr().err
    assert "'bogus'" in error
    assert all(name in error for name in MEASURES)


def test_a_measure_writes_json_and_table(tmp_path, monkeypatch):
    row = Row("one query", "peer", (1.0,), 1, "lower")
    monkeypatch.setattr("benchmarks.__main__._measure", lambda name: lambda: iter([row]))
    main(["query", "--out", str(tmp_path)])
    values = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert values["rows"][0]["measure"] == "query"
    assert values["machine"]["sgemm_gflops"] > 0
    assert "| one query | peer |" in (tmp_path / "results.md").read_text("utf-8")
