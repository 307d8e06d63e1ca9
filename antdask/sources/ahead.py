"""Results of a function in the order of its arguments, a few of them made ahead by threads."""

from __future__ import annotations

import collections
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor


def in_order[Item, Result](function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Generator[Result, None, None]:
    """``map(function, items)``, where `threads` calls run side by side.

    Parameters
    ----------
    function : callable
        Gains only where it spends its time without the interpreter's lock: decompressing, copying, reading.
    threads : int
        With 1 nothing is made ahead, and no thread is started. So many results may wait at once, and no more.

    Examples
    --------
    >>> list(in_order(abs, [-1, 2, -3], threads=2))
    [1, 2, 3]
    """
    if threads == 1:
        yield from map(function, items)
        return
    waiting: collections.deque[Future[Result]] = collections.deque()
    with ThreadPoolExecutor(threads, "antdask-read") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) == threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # Whoever stops in the middle does not wait for what was not begun.
            for future in waiting:
                future.cancel()
