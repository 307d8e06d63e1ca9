"""Works at submit, in this process: for debugging, and for machines that allow nothing else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self

from antdask.errors import UsageError


class SerialCluster:
    """One task at a time, in the calling thread.

    Parameters
    ----------
    workers : int, optional
        1, if given at all.

    Raises
    ------
    UsageError
        More than one worker.

    Examples
    --------
    >>> with SerialCluster() as cluster:
    ...     cluster.submit(abs, -3).result()
    3
    """

    name = "serial"

    def __init__(self, workers: int | None = None) -> None:
        if workers not in {None, 1}:
            raise UsageError("A serial cluster has one worker", found=workers, hint="Take the cluster 'processes' or 'local'.")

    @property
    def capacity(self) -> int:
        """One."""
        return 1

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Call now; the future that comes back is finished."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(function(*args))
        except Exception as error:  # noqa: BLE001 - the future carries it to whoever asks for the result
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing to give back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
