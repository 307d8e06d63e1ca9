"""Light in the sea: a baseline that drifts, and bursts of organisms, as expected counts of every module in every frame.

The baseline follows the currents (inertial period 17.6 h at this latitude, and weeks). A burst starts at a storey, decays within seconds and is seen by its
neighbours on the line; the strongest exceed what the electronics can send, so the module is vetoed and its count saturates.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.model.time import ANTARES_FRAME_NS
from antdask.simulate.detector import FLOORS, MODULES, SLOTS, Detector
from antdask.simulate.spec import SimulationSpec, run_start_ns
from antdask.simulate.water import Water

FRAME_S = ANTARES_FRAME_NS * 1e-9
#: The counter has 16 bits (assumed): 625 kHz.
SATURATION = 65_535
#: Above this the data of a module are vetoed (assumed): 500 kHz [counts].
HIGH_RATE = round(500e3 * FRAME_S)
HIGH_RATE_VETO, XOFF, NO_DATA = 1, 2, 4

_BURSTS_PER_SECOND = 8.0
_STRONGEST_HZ = 1.5e6
_REACH = 2  # storeys above and below
_DARKER = np.exp(-np.abs(np.arange(-_REACH, _REACH + 1)) / 0.7)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Counts of a group of frames.

    Parameters
    ----------
    expected : ndarray of float32, shape (frames, 900)
        Mean number of hits.
    count : ndarray of uint16, shape (frames, 900)
    flags : ndarray of uint8, shape (frames, 900)
        1 high-rate veto, 2 XOFF, 4 no data.
    """

    expected: np.ndarray
    count: np.ndarray
    flags: np.ndarray


class Sea:
    """The sea during one run.

    Parameters
    ----------
    spec : SimulationSpec
    run : int
    detector : Detector
    """

    def __init__(self, spec: SimulationSpec, run: int, detector: Detector) -> None:
        self._rng, self._bursts = spec.random(run, 2), spec.random(run, 3)
        self._detector, self._start_s = detector, run_start_ns(run) * 1e-9
        self._water = Water(spec.spring)
        self._level = float(spec.random(run, 4).normal(1.0, 0.02))
        # Bursts that are not over yet: start [s], decay [s], strength [Hz], line, floor.
        self._alive = np.zeros((0, 5))

    def baseline(self, index: np.ndarray) -> np.ndarray:
        """Factor on the rates of all modules in frames of these indices, float64, around 1."""
        t = self._start_s + index * FRAME_S
        drift: np.ndarray = self._level + 0.03 * np.sin(2 * np.pi * t / (17.6 * 3600)) + 0.02 * np.sin(2 * np.pi * t / (19 * 86_400))
        glow: np.ndarray = drift * self._water.glow(t)
        return glow

    def counts(self, index: np.ndarray) -> Counts:
        """Counts of frames with these indices; groups must be asked for in order."""
        rate = self._detector.rate_hz.astype(np.float32) * np.float32(FRAME_S)
        expected = self.baseline(index).astype(np.float32)[:, None] * rate
        self._add_bursts(expected, index * FRAME_S)
        spread = np.asarray(self._rng.standard_normal(expected.shape, np.float32))
        spread *= np.sqrt(expected)
        spread += expected
        np.rint(spread, out=spread)
        flags = np.zeros(expected.shape, np.uint8)
        flags[spread >= HIGH_RATE] = HIGH_RATE_VETO
        flags[(spread >= 0.6 * HIGH_RATE) & (self._rng.random(expected.shape, np.float32) < 0.2)] |= XOFF
        count = spread.clip(0, SATURATION).astype(np.uint16)
        silent = np.repeat(self._rng.random((len(index), SLOTS // MODULES), np.float32) < 0.001, MODULES, axis=1) | ~self._detector.live
        flags[silent], count[silent] = NO_DATA, 0
        return Counts(expected, count, flags)

    def _add_bursts(self, expected: np.ndarray, t: np.ndarray) -> None:
        first, last = float(t[0]), float(t[-1])
        self._alive = np.concatenate([self._alive, self._new_bursts(first, last)])
        view = expected.reshape(len(t), -1, FLOORS, MODULES)
        lit = (self._detector.rate_hz > 0).reshape(-1, FLOORS, MODULES)
        for start, decay, strength, line, floor in self._alive:
            a, b = np.searchsorted(t, [start, start + 6 * decay])
            if a == b:
                continue
            low, high = max(0, int(floor) - _REACH), min(FLOORS, int(floor) + _REACH + 1)
            share = _DARKER[low - int(floor) + _REACH : high - int(floor) + _REACH]
            light = (strength * FRAME_S) * np.exp(-(t[a:b] - start) / decay)
            seen = share[:, None] * lit[int(line), low:high]
            view[a:b, int(line), low:high] += (light[:, None, None] * seen).astype(np.float32)
        self._alive = self._alive[self._alive[:, 0] + 6 * self._alive[:, 1] > last]

    def _new_bursts(self, first: float, last: float) -> np.ndarray:
        rng = self._bursts
        n = rng.poisson(_BURSTS_PER_SECOND * self._water.bursts(self._start_s + first) * (last - first))
        start = first + (last - first) * rng.random(n)
        decay = rng.gamma(2.0, 1.2, n) + 0.2
        strength = np.minimum(30e3 * (1 + rng.pareto(1.9, n)), _STRONGEST_HZ)
        return np.stack([start, decay, strength, rng.integers(0, 12, n), rng.integers(0, FLOORS, n)], axis=1)
