"""Counting how often each combination of small integers occurs, at less than a nanosecond each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from antdask.compiled import compiled

# Values whose places are found before they are counted: these places stay in a near cache.
_STRETCH = 1 << 15


class Cells:
    """Counts of cells, where each axis has one cell per integer, one for all below, and one for all above.

    Parameters
    ----------
    axes : sequence of (first, length)
        First integer and number of integers of each axis, the slowest first.

    Examples
    --------
    >>> cells = Cells([(10, 3)])
    >>> cells.count([np.array([9, 10, 10, 12, 200], np.uint8)])
    >>> cells.counts.tolist()
    [1, 2, 0, 1, 1]
    """

    def __init__(self, axes: Sequence[tuple[int, int]]) -> None:
        sizes = [length + 2 for _, length in axes]
        widths = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
        self.counts = np.zeros(math.prod(sizes), np.int64)
        self._axes = [(*axis, width) for axis, width in zip(axes, widths, strict=True)]
        self._places = np.empty(_STRETCH, np.uint32)

    def count(self, columns: Sequence[np.ndarray]) -> None:
        """Count rows of columns, one per axis, integers of up to 16 bits."""
        for start in range(0, len(columns[0]), _STRETCH):
            places = self._places[: len(columns[0]) - start]
            for number, (values, (first, length, width)) in enumerate(zip(columns, self._axes, strict=True)):
                _add(places, values[start : start + _STRETCH], number == 0, first, length, width)
            _tally(self.counts, places)


@compiled
def _add(places: np.ndarray, values: np.ndarray, fresh: bool, first: int, length: int, width: int) -> None:
    """Add the place on one axis; in 32 bits, so that several are done at once."""
    low, top, far = np.int32(first - 1), np.int32(length + 1), np.uint32(width)
    if fresh:
        for i in range(places.size):
            places[i] = np.uint32(min(max(np.int32(values[i]) - low, np.int32(0)), top)) * far
    else:
        for i in range(places.size):
            places[i] += np.uint32(min(max(np.int32(values[i]) - low, np.int32(0)), top)) * far


@compiled
def _tally(counts: np.ndarray, places: np.ndarray) -> None:
    for i in range(places.size):
        counts[places[i]] += 1
