"""Workers in jobs of a real SLURM: lost ones are replaced, walltimes harm nobody, refusals are told, nothing is left."""

from __future__ import annotations

import collections
import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from antdask.cluster import CLUSTERS, make_cluster
from antdask.cluster.profiles import Profile, load_profile
from antdask.cluster.run import Event, run
from antdask.cluster.slurm import SlurmCluster
from antdask.errors import ClusterError, UsageError
from tests.cluster import tasks
from tests.cluster.test_run import Ledger
from tests.servers.slurm import Slurm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def site(tmp_path: Path) -> Profile:
    """The profile of the test cluster, with all its files in one place."""
    return dataclasses.replace(load_profile("localhost"), shared=str(tmp_path / "shared"), scratch=str(tmp_path / "scratch"))


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    """Where tasks leave one file per call."""
    folder = tmp_path / "visits"
    folder.mkdir()
    return folder


def times_run(visits: Path) -> dict[int, int]:
    return collections.Counter(int(f.name.partition("-")[0]) for f in visits.iterdir())


def listening_beyond_loopback() -> set[str]:
    """Addresses, other than loopback, on which this process and the workers of the jobs listen."""
    mine = [p for p in psutil.process_iter() if p.pid == os.getpid() or "dask_worker" in " ".join(_words(p))]
    found = {c.laddr.ip for p in mine for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    return found - {"127.0.0.1"}


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_run_survives_a_cancelled_job_and_a_dead_node_and_leaves_nothing(
    slurm: Slurm, site: Profile, visits: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ledger, done = Ledger(), []
    with SlurmCluster(3, site) as cluster:
        cluster.wait_for_workers(3)
        first = slurm.jobs("RUNNING")
        assert set(first) == set(cluster.jobs) and listening_beyond_loopback() == set()

        def harm(event: Event) -> None:
            if event.kind == "done":
                done.append(event.task)
                if len(done) == 6:
                    slurm.run("scancel", sorted(first)[0])
                if len(done) == 12:
                    slurm.run("scontrol", "update", f"nodename={first[sorted(first)[1]]}", "state=down", "reason=test")

        run(
            cluster,
            tasks.visit,
            range(60),
            args=(str(visits), 0.3),
            on_result=lambda *done: ledger.results.append(done),
            on_failure=lambda *failed: ledger.failures.append(failed),
            progress=harm,
        )
        cluster.wait_for_workers(3)
        assert len(cluster.jobs) == 3 and len({*cluster.jobs, *first}) >= 5
    assert sorted(ledger.results) == [(n, n) for n in range(60)] and not ledger.failures
    # Redone is at most what ran on the lost workers: a job cancelled, and all jobs of a node.
    assert sum(times_run(visits).values()) <= 60 + 3
    slurm.until(lambda: not slurm.jobs("PENDING,RUNNING,COMPLETING"))
    assert list((tmp_path / "shared").iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_jobs_drain_before_their_walltime_and_no_part_is_done_twice(slurm: Slurm, site: Profile, visits: Path) -> None:
    # 60 s of walltime, of which the last 52 are kept free: each job works for 5 to 8 s, and the next one takes over.
    short = dataclasses.replace(site, walltime=60, longest_part=47, margin=5, stagger=3)
    ledger = Ledger()
    with SlurmCluster(2, short) as cluster:
        cluster.wait_for_workers(2)
        first = set(cluster.jobs)
        ledger.run(tasks.visit, range(40), cluster, args=(str(visits), 0.5))
        last = set(cluster.jobs)
    assert sorted(ledger.results) == [(n, n) for n in range(40)]
    assert times_run(visits) == dict.fromkeys(range(40), 1)
    assert not first & last
    assert {slurm.state(job) for job in first} == {"COMPLETED"}


def test_a_job_that_slurm_announces_the_end_of_finishes_its_part_and_goes(slurm: Slurm, site: Profile, visits: Path) -> None:
    with SlurmCluster(1, site) as cluster:
        cluster.wait_for_workers(1)
        [job] = cluster.jobs
        running = cluster.submit(tasks.visit, 1, str(visits), 2.0)
        slurm.until(lambda: bool(times_run(visits)))
        slurm.run("scancel", "--signal=USR1", "--batch", job)
        waiting = cluster.submit(tasks.visit, 2, str(visits))
        assert (running.result(), waiting.result()) == (1, 2)
        assert slurm.state(job) == "COMPLETED" and job not in cluster.jobs
    assert times_run(visits) == {1: 1, 2: 1}


@pytest.mark.soak
def test_a_part_that_outlives_its_job_is_done_again_elsewhere(slurm: Slurm, site: Profile, visits: Path) -> None:
    with SlurmCluster(2, site) as cluster:
        cluster.wait_for_workers(2)
        part = cluster.submit(tasks.linger_at_first, 1, str(visits), 100.0)
        slurm.until(lambda: bool(times_run(visits)))
        [victim] = [number for number in cluster.jobs if works(cluster, number)]
        # SLURM announces the end, which makes the worker drain, and then kills it; it looks at walltimes twice a minute.
        slurm.run("scontrol", "update", f"jobid={victim}", "timelimit=00:00:01")
        assert part.result() == 1
        slurm.until(lambda: [(job.id, job.state) for job in cluster.failed_jobs] == [(victim, "TIMEOUT")])
        folder = cluster.folder
    assert times_run(visits) == {1: 2}
    # Its log may say why, so it is kept.
    assert (folder / f"{victim}.log").exists()


def works(cluster: SlurmCluster, job: str) -> bool:
    """Whether the worker of this job has a task."""
    [log] = cluster.folder.glob(f"{job}.log")
    name = log.read_text().partition("Worker name:")[2].split()[0]
    busy = cluster.client.run_on_scheduler(lambda dask_scheduler: [ws.name for ws in dask_scheduler.workers.values() if ws.processing])
    return name in busy


def test_keys_and_several_processes_in_a_job(slurm: Slurm, site: Profile, visits: Path) -> None:
    whole = dataclasses.replace(site, security="tls", elastic=False, processes=2, cores=2)
    with SlurmCluster(2, whole, dashboard=True) as cluster:
        cluster.wait_for_workers(2)
        assert cluster.client.scheduler.address.startswith("tls://127.0.0.1:") and cluster.dashboard_link.startswith("http://127.0.0.1:")
        assert cluster.client.nthreads().keys() and set(cluster.client.nthreads().values()) == {1}
        assert listening_beyond_loopback() == set()
        assert {f.stat().st_mode & 0o077 for f in cluster.folder.iterdir() if f.suffix != ".log"} == {0}
        [job] = cluster.jobs
        environment = cluster.submit(tasks.environment, ("MALLOC_TRIM_THRESHOLD_", "TMPDIR")).result()
        assert environment == {"MALLOC_TRIM_THRESHOLD_": str(2**30), "TMPDIR": site.scratch}
        running = [cluster.submit(tasks.visit, n, str(visits), 2.0) for n in range(2)]
        slurm.until(lambda: len(times_run(visits)) == 2)
        slurm.run("scancel", "--signal=USR1", "--batch", job)
        assert [r.result() for r in running] == [0, 1]
        slurm.until(lambda: slurm.state(job) == "COMPLETED")
    assert times_run(visits) == {0: 1, 1: 1}


def test_the_driver_takes_its_jobs_along_when_it_is_killed(slurm: Slurm, site: Profile, tmp_path: Path) -> None:
    site = dataclasses.replace(site, death_timeout=3)
    code = f"""
import time
from antdask.cluster.profiles import Profile
from antdask.cluster.slurm import SlurmCluster
from tests.cluster import tasks
if __name__ == "__main__":
    cluster = SlurmCluster(10, {site!r})
    cluster.wait_for_workers(2)
    futures = [cluster.submit(tasks.pid_after, 1) for _ in range(4)]
    print("up", flush=True)
    time.sleep(100)
"""
    driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert driver.stdout is not None and driver.stdout.readline() == "up\n"
        assert len(slurm.jobs()) == 10
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
    # Those that still wait in the queue start, find nobody, and go.
    slurm.until(lambda: not slurm.jobs(), seconds=60)


def test_a_driver_that_ends_without_closing_cancels_its_jobs(slurm: Slurm, site: Profile) -> None:
    code = f"from antdask.cluster.profiles import Profile\nfrom antdask.cluster.slurm import SlurmCluster\nCLUSTER = SlurmCluster(9, {site!r})\n"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
    slurm.until(lambda: not slurm.jobs(), seconds=5)


def test_jobs_that_die_before_their_workers_come_up_end_the_run_with_what_they_said(slurm: Slurm, site: Profile, tmp_path: Path) -> None:
    broken = dataclasses.replace(site, prologue=("echo no module named antdask; exit 3",))
    with (
        SlurmCluster(3, broken) as cluster,
        pytest.raises(ClusterError, match=r"The workers do not start: 3 jobs.*no module named antdask.*`prologue`"),
    ):
        Ledger().run(tasks.square, range(5), cluster)
    [folder] = (tmp_path / "shared").iterdir()
    assert len(list(folder.glob("*.log"))) >= 3


def test_a_refusal_is_told_and_leaves_nothing(slurm: Slurm, site: Profile, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="invalid partition specified: nowhere") as caught:
        SlurmCluster(2, dataclasses.replace(site, partition="nowhere"))
    assert caught.value.exit_code == 6
    assert list((tmp_path / "shared").iterdir()) == []
    with pytest.raises(ClusterError, match=r"The scheduler does not start.*`interface`"):
        SlurmCluster(2, dataclasses.replace(site, interface="eth99"))
    with pytest.raises(UsageError):
        SlurmCluster(0, site)
    (tmp_path / "file").touch()
    with pytest.raises(ClusterError, match=r"The folder for logs and keys cannot be made"):
        SlurmCluster(1, dataclasses.replace(site, shared=str(tmp_path / "file")))


def test_workers_that_do_not_come_in_time_are_told_with_the_state_of_the_queue(slurm: Slurm, site: Profile) -> None:
    crowded = dataclasses.replace(site, memory=8000 * 2**20)
    with (
        SlurmCluster(6, crowded) as cluster,
        pytest.raises(ClusterError, match=r"did not start within 3 s.*PENDING \(Resources\)"),
    ):
        cluster.wait_for_workers(6, timeout=3)


def test_it_is_registered_and_takes_a_profile_where_others_take_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "slurm" in CLUSTERS.names()
    file = tmp_path / "site.toml"
    file.write_text(f'extends = "localhost"\nshared = "{tmp_path}"\n')
    monkeypatch.setenv("PATH", "/nowhere")
    began = time.monotonic()
    with pytest.raises(ClusterError, match="SLURM is not on this machine"):
        make_cluster("slurm", 1, profile=str(file))
    assert time.monotonic() - began < 5
    with pytest.raises(UsageError, match="'serial' has no profiles"):
        make_cluster("serial", profile="generic")
