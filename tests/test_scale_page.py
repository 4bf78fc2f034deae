"""The page on large sources follows from what was measured."""

import json

import pytest

from benchmarks.scale import PAGE, RESULTS, Assumed, Measured, page, runs

RESULTS_READ = json.loads(RESULTS.read_text(encoding="utf-8"))


def test_the_page_is_what_the_command_writes():
    assert PAGE.read_text(encoding="utf-8") == page(RESULTS_READ, Assumed())


def test_hours_machines_and_cost_follow_from_rate_and_price():
    rows = list(
        runs(Measured(rate=50, use=0.5, peak=100), Assumed(cpu_price=0.1, gpu_price=2, gpu_tflops=10, hours=10))
    )
    first = rows[0]
    assert (first["texts"], first["hours"], first["machines"], first["cost"]) == ("1e6", "5.6", 1, "0.56")
    billion = rows[3]
    assert (billion["texts"], billion["hours"], billion["machines"], billion["cost"]) == ("1e9", "5,600", 556, "560")
    # One text takes 1 GFLOP here, so that a fifth of 10 TFLOP/s is 2,000 of them.
    assert (rows[4]["kind"], rows[4]["rate"]) == ("GPU", "2,000")


def test_a_note_that_changed_is_an_error_rather_than_another_number():
    changed = json.loads(json.dumps(RESULTS_READ))
    next(row for row in changed["rows"] if row["name"] == "Encode throughput, exact")["note"] = "fast"
    with pytest.raises(ValueError, match="has changed"):
        Measured.of(changed)
