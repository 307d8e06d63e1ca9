"""All hits of a simulated frame, storey by storey: what the detector sends to shore before any trigger, some 3.5 million hits in 104.8576 ms."""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.simulate.charges import CHARGE_BITS, CHARGES
from antdask.simulate.detector import CHIPS, FLOORS, LINES, MODULES, Detector
from antdask.simulate.events import Hits
from antdask.simulate.readout import LOW_BITS, SUBTICKS, pack, take
from antdask.simulate.spec import FRAME_TICKS

# 2**22 ticks of 256 subticks take 30 bits, and one bit stays empty (see readout).
_TIME_BITS = 31
_LINE_SLOTS = FLOORS * MODULES


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Timeslice:
    """One frame.

    Parameters
    ----------
    frame_index : int
    storey : ndarray of int64, shape (frames of storeys,)
        25 x (line - 1) + floor - 1, of the storeys that sent something.
    counts : ndarray of int32, shape (frames of storeys,)
        Hits of each.
    hits : Hits
        Storey by storey, in time.
    """

    frame_index: int
    storey: np.ndarray
    counts: np.ndarray
    hits: Hits


def make_timeslice(rng: np.random.Generator, frame_index: int, counts: np.ndarray, detector: Detector) -> Timeslice:
    """All hits of a frame; as many per module as its count, less those that the chips lose.

    Parameters
    ----------
    counts : ndarray of uint16, shape (900,)
    """
    # One line at a time: a tenth of the memory, and numbers that fit the caches.
    lines = [_line(rng, line, counts[line * _LINE_SLOTS : (line + 1) * _LINE_SLOTS].astype(np.int64), detector) for line in range(LINES)]
    hits = Hits(*(np.concatenate(columns) for columns in zip(*lines, strict=True)))
    per_storey = np.bincount(hits.slot // MODULES, minlength=LINES * FLOORS)
    storey = np.flatnonzero(per_storey)
    return Timeslice(frame_index, storey, per_storey[storey].astype(np.int32), hits)


def _line(rng: np.random.Generator, line: int, counts: np.ndarray, detector: Detector) -> Hits:
    total = int(counts.sum())
    words = rng.integers(0, 2**64, total, np.uint64)
    time = words >> np.uint64(64 - 30)
    charge = words & np.uint64(2**CHARGE_BITS - 1)
    slot = np.repeat(np.arange(_LINE_SLOTS, dtype=np.uint64), counts)
    keys = pack((slot, 0), (time, _TIME_BITS), (charge, CHARGE_BITS), (np.zeros(1, np.uint64), 1))
    keys.sort()
    taken = take(keys, _TIME_BITS)
    storey, module = taken.slot // np.uint64(MODULES), taken.slot % np.uint64(MODULES)
    keys = pack((storey, 0), (taken.time, _TIME_BITS), (module, 2), (taken.chip, 1), (taken.low, LOW_BITS))
    keys.sort()
    charge = CHARGES.take(((keys >> np.uint64(1)) & np.uint64(2**CHARGE_BITS - 1)).astype(np.intp))
    keys >>= np.uint64(LOW_BITS)
    in_storey = ((keys & np.uint64(1)) + np.uint64(CHIPS) * ((keys >> np.uint64(1)) & np.uint64(3))).astype(np.intp)
    keys >>= np.uint64(3)
    subticks = keys & np.uint64(FRAME_TICKS * SUBTICKS - 1)
    keys >>= np.uint64(_TIME_BITS)
    chip = (line * FLOORS + keys.astype(np.intp)) * (MODULES * CHIPS) + in_storey
    tvc, avc = detector.measure(chip, subticks.astype(np.uint8), charge)
    return Hits(chip // CHIPS, chip, (subticks >> np.uint64(8)).astype(np.uint32), tvc, avc, np.zeros(len(chip), np.uint8))
