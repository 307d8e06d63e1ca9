"""Few points that look like many: for pictures only, never for sums."""

from __future__ import annotations

import numpy as np

from antdask.environment.extras import load
from antdask.errors import UsageError


def thin(times: np.ndarray, values: np.ndarray, max_points: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """At most about so many points of a series, with its peaks and its gaps.

    The series is cut at gaps (NaN) first and each stretch is thinned by itself: an algorithm that sees NaN picks it, or draws a line across. Stretches are joined again by one NaN.

    Parameters
    ----------
    times : array, shape (n,)
        Integers or datetime64, ascending.
    values : float array, shape (n,)

    Returns
    -------
    times, values : array
        A selection of the points; the first and last of each stretch are among them.

    Raises
    ------
    UsageError
        Fewer than 3 points asked for.

    Examples
    --------
    >>> times, values = np.arange(100_000), np.sin(np.arange(100_000) / 999)
    >>> values[500:600] = np.nan
    >>> t, v = thin(times, values, 1000)
    >>> len(t) <= 1010, bool(np.isnan(v).sum() == 1), t[0], t[-1]
    (True, True, np.int64(0), np.int64(99999))
    """
    if max_points < 3:
        raise UsageError("A picture needs at least 3 points", found=max_points)
    good = ~np.isnan(values)
    if len(values) <= max_points:
        return times, values
    edges = np.flatnonzero(np.diff(good, prepend=False, append=False))
    starts, stops = edges[::2], edges[1::2]
    if not len(starts):
        return times[:1], values[:1]
    share = max_points / max(1, int(good.sum()))
    picked = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        picked.append(start + _pick(times[start:stop], values[start:stop], max(2, round((stop - start) * share))))
        if stop < len(values):
            picked.append(np.array([stop]))
    places = np.concatenate(picked)
    return times[places], values[places]


def _pick(times: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Places of about `n` points of a stretch without gaps."""
    if len(values) <= max(n, 4):
        return np.arange(len(values))
    if n < 6:
        chosen = {0, len(values) - 1, int(values.argmin()), int(values.argmax())}
        return np.array(sorted(chosen))
    x = times.astype("datetime64[ns]").astype(np.int64) if times.dtype.kind == "M" else np.asarray(times, np.int64)
    found: np.ndarray = (
        load("tsdownsample").MinMaxLTTBDownsampler().downsample(x, np.ascontiguousarray(values, float), n_out=n).astype(np.int64)
    )
    return np.unique(np.concatenate([[0], found, [len(values) - 1]]))
