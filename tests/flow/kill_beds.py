"""Where campaigns run whose processes are killed: alone, with worker processes, with a scheduler of Dask and nannies; and who is killed there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, Self

import dask
import distributed
import psutil
from km3net_testdata import data_path

from antdask.archive import ledger
from antdask.archive.plans import open_plan
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.cluster.dask import DaskCluster
from antdask.cluster.processes import ProcessCluster
from antdask.cluster.worker_environment import WORKER_ENVIRONMENT
from antdask.convert import campaign
from antdask.convert import part as part_module
from antdask.convert.scan import make_plan
from antdask.errors import ClusterError
from antdask.plan import Plan
from antdask.protocols import Cluster
from antdask.settings import load
from tests.servers.daemon import free_port

FILES = [data_path(f"online/{n}") for n in ("km3net_online.root", "events_sample.root")]
SETTINGS = load(part_bytes=200_000, attempts=3)
#: Workers of a campaign, and so the most parts that are in flight.
WORKERS = 2
ROOT = Path(__file__).parents[2]


class Bed(Protocol):
    """Where campaigns run, and who can be killed there.

    Attributes
    ----------
    rehearsals : int
        Undisturbed runs, the quickest of which tells how long one takes; where workers start with the first, it takes two.
    """

    rehearsals: int

    def calm(self, plan: Plan) -> float:
        """Run a campaign and kill nobody; how long it took [s]."""
        ...

    def disturbed(self, plan: Plan, seconds: float) -> str:
        """Run a campaign, kill the victim after so many seconds; how the campaign ended."""
        ...

    def resume(self, plan: Plan) -> int:
        """Run it again, undisturbed; the exit code."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def noted_work(index: int, plan_url: str) -> Any:
    """The work of a worker; each part that is not there yet leaves a note beside the archive before it is begun."""
    task = open_plan(plan_url).assignment(index)
    if ledger.read_receipt(Store(task.archive), task.part.key) is None:
        (notes(task.archive) / f"{index}-{uuid.uuid4().hex}").touch()
    return part_module.work(index, plan_url)


def notes(archive: str) -> Path:
    """Folder of the notes of parts that were begun."""
    return Path(f"{archive}.begun")


def convert(plan: Plan, cluster: Cluster) -> campaign.Summary:
    """Convert, with notes of what was begun."""
    notes(plan.archive).mkdir(exist_ok=True)
    campaign.work = noted_work  # type: ignore[assignment, attr-defined]
    try:
        return campaign.convert(plan, cluster, SETTINGS)
    finally:
        campaign.work = part_module.work  # type: ignore[attr-defined]


def plan_of(archive: str) -> Plan:
    """The campaign of these tests, into an archive."""
    return make_plan(FILES, archive, SETTINGS)


def kill(pid: int) -> None:
    """Signal 9; who is gone already stays gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class _Started:
    """A process of its own session, so that only those are killed that are meant."""

    def __init__(self, *words: str, pipe: bool = False) -> None:
        environment = {**os.environ, **WORKER_ENVIRONMENT, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        output = subprocess.PIPE if pipe else subprocess.DEVNULL
        self.process = subprocess.Popen(
            [sys.executable, *words], stdout=output, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
        )
        self.pid = self.process.pid

    def wait_for_line(self, line: bytes) -> None:
        assert self.process.stdout is not None and self.process.stdout.readline() == line

    def ended(self, seconds: float = 60) -> int:
        code = self.process.wait(seconds)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def stop(self) -> None:
        kill(self.pid)
        self.ended()


def _driven(plan: Plan, seconds: float, *words: str) -> str:
    """Run a campaign in a driver of its own, and kill that."""
    driver = _Started("-m", "tests.flow.kill_beds", plan.archive, *words, pipe=True)
    driver.wait_for_line(b"begin\n")
    time.sleep(seconds)
    kill(driver.pid)
    code = driver.ended()
    return "killed" if code == -signal.SIGKILL else {0: "complete"}.get(code, f"exit code {code}")


def _timed(plan: Plan, *words: str) -> float:
    """How long a campaign takes in a driver of its own."""
    driver = _Started("-m", "tests.flow.kill_beds", plan.archive, *words, pipe=True)
    driver.wait_for_line(b"begin\n")
    began = time.monotonic()
    driver.wait_for_line(b"end\n")
    took = time.monotonic() - began
    assert driver.ended() == 0
    return took


def _time_here(plan: Plan, cluster: Cluster) -> float:
    began = time.monotonic()
    assert convert(plan, cluster).exit_code == 0
    return time.monotonic() - began


def _run_here(plan: Plan, cluster: Cluster, seconds: float, victim: Callable[[], int]) -> str:
    """Run a campaign in this process, and kill somebody meanwhile."""
    timer = threading.Timer(seconds, lambda: kill(victim()))
    timer.start()
    try:
        summary = convert(plan, cluster)
    except ClusterError as error:
        return error.what
    finally:
        timer.join()
    return "complete" if summary.exit_code == 0 else f"exit code {summary.exit_code}: {summary.failures}"


class Serial:
    """No cluster: the driver does the parts itself."""

    where, rehearsals = "serial", 1

    def calm(self, plan: Plan) -> float:
        return _timed(plan, self.where)

    def disturbed(self, plan: Plan, seconds: float) -> str:
        return _driven(plan, seconds, self.where)

    def resume(self, plan: Plan) -> int:
        with make_cluster("serial") as cluster:
            return convert(plan, cluster).exit_code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


class ProcessesDriver(Serial):
    """Worker processes whose driver is killed: they must go by themselves, and harm nobody who goes on in their place."""

    where = "processes"


class ProcessesWorker:
    """Worker processes, one of which is killed."""

    rehearsals = 2

    def __init__(self) -> None:
        self.cluster, self.turn = ProcessCluster(WORKERS), 0

    def calm(self, plan: Plan) -> float:
        return _time_here(plan, self.cluster)

    def disturbed(self, plan: Plan, seconds: float) -> str:
        return _run_here(plan, self.cluster, seconds, self.victim)

    def victim(self) -> int:
        self.turn += 1
        pids = self.cluster.pids
        return pids[self.turn % len(pids)] if pids else 2**22  # nobody has been started yet

    def resume(self, plan: Plan) -> int:
        return convert(plan, self.cluster).exit_code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cluster.close()


class DaskWorker:
    """A scheduler, and workers that nannies look after, each a process of its own, as other people's clusters are; a worker is killed."""

    rehearsals = 2

    def __init__(self) -> None:
        self.turn = 0

    def __enter__(self) -> Self:
        self.stack = contextlib.ExitStack()
        self.folder = self.stack.enter_context(memory_folder())
        self.start()
        return self

    def start(self) -> None:
        """Scheduler and workers."""
        self.address = f"tcp://127.0.0.1:{free_port()}"
        quiet = ["--dashboard-address", "127.0.0.1:0", "--no-dashboard"]
        self.scheduler = _Started("-m", "distributed.cli.dask_scheduler", "--host", self.address, *quiet)
        self.nannies = [self.nanny() for _ in range(WORKERS)]
        # Patient with workers that are slow to start, but not with a scheduler that is dead.
        with dask.config.set({"distributed.comm.timeouts.connect": "10s"}):
            self.client = distributed.Client(self.address, set_as_default=False, timeout=30)
            self.client._timeout = 10

    def nanny(self) -> _Started:
        words = ("--nanny", "--nworkers", "1", "--nthreads", "1", "--host", "127.0.0.1", "--death-timeout", "20")
        place = ("--local-directory", str(self.folder), "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
        return _Started("-m", "distributed.cli.dask_worker", self.address, *words, *place)

    def ready(self) -> None:
        """Wait until all are there: whoever was killed has a successor."""
        self.client.wait_for_workers(WORKERS, timeout=60)

    def calm(self, plan: Plan) -> float:
        self.ready()
        with DaskCluster(self.client) as cluster:
            return _time_here(plan, cluster)

    def victim(self) -> int:
        self.turn += 1
        nanny = self.nannies[self.turn % WORKERS]
        children = psutil.Process(nanny.pid).children()
        return next((c.pid for c in children if any("spawn_main" in word for word in c.cmdline())), 2**22)

    def disturbed(self, plan: Plan, seconds: float) -> str:
        self.ready()
        with DaskCluster(self.client) as cluster:
            return _run_here(plan, cluster, seconds, self.victim)

    def resume(self, plan: Plan) -> int:
        with DaskCluster(self.client) as cluster:
            return convert(plan, cluster).exit_code

    def stop(self) -> None:
        """End them all, the nannies first, so that they start nobody anew."""
        self.client.close(timeout=5)
        for nanny in self.nannies:
            nanny.stop()
        self.scheduler.stop()

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.stack.close()


class DaskNanny(DaskWorker):
    """The same; a nanny is killed, and its worker goes with it."""

    def victim(self) -> int:
        self.turn += 1
        self.nannies[self.turn % WORKERS], old = self.nanny(), self.nannies[self.turn % WORKERS]
        threading.Timer(0.5, old.ended).start()
        return old.pid


class DaskDriver(DaskWorker):
    """The same; the driver is killed, and the workers live on, with the parts that they are at."""

    rehearsals = 1

    def calm(self, plan: Plan) -> float:
        self.ready()
        return _timed(plan, self.address)

    def disturbed(self, plan: Plan, seconds: float) -> str:
        self.ready()
        return _driven(plan, seconds, self.address)


class DaskScheduler(DaskWorker):
    """The same; the scheduler is killed, and the campaign goes on with another one."""

    def victim(self) -> int:
        return self.scheduler.pid

    def resume(self, plan: Plan) -> int:
        self.stop()
        self.start()
        return super().resume(plan)


@contextlib.contextmanager
def memory_folder() -> Iterator[Path]:
    """A temporary folder, in memory if there is a place for it: signal 9 loses nothing that was written, so that no disk need be waited for."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    # A worker that was killed may still write its last line.
    with tempfile.TemporaryDirectory(dir=place, prefix="antdask-kill-", ignore_cleanup_errors=True) as name:
        yield Path(name)


#: Who is killed, and where.
BEDS: dict[str, Callable[[], Bed]] = {
    "worker of processes": ProcessesWorker,
    "driver of processes": ProcessesDriver,
    "driver without cluster": Serial,
    "worker of Dask": DaskWorker,
    "nanny of Dask": DaskNanny,
    "driver of Dask": DaskDriver,
    "scheduler of Dask": DaskScheduler,
}
#: Most parts that are in flight when one of them is killed, and so may be done again.
IN_FLIGHT = {"worker of processes": 1, "driver without cluster": 1, "worker of Dask": 1, "nanny of Dask": 1}


def main(archive: str, where: str) -> int:
    """The driver that is killed."""
    with contextlib.ExitStack() as stack:
        if where.startswith("tcp:"):
            cluster: Cluster = stack.enter_context(DaskCluster(stack.enter_context(distributed.Client(where, set_as_default=False))))
        else:
            cluster = stack.enter_context(make_cluster(where, None if where == "serial" else WORKERS))
        plan = plan_of(archive)
        # Workers that are there, with all that they need: a kill while they start teaches less.
        for future in [cluster.submit(plan_of, archive) for _ in range(WORKERS)]:
            future.result()
        print("begin", flush=True)
        code = convert(plan, cluster).exit_code
        print("end", flush=True)
        return code


if __name__ == "__main__":
    from tests.flow import kill_beds  # workers find its functions under this name

    sys.exit(kill_beds.main(*sys.argv[1:]))
