"""The statistics of a bin, all associative: whole numbers that add up (or minima and maxima), so that coarser levels equal what frames give directly."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from antdask.environment.grid import Level
from antdask.environment.histogram import BINS

#: Statistics per channel and bin, by name.
Moments = dict[str, np.ndarray]

#: What is known per channel and bin: name -> (meaning, unit; "value" stands for that of the product).
STATISTICS = {
    "n_valid": ("frames with a good measurement", "1"),
    "n_saturated": ("frames under high-rate veto or XOFF: their counts are lower bounds and in no mean", "1"),
    "sum": ("sum of the values of valid frames", "value"),
    "sum_saturated": ("sum of the values of saturated frames, each a lower bound", "value"),
    "sum_sq": ("sum of squares of the values of valid frames", "value2"),
    "minimum": ("smallest value of a valid frame; 0 where there is none", "value"),
    "maximum": ("largest value of a valid frame; 0 where there is none", "value"),
}
HISTOGRAM = "histogram"
#: Known at every level, in Hz: name -> fraction.
QUANTILES = {"q10": 0.1, "median": 0.5, "q90": 0.9}
#: Known from 15 minutes on.
BURSTS = {
    "n_windows": ("windows of 15 minutes with a baseline", "1"),
    "sum_baseline": ("sum of the baselines of the windows, in 1/16 of a value", "value16"),
    "n_in_windows": ("valid and saturated frames in windows with a baseline", "1"),
    "n_burst": ("of these, frames at or above the burst threshold of their window, and all saturated ones", "1"),
}
#: Per bin alone.
FRAMES = {
    "n_frames": "frames in the archive that start in the bin, of any channel",
    "n_expected": "frames of runs that start in the bin, whether recorded or not",
}
MAXIMUM, MINIMUM = "maximum", "minimum"


def names(level: Level) -> tuple[str, ...]:
    """Statistics that a level keeps per channel and bin."""
    return (*STATISTICS, *((HISTOGRAM,) if level.histograms else ()), *(BURSTS if level.bursts else ()))


def dtype_of(name: str, level: Level) -> np.dtype:
    """The smallest unsigned integer that holds a statistic at a level, for values of at most 2**22.

    A frame has 2**22 ticks of 25 ns, so no counter of hits says more; 823,975 frames of a day keep even the squares below 2**64.
    """
    if name in ("sum_sq", "sum_baseline"):
        return np.dtype("u8")
    if name in ("sum", "sum_saturated"):
        return np.dtype("u4" if level.seconds <= 60 else "u8")
    if name in (MINIMUM, MAXIMUM):
        return np.dtype("u4")
    if level.seconds <= 10:
        return np.dtype("u1")
    return np.dtype("u2" if level.seconds <= 3600 else "u4")


def coarsen(moments: Mapping[str, np.ndarray], factor: int, level: Level, axis: int = 1) -> Moments:
    """Statistics of bins `factor` times as wide, in the dtypes of `level`.

    Parameters
    ----------
    moments : mapping of name to array, shape (channels, bins) or (channels, bins, 64)
        ``bins`` is a multiple of `factor`. ``minimum`` and ``maximum`` count only where ``n_valid`` is not 0.
    axis : int
        Which one is that of bins, 0 or 1.

    Examples
    --------
    >>> from antdask.environment.grid import LEVELS
    >>> fine = {"n_valid": np.array([[2, 0, 1, 1]]), "sum": np.array([[9, 0, 7, 5]]), "minimum": np.array([[4, 0, 7, 5]])}
    >>> {name: values.tolist() for name, values in coarsen(fine, 2, LEVELS["10s"]).items()}
    {'n_valid': [[2, 2]], 'sum': [[9, 12]], 'minimum': [[4, 5]]}
    """
    coarse: Moments = {}
    n = moments["n_valid"]
    for name, values in moments.items():
        dtype = dtype_of(name, level)
        grouped = values.reshape(*values.shape[:axis], values.shape[axis] // factor, factor, *values.shape[axis + 1 :])
        if name == MINIMUM:
            # Bins without a valid frame take no part; no value is as large as the largest integer.
            nearest = np.where(n > 0, values, np.iinfo(values.dtype).max).reshape(grouped.shape).min(axis=axis + 1)
            coarse[name] = np.where(nearest == np.iinfo(values.dtype).max, 0, nearest).astype(dtype)
        elif name == MAXIMUM:
            coarse[name] = grouped.max(axis=axis + 1).astype(dtype, copy=False)
        else:
            coarse[name] = grouped.sum(axis=axis + 1, dtype=dtype)
    return coarse


def merge(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> Moments:
    """Statistics of the same bins over two disjoint sets of frames; dtypes of the first.

    Examples
    --------
    >>> a = {"n_valid": np.array([2, 0]), "sum": np.array([9, 0]), "minimum": np.array([4, 0])}
    >>> b = {"n_valid": np.array([1, 1]), "sum": np.array([3, 8]), "minimum": np.array([3, 8])}
    >>> {name: values.tolist() for name, values in merge(a, b).items()}
    {'n_valid': [3, 1], 'sum': [12, 8], 'minimum': [3, 8]}
    """
    merged: Moments = {}
    for name, values in first.items():
        other = second[name]
        if name == MINIMUM:
            both = (first["n_valid"] > 0) & (second["n_valid"] > 0)
            merged[name] = np.where(both, np.minimum(values, other), np.maximum(values, other)).astype(values.dtype)
        elif name == MAXIMUM:
            merged[name] = np.maximum(values, other)
        else:
            merged[name] = values + other
    return merged


def empty(level: Level, channels: int, bins: int) -> Moments:
    """Statistics of bins without any frame."""
    return {
        name: np.zeros((channels, bins, BINS) if name == HISTOGRAM else (channels, bins), dtype_of(name, level)) for name in names(level)
    }
