"""The simulated detector: where its modules are, which are alive, how often they count, and the constants of their chips.

Shape: 12 lines of 25 storeys of 3 modules, line 12 with modules on 20 storeys, 885 in all; storeys 14.5 m apart, lines 60 to 70 m (formats of the ANTARES
papers). The constants are drawn once per seed around published values; those of the real chips are in the calibration data base of ANTARES.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from antdask.simulate.spec import SimulationSpec

LINES, FLOORS, MODULES, CHIPS = 12, 25, 3, 2
SLOTS = LINES * FLOORS * MODULES
STOREYS = LINES * FLOORS
#: Mean rate of a living module without bursts [Hz]; with bursts it becomes the measured 57 kHz.
BASE_RATE_HZ = 49_200.0


@dataclasses.dataclass(frozen=True, eq=False)
class Detector:
    """A detector.

    Parameters
    ----------
    live : ndarray of bool, shape (900,)
        By slot = 75 x (line - 1) + om - 1.
    rate_hz : ndarray of float64, shape (900,)
        Rate of each module without bursts, 0 where it is dead [Hz].
    position : ndarray of float32, shape (300, 3)
        Storeys, relative to the centre of the detector: x east, y north, z up [m].
    pedestal, gain : ndarray of float32, shape (1800,)
        AVC counts at no charge, and per photo-electron, by chip = 2 x slot + chip of the module.
    tvc_min, tvc_span : ndarray of uint16, shape (1800,)
        TVC at the start of a tick, and how far it rises within it [counts].
    """

    live: np.ndarray
    rate_hz: np.ndarray
    position: np.ndarray
    pedestal: np.ndarray
    gain: np.ndarray
    tvc_min: np.ndarray
    tvc_span: np.ndarray

    @functools.cached_property
    def by_rate(self) -> np.ndarray:
        """Slot by a random 16-bit number, so that each comes up in proportion to its rate; uint16, shape (65536,)."""
        share = np.cumsum(self.rate_hz) / self.rate_hz.sum()
        return np.searchsorted(share, (np.arange(2**16) + 0.5) / 2**16).astype(np.uint16)

    def measure(self, chip: np.ndarray, fraction: np.ndarray, charge: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the chips make of a time and a charge: TVC and AVC counts, uint8.

        Parameters
        ----------
        chip : ndarray of int64
        fraction : ndarray of uint8
            Of the tick, in 1/256.
        charge : ndarray of float32
            [photo-electrons]
        """
        tvc = self.tvc_min.take(chip)
        tvc += (self.tvc_span.take(chip) * fraction) >> 8
        avc = self.gain.take(chip)
        avc *= charge
        avc += self.pedestal.take(chip)
        avc += np.float32(0.5)
        np.clip(avc, 0, 255, out=avc)
        return tvc.astype(np.uint8), avc.astype(np.uint8)

    def charge_pe(self, chip: np.ndarray, avc: np.ndarray) -> np.ndarray:
        """Charge from raw counts with the true constants, float64 [photo-electrons]."""
        charge: np.ndarray = (avc - self.pedestal[chip].astype(float)) / self.gain[chip]
        return charge

    def time_ns(self, chip: np.ndarray, timestamp: np.ndarray, tvc: np.ndarray) -> np.ndarray:
        """Time in the frame from raw counts with the true constants, float64, right to one count of the TVC [ns]."""
        fraction = (tvc.astype(float) - self.tvc_min[chip]) / self.tvc_span[chip]
        time: np.ndarray = 25.0 * (timestamp + fraction)
        return time


def make_detector(spec: SimulationSpec) -> Detector:
    """The detector of a seed: the same in all its runs."""
    rng = spec.random(0)
    live = _alive(rng, spec.dead_lines)
    # 18 % spread between modules: what is left of the spread in run 45978 when counting statistics are taken off.
    spread = rng.lognormal(-0.5 * 0.18**2, 0.18, SLOTS)
    chips = SLOTS * CHIPS
    return Detector(
        live=live,
        rate_hz=np.where(live, BASE_RATE_HZ * spread, 0.0),
        position=_positions(),
        pedestal=rng.normal(42.0, 4.0, chips).astype(np.float32),
        # 8 bits reach to 20 to 25 photo-electrons.
        gain=rng.normal(9.5, 0.6, chips).clip(7.5, 12.0).astype(np.float32),
        tvc_min=rng.integers(12, 29, chips, np.uint16),
        tvc_span=rng.integers(200, 216, chips, np.uint16),
    )


def _alive(rng: np.random.Generator, dead_lines: tuple[int, ...]) -> np.ndarray:
    live = rng.random((LINES, FLOORS, MODULES)) > 0.09
    live &= (rng.random((LINES, FLOORS)) > 0.05)[:, :, None]
    live[11, 20:] = False
    for line in dead_lines:
        live[line - 1] = False
    return live.reshape(-1)


def _positions() -> np.ndarray:
    """An octagon of eight lines around four, 65 m apart or so."""
    ring = np.arange(8) * np.pi / 4
    outer = np.stack([90 * np.cos(ring), 90 * np.sin(ring)], axis=1)
    inner = np.array([[32.0, 12], [-12, 32], [-32, -12], [12, -32]])
    lines = np.concatenate([outer, inner])
    z = (np.arange(FLOORS) - 12) * 14.5
    position = np.empty((LINES, FLOORS, 3), np.float32)
    position[:, :, :2] = lines[:, None]
    position[:, :, 2] = z
    return position.reshape(-1, 3)
