"""Worker processes of this machine, without a scheduler: the fastest way to use one node.

Each place to work is a thread that hands one task after the other to one process of its own::

    submit ──► queue ──► thread 1 ──► process 1
                    └──► thread 2 ──► process 2 †   only the task of process 2 is lost; thread 2 starts process 3

A pool of many processes breaks as a whole when one of them is killed, and nobody can tell whose task did it. With one process per pool the loss is exactly
one task, and no other is run again or blamed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Self

import psutil

from antdask import settings
from antdask.cluster.worker_environment import NEEDS_A_GUARD, WORKER_ENVIRONMENT, worker_count
from antdask.errors import ClusterError, WorkerLostError

#: The environment is one for the whole process: two threads must not change it at once.
_ENVIRONMENT_LOCK = threading.Lock()


class ProcessCluster:
    """Worker processes, started when they are needed and replaced when they die.

    Parameters
    ----------
    workers : int, optional
        Number of processes; one per usable processor if not given.

    Notes
    -----
    Processes are spawned, never forked, because a fork copies locks of threads that do not exist in the child. A script that uses this class therefore needs
    ``if __name__ == "__main__":`` around its work.
    """

    name = "processes"

    def __init__(self, workers: int | None = None) -> None:
        self._workers = worker_count(workers)
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="antdask-place")
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._closed = False

    @property
    def capacity(self) -> int:
        """Number of processes."""
        return self._workers

    @property
    def pids(self) -> list[int]:
        """Identifiers of the processes that live now."""
        with self._lock:
            return sorted(worker.pid for worker in {*self._idle, *self._busy})

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Queue a call; its future fails with `WorkerLostError` if the process dies.

        Raises
        ------
        ClusterError
            The cluster is closed.
        """
        if self._closed:
            raise ClusterError("The cluster is closed")
        return self._threads.submit(self._work, function, args)

    def _work(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        worker = self._take()
        try:
            result = worker.call(function, args)
        except BrokenProcessPool as error:
            with self._lock:
                self._busy.discard(worker)
            raise WorkerLostError(
                "A worker process ended in the middle of its task",
                where=f"process {worker.pid}",
                found=worker.last_words(),
                hint="If it was signal 9, the machine may be short of memory: use fewer workers or smaller parts.",
            ) from error
        except BaseException:
            self._give_back(worker)
            raise
        self._give_back(worker)
        return result

    def _take(self) -> _Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive():
                    self._busy.add(worker)
                    return worker
                worker.stop()  # killed while it waited: no task was harmed
        worker = _Worker()
        with self._lock:
            if self._closed:
                worker.stop()
                raise ClusterError("The cluster was closed")
            self._busy.add(worker)
        return worker

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
            self._idle.append(worker)

    def close(self) -> None:
        """End all processes; what has not begun is cancelled, what runs is killed (a part is visible only when it is whole)."""
        with self._lock:
            self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for worker in self._busy:
                worker.kill()
        self._threads.shutdown(wait=True)
        while self._idle:
            self._idle.pop().stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Worker:
    """One process, in a pool of its own.

    Raises
    ------
    ClusterError
        The process dies before it can work.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_settle_in)
        with _ENVIRONMENT_LOCK, settings.environment(WORKER_ENVIRONMENT):
            pid = self._pool.submit(os.getpid)  # the process starts inside this call
        try:
            self.pid = pid.result()
        except BrokenProcessPool as error:
            self._pool.shutdown()
            raise ClusterError("A worker process dies as it starts", hint=NEEDS_A_GUARD) from error
        # Two views of one process: only its parent's record knows how it ended, only the system's knows at any moment whether it lives.
        self._record = next((p for p in multiprocessing.active_children() if p.pid == self.pid), None)
        self._process = psutil.Process(self.pid)

    def call(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        return self._pool.submit(function, *args).result()

    def is_alive(self) -> bool:
        try:
            return self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def last_words(self) -> str:
        """How the process ended, in words."""
        self._pool.shutdown()
        code = self._record.exitcode if self._record is not None else None
        if code is None:
            return "no exit code"
        return f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit code {code}"

    def kill(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.kill()

    def stop(self) -> None:
        self._pool.shutdown()


def _settle_in() -> None:
    """First thing in a new process: leave Ctrl-C to the parent, and never outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    # The pipe of tasks is open at this end too, so that the death of the parent would go unnoticed for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
