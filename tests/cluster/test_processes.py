"""Worker processes: the death of one costs one attempt of one task, and none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from antdask.cluster.failures import FailureClass
from antdask.cluster.processes import ProcessCluster
from antdask.cluster.run import run
from antdask.cluster.worker_environment import WORKER_ENVIRONMENT
from antdask.errors import ClusterError, UsageError, WorkerLostError
from tests.cluster import tasks
from tests.cluster.test_run import ROOT, Ledger, until


@pytest.fixture(scope="module")
def cluster() -> Iterator[ProcessCluster]:
    with ProcessCluster(2) as cluster:
        yield cluster


def test_all_tasks_end_once_in_other_processes(cluster: ProcessCluster) -> None:
    ledger = Ledger()
    ledger.run(tasks.square, range(50), cluster)
    assert sorted(ledger.results) == [(n, n * n) for n in range(50)]
    assert os.getpid() not in cluster.pids
    assert cluster.submit(tasks.pid_after, 0).result() in cluster.pids


def test_workers_find_their_environment_and_the_parent_keeps_its_own(cluster: ProcessCluster) -> None:
    before = dict(os.environ)
    assert cluster.submit(tasks.environment, tuple(WORKER_ENVIRONMENT)).result() == WORKER_ENVIRONMENT
    assert dict(os.environ) == before


def test_a_worker_killed_mid_task_costs_one_attempt_of_that_task_only(cluster: ProcessCluster, tmp_path: Path) -> None:
    ledger = Ledger()
    stats = ledger.run(tasks.die_at_first, range(20), cluster, args=(str(tmp_path), 1))
    assert sorted(ledger.results) == [(n, n) for n in range(20)]
    assert (stats.done, stats.retries) == (20, 1)
    [retry] = [e for e in ledger.events if e.kind == "retry"]
    assert retry.task == 3
    assert retry.failure is not None
    assert (retry.failure.kind, retry.failure.code) == (FailureClass.RESOURCE, "worker-lost")
    assert "signal 9 (SIGKILL)" in retry.failure.message
    assert {n: tasks.visits(tmp_path, n) for n in range(20)} == {n: 2 if n == 3 else 1 for n in range(20)}


def test_workers_killed_from_outside_again_and_again_lose_nothing(tmp_path: Path) -> None:
    ledger = Ledger()
    killed: list[int] = []
    with ProcessCluster(2) as cluster:

        def kill(task: int, _: object) -> None:
            ledger.results.append((task, task))
            if task % 10 == 9:
                killed.append(cluster.pids[0])
                os.kill(killed[-1], signal.SIGKILL)

        stats = run(cluster, tasks.visit, range(40), args=(str(tmp_path), 0.01), attempts=9, on_result=kill, on_failure=print, backoff=0.01)
    assert len(killed) == 4
    assert sorted(ledger.results) == [(n, n) for n in range(40)]
    assert (stats.done, stats.failed.total()) == (40, 0)


def test_a_task_that_kills_every_worker_is_reported_and_the_others_are_done(cluster: ProcessCluster, tmp_path: Path) -> None:
    ledger = Ledger()
    stats = ledger.run(tasks.die_at_first, range(10), cluster, args=(str(tmp_path), 99), attempts=2)
    assert sorted(task for task, _ in ledger.results) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    [(task, failure)] = ledger.failures
    assert (task, failure.kind, failure.attempts) == (3, FailureClass.RESOURCE, 2)
    assert stats.stopped == ""


def test_a_worker_killed_while_it_waits_is_replaced_unnoticed() -> None:
    with ProcessCluster(1) as cluster:
        first = cluster.submit(tasks.pid_after, 0).result()
        process = psutil.Process(first)
        os.kill(first, signal.SIGKILL)
        until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
        assert cluster.submit(tasks.pid_after, 0).result() != first


def test_what_cannot_be_sent_fails_alone() -> None:
    ledger = Ledger()
    with ProcessCluster(1) as cluster:
        first = cluster.submit(tasks.pid_after, 0).result()
        ledger.run(tasks.raise_unsendable, [1], cluster)
        ledger.run(tasks.give_unsendable, [2], cluster)
        assert cluster.submit(tasks.pid_after, 0).result() == first
    assert [f.kind for _, f in ledger.failures] == ["bug", "bug"]
    assert ledger.failures[0][1].message == "Unsendable: not sendable"


def test_a_lost_worker_is_told_by_an_error_of_the_house(tmp_path: Path) -> None:
    with ProcessCluster(1) as cluster, pytest.raises(WorkerLostError, match=r"process \d+.*signal 9"):
        cluster.submit(tasks.die_at_first, 3, str(tmp_path), 9).result()


def test_closing_kills_what_runs_and_forgets_what_waits(tmp_path: Path) -> None:
    cluster = ProcessCluster(1)
    running = cluster.submit(tasks.visit, 1, str(tmp_path), 60.0)
    waiting = cluster.submit(tasks.visit, 2, str(tmp_path), 60.0)
    until(lambda: tasks.visits(tmp_path, 1) == 1)
    [pid] = cluster.pids
    cluster.close()
    assert waiting.cancelled()
    assert isinstance(running.exception(), WorkerLostError)
    assert not psutil.pid_exists(pid)
    with pytest.raises(ClusterError, match="closed"):
        cluster.submit(tasks.square, 1)
    cluster.close()


def test_no_worker_is_no_cluster() -> None:
    with pytest.raises(UsageError):
        ProcessCluster(0)


ORPHANS = """
import sys, time
from antdask.cluster.processes import ProcessCluster
from tests.cluster import tasks

if __name__ == "__main__":
    with ProcessCluster(2) as cluster:
        futures = [cluster.submit(tasks.visit, n, sys.argv[1], s) for n, s in ((1, 0.0), (2, 60.0))]
        futures[0].result()
        print(*cluster.pids, flush=True)
        time.sleep(60)
"""


def test_workers_follow_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(ORPHANS)
    command = [sys.executable, str(script), str(tmp_path)]
    with subprocess.Popen(command, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        until(lambda: tasks.visits(tmp_path, 2) == 1)
        workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert workers
    until(lambda: not any(worker.is_running() for worker in workers))


UNGUARDED = """
from antdask.cluster.processes import ProcessCluster

with ProcessCluster(1) as cluster:
    cluster.submit(abs, -1).result()
"""


def test_a_script_without_a_guard_is_told_what_it_lacks(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, str(script)], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert 'A worker process dies as it starts. A script needs `if __name__ == "__main__":`' in done.stderr
