"""Works on any Dask cluster that somebody else made: an adapter around `distributed.Client`."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import uuid
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from typing import Any, Self

import distributed
from distributed.scheduler import KilledWorker
from tornado.ioloop import IOLoop

from antdask.errors import ClusterError, WorkerLostError

#: So long is the number of threads believed before it is asked for anew [s]: workers come and go, and every question costs the scheduler time.
CAPACITY_AGE = 2.0
#: Why a worker may be lost under a task again and again.
LOST_HINT = "If it happens again, they may be short of memory: give them more, or plan with a smaller --part-bytes."


class DaskCluster:
    """Tasks on the workers of a client; neither the client nor its cluster is made, changed or closed here.

    Parameters
    ----------
    client : distributed.Client
        Connected, not asynchronous.
    priority : int
        Of all tasks of this adapter against others on the same cluster; higher goes first.

    Raises
    ------
    ClusterError
        The client is asynchronous.

    Notes
    -----
    Every attempt has a key of its own, so that nothing is taken from the memory of a former one; Dask itself retries no failed task. A task whose worker died is
    moved by the scheduler up to ``distributed.scheduler.allowed-failures`` times and then fails here with `WorkerLostError`, which the loop retries. Raise that
    setting where workers are preempted.
    """

    name = "dask"

    def __init__(self, client: distributed.Client, *, priority: int = 0) -> None:
        if client.asynchronous:
            raise ClusterError(
                "An asynchronous client cannot be used", hint="Make one with distributed.Client(address), without asynchronous=True."
            )
        self.client, self._priority = client, priority
        self._capacity, self._asked = 0, -CAPACITY_AGE
        self._pending: weakref.WeakSet[_Future] = weakref.WeakSet()

    @property
    def capacity(self) -> int:
        """Threads of all workers that are there now; 0 while none has come.

        Raises
        ------
        ClusterError
            The scheduler does not answer.
        """
        if time.monotonic() - self._asked >= CAPACITY_AGE:
            self._check()
            try:
                self._capacity = sum(self.client.nthreads().values())
            except (OSError, TimeoutError) as error:
                raise ClusterError("The Dask scheduler does not answer", where=_address(self.client)) from error
            self._asked = time.monotonic()
        return self._capacity

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Submit a call; its future fails with `WorkerLostError` if its workers die.

        Raises
        ------
        ClusterError
            The client is closed or has lost its scheduler.
        """
        loop = self._check()
        key = f"antdask-{getattr(function, '__name__', 'task')}-{uuid.uuid4().hex}"
        inner = self.client.submit(function, *args, key=key, pure=False, retries=0, priority=self._priority)
        outer = _Future(inner)
        self._pending.add(outer)
        # On the loop of the client, all results that are ready come in one message; the callbacks of Dask share one thread, which one lost connection can block.
        loop.add_callback(outer.follow, inner)
        return outer

    def _check(self) -> IOLoop:
        """The event loop of the client, if that is alive."""
        if self.client.status != "running" or self.client.loop is None:
            raise ClusterError(
                "The Dask client is not connected",
                where=_address(self.client),
                found=f"status '{self.client.status}'",
                expected="'running'",
            )
        return self.client.loop

    def close(self) -> None:
        """Cancel what this adapter has submitted and not yet seen finished; client and cluster stay."""
        for future in list(self._pending):
            future.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Future(Future[Any]):
    """A future of the standard library that ends as its Dask future does."""

    def __init__(self, inner: distributed.Future[Any]) -> None:
        super().__init__()
        self._inner: distributed.Future[Any] | None = inner
        self._address, self._release = _address(inner.client), threading.Lock()

    def cancel(self) -> bool:
        cancelled = super().cancel()
        inner = self._let_go()
        if cancelled and inner is not None and inner.client.status == "running":
            inner.cancel()
        return cancelled

    async def follow(self, inner: distributed.Future[Any]) -> None:
        """Wait for `inner`, and end as it does; never raises."""
        try:
            value = await inner.client.gather(inner, asynchronous=True)
        except KilledWorker as error:
            message = f"Every worker that tried the task died ({error.allowed_failures + 1} of them)"
            self._end(WorkerLostError(message, where=self._address, hint=LOST_HINT), error)
        except (CancelledError, asyncio.CancelledError) as error:
            self._end(self._dropped(inner), error)
        except BaseException as error:  # noqa: BLE001 - the future carries it to whoever asks for the result
            self._end(error, error.__cause__)
        else:
            with contextlib.suppress(InvalidStateError):  # cancelled here in the meantime
                self.set_result(value)
        self._let_go()

    def _dropped(self, inner: distributed.Future[Any]) -> ClusterError:
        if inner.client.status != "running":
            return ClusterError(
                "The connection to the Dask scheduler is lost", where=self._address, hint="Run again: what is done stays done."
            )
        return WorkerLostError("The Dask scheduler dropped the task (was it restarted?)", where=self._address)

    def _end(self, error: BaseException, cause: BaseException | None) -> None:
        error.__cause__ = cause
        with contextlib.suppress(InvalidStateError):  # cancelled here in the meantime
            self.set_exception(error)

    def _let_go(self) -> distributed.Future[Any] | None:
        # The scheduler keeps a result as long as somebody holds its future.
        with self._release:
            inner, self._inner = self._inner, None
        return inner


def _address(client: distributed.Client) -> str:
    return str(client.scheduler.address) if client.scheduler is not None else "no scheduler"
