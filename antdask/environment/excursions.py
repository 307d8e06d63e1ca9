"""Excursions of single modules above their baseline, followed from frame to frame.

A module *rises* where its value exceeds the baseline of the window by `rise_sigma` standard deviations of counting, and has *settled* again when for more than
`longest_gap` frames none was `settle_sigma` above it, or none was measured. Two thresholds and some patience, so that noise does not cut a flash that decays
into pieces (without patience, one in two flashes of the simulation was counted twice). Saturated frames count as high, with the lower bound that was written.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from antdask.compiled import compiled
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
    values: Any,
    flags: Any,
    time_ns: Any,
    baseline: Any,
    bits: tuple[int, int],
    limits: tuple[float, float, float, int],
    frame_ns: int,
    state: Any,
    out: Any,
    first: int,
) -> tuple[int, int]:
    """Follow modules through the frames, one after the other, from `first` on; excursions that end go to `out`, the others stay in `state`.

    The number that ended, and the module that did not fit any more.
    """
    rise, settle, noise, gap = limits
    longest = (gap + 1) * frame_ns + frame_ns // 2
    found = 0
    channels, frames = values.shape
    for c in range(first, channels):
        if found + frames + 1 > len(out):
            return found, c
        b = baseline[c]
        spread = np.sqrt(noise * b)
        # Whole numbers are compared faster than reals.
        rising, settling = np.int64(np.ceil(b + rise * spread)), np.int64(np.ceil(b + settle * spread))
        is_open = state[c].channel >= 0
        for f in range(frames):
            v: Any = np.int64(values[c, f])
            flag = flags[c, f]
            if (v < rising) & (flag == 0) & (not is_open):
                continue
            if is_open and time_ns[f] - state[c].last > longest:
                out[found] = state[c]
                found += 1
                is_open = False
            if flag & bits[1] or b <= 0:
                continue
            high = (flag & bits[0]) != 0
            if is_open:
                if high or v >= settling:
                    state[c].last = time_ns[f]
                    state[c].excess += max(v - b, 0.0)
                    state[c].n_saturated += 1 if high else 0
                    if v > state[c].peak_value:
                        state[c].peak_value, state[c].peak = np.uint32(v), time_ns[f]
            elif high or v >= rising:
                is_open = True
                state[c].channel, state[c].first, state[c].last, state[c].peak = c, time_ns[f], time_ns[f], time_ns[f]
                state[c].peak_value, state[c].baseline = np.uint32(v), b
                state[c].excess, state[c].n_saturated = max(v - b, 0.0), 1 if high else 0
        if not is_open:
            state[c].channel = -1
    return found, channels


_compiled: Any = compiled(_follow)


class Excursions:
    """Follows all modules through a day.

    Parameters
    ----------
    channels : int
    measure : Measure
    spec : FlashSpec
    """

    def __init__(self, channels: int, measure: Measure, spec: FlashSpec) -> None:
        self.measure, self.spec = measure, spec
        self._state = np.zeros(channels, EXCURSION).view(np.recarray)
        self._state.channel = -1
        self._out = np.zeros(0, EXCURSION).view(np.recarray)
        self._found: list[np.ndarray] = []

    def follow(self, values: np.ndarray, flags: np.ndarray, time_ns: np.ndarray, baseline: np.ndarray) -> None:
        """Go on with the frames of a window.

        Parameters
        ----------
        values : uint32 array, shape (channels, frames)
        flags : uint8 array, shape (channels, frames)
        time_ns : int64 array, shape (frames,)
            Ascending, also from one call to the next.
        baseline : integer array, shape (channels,)
            As `find_baselines` gives it; modules without one rest.
        """
        s, m = self.spec, self.measure
        level = baseline / FRACTION
        # Room for one module at its worst, and for many as they are.
        if len(self._out) < 4 * len(time_ns):
            self._out = np.zeros(4 * len(time_ns) + 1024, EXCURSION).view(np.recarray)
        next_module = 0
        while next_module < len(values):
            found, next_module = _compiled(
                values, flags, time_ns, level, (m.saturated, m.absent), (s.rise_sigma, s.settle_sigma, m.noise, s.longest_gap),
                m.frame_ns, self._state, self._out, next_module,
            )  # fmt: skip
            if found:
                self._found.append(np.array(self._out[:found]))

    def close(self) -> np.ndarray:
        """All excursions, ended or not, as an array of `EXCURSION` ordered by first frame and channel."""
        open_now = np.array(self._state[self._state.channel >= 0])
        self._state.channel = -1
        every = np.concatenate([*self._found, open_now]).astype(EXCURSION, copy=False)
        self._found, self._out = [], np.zeros(0, EXCURSION).view(np.recarray)
        return every[np.lexsort((every["channel"], every["first"]))]
