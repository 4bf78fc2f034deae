"""The promises are tried in short here; ``make soak`` tries them long."""

import json
import threading
import time

import pytest

from reliability import load, page
from reliability.__main__ import PROMISES, main, merge
from reliability.calls import no_call_crashes
from reliability.damage import damage_is_seen
from reliability.payloads import MARK, PAYLOADS
from reliability.rows import Row
from reliability.sealed import sessions_are_sealed
from reliability.serving import served
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


def test_odd_calls_are_refused():
    (row,) = no_call_crashes(130, seed=1)
    assert (row.tried, row.failed) == (130, 0), row.note


def test_damage_is_refused_or_computed_again():
    (row,) = damage_is_seen(14, seed=1)
    assert (row.tried, row.failed) == (14, 0), row.note


def test_a_stranger_sees_nothing_of_another_and_two_may_upload_one_file():
    strangers, pupils = sessions_are_sealed(8, seed=1)
    assert (strangers.failed, pupils.failed) == (0, 0), strangers.note + pupils.note


def test_visitors_at_once_search_and_draw_maps_without_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "_PAUSE", (0.0, 0.5))
    monkeypatch.setattr(load, "_MAPS", 0.5)
    times, maps, errors = [], [], []
    with served(tmp_path) as (_, url):
        until = time.monotonic() + 5
        visits = [(url, until, seed, times, maps, errors) for seed in range(5)]
        threads = [threading.Thread(target=load._visit, args=each) for each in visits]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
    assert times
    assert maps


def test_every_payload_calls_what_a_page_would_notice():
    assert len(set(PAYLOADS)) == 60
    assert all(f"{MARK}({number})" in payload for number, payload in enumerate(PAYLOADS[:-1]))


def test_the_page_has_the_counts_of_the_file():
    text = page.PAGE.read_text("utf-8")
    assert page.with_counts(text) == text, "please run: python -m reliability.page"


def test_a_note_cannot_break_the_table(tmp_path):
    (tmp_path / "counts.json").write_text(
        json.dumps({"rows": [{"name": "a", "tried": 1200, "failed": 1, "target": "x|y", "note": "<b>\n`c`"}]})
    )
    told = page.counts_table(tmp_path / "counts.json")
    assert "1,200" in told
    assert "x\\|y" in told
    assert told.endswith("- **a**: &lt;b> 'c'")
