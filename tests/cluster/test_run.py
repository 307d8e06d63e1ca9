"""The loop: every task ends once, memory stays flat, failures are retried, reported or the end of it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psutil
import pytest

from antdask.cluster.failures import Failure, FailureClass
from antdask.cluster.processes import ProcessCluster
from antdask.cluster.run import SAME_BUGS, TASKS_PER_PLACE, Event, RunStats, run
from antdask.cluster.serial import SerialCluster
from antdask.errors import ClusterError, UsageError
from tests.cluster import tasks

ROOT = Path(__file__).parents[2]


class Ledger:
    """What the loop told."""

    def __init__(self) -> None:
        self.results: list[tuple[Any, Any]] = []
        self.failures: list[tuple[Any, Failure]] = []
        self.events: list[Event] = []

    def run(self, function: Callable[..., Any], todo: Any, cluster: Any = None, **keywords: Any) -> RunStats:
        return run(
            cluster or SerialCluster(),
            function,
            todo,
            on_result=lambda task, result: self.results.append((task, result)),
            on_failure=lambda task, failure: self.failures.append((task, failure)),
            progress=self.events.append,
            **{"backoff": 0.01, **keywords},
        )


def test_every_task_ends_in_one_result() -> None:
    ledger = Ledger()
    stats = ledger.run(tasks.square, range(100), total=100)
    assert ledger.results == [(n, n * n) for n in range(100)]
    assert (stats.done, stats.attempts, stats.retries, stats.cancelled, stats.stopped) == (100, 100, 0, 0, "")
    assert [(e.kind, e.task, e.done) for e in ledger.events[:-1]] == [("done", n, n + 1) for n in range(100)]
    assert ledger.events[-1].total == 100


def test_no_tasks_are_no_problem() -> None:
    assert Ledger().run(tasks.square, []).done == 0


def test_a_serial_cluster_is_given_one_task_at_a_time() -> None:
    consumed: list[int] = []

    def source() -> Iterator[int]:
        for n in range(10):
            consumed.append(n)
            yield n

    def check(task: int, _: int) -> None:
        assert consumed[-1] == task

    run(SerialCluster(), tasks.square, source(), on_result=check, on_failure=lambda *_: None)
    assert len(consumed) == 10


def test_no_more_than_the_window_is_held_and_it_is_kept_full() -> None:
    held, most = 0, 0

    def source() -> Iterator[int]:
        nonlocal held, most
        for n in range(60):
            held += 1
            most = max(most, held)
            yield n

    def finish(*_: Any) -> None:
        nonlocal held
        held -= 1

    with ProcessCluster(2) as cluster:
        stats = run(cluster, tasks.square, source(), on_result=finish, on_failure=finish)
    assert stats.done == 60
    assert most == TASKS_PER_PLACE * 2


def test_memory_stays_flat_over_a_hundred_thousand_tasks() -> None:
    def peak(number: int) -> int:
        tracemalloc.start()
        stats = run(SerialCluster(), abs, iter(range(number)), on_result=lambda *_: None, on_failure=lambda *_: None)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert stats.done == number
        return most

    assert peak(100_000) - peak(1_000) < 100_000


def test_a_transient_failure_is_tried_again_after_a_rest(tmp_path: Path) -> None:
    ledger = Ledger()
    began = time.monotonic()
    stats = ledger.run(tasks.fail_at_first, [1, 2], args=(str(tmp_path), 2), attempts=3, backoff=0.1)
    assert sorted(ledger.results) == [(1, 1), (2, 2)]
    assert (stats.done, stats.attempts, stats.retries) == (2, 6, 4)
    assert time.monotonic() - began >= 0.05 + 0.1
    retries = [e for e in ledger.events if e.kind == "retry"]
    assert [e.failure.code for e in retries if e.failure] == ["EIO"] * 4


def test_attempts_are_counted_and_end(tmp_path: Path) -> None:
    ledger = Ledger()
    stats = ledger.run(tasks.fail_at_first, [1], args=(str(tmp_path), 99), attempts=3)
    assert tasks.visits(tmp_path, 1) == 3
    [(task, failure)] = ledger.failures
    assert (task, failure.kind, failure.code, failure.attempts) == (1, FailureClass.TRANSIENT, "EIO", 3)
    assert (stats.failed, stats.stopped) == ({FailureClass.TRANSIENT: 1}, "")


def test_a_task_that_rests_does_not_hold_up_the_others(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.run(tasks.fail_at_first, range(8), args=(str(tmp_path), 1), backoff=0.1, window=8)
    assert sorted(ledger.results) == [(n, n) for n in range(8)]


def test_bad_data_is_never_tried_again_and_stops_nothing() -> None:
    ledger = Ledger()
    stats = ledger.run(tasks.fail_with, ["corrupt"] * 20, attempts=3)
    assert stats.failed == {FailureClass.DATA: 20}
    assert (stats.attempts, stats.stopped) == (20, "")
    assert {f.attempts for _, f in ledger.failures} == {1}


def test_a_lack_of_memory_is_tried_again_and_then_reported() -> None:
    ledger = Ledger()
    stats = ledger.run(tasks.fail_with, ["memory", "memory"], attempts=2)
    assert stats.failed == {FailureClass.RESOURCE: 2}
    assert stats.attempts == 4


def test_a_destination_that_fails_stops_the_run() -> None:
    ledger = Ledger()
    todo = iter(["corrupt", "full", "corrupt", "corrupt"])
    stats = ledger.run(tasks.fail_with, todo)
    assert [f.kind for _, f in ledger.failures] == ["data", "destination"]
    assert stats.stopped == "the destination cannot be written: The destination is full (in archive)."
    assert stats.stopped_by == ledger.failures[1][1]
    assert list(todo) == ["corrupt", "corrupt"]


def test_what_rests_when_the_run_stops_is_given_up() -> None:
    ledger = Ledger()
    stats = ledger.run(tasks.fail_with, ["io", "io", "full"], window=3, backoff=30)
    assert (stats.cancelled, stats.retries, stats.failed) == (2, 2, {FailureClass.DESTINATION: 1})


def test_the_same_bug_five_times_stops_the_run() -> None:
    ledger = Ledger()
    stats = ledger.run(tasks.break_one_way, range(100))
    assert stats.failed == {FailureClass.BUG: SAME_BUGS}
    assert stats.stopped == "5 tasks failed in the same way: KeyError: 'value of task 4'"


def test_different_bugs_stop_nothing() -> None:
    stats = Ledger().run(tasks.break_in_many_ways, range(20))
    assert (stats.failed, stats.stopped) == ({FailureClass.BUG: 20}, "")


def test_statistics_are_plain_data() -> None:
    stats = Ledger().run(tasks.fail_with, ["corrupt", "full"])
    document = json.loads(json.dumps(stats.to_dict()))
    assert document["failed"] == {"data": 1, "destination": 1}
    assert document["stopped_by"]["code"] == "destination"


def test_nonsense_is_refused() -> None:
    with pytest.raises(UsageError, match="attempts=0"):
        Ledger().run(tasks.square, [1], attempts=0)
    with pytest.raises(UsageError, match="window=0"):
        Ledger().run(tasks.square, [1], window=0)


def test_an_error_of_the_caller_is_passed_on_and_what_has_not_begun_never_does(tmp_path: Path) -> None:
    def refuse(task: int, result: int) -> None:
        raise LookupError(task)

    with ProcessCluster(1) as cluster, pytest.raises(LookupError):
        run(cluster, tasks.visit, range(10), args=(str(tmp_path), 0.1), window=10, on_result=refuse, on_failure=lambda *_: None)
    assert len(list(tmp_path.iterdir())) <= 3


class Gone(SerialCluster):
    """A cluster that went away."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(ClusterError("The scheduler is gone"))
        return future


def test_a_cluster_that_is_gone_is_no_failure_of_a_task() -> None:
    ledger = Ledger()
    with pytest.raises(ClusterError, match="gone"):
        ledger.run(tasks.square, range(10), Gone())
    assert not ledger.failures


def test_an_interrupt_leaves_the_loop_at_once() -> None:
    ledger = Ledger()
    with pytest.raises(KeyboardInterrupt):
        ledger.run(tasks.interrupt, range(100))
    assert [task for task, _ in ledger.results] == [0, 1, 2, 3]


INTERRUPTED = """
import sys
from antdask.cluster import make_cluster
from antdask.cluster.run import run
from tests.cluster import tasks

if __name__ == "__main__":
    with make_cluster(sys.argv[1], 2) as cluster:
        run(cluster, tasks.visit, range(100), args=(sys.argv[2], 30.0), on_result=print, on_failure=print)
"""


@pytest.mark.parametrize("name", ["processes", "local"])
def test_control_c_ends_the_run_and_every_worker_without_a_word_of_theirs(name: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    folder = tmp_path / "visits"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(script), name, str(folder)],
        env={"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: len(list(folder.iterdir())) == 2)
        family = psutil.Process(process.pid).children(recursive=True)
        # As a terminal does: to every process of the group, workers too.
        for member in [*family, psutil.Process(process.pid)]:
            member.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=15)
    finally:
        process.kill()
        process.wait()
    assert out == ""
    assert err.splitlines()[-1] == "KeyboardInterrupt"
    assert err.count("Traceback") == 1
    until(lambda: not any(member.is_running() for member in family))
    assert len(list(folder.iterdir())) == 2
    assert not list(tmp_path.glob("antdask-*"))


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    with contextlib.suppress(psutil.NoSuchProcess):
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.02)
