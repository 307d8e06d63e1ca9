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

    def quantiles(self, histogram: np.ndarray, minimum: np.ndarray, maximum: np.ndarray, fractions: tuple[float, ...]) -> np.ndarray:
        """Quantiles of the values behind histograms.

        Parameters
        ----------
        histogram : integer array, shape (..., 64)
        minimum, maximum : integer array, shape (...)
            Exact, of the same values.
        fractions : tuple of float
            From 0 to 1.

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
        low, high = (np.asarray(side, np.float64).reshape(-1) for side in (minimum, maximum))
        out = np.full((len(fractions), len(flat)), np.nan)
        _compiled(flat, low, high, np.append(self.edges, 2**62).astype(float), np.array(fractions), out)
        return out.reshape(len(fractions), *histogram.shape[:-1])


def _interpolate(flat: np.ndarray, low: np.ndarray, high: np.ndarray, edges: np.ndarray, fractions: np.ndarray, out: np.ndarray) -> None:
    """Quantiles row by row; plain loops, for the compiler."""
    for i in range(len(flat)):
        n = 0.0
        for k in range(64):
            n += flat[i, k]
        if n == 0:
            continue
        for j in range(len(fractions)):
            wanted, before, k = fractions[j] * n, 0.0, 0
            while k < 63 and before + flat[i, k] < wanted:
                before += flat[i, k]
                k += 1
            # Values are whole numbers: the value v stands for the interval from v to v + 1.
            left, right = max(edges[k], low[i]), min(edges[k + 1], high[i] + 1)
            inside = max(1.0, float(flat[i, k]))
            out[j, i] = min(max(left + (right - left) * (wanted - before) / inside - 0.5, low[i]), high[i])


_compiled: Any = numba.njit(cache=True, nogil=True)(_interpolate)


def rounded(values: np.ndarray) -> np.ndarray:
    """float32 with 12 significant bits, off by less than 0.025 %: digits that the histogram does not know compress badly.

    Examples
    --------
    >>> rounded(np.array([60_000.123, np.nan])).tolist()
    [60000.0, nan]
    """
    bits = np.asarray(values, np.float32).view(np.uint32)
    kept = (bits + np.uint32(1 << 11)) & np.uint32(0xFFFFF000)
    return np.where(np.isnan(values), np.float32(np.nan), kept.view(np.float32)).astype(np.float32)
