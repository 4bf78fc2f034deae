"""Trainings of several visitors run one after the other, on threads that outlive a page."""

import threading

import pytest

from mote_demo.ui.train.run import TrainingQueue, TrainingRun, Waiting


def until_stopped(stop):
    yield "begun"
    while not stop.wait(0.01):
        yield "step"
    yield "ended"


def test_one_runs_and_the_next_is_told_its_place_until_it_is_its_turn():
    queue = TrainingQueue()
    stops = [threading.Event() for _ in range(3)]
    first, second, third = (TrainingRun(queue, until_stopped, stop) for stop in stops)
    assert next(first.follow()) == "begun"
    waiting = third.follow()
    assert next(waiting) == Waiting(2)
    stops[1].set()
    assert set(second.follow()) <= {Waiting(1)}
    assert next(waiting) == Waiting(1)
    stops[0].set()
    assert next(waiting) == "begun"
    stops[2].set()
    assert list(third.follow())[-1] == "ended"


def test_whoever_comes_back_sees_it_from_the_start():
    stop = threading.Event()
    run = TrainingRun(TrainingQueue(), until_stopped, stop)
    looking = run.follow()
    next(looking)
    looking.close()
    assert not run.ended
    assert next(run.follow()) == "begun"
    stop.set()
    assert list(run.follow())[-1] == "ended"


def test_what_goes_wrong_is_raised_where_it_is_awaited_and_frees_the_place():
    def broken(stop):
        yield "begun"
        raise ZeroDivisionError

    queue = TrainingQueue()
    run = TrainingRun(queue, broken, threading.Event())
    with pytest.raises(ZeroDivisionError):
        list(run.follow())
    again = TrainingRun(queue, lambda stop: iter(["next"]), threading.Event())
    assert list(again.follow()) == ["next"]


@pytest.mark.parametrize("limits", [{"alone": 0.1}, {"in_the_way": 0.1}])
def test_a_training_that_nobody_looks_at_ends_sooner_where_another_waits(limits):
    queue, ended = TrainingQueue(), threading.Event()

    def work(stop):
        yield from until_stopped(stop)
        ended.set()

    TrainingRun(queue, work, threading.Event(), **limits)
    if "alone" in limits:
        assert ended.wait(30)
        return
    assert not ended.wait(0.5)
    stop = threading.Event()
    next(event for event in TrainingRun(queue, until_stopped, stop).follow() if event == "begun")
    stop.set()
    assert ended.is_set()
