"""A worker that must go finishes what it does, takes nothing more, and hands over what it has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import distributed
import pytest

from tests.cluster import tasks
from tests.cluster.test_run import until

pytestmark = pytest.mark.slow
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def client() -> Iterator[distributed.Client]:
    """A scheduler without workers."""
    with (
        distributed.LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture
def start(client: distributed.Client, tmp_path: Path) -> Iterator[Start]:
    """Starts workers that drain, as a job does."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*options: str, **environment: str) -> subprocess.Popen[bytes]:
        words = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            client.scheduler.address,
            "--host",
            "127.0.0.1",
            "--nthreads",
            "1",
            "--no-dashboard",
        ]
        words += [
            "--dashboard-address",
            "127.0.0.1:0",
            "--local-directory",
            str(tmp_path / "scratch"),
            "--preload",
            "antdask.cluster.drain",
            *options,
        ]
        process = subprocess.Popen(words, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_a_signal_lets_the_running_task_end_and_gives_the_others_away(client: distributed.Client, start: Start, tmp_path: Path) -> None:
    first = start("--no-nanny", "--name", "first")
    client.wait_for_workers(1, timeout=20)
    running = client.submit(tasks.visit, 1, str(tmp_path), 2.0, pure=False)
    until(lambda: bool(tasks.visits(tmp_path, 1)))
    # Both are on the worker already, which is the only one there is.
    waiting = [client.submit(tasks.visit, n, str(tmp_path), pure=False, workers=["first"], allow_other_workers=True) for n in (2, 3)]
    first.send_signal(signal.SIGUSR1)
    first.send_signal(signal.SIGUSR1)
    start("--no-nanny", "--name", "second")
    assert running.result(timeout=20) == 1
    assert client.gather(waiting) == [2, 3]
    del running, waiting
    assert first.wait(20) == 0
    assert [tasks.visits(tmp_path, n) for n in (1, 2, 3)] == [1, 1, 1]
    assert [w["name"] for w in client.scheduler_info(n_workers=-1)["workers"].values()] == ["second"]


def test_a_worker_goes_by_itself_when_its_time_is_over(client: distributed.Client, start: Start, tmp_path: Path) -> None:
    first = start("--no-nanny", DASK_ANTDASK__LAST_START="1.0", DASK_ANTDASK__STAGGER="0.5")
    client.wait_for_workers(1, timeout=20)
    running = client.submit(tasks.visit, 1, str(tmp_path), 2.0, pure=False)
    assert running.result(timeout=20) == 1
    del running
    assert first.wait(20) == 0
    assert tasks.visits(tmp_path, 1) == 1


def test_a_worker_without_a_lifetime_stays(client: distributed.Client, start: Start) -> None:
    first = start("--no-nanny")
    client.wait_for_workers(1, timeout=20)
    assert client.submit(tasks.pid_after, 1.5).result(timeout=20) == first.pid
    assert first.poll() is None


def test_a_nanny_passes_the_signal_on_and_starts_no_worker_anew(client: distributed.Client, start: Start, tmp_path: Path) -> None:
    parent = start("--nanny", "--nworkers", "2", "--preload-nanny", "antdask.cluster.drain")
    client.wait_for_workers(2, timeout=20)
    running = [client.submit(tasks.visit, n, str(tmp_path), 1.5, pure=False) for n in range(2)]
    until(lambda: all(tasks.visits(tmp_path, n) for n in range(2)))
    parent.send_signal(signal.SIGUSR1)
    assert client.gather(running) == [0, 1]
    del running
    assert parent.wait(20) == 0
