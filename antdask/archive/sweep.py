"""Passing once over columns of a part, a few chunks at a time, in memory that stays in the cache of the processor.

Arrays of a whole question would go to main memory and back, and getting that memory from the system takes as long as decoding does::

    encoded   [ 16 chunks of each column, read at once                     ]
    decoded   [ 4 chunks of each ] -> use -> [ the next 4, at the same place ] -> use -> ...
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence

import numpy as np

from antdask.archive import shards, threads
from antdask.archive.reading import PartReader, rows_of_chunks
from antdask.model.schema import SERIES

# Decoded bytes of all columns that are in use at once, and encoded chunks of a column that are read at once.
_STEP, _CHUNKS = 1 << 19, 16


class _Scratch(threading.local):
    """Memory of this thread that nobody uses now."""

    def __init__(self) -> None:
        self.free: list[np.ndarray] = []


_scratch = _Scratch()


def can_sweep(part: PartReader, names: Sequence[str]) -> bool:
    """Whether these arrays ``table/column`` are cut at the same rows, into chunks that can be used as they are decoded."""
    layouts = [part.layout(name) for name in names]
    plain = all(a.codec != SERIES and a.dtype == a.dtype.newbyteorder("<") and len(a.shape) == 1 for a in layouts)
    return plain and len({(a.shape, a.chunk, a.shard) for a in layouts}) == 1


def sweep(part: PartReader, names: Sequence[str], start: int, stop: int, use: Callable[[list[np.ndarray]], object]) -> bool:
    """Hand rows ``start:stop`` of columns to a function, one stretch after the other.

    Parameters
    ----------
    names : sequence of str
        Arrays ``table/column`` for which `can_sweep` holds.
    use : callable
        Takes one array per column; they are overwritten when it returns. Where it gives ``False``, that is the end.

    Returns
    -------
    bool
        Whether all was handed over, and wanted.

    Raises
    ------
    DamagedPartError
    """
    layouts = [part.layout(name) for name in names]
    rows, per_shard = layouts[0].chunk[0], rows_of_chunks(layouts[0])
    step = max(1, _STEP // (rows * sum(a.dtype.itemsize for a in layouts)))
    need = step * rows * sum(a.dtype.itemsize for a in layouts)
    memory = next((m for m in _scratch.free if m.nbytes >= need), None)
    memory = np.empty(need, np.uint8) if memory is None else memory
    _scratch.free = [m for m in _scratch.free if m is not memory]
    try:
        chunk, end = start // rows, -(-stop // rows)
        while chunk < end:
            # Little at first, since there may be no second time.
            last = min(end, chunk + (step if chunk == start // rows else _CHUNKS), (chunk // per_shard + 1) * per_shard)
            read = [functools.partial(part.encoded, a, chunk, last) for a in layouts]
            found = threads.gather(read, not part.store.local)
            for first in range(chunk, last, step):
                low, high = max(start, first * rows), min(stop, min(last, first + step) * rows)
                taken, place = [], 0
                for layout, (spans, data) in zip(layouts, found, strict=True):
                    size = layout.dtype.itemsize
                    out = memory[place : place + (high - low) * size]
                    shards.decode_chunks(
                        data,
                        spans[first - chunk : first - chunk + step],
                        layout,
                        rows * size,
                        (low - first * rows) * size,
                        out,
                        part.where(layout),
                    )
                    taken.append(out.view(layout.dtype))
                    place += step * rows * size
                if use(taken) is False:
                    return False
            chunk = last
    finally:
        _scratch.free.append(memory)
    return True
