"""Frames into bins: one pass over the values of a window of 15 minutes gives every statistic of its seconds, and the histograms of its minutes.

Compiled, since the pass is bound by memory then: NumPy needs one pass for each statistic and several for a histogram.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numba
import numpy as np

from antdask.environment.grid import LEVELS
from antdask.environment.histogram import BINS, Scale
from antdask.environment.moments import HISTOGRAM, Moments, coarsen

_KEYS = ("n_valid", "n_saturated", "sum", "sum_saturated", "sum_sq", "minimum", "maximum")

#: Seconds of a window.
WINDOW_S = 900
#: Bins of the narrow histogram that the baseline is found in.
NARROW = 4096
#: Larger values are no counts but damage: a frame has 2**22 ticks (see `moments.dtype_of`).
LARGEST = 2**22


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


def _accumulate(
    values: np.ndarray,
    flags: np.ndarray,
    second: np.ndarray,
    bits: tuple[int, int],
    table: Any,
    seconds: tuple[np.ndarray, ...],
    histogram: Any,
    narrow: Any,
    shift: int,
) -> None:
    """Add frames; plain loops, for the compiler.

    `seconds` holds n_valid, n_saturated, sum, sum_saturated, sum_sq, minimum, maximum, each of shape (900, channels).
    """
    n_valid, n_saturated, total, total_saturated, squares, minimum, maximum = seconds
    frames, channels = values.shape
    top, last = len(table) - 1, narrow.shape[1] - 1
    for f in range(frames):
        s = second[f]
        m = s // 60
        for c in range(channels):
            flag = flags[f, c]
            if flag & bits[1]:
                continue
            # Signed: the compiler would make a float of unsigned and signed together.
            v: Any = np.int64(values[f, c])
            if v > LARGEST:
                v, flag = LARGEST, bits[0]
            if flag & bits[0]:
                n_saturated[s, c] += 1
                total_saturated[s, c] += v
                continue
            if n_valid[s, c] == 0 or v < minimum[s, c]:
                minimum[s, c] = v
            maximum[s, c] = max(maximum[s, c], v)
            n_valid[s, c] += 1
            total[s, c] += v
            squares[s, c] += np.uint64(v * v)
            histogram[m, c, table[min(v, top)]] += 1
            narrow[c, min(v >> shift, last)] += 1


_compiled: Any = numba.njit(cache=True, nogil=True)(_accumulate)


class Window:
    """The statistics of one window of 15 minutes while frames are added.

    Parameters
    ----------
    channels : int
    measure : Measure
    """

    def __init__(self, channels: int, measure: Measure) -> None:
        shape = (WINDOW_S, channels)
        dtypes = ("u1", "u1", "u4", "u4", "u8", "u4", "u4")
        self.measure = measure
        self._seconds = tuple(np.zeros(shape, dtype) for dtype in dtypes)
        self._histogram = np.zeros((WINDOW_S // 60, channels, BINS), np.uint16)
        #: Valid frames by value, uint16, shape (channels, 4096).
        self.narrow = np.zeros((channels, NARROW), np.uint16)

    def clear(self) -> None:
        """Forget everything, to be used again."""
        for array in (*self._seconds, self._histogram, self.narrow):
            array.fill(0)

    def add(self, values: np.ndarray, flags: np.ndarray, second: np.ndarray) -> None:
        """Add frames.

        Parameters
        ----------
        values : uint32 array, shape (frames, channels)
        flags : uint8 array, shape (frames, channels)
        second : int64 array, shape (frames,)
            Second of the window in which each frame starts, 0 to 899.
        """
        bits = (self.measure.saturated, self.measure.absent)
        _compiled(
            values, flags, second, bits, self.measure.scale.table, self._seconds, self._histogram, self.narrow, self.measure.narrow_shift
        )

    @property
    def n_saturated(self) -> np.ndarray:
        """Saturated frames of the whole window, int64, shape (channels,)."""
        return np.asarray(self._seconds[1].sum(axis=0, dtype=np.int64))

    def levels(self) -> dict[str, Moments]:
        """Statistics by level, from a second to a minute, shape (channels, bins)."""
        # Bins first while they are summed: sums over neighbouring rows are fast, over neighbouring elements they are not.
        seconds = dict(zip(_KEYS, self._seconds, strict=True))
        tens = coarsen(seconds, 10, LEVELS["10s"], axis=0)
        minutes = coarsen(tens, 6, LEVELS["1min"], axis=0)
        found = {
            name: {key: array.T for key, array in level.items()} for name, level in (("1s", seconds), ("10s", tens), ("1min", minutes))
        }
        # Copies, since this window will be used again.
        found["1s"] = {key: array.copy(order="C") for key, array in found["1s"].items()}
        found["1min"][HISTOGRAM] = np.ascontiguousarray(self._histogram.transpose(1, 0, 2))
        return found
