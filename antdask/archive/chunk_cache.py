"""Decoded chunks and shard indexes that were read lately, up to a limit of bytes; one for the whole process."""

from __future__ import annotations

import collections
import functools
import threading
from collections.abc import Hashable, Iterable

import numpy as np

from antdask import settings


class ChunkCache:
    """The arrays that were used last, read-only; safe for threads.

    Parameters
    ----------
    limit : int
        [byte]; 0 keeps nothing.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.nbytes = limit, 0
        self._lock = threading.Lock()
        self._arrays: collections.OrderedDict[Hashable, np.ndarray] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._arrays)

    def get(self, key: Hashable) -> np.ndarray | None:
        """The array kept under this key, if any."""
        with self._lock:
            found = self._arrays.get(key)
            if found is not None:
                self._arrays.move_to_end(key)
            return found

    def some(self, name: tuple[Hashable, ...], numbers: Iterable[int]) -> dict[int, np.ndarray]:
        """Of numbered arrays of one name, kept under ``(*name, number)``, those that are here."""
        if not self._arrays:
            return {}
        with self._lock:
            found = {number: array for number in numbers if (array := self._arrays.get((*name, number))) is not None}
            for number in found:
                self._arrays.move_to_end((*name, number))
        return found

    def put(self, key: Hashable, array: np.ndarray) -> None:
        """Keep an array, which nobody may write to any more; those that were used longest ago make room."""
        array.flags.writeable = False
        with self._lock:
            old = self._arrays.pop(key, None)
            self.nbytes += array.nbytes - (0 if old is None else old.nbytes)
            self._arrays[key] = array
            while self.nbytes > self.limit and self._arrays:
                self.nbytes -= self._arrays.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._arrays.clear()
            self.nbytes = 0


@functools.cache
def shared() -> ChunkCache:
    """The cache of this process, as large as the setting ``cache_bytes``."""
    return ChunkCache(settings.load().cache_bytes)
