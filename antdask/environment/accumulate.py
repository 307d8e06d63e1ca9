"""Frames into bins: one pass over the values of a window of 15 minutes, module by module, gives every statistic of its seconds, tens of seconds and minutes.

Compiled, and in the order in which counts are archived: the values of a module lie side by side, so that its second, its histograms and its sums stay in the
fastest memory while they grow.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numba
import numpy as np

from antdask.compiled import compiled
from antdask.environment.grid import LEVELS
from antdask.environment.histogram import BINS, Scale, find_quantiles, keep_twelve_bits
from antdask.environment.moments import HISTOGRAM, QUANTILES, STATISTICS, Moments, dtype_of

#: Seconds of a window.
WINDOW_S = 900
#: Bins of the narrow histogram that the baseline is found in.
NARROW = 4096
#: Larger values are no counts but damage: a frame has 2**22 ticks (see `moments.dtype_of`).
LARGEST = 2**22
_LEVELS = ("1s", "10s", "1min")
_FRACTIONS = np.array(list(QUANTILES.values()))


@dataclasses.dataclass(frozen=True)
class Measure:
    """What the values of an origin are, and how to take them.

    Parameters
    ----------
    kind : str
        ``"count"`` or ``"rate"``.
    unit, description : str
        Of a value.
    hz_per_value : float
        [Hz]
    frame_ns : int
        Length of a frame [ns].
    saturated, absent : int
        Bits of the flags that make a frame saturated, or say that nothing was measured (which wins).
    scale : Scale
    noise : float
        Variance of a value at constant light, per value: 1 for counts.
    narrow_shift : int
        Bins of the narrow histogram are ``2**narrow_shift`` values wide.
    """

    kind: str
    unit: str
    description: str
    hz_per_value: float
    frame_ns: int
    saturated: int
    absent: int
    scale: Scale
    noise: float
    narrow_shift: int


def _sort(w: Any, n: int) -> None:
    """Sort the first `n` of a few values: up to ten, as a second has, by a network, which asks no question whose answer the processor could not foresee."""
    # fmt: off
    if n <= 10:
        for i in range(n, 10):
            w[i] = 2 * LARGEST
        a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9]
        a0, a8, a1, a9, a2, a7 = min(a0, a8), max(a0, a8), min(a1, a9), max(a1, a9), min(a2, a7), max(a2, a7)
        a3, a5, a4, a6 = min(a3, a5), max(a3, a5), min(a4, a6), max(a4, a6)
        a0, a2, a1, a4, a5, a8 = min(a0, a2), max(a0, a2), min(a1, a4), max(a1, a4), min(a5, a8), max(a5, a8)
        a7, a9 = min(a7, a9), max(a7, a9)
        a0, a3, a2, a4, a5, a7 = min(a0, a3), max(a0, a3), min(a2, a4), max(a2, a4), min(a5, a7), max(a5, a7)
        a6, a9 = min(a6, a9), max(a6, a9)
        a0, a1, a3, a6, a8, a9 = min(a0, a1), max(a0, a1), min(a3, a6), max(a3, a6), min(a8, a9), max(a8, a9)
        a1, a5, a2, a3, a4, a8 = min(a1, a5), max(a1, a5), min(a2, a3), max(a2, a3), min(a4, a8), max(a4, a8)
        a6, a7 = min(a6, a7), max(a6, a7)
        a1, a2, a3, a5, a4, a6 = min(a1, a2), max(a1, a2), min(a3, a5), max(a3, a5), min(a4, a6), max(a4, a6)
        a7, a8 = min(a7, a8), max(a7, a8)
        a2, a3, a4, a5, a6, a7 = min(a2, a3), max(a2, a3), min(a4, a5), max(a4, a5), min(a6, a7), max(a6, a7)
        a3, a4, a5, a6 = min(a3, a4), max(a3, a4), min(a5, a6), max(a5, a6)
        w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9] = a0, a1, a2, a3, a4, a5, a6, a7, a8, a9
        return
    # fmt: on
    for i in range(1, n):
        v, j = w[i], i
        while j > 0 and w[j - 1] > v:
            w[j] = w[j - 1]
            j -= 1
        w[j] = v


def _add(out: Any, c: int, b: int, sums: tuple[Any, ...]) -> None:
    """Write the statistics of a bin; the order is that of `STATISTICS`."""
    out[0][c, b], out[1][c, b], out[2][c, b], out[3][c, b], out[4][c, b], out[5][c, b], out[6][c, b] = sums


_sort_compiled: Any = numba.njit(nogil=True, inline="always")(_sort)
_add_compiled: Any = numba.njit(nogil=True, inline="always")(_add)


def _second(
    values: Any, flags: Any, c: int, span: tuple[int, int], bits: tuple[int, int], tables: Any, ten: Any, narrow: Any, shift: int, w: Any
) -> tuple[int, int, int, int, int]:
    """Frames ``span`` of a module into its histograms, the valid ones into `w`; number of valid and saturated frames, and their sums."""
    n, n_saturated, total, total_saturated, squares = 0, 0, 0, 0, 0
    top, last = len(tables) - 1, narrow.shape[1] - 1
    for f in range(span[0], span[1]):
        flag = flags[c, f]
        # Signed: the compiler would make a float of unsigned and signed together.
        v: Any = np.int64(values[c, f])
        if flag | (v > LARGEST):
            if flag & bits[1]:
                continue
            if (flag & bits[0]) or v > LARGEST:
                n_saturated += 1
                total_saturated += min(v, LARGEST)
                continue
        w[n] = v
        n += 1
        total += v
        squares += v * v
        ten[tables[min(v, top)]] += 1
        narrow[c, min(v >> shift, last)] += 1
    return n, n_saturated, total, total_saturated, squares


_second_compiled: Any = numba.njit(nogil=True, inline="always")(_second)


def _accumulate(
    values: Any,
    flags: Any,
    edges: Any,
    bits: tuple[int, int],
    table: Any,
    scale: Any,
    fractions: Any,
    hz: float,
    levels: Any,
    quantiles: Any,
    histogram: Any,
    narrow: Any,
    shift: int,
) -> None:
    """Statistics of a window, module by module; plain loops, for the compiler.

    `levels` holds the statistics of 1s, 10s and 1min, each a tuple of arrays (channels, bins); `quantiles` an array (fractions, channels, bins) for each.
    """
    w = np.zeros(max(10, np.max(np.diff(edges))), np.int64)
    ten, found = np.zeros(64, np.int64), np.zeros(len(fractions))
    for c in range(values.shape[0]):
        for m in range(15):
            minute = histogram[c, m]
            minute[:] = 0
            mn, ms, mt, mts, mq, mlow, mhigh = 0, 0, 0, 0, 0, LARGEST + 1, 0
            for t in range(m * 6, m * 6 + 6):
                ten[:] = 0
                tn, ts, tt, tts, tq, tlow, thigh = 0, 0, 0, 0, 0, LARGEST + 1, 0
                for s in range(t * 10, t * 10 + 10):
                    n, n_saturated, total, total_saturated, squares = _second_compiled(
                        values, flags, c, (edges[s], edges[s + 1]), bits, table, ten, narrow, shift, w
                    )
                    low, high = 0, 0
                    if n:
                        _sort_compiled(w, n)
                        low, high = w[0], w[n - 1]
                        tlow, thigh = min(tlow, low), max(thigh, high)
                    for k in range(len(fractions)):
                        if n:
                            place = fractions[k] * (n - 1)
                            below = int(place)
                            above = min(below + 1, n - 1)
                            quantiles[0][k, c, s] = (w[below] + (place - below) * (w[above] - w[below])) * hz
                        else:
                            quantiles[0][k, c, s] = np.nan
                    _add_compiled(levels[0], c, s, (n, n_saturated, total, total_saturated, squares, low, high))
                    tn, ts, tt, tts, tq = tn + n, ts + n_saturated, tt + total, tts + total_saturated, tq + squares
                _add_compiled(levels[1], c, t, (tn, ts, tt, tts, tq, tlow if tn else 0, thigh))
                find_quantiles(ten, tn, tlow, thigh, table, scale, fractions, found)
                for k in range(len(fractions)):
                    quantiles[1][k, c, t] = found[k] * hz
                for k in range(64):
                    minute[k] += ten[k]
                mn, ms, mt, mts, mq = mn + tn, ms + ts, mt + tt, mts + tts, mq + tq
                mlow, mhigh = min(mlow, tlow), max(mhigh, thigh)
            _add_compiled(levels[2], c, m, (mn, ms, mt, mts, mq, mlow if mn else 0, mhigh))
            find_quantiles(minute, mn, mlow, mhigh, table, scale, fractions, found)
            for k in range(len(fractions)):
                quantiles[2][k, c, m] = found[k] * hz


_compiled: Any = compiled(_accumulate)


class Window:
    """The statistics of one window of 15 minutes.

    Parameters
    ----------
    channels : int
    measure : Measure
    """

    def __init__(self, channels: int, measure: Measure) -> None:
        self.measure = measure
        shapes = {name: (channels, WINDOW_S // LEVELS[name].seconds) for name in _LEVELS}
        self._levels = tuple(tuple(np.zeros(shape, dtype_of(k, LEVELS[name])) for k in STATISTICS) for name, shape in shapes.items())
        self._quantiles = tuple(np.zeros((len(QUANTILES), *shape), np.float32) for shape in shapes.values())
        self._histogram = np.zeros((channels, WINDOW_S // 60, BINS), dtype_of(HISTOGRAM, LEVELS["1min"]))
        #: Valid frames by value, uint16, shape (channels, 4096).
        self.narrow = np.zeros((channels, NARROW), np.uint16)

    def fill(self, values: np.ndarray, flags: np.ndarray, second: np.ndarray) -> None:
        """Take the frames of a window; what was there before is forgotten.

        Parameters
        ----------
        values : uint32 array, shape (channels, frames)
        flags : uint8 array, shape (channels, frames)
        second : int64 array, shape (frames,)
            Second of the window in which each frame starts, 0 to 899, ascending.
        """
        m = self.measure
        self.narrow.fill(0)
        edges = np.searchsorted(second, np.arange(WINDOW_S + 1))
        _compiled(
            values, flags, edges, (m.saturated, m.absent), m.scale.table, m.scale.sides, _FRACTIONS, m.hz_per_value,
            self._levels, self._quantiles, self._histogram, self.narrow, m.narrow_shift,
        )  # fmt: skip
        for found in self._quantiles:
            keep_twelve_bits(found)

    @property
    def n_saturated(self) -> np.ndarray:
        """Saturated frames of the whole window, int64, shape (channels,)."""
        return np.asarray(self._levels[2][1].sum(axis=1, dtype=np.int64))

    def levels(self) -> dict[str, Moments]:
        """Statistics and quantiles by level, from a second to a minute, shape (channels, bins); views, which the next `fill` writes over."""
        found: dict[str, Moments] = {}
        for name, statistics, quantiles in zip(_LEVELS, self._levels, self._quantiles, strict=True):
            found[name] = dict(zip(STATISTICS, statistics, strict=True)) | dict(zip(QUANTILES, quantiles, strict=True))
        found["1min"][HISTOGRAM] = self._histogram
        return found
