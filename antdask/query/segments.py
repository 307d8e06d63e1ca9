"""Counting per row what holds for the rows below it, in one pass and without an array of running sums."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

# A mask with one true value in more than so many is sparse.
_RARE = 32


def count_true(mask: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many of ``mask[edges[i] : edges[i + 1]]`` are true, int64, one fewer than there are edges.

    Examples
    --------
    >>> count_true(np.array([True, False, True, True]), np.array([0, 2, 2, 4])).tolist()
    [1, 0, 2]
    """
    # What is rare is looked up where it is.
    if len(mask) > _RARE * len(edges) > 0 and _RARE * np.count_nonzero(mask) < len(mask):
        owners = np.searchsorted(edges, np.flatnonzero(mask), "right") - 1
        found: np.ndarray = np.bincount(owners, minlength=len(edges) - 1)
        return found
    counts = np.empty(len(edges) - 1, np.int64)
    _compiled()(np.ascontiguousarray(mask).view(np.uint8), np.ascontiguousarray(edges, np.int64), counts)
    return counts


def _count(mask: np.ndarray, edges: np.ndarray, counts: np.ndarray) -> None:
    for row in range(counts.size):
        number = 0
        for i in range(edges[row], edges[row + 1]):
            number += mask[i]
        counts[row] = number


@functools.cache
def _compiled() -> Any:
    # Imported late: who only looks at the catalogue does without the 80 MB of numba.
    from antdask.compiled import compiled

    return compiled(_count)
