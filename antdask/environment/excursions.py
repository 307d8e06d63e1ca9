"""Excursions of single modules above their baseline, followed from frame to frame.

A module *rises* where its value exceeds the baseline of the window by `rise_sigma` standard deviations of counting, and has *settled* again when for more than
`longest_gap` frames none was `settle_sigma` above it, or none was measured. Two thresholds and some patience, so that noise does not cut a flash that decays
into pieces (without patience, one in two flashes of the simulation was counted twice). Saturated frames count as high, with the lower bound that was written.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numba
import numpy as np

from antdask.environment.accumulate import Measure
from antdask.environment.baseline import FRACTION

#: One excursion of one module.
EXCURSION = np.dtype(
    [("channel", "i4"), ("first", "i8"), ("last", "i8"), ("peak", "i8"), ("peak_value", "u4"), ("baseline", "f4"), ("excess", "f8"), ("n_saturated", "u4")]
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class FlashSpec:
    """How flashes are defined; stored with every product.

    Parameters
    ----------
    rise_sigma, settle_sigma : float
        Thresholds above the baseline, in standard deviations of counting at the baseline.
    longest_gap : int
        Frames below the lower threshold, or without a measurement, that an excursion survives.
    together_ns : int
        Excursions of neighbouring modules belong to one flash if they start within this time of each other [ns].
    floors : int
        Neighbours are modules of one line on storeys that are at most so far apart.
    """

    rise_sigma: float = 5.0
    settle_sigma: float = 2.0
    longest_gap: int = 4
    together_ns: int = 400_000_000
    floors: int = 1


def _follow(
    values: np.ndarray,
    flags: np.ndarray,
    time_ns: np.ndarray,
    baseline: np.ndarray,
    bits: tuple[int, int],
    limits: tuple[float, float, float, int],
    frame_ns: int,
    state: np.ndarray,
    out: np.ndarray,
) -> int:
    """Follow all modules through the frames; excursions that end go to `out`, the others stay in `state`; the number that ended."""
    rise, settle, noise, gap = limits
    found = 0
    frames, channels = values.shape
    for f in range(frames):
        now = time_ns[f]
        for c in range(channels):
            open_now = state[c].channel >= 0
            if open_now and now - state[c].last > (gap + 1) * frame_ns + frame_ns // 2:
                out[found] = state[c]
                found += 1
                state[c].channel = -1
                open_now = False
            flag = flags[f, c]
            if flag & bits[1] or baseline[c] <= 0:
                continue
            v, b = float(values[f, c]), baseline[c]
            high = (flag & bits[0]) != 0
            over = v - b
            spread = np.sqrt(noise * b)
            if open_now:
                if high or over >= settle * spread:
                    state[c].last = now
                    state[c].excess += max(over, 0.0)
                    state[c].n_saturated += 1 if high else 0
                    if v > state[c].peak_value:
                        state[c].peak_value, state[c].peak = np.uint32(v), now
            elif high or over >= rise * spread:
                state[c].channel, state[c].first, state[c].last, state[c].peak = c, now, now, now
                state[c].peak_value, state[c].baseline = np.uint32(v), b
                state[c].excess, state[c].n_saturated = max(over, 0.0), 1 if high else 0
    return found


_compiled: Any = numba.njit(cache=True, nogil=True)(_follow)


class Excursions:
    """Follows all modules through a day.

    Parameters
    ----------
    channels : int
    measure : Measure
    spec : FlashSpec
    """

    #: Frames that are followed at once: bounds the room for what may end in them.
    GROUP = 512

    def __init__(self, channels: int, measure: Measure, spec: FlashSpec) -> None:
        self.measure, self.spec = measure, spec
        self._state = np.zeros(channels, EXCURSION).view(np.recarray)
        self._state.channel = -1
        self._out = np.zeros(channels * self.GROUP, EXCURSION).view(np.recarray)
        self._found: list[np.ndarray] = []

    def follow(self, values: np.ndarray, flags: np.ndarray, time_ns: np.ndarray, baseline: np.ndarray) -> None:
        """Go on with the frames of a window.

        Parameters
        ----------
        values : uint32 array, shape (frames, channels)
        flags : uint8 array, shape (frames, channels)
        time_ns : int64 array, shape (frames,)
            Ascending, also from one call to the next.
        baseline : integer array, shape (channels,)
            As `find_baselines` gives it; modules without one rest.
        """
        s, m = self.spec, self.measure
        level = baseline / FRACTION
        for start in range(0, len(values), self.GROUP):
            part = slice(start, start + self.GROUP)
            found = _compiled(
                values[part], flags[part], time_ns[part], level, (m.saturated, m.absent),
                (s.rise_sigma, s.settle_sigma, m.noise, s.longest_gap), m.frame_ns, self._state, self._out,
            )  # fmt: skip
            if found:
                self._found.append(np.array(self._out[:found]))

    def close(self) -> np.ndarray:
        """All excursions, ended or not, as an array of `EXCURSION` ordered by first frame and channel."""
        open_now = np.array(self._state[self._state.channel >= 0])
        self._state.channel = -1
        every = np.concatenate([*self._found, open_now]).astype(EXCURSION)
        self._found = []
        return every[np.lexsort((every["channel"], every["first"]))]
