"""The only loop over futures: submits tasks within a window, collects, retries, and knows when to stop.

::

    tasks ──► waiting for a free place ──► on the cluster ──► on_result
     lazy              ▲                         │
                       └── back-off ◄── failed ──┴─────────► on_failure

Not more than a window of tasks is held at any moment, so that a million tasks cost no more memory than a hundred.
"""

from __future__ import annotations

import collections
import dataclasses
import heapq
import itertools
import queue
import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from antdask.cluster import failures
from antdask.cluster.failures import Attempt, Failure, FailureClass
from antdask.errors import ClusterError, UsageError, WorkerLostError
from antdask.protocols import Cluster

#: Tasks held per task that can run: enough that no worker waits for the loop, little enough that few wait for a worker.
TASKS_PER_PLACE = 3
#: So many failures with one and the same traceback are a bug, and more of them would teach nothing.
SAME_BUGS = 5
#: Longest wait before another attempt [s].
LONGEST_BACKOFF = 60.0
#: So often at least is progress told, and the capacity asked anew [s].
HEARTBEAT = 1.0


@dataclasses.dataclass(slots=True)
class RunStats:
    """What became of the tasks.

    Parameters
    ----------
    done, cancelled : int
        Tasks with a result; tasks that were submitted and given up, because the run stopped.
    failed : counter of FailureClass
    attempts, retries : int
        Attempts that ended; how many of them were not the last of their task.
    seconds : float
        Wall time [s].
    stopped : str
        Why the run ended before its tasks did; empty if it did not.
    stopped_by : Failure or None
        The failure that stopped it.
    """

    done: int = 0
    cancelled: int = 0
    failed: collections.Counter[FailureClass] = dataclasses.field(default_factory=collections.Counter)
    attempts: int = 0
    retries: int = 0
    seconds: float = 0.0
    stopped: str = ""
    stopped_by: Failure | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        failed = {str(kind): number for kind, number in self.failed.items()}
        stopped_by = self.stopped_by.to_dict() if self.stopped_by else None
        return {**{f.name: getattr(self, f.name) for f in dataclasses.fields(self)}, "failed": failed, "stopped_by": stopped_by}


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """What a progress display is told.

    Parameters
    ----------
    kind : str
        ``"done"``, ``"failed"``, ``"retry"`` (about `task`), or ``"tick"`` (nothing new, time goes on).
    task, result, failure : object
        As far as the kind has them.
    done, failed, retries, running, capacity : int
        Running counts.
    total : int or None
        Number of tasks, where the caller said it.
    seconds : float
        Since the start [s].
    """

    kind: str
    task: Any
    result: Any
    failure: Failure | None
    done: int
    failed: int
    retries: int
    running: int
    capacity: int
    total: int | None
    seconds: float


def run[T, R](
    cluster: Cluster,
    function: Callable[..., R],
    tasks: Iterable[T],
    *,
    args: tuple[Any, ...] = (),
    window: int | None = None,
    attempts: int = 3,
    on_result: Callable[[T, R], None],
    on_failure: Callable[[T, Failure], None],
    progress: Callable[[Event], None] | None = None,
    classify: Callable[[BaseException], FailureClass] = failures.classify,
    total: int | None = None,
    backoff: float = 1.0,
) -> RunStats:
    """Call ``function(task, *args)`` for each task on a cluster; each task ends in one call of `on_result` or `on_failure`.

    Parameters
    ----------
    function : callable
        Importable on the workers. Its result must be small: it travels home.
    tasks : iterable
        Consumed lazily, in order; start with the largest.
    window : int, optional
        Most tasks held at a time; three times the capacity of the cluster if not given.
    attempts : int
        How often a task is tried that fails for a transient reason or for lack of resources. Other failures are never retried.
    on_result, on_failure, progress : callable
        Called in the calling thread, never two at a time. An exception they raise ends the run and is passed on.
    classify : callable
        Class of an error; runs on the worker, so it must be importable there.
    total : int, optional
        Number of tasks, for the display.
    backoff : float
        Wait before the second attempt [s]; doubles from one attempt to the next.

    Returns
    -------
    RunStats
        `stopped` says whether tasks remain that were given up: after a failure of the destination, or after five equal bugs.

    Raises
    ------
    ClusterError
        The cluster is gone.
    KeyboardInterrupt
        Passed on after what has not begun was cancelled.
    """
    if attempts < 1 or (window is not None and window < 1):
        raise UsageError("A run needs at least one attempt and a window of one task", found=f"attempts={attempts}, window={window}")
    return _Run(
        call=_Call(cluster, Attempt(function, classify), args), tasks=iter(tasks), window=window, attempts=attempts, total=total, backoff=backoff,
        on_result=on_result, on_failure=on_failure, progress=progress,
    ).to_the_end()  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class _Call:
    cluster: Cluster
    attempt: Attempt[Any]
    args: tuple[Any, ...]

    def submit(self, task: Any) -> Future[Any]:
        return self.cluster.submit(self.attempt, task, *self.args)

    def outcome(self, future: Future[Any]) -> tuple[Any, Failure | None]:
        """Result or failure of a finished future; errors that are no task's fault are raised."""
        error = future.exception()
        if error is None:
            result: tuple[Any, Failure | None] = future.result()
            return result
        if isinstance(error, KeyboardInterrupt) or (isinstance(error, ClusterError) and not isinstance(error, WorkerLostError)):
            raise error
        return None, failures.describe(error, self.attempt.classify(error))


@dataclasses.dataclass(frozen=True, slots=True)
class _Try:
    task: Any
    number: int


@dataclasses.dataclass(kw_only=True)
class _Run:
    """The state of one run; `step` after `step` to the end."""

    call: _Call
    tasks: Iterator[Any]
    window: int | None
    attempts: int
    on_result: Callable[[Any, Any], None]
    on_failure: Callable[[Any, Failure], None]
    progress: Callable[[Event], None] | None
    total: int | None
    backoff: float
    stats: RunStats = dataclasses.field(default_factory=RunStats)
    began: float = dataclasses.field(default_factory=time.monotonic)
    running: dict[Future[Any], _Try] = dataclasses.field(default_factory=dict)
    #: A heap: due time, a number that breaks ties, what to try.
    resting: list[tuple[float, int, _Try]] = dataclasses.field(default_factory=list)
    ties: Iterator[int] = dataclasses.field(default_factory=itertools.count)
    finished: queue.SimpleQueue[Future[Any]] = dataclasses.field(default_factory=queue.SimpleQueue)
    exhausted: bool = False
    bugs: collections.Counter[tuple[str, str]] = dataclasses.field(default_factory=collections.Counter)

    def to_the_end(self) -> RunStats:
        try:
            while self.step():
                self.stats.seconds = time.monotonic() - self.began
        finally:
            # Left early (interrupt, an error of the caller, no cluster): nothing that has not begun may begin now.
            for future in list(self.running):
                future.cancel()
        self.tell("tick")
        return self.stats

    def step(self) -> bool:
        """Do one thing: collect what is finished, else submit, else wait; False when nothing is left."""
        # Collecting first keeps results from piling up, and makes a cluster that works at submit hold one task at a time.
        if not self.finished.empty():
            self.collect(self.finished.get())
        elif (chosen := self.choose()) is not None:
            self.submit(chosen)
        elif self.running or self.resting:
            self.wait()
        else:
            return False
        return True

    def choose(self) -> _Try | None:
        """What to submit now, if anything: a task whose rest is over, else the next one while the window has room."""
        if self.resting and self.resting[0][0] <= time.monotonic():
            return heapq.heappop(self.resting)[2]
        limit = self.window or TASKS_PER_PLACE * max(1, self.call.cluster.capacity)
        if self.exhausted or self.stats.stopped or len(self.running) + len(self.resting) >= limit:
            return None
        for task in self.tasks:
            return _Try(task, 1)
        self.exhausted = True
        return None

    def submit(self, chosen: _Try) -> None:
        future = self.call.submit(chosen.task)
        self.running[future] = chosen
        future.add_done_callback(self.finished.put)

    def wait(self) -> None:
        due = self.resting[0][0] - time.monotonic() if self.resting else HEARTBEAT
        try:
            future = self.finished.get(timeout=min(HEARTBEAT, max(0.0, due)))
        except queue.Empty:
            _ = self.call.cluster.capacity  # raises if the cluster is gone, which no future may live to tell
            self.tell("tick")
        else:
            self.collect(future)

    def collect(self, future: Future[Any]) -> None:
        done = self.running.pop(future)
        if future.cancelled():
            self.stats.cancelled += 1
            return
        result, failure = self.call.outcome(future)
        self.stats.attempts += 1
        if failure is None:
            self.stats.done += 1
            self.on_result(done.task, result)
            self.tell("done", done.task, result=result)
        else:
            self.settle(done, dataclasses.replace(failure, attempts=done.number))

    def settle(self, done: _Try, failure: Failure) -> None:
        """Decide what a failed attempt means."""
        if failure.kind.retried and self.stats.stopped:
            self.stats.cancelled += 1
        elif failure.kind.retried and done.number < self.attempts:
            self.stats.retries += 1
            rest = min(LONGEST_BACKOFF, self.backoff * 2 ** (done.number - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads attempts
            heapq.heappush(self.resting, (time.monotonic() + rest, next(self.ties), _Try(done.task, done.number + 1)))
            self.tell("retry", done.task, failure=failure)
        else:
            self.stats.failed[failure.kind] += 1
            self.on_failure(done.task, failure)
            self.tell("failed", done.task, failure=failure)
            self.consider_stopping(failure)

    def consider_stopping(self, failure: Failure) -> None:
        if failure.kind is FailureClass.DESTINATION:
            self.stop(f"the destination cannot be written: {failure.message}", failure)
        elif failure.kind is FailureClass.BUG:
            self.bugs[failure.code, failure.trace] += 1
            if self.bugs[failure.code, failure.trace] >= SAME_BUGS:
                self.stop(f"{SAME_BUGS} tasks failed in the same way: {failure.message}", failure)

    def stop(self, reason: str, failure: Failure) -> None:
        """Submit nothing more; what runs already may finish."""
        if not self.stats.stopped:
            self.stats.stopped, self.stats.stopped_by = reason, failure
            self.stats.cancelled += len(self.resting)
            self.resting.clear()
            for future in list(self.running):
                future.cancel()

    def tell(self, kind: str, task: Any = None, *, result: Any = None, failure: Failure | None = None) -> None:
        if self.progress is not None:
            stats = self.stats
            counts = (stats.done, stats.failed.total(), stats.retries, len(self.running), self.call.cluster.capacity)
            self.progress(Event(kind, task, result, failure, *counts, self.total, time.monotonic() - self.began))
