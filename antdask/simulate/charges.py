"""Charges of hits: a table of quantiles, so that a random 12-bit number is a charge.

The shape is that of run 45978 (13,556 real pulses of km3net-testdata): a Gaussian around one photo-electron cut by the threshold near 0.3, and a tail of
1.6 % with several photo-electrons.
"""

from __future__ import annotations

import numpy as np

CHARGE_BITS = 12
_MEAN, _SIGMA = 0.985, 0.43
_THRESHOLD, _SOFTNESS = 0.20, 0.06
#: Shares of the tail with their scales [photo-electrons].
_TAILS = ((0.012, 2.0), (0.004, 10.0))
_LARGEST = 60.0


def _quantiles() -> np.ndarray:
    q = np.linspace(-1.0, _LARGEST, 61_001)
    single = np.exp(-0.5 * ((q - _MEAN) / _SIGMA) ** 2)
    density = single / single.sum()
    for share, scale in _TAILS:
        tail = np.where(q > 1, np.exp(-np.maximum(q - 1, 0) / scale), 0.0)
        density += share * tail / tail.sum()
    density /= 1 + np.exp(-(q - _THRESHOLD) / _SOFTNESS)
    shares = np.cumsum(density) / density.sum()
    n = 2**CHARGE_BITS
    quantiles: np.ndarray = np.interp((np.arange(n) + 0.5) / n, shares, q)
    return quantiles.astype(np.float32)


#: Charge by index, ascending, float32, shape (4096,) [photo-electrons].
CHARGES = _quantiles()


def charge_index(rng: np.random.Generator, n: int, largest: float = 0.0) -> np.ndarray:
    """Random indices into `CHARGES`, uint64, shape (n,); a share `largest` of them from the upper 2 %, for the light of muons."""
    top = 2**CHARGE_BITS
    index = rng.integers(0, top, n)
    if largest:
        index = np.where(rng.random(n) < largest, rng.integers(int(0.98 * top), top, n), index)
    return index.astype(np.uint64)
