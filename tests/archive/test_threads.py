import functools
import threading
import time

import pytest

from antdask.archive import threads


@pytest.mark.parametrize("remote", [False, True])
def test_all_tasks_are_done(remote):
    done = []
    threads.run([functools.partial(done.append, i) for i in range(50)], remote)
    assert sorted(done) == list(range(50))
    threads.run([])


def test_the_first_error_is_raised_after_everything_that_ran_has_ended():
    running, lock = [0], threading.Lock()

    def task(i):
        with lock:
            running[0] += 1
        time.sleep(0.01)
        with lock:
            running[0] -= 1
        if i in (2, 3):
            raise ValueError(str(i))

    with pytest.raises(ValueError, match="2"):
        threads.run([functools.partial(task, i) for i in range(20)], remote=True)
    assert running == [0]
