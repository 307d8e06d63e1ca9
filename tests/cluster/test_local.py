"""The cluster of the command line: on loopback only, with its own environment, and without a trace afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import psutil
import pytest

from antdask.cluster.local import LocalCluster
from antdask.cluster.worker_environment import WORKER_ENVIRONMENT
from antdask.errors import UsageError
from tests.cluster import tasks
from tests.cluster.test_run import ROOT, Ledger


def children() -> set[int]:
    return {p.pid for p in psutil.Process().children(recursive=True)}


def listening(pids: set[int]) -> set[str]:
    return {c.laddr.ip for pid in pids for c in psutil.Process(pid).net_connections("inet") if c.status == psutil.CONN_LISTEN}


def test_it_works_and_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before, environment = children(), dict(os.environ)
    with LocalCluster(2) as cluster:
        assert (cluster.name, cluster.capacity, cluster.dashboard_link) == ("local", 2, "")
        assert cluster.submit(tasks.environment, tuple(WORKER_ENVIRONMENT)).result() == WORKER_ENVIRONMENT
        ledger = Ledger()
        ledger.run(tasks.square, range(10), cluster)
        assert len(ledger.results) == 10
        [folder] = tmp_path.iterdir()
        assert list(cluster.client.run(lambda dask_worker: Path(dask_worker.local_directory).is_relative_to(folder)).values()) == [
            True,
            True,
        ]
        assert cluster.client.nthreads().keys() and set(cluster.client.nthreads().values()) == {1}
        assert listening({os.getpid(), *(children() - before)}) == {"127.0.0.1"}
    cluster.close()  # a second time does no harm
    assert not list(tmp_path.iterdir())
    assert dict(os.environ) == environment
    # multiprocessing keeps one tracker of its resources until the end of this process
    assert all("resource_tracker" in " ".join(psutil.Process(pid).cmdline()) for pid in children() - before)
    assert capfd.readouterr() == ("", "")


def test_the_death_of_a_worker_is_told_by_nobody_but_the_loop(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger()
    with LocalCluster(1, allowed_failures=0) as cluster:
        ledger.run(tasks.die_at_first, range(5), cluster, args=(str(tmp_path), 1), attempts=9)
        assert cluster.submit(tasks.environment, ("MALLOC_ARENA_MAX",)).result() == {"MALLOC_ARENA_MAX": "1"}
    assert sorted(task for task, _ in ledger.results) == list(range(5))
    assert capfd.readouterr() == ("", "")


def test_a_task_that_runs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with LocalCluster(1) as cluster:
        running = cluster.submit(tasks.visit, 1, str(tmp_path), 60.0)
    assert running.cancelled()


def test_spilling_is_off_and_memory_unlimited_unless_asked_for() -> None:
    def limits(dask_worker: object) -> tuple[object, object, object]:
        memory = dask_worker.memory_manager  # type: ignore[attr-defined]
        return memory.memory_limit, memory.memory_target_fraction, memory.memory_spill_fraction

    with LocalCluster(1) as cluster:
        assert list(cluster.client.run(limits).values()) == [(None, False, False)]
    with LocalCluster(1, memory_limit=2**30) as cluster:
        assert list(cluster.client.run(limits).values()) == [(2**30, False, False)]


def test_the_dashboard_is_served_on_loopback_if_asked_for() -> None:
    with LocalCluster(1, dashboard=True) as cluster:
        assert cluster.dashboard_link.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(cluster.dashboard_link.replace("/status", "/health")) as answer:
            assert answer.status == 200


UNGUARDED = """
from antdask.cluster.local import LocalCluster

LocalCluster(1)
"""


def test_a_script_without_a_guard_is_told_what_it_lacks(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, str(script)], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert 'The workers do not start. A script needs `if __name__ == "__main__":`' in done.stderr


def test_no_worker_is_no_cluster() -> None:
    with pytest.raises(UsageError):
        LocalCluster(0)
