"""How the rows of tried tools are kept; the tools themselves are tried by `make ecosystem`."""

import json

import pytest

from ecosystem.__main__ import CHECKS, FILE, main, merge
from ecosystem.rows import Row

KEYS = ["name", "version", "ok", "detail"]


def test_the_rows_of_one_check_are_replaced_and_the_others_stay():
    known = [Row(name, "1", True, "").to_dict(check) for check, name in (("b", "1"), ("a", "2"), ("gone", "3"))]
    found = merge(known, "a", [Row("4", "2", False, "").to_dict("a")], ["a", "b"])
    assert [row["name"] for row in found] == ["a: 4", "b: 1"]


def test_what_fails_is_a_row_and_the_exit_status(tmp_path, monkeypatch, capsys):
    def rows():
        yield Row("one", "tool 1", True, "fine")
        raise OSError("no\nspace")

    monkeypatch.setattr("ecosystem.alone.without_the_package", rows)
    assert main(["alone", "--out", str(tmp_path / "rows.json")]) == 1
    rows = json.loads((tmp_path / "rows.json").read_text("utf-8"))["rows"]
    assert [(row["name"], row["ok"]) for row in rows] == [("alone: one", True), ("alone: the check itself", False)]
    assert all(list(row) == KEYS for row in rows)
    assert "FAILED  the check itself" in capsys.readouterr().out


def test_an_unknown_check_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        main(["bogus"])
    error = capsys.readouterr().err
    assert "'bogus'" in error
    assert all(check in error for check in CHECKS)


@pytest.mark.skipif(not FILE.is_file(), reason="nothing was tried yet")
def test_every_tool_that_was_tried_works_and_every_check_was_tried():
    rows = json.loads(FILE.read_text("utf-8"))["rows"]
    assert [row for row in rows if not row["ok"]] == []
    assert {row["name"].partition(":")[0] for row in rows} == set(CHECKS)
    assert all(list(row) == KEYS for row in rows)
