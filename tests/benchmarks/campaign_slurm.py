"""A driver at scale: memory and time of the loop with up to a million parts, and weak scaling on a SLURM of 1 to 4 nodes with parts that sleep."""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self

import psutil
from rich.console import Console
from rich.table import Table

from antdask.cluster import make_cluster
from antdask.cluster.profiles import load_profile
from antdask.cluster.run import run
from antdask.cluster.slurm import SlurmCluster
from tests.servers import daemon
from tests.servers import slurm as slurm_server

SIZES = (1_000, 10_000, 100_000, 1_000_000)
DASK_SIZES = (1_000, 20_000)
#: Length of a part that does nothing but sleep [s], and parts of each worker.
PART_S, PARTS_EACH = 2.0, 10
MB = 2**20


class NoWork:
    """A cluster whose tasks are done by nobody: each future ends a moment after it was submitted, in another thread."""

    name = "no-work"
    capacity = 64

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[Future[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._end_all, daemon=True)
        self._thread.start()

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._tasks.put(future)
        return future

    def _end_all(self) -> None:
        while (future := self._tasks.get()) is not None:
            if future.set_running_or_notify_cancel():
                future.set_result((None, None))

    def close(self) -> None:
        self._tasks.put(None)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def nothing(task: int) -> None:
    """The part that is no work."""


def sleep(task: int, seconds: float) -> None:
    """The part that only takes time."""
    time.sleep(seconds)


def loop(kind: str, size: int) -> dict[str, float]:
    """One run of so many tasks in this process: seconds, and memory before and at its peak [byte]."""
    done = [0]

    def count(*_: Any) -> None:
        done[0] += 1

    with NoWork() if kind == "no-work" else make_cluster(kind, 2) as cluster:
        run(cluster, nothing, range(100), on_result=count, on_failure=print)
        before = psutil.Process().memory_info().rss
        began = time.perf_counter()
        run(cluster, nothing, range(size), on_result=count, on_failure=print, total=size)
        seconds = time.perf_counter() - began
    if done[0] != size + 100:
        raise SystemExit(f"{done[0]} of {size + 100} tasks were done")
    return {"seconds": seconds, "before": before, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def drivers(console: Console) -> None:
    """Time and memory of the driver against the number of parts; each in a process of its own."""
    table = Table("cluster", "parts", "s", "µs per part", "memory before, MB", "growth, MB", title="Driver with parts that are no work")
    for kind, sizes in (("no-work", SIZES), ("local", DASK_SIZES)):
        for size in sizes:
            words = [sys.executable, "-m", "tests.benchmarks.campaign_slurm", kind, str(size)]
            found = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
            growth = (found["peak"] - found["before"]) / MB
            each = found["seconds"] / size * 1e6
            table.add_row(kind, f"{size:,}", f"{found['seconds']:.2f}", f"{each:.0f}", f"{found['before'] / MB:.0f}", f"{growth:.1f}")
    console.print(table)


def weak_scaling(console: Console) -> None:
    """The same work for each worker on 1, 2 and 4 nodes of a real SLURM: ideal is the time of one."""
    table = Table(
        "nodes", "workers", "parts", "ideal s", "s", "efficiency", title=f"Weak scaling on SLURM, parts of {PART_S:g} s that sleep"
    )
    with daemon.shared("slurm-benchmark", slurm_server.start) as address, tempfile.TemporaryDirectory() as shared:
        os.environ["SLURM_CONF"] = str(address["conf"])
        # All memory of a node for one job: one worker a node.
        site = dataclasses.replace(load_profile("localhost"), shared=shared, memory=8000 * MB)
        for nodes in (1, 2, 4):
            with SlurmCluster(nodes, site) as cluster:
                cluster.wait_for_workers(nodes)
                parts, done = nodes * PARTS_EACH, []
                began = time.perf_counter()
                run(cluster, sleep, range(parts), args=(PART_S,), on_result=lambda *r: done.append(r), on_failure=print)  # noqa: B023
                seconds = time.perf_counter() - began
            if len(done) != parts:
                raise SystemExit(f"{len(done)} of {parts} parts were done")
            ideal = PARTS_EACH * PART_S
            table.add_row(str(nodes), str(nodes), str(parts), f"{ideal:.1f}", f"{seconds:.2f}", f"{ideal / seconds:.3f}")
    console.print(table)


def main() -> None:
    """Measure and print."""
    console = Console(width=140)
    drivers(console)
    weak_scaling(console)


if __name__ == "__main__":
    print(json.dumps(loop(sys.argv[1], int(sys.argv[2]))))
