"""Threads that read and decode: a few for the whole process, whoever asks.

Reading, checksums and decompressors release the interpreter, so that threads share the cores; a store behind a network wants more of them, since they wait.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

_REMOTE = 16


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="antdask-read")


class _Own(threading.local):
    """Whether this thread is one of as many as there are cores."""

    busy = False


_own = _Own()


def keep_to_itself() -> None:
    """Let this thread do its tasks itself, since others like it keep the cores busy: handing small tasks over costs more than they take."""
    _own.busy = True


# Threads do not survive a fork; a child makes its own.
os.register_at_fork(after_in_child=_pool.cache_clear)


def gather[T](tasks: Sequence[Callable[[], T]], remote: bool = False) -> list[T]:
    """What the tasks give, in their order; for the rest see `run`."""
    places: list[list[T]] = [[] for _ in tasks]
    run([lambda place=place, task=task: place.append(task()) for place, task in zip(places, tasks, strict=True)], remote)  # type: ignore[misc]
    return [found for (found,) in places]


def run(tasks: Sequence[Callable[[], object]], remote: bool = False) -> None:
    """Do all tasks, which may not wait for tasks of their own; returns when the last is done.

    Parameters
    ----------
    remote : bool
        Whether they wait for a network, so that there are more at once than cores.

    Raises
    ------
    Exception
        That of the first task, in order, that failed.
    """
    threads = max(_REMOTE, cores()) if remote else cores()
    if len(tasks) < 2 or threads < 2 or (_own.busy and not remote):
        for task in tasks:
            task()
        return
    waiting = [_pool(threads).submit(task) for task in tasks]
    try:
        for future in waiting:
            future.result()
    finally:
        # After a failure nobody may write into arrays that the caller gave away.
        for future in waiting:
            if not future.cancel():
                future.exception()
