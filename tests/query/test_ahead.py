import functools
import threading
import time

import pytest

from antdask.query.ahead import ahead


def test_results_come_in_order_and_never_too_far_ahead():
    begun, lock = [], threading.Lock()

    def task(i):
        with lock:
            begun.append(i)
        time.sleep(0.001 * (i % 3))
        return i

    results = ahead((functools.partial(task, i) for i in range(20)), depth=3)
    for i, result in enumerate(results):
        assert result == i and max(begun) <= i + 4
    assert sorted(begun) == list(range(20))


def test_who_stops_early_leaves_the_rest_undone():
    begun = []
    results = ahead((functools.partial(begun.append, i) for i in range(100)), depth=2)
    next(results)
    results.close()
    assert len(begun) <= 5


def test_without_depth_nothing_is_done_before_it_is_asked_for():
    begun = []
    results = ahead((functools.partial(begun.append, i) for i in range(3)), depth=0)
    assert next(results) is None and begun == [0]


def test_an_error_is_that_of_the_first_task_that_failed():
    def fail(i):
        raise ValueError(str(i))

    with pytest.raises(ValueError, match="0"):
        list(ahead((functools.partial(fail, i) for i in range(5)), depth=4))
