"""Working ahead: while one result is used, the next are read and decoded on other threads."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from antdask.archive.threads import cores, keep_to_itself


def ahead[T](tasks: Iterable[Callable[[], T]], depth: int | None = None) -> Iterator[T]:
    """Results of tasks, in their order; never more than `depth` of them done or under way beyond the one that is handed out.

    Parameters
    ----------
    depth : int, optional
        As many as there are cores, and one more, if not given; 0 does each when it is asked for.

    Examples
    --------
    >>> list(ahead([lambda: 1, lambda: 2], depth=1))
    [1, 2]
    """
    depth = cores() + 1 if depth is None else depth
    waiting = iter(tasks)
    first = list(itertools.islice(waiting, 2))
    if len(first) < 2 or not depth:
        for task in itertools.chain(first, waiting):
            yield task()
        return
    with ThreadPoolExecutor(max(1, min(depth, cores())), thread_name_prefix="antdask-ahead", initializer=keep_to_itself) as pool:
        running: collections.deque[Future[T]] = collections.deque()
        try:
            for task in itertools.chain(first, waiting):
                running.append(pool.submit(task))
                if len(running) > depth:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            # Who stops early waits for what is under way, not for what was planned.
            for future in running:
                future.cancel()
