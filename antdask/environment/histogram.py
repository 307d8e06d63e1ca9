"""The 64-bin histogram behind all quantiles: fixed edges on logarithmic scales, so that histograms of any bins add up.

Three stretches, each logarithmic: fine where the baseline of modules lies, coarse where bursts are, and one bin at either end for the rest::

    values   0 ... | 49 bins, fine ...             | 13 bins, coarse ...        | ...
    ANTARES  0      30 kHz             3.1 % each  130 kHz        13 % each     625 kHz

A quantile is found by interpolation in the bin where it lies. It is never off by more than that bin is wide; the outermost bins that are filled are cut to the
minimum and maximum, which are known exactly.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numba
import numpy as np

from antdask.compiled import compiled

BINS = 64
_FINE, _COARSE = 49, 13


@dataclasses.dataclass(frozen=True)
class Scale:
    """The edges for one kind of value.

    Parameters
    ----------
    low, middle, high : int
        Ends of the two logarithmic stretches, in values (counts of a frame, or Hz).
    """

    low: int
    middle: int
    high: int

    @functools.cached_property
    def edges(self) -> np.ndarray:
        """Lower edges of the bins, int64, shape (64,), the first is 0; a value v is in the last bin k with ``edges[k] <= v``.

        Examples
        --------
        >>> edges = Scale(3146, 13_631, 65_536).edges
        >>> len(edges), edges[:3].tolist(), edges[-1]
        (64, [0, 3146, 3242], np.int64(65536))
        """
        fine = np.geomspace(self.low, self.middle, _FINE + 1)
        coarse = np.geomspace(self.middle, self.high, _COARSE + 1)
        return np.concatenate([[0], np.rint(fine[:-1]), np.rint(coarse)]).astype(np.int64)

    @functools.cached_property
    def table(self) -> np.ndarray:
        """Bin of every value from 0 to `high`, uint8; larger values are in the last bin."""
        return (np.searchsorted(self.edges, np.arange(self.high + 1), "right") - 1).astype(np.uint8)

    @functools.cached_property
    def sides(self) -> np.ndarray:
        """Both edges of every bin, float64, shape (65,), the last one without end."""
        return np.append(self.edges, 2**62).astype(float)

    def quantiles(self, histogram: np.ndarray, minimum: np.ndarray, maximum: np.ndarray, fractions: tuple[float, ...]) -> np.ndarray:
        """Quantiles of the values behind histograms.

        Parameters
        ----------
        histogram : integer array, shape (..., 64)
        minimum, maximum : integer array, shape (...)
            Exact, of the same values.
        fractions : tuple of float
            From 0 to 1, ascending.

        Returns
        -------
        float64 array, shape (len(fractions), ...)
            NaN where the histogram is empty. Off by less than the width of the bin that holds the quantile.

        Examples
        --------
        >>> scale = Scale(3146, 13_631, 65_536)
        >>> values = np.arange(5000, 7000)
        >>> counted = np.bincount(scale.table[values], minlength=64)
        >>> scale.quantiles(counted, values.min(), values.max(), (0.1, 0.5)).round().tolist()
        [5200.0, 6000.0]
        """
        flat = np.ascontiguousarray(histogram).reshape(-1, BINS)
        low, high = (np.asarray(side, np.int64).reshape(-1) for side in (minimum, maximum))
        out = np.full((len(fractions), len(flat)), np.nan)
        _compiled(flat, low, high, self.table, self.sides, np.array(fractions), out)
        return out.reshape(len(fractions), *histogram.shape[:-1])


def _find(row: Any, n: int, low: int, high: int, table: Any, edges: Any, fractions: Any, out: Any) -> None:
    """Quantiles of one histogram of `n` values from `low` to `high`, fractions ascending; NaN where it is empty. Plain loops, for the compiler."""
    if n == 0:
        out[:] = np.nan
        return
    k, before = np.int64(table[min(low, len(table) - 1)]), 0.0
    for j in range(len(fractions)):
        wanted = fractions[j] * n
        while k < 63 and before + row[k] < wanted:
            before += row[k]
            k += 1
        # Values are whole numbers: the value v stands for the interval from v to v + 1.
        left, right = max(edges[k], float(low)), min(edges[k + 1], float(high + 1))
        inside = max(1.0, float(row[k]))
        out[j] = min(max(left + (right - left) * (wanted - before) / inside - 0.5, float(low)), float(high))


find_quantiles: Any = numba.njit(nogil=True)(_find)


def _find_all(
    flat: np.ndarray, low: np.ndarray, high: np.ndarray, table: np.ndarray, edges: np.ndarray, fractions: np.ndarray, out: np.ndarray
) -> None:
    """Quantiles row by row."""
    row = np.zeros(len(fractions))
    for i in range(len(flat)):
        n = 0
        for k in range(64):
            n += flat[i, k]
        find_quantiles(flat[i], n, low[i], high[i], table, edges, fractions, row)
        out[:, i] = row


_compiled: Any = compiled(_find_all)


def _keep(bits: Any) -> None:
    """Round float32 numbers, seen as uint32, to 12 significant bits; NaN stays NaN."""
    for i in range(len(bits)):
        bits[i] = (bits[i] + np.uint32(1 << 11)) & np.uint32(0xFFFFF000)


_keep_compiled: Any = compiled(_keep)


def keep_twelve_bits(values: np.ndarray) -> None:
    """Round float32 numbers to 12 significant bits where they stand, off by less than 0.025 %: digits that the histogram does not know compress badly.

    Examples
    --------
    >>> values = np.array([60_000.123, np.nan], np.float32)
    >>> keep_twelve_bits(values)
    >>> values.tolist()
    [60000.0, nan]
    """
    _keep_compiled(values.reshape(-1).view(np.uint32))
