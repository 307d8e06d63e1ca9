"""A Dask cluster of this machine, made for the command line and taken down with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import tempfile

import dask
import distributed

from antdask import settings
from antdask.cluster.dask import DaskCluster
from antdask.cluster.spans import EXTENSIONS
from antdask.cluster.worker_environment import NEEDS_A_GUARD, WORKER_ENVIRONMENT, worker_count
from antdask.errors import ClusterError

#: A task may lose so many workers before Dask gives it back as failed: a neighbour of a greedy task is not to blame.
ALLOWED_FAILURES = 10
#: A running task gets so long to end when the cluster is closed [s]; a part is visible only when it is whole, so nothing is lost.
GRACE = 0.5
#: What distributed puts into the environment of this process, here so that it is taken out again.
_SET_BY_NANNIES = {"PYTHONHASHSEED": "6640", "__DASK_PARENT_PID": str(os.getpid())}


class LocalCluster(DaskCluster):
    """Worker processes of one thread each, on loopback only; everything is removed on `close`.

    Parameters
    ----------
    workers : int, optional
        Number of processes; one per usable processor if not given.
    memory_limit : int, optional
        Bytes after which a worker is restarted [byte]; unlimited if not given, because the size of a part bounds the memory of a worker.
    dashboard : bool
        Serve Dask's dashboard on a free port of loopback; its address is `dashboard_link`.
    allowed_failures : int
        Workers that may die under a task before it counts as lost.

    Raises
    ------
    ClusterError
        The workers do not start.
    """

    name = "local"

    def __init__(
        self,
        workers: int | None = None,
        *,
        memory_limit: int | None = None,
        dashboard: bool = False,
        allowed_failures: int = ALLOWED_FAILURES,
    ) -> None:
        workers = worker_count(workers)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="antdask-", ignore_cleanup_errors=True))
            # As long as the cluster lives, because a worker that died starts anew with it.
            stack.enter_context(settings.environment(WORKER_ENVIRONMENT | _SET_BY_NANNIES))
            cluster = stack.enter_context(_start(workers, memory_limit, dashboard, allowed_failures, folder))
            stack.callback(_end_workers, cluster)
            client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
            client.register_plugin(_LeaveInterrupts())
            self._stack = stack.pop_all()
        self.dashboard_link = str(cluster.dashboard_link) if dashboard else ""
        super().__init__(client)

    def close(self) -> None:
        """Take down client, workers, scheduler and temporary files; what runs is killed."""
        super().close()
        self._stack.close()


def _start(workers: int, memory_limit: int | None, dashboard: bool, allowed_failures: int, folder: str) -> distributed.LocalCluster:
    configuration = {
        "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
        "distributed.worker.memory.target": False,  # results are receipts: there is nothing to spill
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "temporary-directory": folder,
    }
    if not dashboard:
        # Looked at by nobody, these took 2 to 7 % of the processor from the work.
        configuration |= {
            "distributed.worker.profile.enabled": False,
            "distributed.admin.system-monitor.interval": "5s",
            "distributed.admin.tick.interval": "1s",
        }
    try:
        with dask.config.set(configuration):
            return distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=memory_limit,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"allowed_failures": allowed_failures, "dashboard": dashboard, "extensions": EXTENSIONS},
                # Workers that die are told of by the loop; what distributed says about them, and about its own end, would only frighten.
                silence_logs=logging.CRITICAL,
            )
    except (OSError, RuntimeError) as error:
        raise ClusterError("The workers do not start", hint=NEEDS_A_GUARD) from error


def _end_workers(cluster: distributed.LocalCluster) -> None:
    async def end() -> None:
        # The cluster would do the same, but wait four seconds for a task that runs.
        await asyncio.gather(*(nanny.close(timeout=GRACE) for nanny in cluster.workers.values()))

    cluster.sync(end)


class _LeaveInterrupts(distributed.WorkerPlugin):
    """Leaves Ctrl-C to the process that made the cluster: the terminal sends it to all."""

    name = "leave-interrupts"

    def setup(self, worker: distributed.Worker) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
