"""Joining what was measured at different times: the last value before, or the mean over a window; for rates, events and sensors alike."""

from __future__ import annotations

from typing import Literal

import numpy as np

from antdask.errors import UsageError

Direction = Literal["backward", "forward", "nearest"]


def as_of(
    at_ns: np.ndarray, utc_ns: np.ndarray, values: np.ndarray, tolerance_ns: int | None = None, direction: Direction = "backward"
) -> np.ndarray:
    """The value of a series at other times.

    Parameters
    ----------
    at_ns : int64 array
        Times that are asked for, in any order.
    utc_ns, values : array
        The series; times ascend. Of equal times the last counts.
    tolerance_ns : int, optional
        Older values do not count.
    direction : str
        ``backward`` takes the last value up to the time itself, ``forward`` the next, ``nearest`` the nearer (the earlier if equally near).

    Returns
    -------
    float64 array
        NaN where there is none.

    Raises
    ------
    UsageError
        Times of the series that do not ascend.

    Examples
    --------
    >>> as_of(np.array([5, 15, 40]), np.array([10, 20]), np.array([1.0, 2.0]), tolerance_ns=10).tolist()
    [nan, 1.0, nan]
    """
    _check(utc_ns)
    at = np.asarray(at_ns, np.int64)
    if not len(utc_ns):
        return np.full(len(at), np.nan)
    before = np.searchsorted(utc_ns, at, "right") - 1
    after = np.searchsorted(utc_ns, at, "left")
    no_before, no_after = before < 0, after >= len(utc_ns)
    before, after = np.maximum(before, 0), np.minimum(after, len(utc_ns) - 1)
    if direction == "backward":
        place, none = before, no_before
    elif direction == "forward":
        place, none = after, no_after
    else:
        later = no_before | (~no_after & (utc_ns[after] - at < at - utc_ns[before]))
        place, none = np.where(later, after, before), np.zeros(len(at), bool)
    if tolerance_ns is not None:
        none = none | (np.abs(utc_ns[place] - at) > tolerance_ns)
    return np.where(none, np.nan, np.asarray(values, float)[place])


def windowed(start_ns: np.ndarray, stop_ns: np.ndarray, utc_ns: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the values of a series in half-open windows, and their number; NaN values do not count.

    Raises
    ------
    UsageError
        Times of the series that do not ascend.

    Examples
    --------
    >>> mean, n = windowed(np.array([0, 20]), np.array([20, 30]), np.array([0, 10, 20]), np.array([1.0, 3.0, np.nan]))
    >>> mean.tolist(), n.tolist()
    ([2.0, nan], [2, 0])
    """
    _check(utc_ns)
    numbers = np.asarray(values, float)
    good = ~np.isnan(numbers)
    # Around the mean, so that sums of many large numbers keep their digits.
    centre = float(numbers[good].mean()) if good.any() else 0.0
    total = np.concatenate([[0.0], np.cumsum(np.where(good, numbers - centre, 0.0))])
    count = np.concatenate([[0], np.cumsum(good)])
    low, high = np.searchsorted(utc_ns, start_ns, "left"), np.searchsorted(utc_ns, stop_ns, "left")
    n = count[high] - count[low]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(n > 0, (total[high] - total[low]) / n + centre, np.nan)
    return mean, n


def _check(utc_ns: np.ndarray) -> None:
    if len(utc_ns) > 1 and (np.diff(utc_ns) < 0).any():
        raise UsageError("Times of a series must ascend", hint="Sort it first.")
