import threading

import pytest

from mote_demo.encoder import Stopped
from mote_demo.errors import UserError
from mote_demo.ui.shared.streaming import Status, follow

READING = Status("reading", 0, 0)


def test_results_and_statuses_arrive_in_order():
    def work(report, stop):
        report("first", 0, 2)
        yield 1
        report("second", 0, 0)
        yield 2

    assert list(follow(work, "reading")) == [READING, Status("first", 0, 2), 1, Status("second", 0, 0), 2]


def test_many_statuses_of_one_stage_are_thinned_out():
    def work(report, stop):
        for done in range(10_000):
            report("encoding", done, 10_000)
        yield "end"

    events = list(follow(work, "reading"))
    assert events[-1] == "end"
    assert len(events) < 1000


def test_an_error_is_raised_where_the_work_is_followed():
    def work(report, stop):
        yield 1
        raise UserError("no texts")

    steps = follow(work, "reading")
    assert (next(steps), next(steps)) == (READING, 1)
    with pytest.raises(UserError, match="no texts"):
        next(steps)


def test_closing_asks_the_work_to_stop():
    stopped = threading.Event()

    def work(report, stop):
        yield 1
        if stop.wait(5):
            stopped.set()
        raise Stopped("as asked")

    steps = follow(work, "reading")
    assert (next(steps), next(steps)) == (READING, 1)
    steps.close()
    assert stopped.wait(5)


def test_work_that_stops_by_itself_just_ends():
    def work(report, stop):
        yield 1
        raise Stopped("as asked")

    assert list(follow(work, "reading")) == [READING, 1]


def test_the_last_status_is_repeated_while_nothing_happens():
    go_on = threading.Event()

    def work(report, stop):
        report("fitting", 0, 0)
        go_on.wait(5)
        yield 1

    steps = follow(work, "reading")
    assert next(steps) == READING
    assert next(steps) == next(steps) == Status("fitting", 0, 0)
    go_on.set()
    assert list(steps)[-1] == 1


def test_a_status_is_there_at_once_and_again_while_the_work_says_nothing():
    go_on = threading.Event()

    def work(report, stop):
        go_on.wait(5)
        yield 1

    steps = follow(work, "reading")
    assert next(steps) == next(steps) == READING
    go_on.set()
    assert list(steps)[-1] == 1
