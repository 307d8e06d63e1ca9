"""The serial cluster works at submit, in this process."""

from __future__ import annotations

import os

import pytest

from antdask.cluster.serial import SerialCluster
from antdask.errors import UsageError
from tests.cluster.tasks import fail_with, interrupt, pid_after


def test_it_works_here_and_now() -> None:
    with SerialCluster() as cluster:
        future = cluster.submit(pid_after, 0)
        assert future.done()
        assert future.result() == os.getpid()


def test_an_error_stays_in_the_future() -> None:
    assert isinstance(SerialCluster().submit(fail_with, "memory").exception(), MemoryError)


def test_an_interrupt_does_not() -> None:
    with pytest.raises(KeyboardInterrupt):
        SerialCluster().submit(interrupt, 4)


def test_it_has_one_worker() -> None:
    assert SerialCluster(1).capacity == 1
    with pytest.raises(UsageError, match="one worker: found 2"):
        SerialCluster(2)
