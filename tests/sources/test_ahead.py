"""Results come in order, no more than asked for are made ahead, and an error comes where its result would."""

from __future__ import annotations

import threading

import pytest

from antdask.sources.ahead import in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(threads: int) -> None:
    assert list(in_order(lambda x: x * x, range(20), threads)) == [x * x for x in range(20)]


def test_so_many_run_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=5)
    assert list(in_order(lambda x: meeting.wait() >= 0, range(6), 3)) == [True] * 6


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_no_more_is_begun_than_may_wait(threads: int) -> None:
    begun: list[int] = []
    results = in_order(begun.append, range(50), threads)
    for taken in range(1, 10):
        next(results)
        assert len(begun) <= taken + threads


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_comes_after_the_results_before_it(threads: int) -> None:
    results = in_order(lambda x: 1 // (3 - x), range(6), threads)
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_whoever_stops_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    results = in_order(abs, range(100), 2)
    next(results)
    results.close()
    assert set(threading.enumerate()) <= before
