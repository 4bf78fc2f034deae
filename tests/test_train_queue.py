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
    first, second, third = (TrainingRun(queue, until_stopped) for _ in range(3))
    assert next(first.follow()) == "begun"
    waiting = third.follow()
    assert next(waiting) == Waiting(2)
    second.stop.set()
    assert set(second.follow()) <= {Waiting(1)}
    assert next(waiting) == Waiting(1)
    first.stop.set()
    assert next(waiting) == "begun"
    third.stop.set()
    assert list(third.follow())[-1] == "ended"


def test_whoever_comes_back_sees_it_from_the_start():
    run = TrainingRun(TrainingQueue(), until_stopped)
    looking = run.follow()
    next(looking)
    looking.close()
    assert not run.ended
    assert next(run.follow()) == "begun"
    run.stop.set()
    assert list(run.follow())[-1] == "ended"


def test_what_goes_wrong_is_raised_where_it_is_awaited_and_frees_the_place():
    def broken(stop):
        yield "begun"
        raise ZeroDivisionError

    queue = TrainingQueue()
    run = TrainingRun(queue, broken)
    with pytest.raises(ZeroDivisionError):
        list(run.follow())
    again = TrainingRun(queue, lambda stop: iter(["next"]))
    assert list(again.follow()) == ["next"]


def test_a_training_that_nobody_looks_at_ends():
    ended = threading.Event()

    def work(stop):
        yield from until_stopped(stop)
        ended.set()

    TrainingRun(TrainingQueue(), work, alone=0.1)
    assert ended.wait(30)
