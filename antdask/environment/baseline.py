r"""Baseline of a module in a window: the level around which its rate lies most of the time, without the bursts on top of it.

Defined on the distribution of the values of a window (15 minutes): the densest place is found by counting in a box that slides over the distribution, then refined by
a Gaussian fitted to the lower side, which bursts do not reach::

          __
         /  \         the fit sees values from 2.5 sigma below
        /    \___     to 0.75 sigma above the densest place
      _/         \____________   bursts
       |----|
         fit

After the ANTARES convention a frame is part of a burst where its value is at least `factor` (1.2) times the baseline. The threshold is rounded up to an edge of
the narrow histogram (16 counts), so that counting is exact.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from antdask.compiled import compiled
from antdask.environment.accumulate import Measure

#: Baselines are kept as whole numbers of 1/16 of a value.
FRACTION = 16


@dataclasses.dataclass(frozen=True, slots=True)
class BaselineSpec:
    """How baseline and bursts are defined; stored with every product.

    Parameters
    ----------
    window_s : int
        Only 900 [s].
    factor : float
        A frame is part of a burst from this many baselines on (k).
    least_frames : int
        Windows with fewer valid frames have no baseline.
    below, above : float
        Reach of the fit below and above the densest place, in standard deviations of the noise.
    """

    window_s: int = 900
    factor: float = 1.2
    least_frames: int = 200
    below: float = 2.5
    above: float = 0.75


def _densest(narrow: Any, n: int, width: float, noise: float, filled: tuple[int, int]) -> tuple[float, float]:
    """Centre of the densest box, and the noise there, in bins; outside of ``filled`` there is nothing."""
    bins, total, half = len(narrow), np.int64(0), 0
    for k in range(filled[0], filled[1]):
        total += narrow[k]
        if 2 * total >= n:
            half = k
            break
    # Noise at the median; at least a bin.
    sigma = max(1.0, np.sqrt(noise * (half + 0.5) * width) / width)
    box = max(1, int(0.7 * sigma))
    count: Any = 0
    # The first box that reaches something, and the last one.
    start = min(max(box, filled[0] - box), bins - box - 1)
    for k in range(max(0, start - box), min(start + box + 1, bins)):
        count += narrow[k]
    best, first = count, start
    for k in range(start + 1, min(bins - box, filled[1] + box)):
        count += np.int64(narrow[k + box]) - np.int64(narrow[k - box - 1])
        if count > best:
            best, first = count, k
    # Equal neighbours: the middle of the first row of them would need a second pass; the fit corrects for less than a box.
    centre = first + 0.5
    return centre, max(1.0, np.sqrt(noise * centre * width) / width)


def _fit(narrow: Any, centre: float, sigma: float, below: float, above: float) -> float:
    """Summit of the parabola fitted to the logarithm of the distribution around `centre`, in bins; `centre` where there is none."""
    first, stop = max(0, int(centre - below * sigma)), min(len(narrow) - 1, int(centre + above * sigma) + 1)
    s0 = s1 = s2 = s3 = s4 = t0 = t1 = t2 = 0.0
    for k in range(first, stop):
        n = float(narrow[k])
        if n > 0:
            x = (k + 0.5 - centre) / sigma
            y = np.log(n)
            # The logarithm of a count has variance 1/n.
            s0, s1, s2, s3, s4 = s0 + n, s1 + n * x, s2 + n * x * x, s3 + n * x**3, s4 + n * x**4
            t0, t1, t2 = t0 + n * y, t1 + n * x * y, t2 + n * x * x * y
    determinant = s0 * (s2 * s4 - s3 * s3) - s1 * (s1 * s4 - s2 * s3) + s2 * (s1 * s3 - s2 * s2)
    if determinant <= 0:
        return centre
    slope = (s0 * (t1 * s4 - t2 * s3) - t0 * (s1 * s4 - s2 * s3) + s2 * (s1 * t2 - s2 * t1)) / determinant
    bend = (s0 * (s2 * t2 - s3 * t1) - s1 * (s1 * t2 - s2 * t1) + t0 * (s1 * s3 - s2 * s2)) / determinant
    if bend >= 0:
        return centre
    summit = -slope / (2 * bend)
    if abs(summit) > 1.5:
        return centre
    return centre + summit * sigma


_densest_compiled: Any = compiled(_densest)
_fit_compiled: Any = compiled(_fit)


def _find(narrow: np.ndarray, width: float, noise: float, spec: tuple[float, int, float, float], out: np.ndarray) -> None:
    """Fill `out` (channels, 3): baseline in 1/16 of a value (0: none), frames at or above the threshold, valid frames."""
    factor, least, below, above = spec
    for c in range(narrow.shape[0]):
        n = 0
        for k in range(narrow.shape[1]):
            n += int(narrow[c, k])
        out[c, 2] = n
        if n < least:
            continue
        low, high = 0, narrow.shape[1]
        while narrow[c, low] == 0:
            low += 1
        while narrow[c, high - 1] == 0:
            high -= 1
        centre, sigma = _densest_compiled(narrow[c], n, width, noise, (low, high))
        summit = centre
        for _ in range(2):
            summit = _fit_compiled(narrow[c], summit, sigma, below, above)
        value = max(0.0, summit * width - 0.5)
        out[c, 0] = int(np.rint(value * 16))
        edge = int(np.ceil(factor * value / width))
        burst = 0
        for k in range(min(edge, high), high):
            burst += narrow[c, k]
        out[c, 1] = burst


_compiled: Any = compiled(_find)


def find_baselines(narrow: np.ndarray, measure: Measure, spec: BaselineSpec | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Baselines of all channels in one window.

    Parameters
    ----------
    narrow : uint16 array, shape (channels, 4096)
        Valid frames by value, in bins ``2**measure.narrow_shift`` wide.

    Returns
    -------
    baseline : int64 array, shape (channels,)
        In 1/16 of a value; 0 where there are too few frames.
    n_burst : int64 array
        Valid frames at or above the burst threshold.
    n_valid : int64 array

    Examples
    --------
    >>> from antdask.environment.quantity import COUNTS
    >>> values = np.random.default_rng(1).poisson(6300, 8583)
    >>> narrow = np.bincount(values >> 4, minlength=4096).astype(np.uint16)[None]
    >>> baseline, burst, n = find_baselines(narrow, COUNTS)
    >>> abs(baseline[0] / 16 / 6300 - 1) < 0.002, burst[0], n[0]
    (np.True_, np.int64(0), np.int64(8583))
    """
    how = spec or BaselineSpec()
    out = np.zeros((len(narrow), 3), np.int64)
    _compiled(narrow, float(2**measure.narrow_shift), measure.noise, (how.factor, how.least_frames, how.below, how.above), out)
    return out[:, 0], out[:, 1], out[:, 2]
