"""Any Dask client as a cluster: lost workers are retriable failures, and nothing of the client is touched."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import distributed
import pytest

from antdask.cluster.dask import DaskCluster
from antdask.cluster.failures import FailureClass
from antdask.cluster.local import LocalCluster
from antdask.cluster.run import run
from antdask.errors import ClusterError, WorkerLostError
from tests.cluster import tasks
from tests.cluster.test_run import Ledger, until


@pytest.fixture(scope="module")
def client() -> Iterator[distributed.Client]:
    """A client whose scheduler gives up a task with its first worker."""
    with LocalCluster(2, allowed_failures=0) as local:
        yield local.client


@pytest.fixture
def cluster(client: distributed.Client) -> Iterator[DaskCluster]:
    with DaskCluster(client) as cluster:
        yield cluster


def test_all_tasks_end_once_on_the_workers(cluster: DaskCluster) -> None:
    ledger = Ledger()
    stats = ledger.run(tasks.square, range(50), cluster)
    assert sorted(ledger.results) == [(n, n * n) for n in range(50)]
    assert stats.retries == 0
    assert cluster.capacity == 2
    assert cluster.submit(tasks.pid_after, 0).result() != os.getpid()


def test_the_scheduler_forgets_what_is_finished(cluster: DaskCluster, client: distributed.Client) -> None:
    Ledger().run(tasks.square, range(20), cluster)
    until(lambda: not client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))


def test_the_same_call_is_made_anew_each_time(cluster: DaskCluster, tmp_path: Path) -> None:
    futures = [cluster.submit(tasks.visit, 1, str(tmp_path)) for _ in range(3)]
    assert [f.result() for f in futures] == [1, 1, 1]
    assert tasks.visits(tmp_path, 1) == 3


def test_an_error_of_a_task_comes_home_as_it_is(cluster: DaskCluster) -> None:
    assert isinstance(cluster.submit(tasks.fail_with, "memory").exception(), MemoryError)


def test_a_worker_killed_mid_task_is_a_failure_that_is_tried_again(cluster: DaskCluster, tmp_path: Path) -> None:
    ledger = Ledger()
    stats = ledger.run(tasks.die_at_first, range(12), cluster, args=(str(tmp_path), 1), attempts=5)
    assert sorted(ledger.results) == [(n, n) for n in range(12)]
    assert (stats.done, stats.failed.total()) == (12, 0)
    retries = {e.task: e.failure for e in ledger.events if e.kind == "retry"}
    failure = retries[3]
    assert failure is not None
    assert (failure.kind, failure.code) == (FailureClass.RESOURCE, "worker-lost")
    assert failure.message.startswith("Every worker that tried the task died (1 of them)")


def test_a_task_that_kills_every_worker_is_lost_and_the_others_are_done(cluster: DaskCluster, tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.run(tasks.die_at_first, range(6), cluster, args=(str(tmp_path), 99), attempts=2, window=1)
    assert [(task, f.kind, f.attempts) for task, f in ledger.failures] == [(3, "resource", 2)]
    assert sorted(task for task, _ in ledger.results) == [0, 1, 2, 4, 5]


def test_a_worker_killed_from_outside_loses_nothing(tmp_path: Path) -> None:
    ledger = Ledger()
    with LocalCluster(2) as cluster:
        pids = list(cluster.client.run(os.getpid).values())

        def kill(task: int, result: int) -> None:
            ledger.results.append((task, result))
            if task == 5:
                os.kill(pids[0], signal.SIGKILL)

        stats = run(cluster, tasks.visit, range(30), args=(str(tmp_path), 0.02), on_result=kill, on_failure=print)
    assert sorted(ledger.results) == [(n, n) for n in range(30)]
    assert (stats.done, stats.failed.total()) == (30, 0)


def test_a_task_that_the_scheduler_drops_is_tried_again(cluster: DaskCluster, client: distributed.Client, tmp_path: Path) -> None:
    ledger = Ledger()
    dropped: list[str] = []

    def drop(task: int, result: int) -> None:
        ledger.results.append((task, result))
        if not dropped:
            # As when somebody restarts the cluster, or cancels what is not theirs.
            dropped.extend(client.futures)
            client.cancel([distributed.Future(key, client) for key in dropped], force=True)

    stats = run(cluster, tasks.visit, range(8), args=(str(tmp_path), 0.1), on_result=drop, on_failure=print, backoff=0.01)
    assert sorted(ledger.results) == [(n, n) for n in range(8)]
    assert stats.done == 8
    assert 0 < stats.retries <= len(dropped)


def test_cancelling_reaches_the_scheduler(cluster: DaskCluster, client: distributed.Client, tmp_path: Path) -> None:
    futures = [cluster.submit(tasks.visit, n, str(tmp_path), 0.3) for n in range(20)]
    until(lambda: any(tmp_path.iterdir()))
    cluster.close()
    assert all(f.cancelled() for f in futures)
    until(lambda: not client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))
    assert len(list(tmp_path.iterdir())) < 10
    assert client.status == "running"


def test_a_client_that_is_closed_is_no_place_to_work(client: distributed.Client) -> None:
    with distributed.Client(client.scheduler.address, set_as_default=False) as mine:
        cluster = DaskCluster(mine)
        assert cluster.capacity == 2
    with pytest.raises(ClusterError, match=r"not connected .*status 'closed'"):
        cluster.submit(tasks.square, 1)


def test_a_connection_that_is_lost_mid_run_ends_the_run(client: distributed.Client, tmp_path: Path) -> None:
    mine = distributed.Client(client.scheduler.address, set_as_default=False)
    cluster = DaskCluster(mine)
    with pytest.raises(ClusterError) as caught:
        run(cluster, tasks.visit, range(50), args=(str(tmp_path), 0.1), on_result=lambda *_: mine.close(), on_failure=print)
    assert not isinstance(caught.value, WorkerLostError)


def test_an_asynchronous_client_is_refused(client: distributed.Client) -> None:
    async def refuse() -> None:
        async with distributed.Client(client.scheduler.address, asynchronous=True, set_as_default=False) as mine:
            with pytest.raises(ClusterError, match="asynchronous"):
                DaskCluster(mine)

    asyncio.run(refuse())
