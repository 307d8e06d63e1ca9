"""Ends a Dask worker before its job ends: it takes no new task, finishes what runs, hands over its results, and goes.

Dask has a lifetime of workers, but that does not wait for a running task: the scheduler gives the task to another worker, and the work done so far is lost. So
this module is preloaded into every worker of a batch job (``dask worker --preload antdask.cluster.drain``). A drain begins

* when less time remains than the longest part needs, minus a random stagger, so that jobs that began together do not end together; or
* when SLURM announces the end with SIGUSR1 (``sbatch --signal=B:USR1@…``), which also holds where an operator has shortened the job.

::

    begin of the job                last start − stagger … last start        end of the job
    ├── takes tasks ────────────────────────────┤── drains: ≤ longest part ──┤ margin ┤

Where several workers share a job, a nanny process receives the signal, and passes it on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal

import dask
import distributed
from distributed.core import Status

#: Sent by SLURM to announce the end of a job.
NOTICE = signal.SIGUSR1
#: Results are receipts and leave at once; a driver that does not fetch them for so long [s] does not live any more.
HANDOVER = 30.0
_LOOK_EVERY = 0.1


def dask_setup(server: distributed.Worker | distributed.Nanny) -> None:
    """Called by Dask when a worker, or a nanny, has started."""
    if isinstance(server, distributed.Nanny):
        _NANNIES.append(server)
        asyncio.get_running_loop().add_signal_handler(NOTICE, _pass_on)
    else:
        drain = _Drain(server)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(NOTICE, drain.begin, "the job ends soon")
        last_start = dask.config.get("antdask.last-start", None)
        if last_start is not None:
            stagger = random.uniform(0, dask.config.get("antdask.stagger", 0))  # noqa: S311 - spreads the ends of jobs
            loop.call_later(last_start - stagger, drain.begin, "the lifetime is over")


_NANNIES: list[distributed.Nanny] = []


def _pass_on() -> None:
    for nanny in _NANNIES:
        if nanny.pid is not None:
            with contextlib.suppress(ProcessLookupError):  # ended a moment ago
                os.kill(nanny.pid, NOTICE)


class _Drain:
    """The drain of one worker; begins once."""

    def __init__(self, worker: distributed.Worker) -> None:
        self._worker = worker
        self._task: asyncio.Task[None] | None = None

    def begin(self, reason: str) -> None:
        if self._task is None:
            self._task = asyncio.ensure_future(self._run(reason))

    async def _run(self, reason: str) -> None:
        worker = self._worker
        # A paused worker is given nothing, and begins nothing of what it was given.
        worker.status = Status.paused
        while worker.state.executing_count:
            await asyncio.sleep(_LOOK_EVERY)
        limit = asyncio.get_running_loop().time() + HANDOVER
        while worker.data and asyncio.get_running_loop().time() < limit:
            await asyncio.sleep(_LOOK_EVERY)
        # The scheduler gives tasks that wait here to others, without blame.
        await worker.close_gracefully(restart=False, reason=f"antdask-drain: {reason}")
