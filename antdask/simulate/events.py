"""Events of the simulated run: all hits in the window around a trigger, most of them light of the sea, some of a muon.

Distributions are those of run 45978 (81 real events of km3net-testdata): window 4.4 us plus the span of the triggered hits, 0.7 % of the hits followed by
another on the same module 37 to 55 ns later (the second chip takes over after the gate of the first), and no two hits of a module closer than 37 ns.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from antdask.simulate.charges import CHARGE_BITS, CHARGES, charge_index
from antdask.simulate.detector import CHIPS, MODULES, Detector
from antdask.simulate.muons import LONGEST_NS, Muons, light, make_muons
from antdask.simulate.readout import GATE_NS, LOW_BITS, NS, SLOT_BITS, pack, take
from antdask.simulate.sea import FRAME_S
from antdask.simulate.spec import FRAME_TICKS, TICK_NS
from antdask.simulate.timeline import Frames

WINDOW_NS = 4400.0
_HALF_NS = WINDOW_NS / 2
# A window holds less than 2**16 subticks, and one bit stays empty (see readout).
_TIME_BITS = 17
_AFTER = 0.013

# Bits of the trigger mask (number - 1): 3D_SCAN 6, MINIMUM_BIAS 9, T3 14, T2 15.
_SCAN, _MINIMUM_BIAS, _T3, _T2 = (np.uint32(1 << (n - 1)) for n in (6, 9, 14, 15))


class Hits(NamedTuple):
    """Digitised hits.

    Parameters
    ----------
    slot, chip : ndarray of int64
        chip = 2 x slot + chip of the module.
    timestamp : ndarray of uint32
        Ticks of 25 ns from the start of the frame.
    tvc, avc, triggered : ndarray of uint8
    """

    slot: np.ndarray
    chip: np.ndarray
    timestamp: np.ndarray
    tvc: np.ndarray
    avc: np.ndarray
    triggered: np.ndarray

    @property
    def ars(self) -> np.ndarray:
        """Chip in the storey, 0 to 5, uint8."""
        return (self.chip % (MODULES * CHIPS)).astype(np.uint8)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Events with their hits, in the order of (frame, counter); hits of an event in time.

    Parameters
    ----------
    frame_index, trigger_counter : ndarray of int64
    trigger_mask : ndarray of uint32
    offsets : ndarray of int64, shape (events + 1,)
    hits : Hits
    muon : ndarray of int64
        Events that have a muon, ascending.
    muons : Muons
        Theirs.
    passage_ns : ndarray of float64
        When each muon passes its `position`, from the start of the frame [ns].
    """

    frame_index: np.ndarray
    trigger_counter: np.ndarray
    trigger_mask: np.ndarray
    offsets: np.ndarray
    hits: Hits
    muon: np.ndarray
    muons: Muons
    passage_ns: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Hits per event, int32."""
        return np.diff(self.offsets).astype(np.int32)


def make_events(rng: np.random.Generator, frames: Frames, expected: np.ndarray, detector: Detector) -> Events:
    """The events of a group of frames.

    Parameters
    ----------
    expected : ndarray of float32, shape (frames, 900)
        Expected counts of the modules in each frame, bursts included.
    """
    frame = frames.frame_of_event
    n = len(frame)
    span = np.where(rng.random(n) < 0.78, rng.uniform(0, 90, n), np.minimum(rng.gamma(1.6, 260, n), LONGEST_NS))
    physics = np.flatnonzero(rng.random(n) < 0.30)
    flagged = rng.random(len(physics)) < 0.40
    muons = make_muons(rng, len(physics))
    track = light(rng, muons, detector, rng.integers(10, 27, len(physics)))
    span[physics] = track.span_ns
    start = rng.integers(0, FRAME_TICKS - int((WINDOW_NS + LONGEST_NS) / TICK_NS) - 1, n)
    charge = charge_index(rng, len(track.slot), 0.35)
    when = (track.time_ns + _HALF_NS) * NS
    signal = pack((physics[track.event], 0), (track.slot, SLOT_BITS), (when, _TIME_BITS), (charge, CHARGE_BITS), (flagged[track.event], 1))
    keys = _with_afterpulses(rng, np.concatenate([_noise(rng, frame, span, expected, detector), signal]))
    keys.sort()
    taken = take(keys, _TIME_BITS)
    keys = pack((taken.event, 0), (taken.time, _TIME_BITS), (taken.slot, SLOT_BITS), (taken.chip, 1), (taken.low, LOW_BITS))
    keys.sort()
    offsets = np.searchsorted(keys >> np.uint64(_TIME_BITS + SLOT_BITS + 1 + LOW_BITS), np.arange(n + 1, dtype=np.uint64))
    hits = _digitise(keys, np.repeat(start, np.diff(offsets)), detector)
    mask = np.where(rng.random(n) < 0.6, _MINIMUM_BIAS, _T2)
    mask[physics] = np.where(rng.random(len(physics)) < 0.7, _SCAN, np.uint32(0)) | np.where(
        rng.random(len(physics)) < 0.6, _T3, np.uint32(0)
    )
    mask[mask == 0] = _SCAN
    passage = start[physics] * float(TICK_NS) + _HALF_NS - track.first_ns
    return Events(frames.index[frame], frames.counter, mask, offsets, hits, physics, muons, passage)


def _noise(rng: np.random.Generator, frame: np.ndarray, span: np.ndarray, expected: np.ndarray, detector: Detector) -> np.ndarray:
    """Hits of the sea: as many as the counts of the frame ask for, at random in the window, on modules weighted by their rate."""
    window = WINDOW_NS + span
    counts = rng.poisson(expected.sum(axis=1)[frame] * (window * 1e-9 / FRAME_S))
    total = int(counts.sum())
    words = rng.integers(0, 2**64, total, np.uint64)
    # One word of random bits per hit: 32 for the time, 16 for the module, 12 for the charge.
    keys = words >> np.uint64(32)
    keys *= np.repeat((window * NS).astype(np.uint64), counts)
    keys >>= np.uint64(32)
    low = words & np.uint64(2**CHARGE_BITS - 1)
    words >>= np.uint64(16)
    slot = detector.by_rate.take(words.astype(np.uint16)).astype(np.uint64)
    slot |= np.repeat(np.arange(len(frame), dtype=np.uint64), counts) << np.uint64(SLOT_BITS)
    slot <<= np.uint64(_TIME_BITS)
    keys |= slot
    keys <<= np.uint64(CHARGE_BITS)
    keys |= low
    keys <<= np.uint64(1)
    return keys


def _with_afterpulses(rng: np.random.Generator, keys: np.ndarray) -> np.ndarray:
    """Some hits followed by a second one on the same module: most right after the gate, the others within 100 ns or so."""
    if not len(keys):
        return keys
    n = rng.binomial(len(keys), _AFTER)
    later = np.where(rng.random(n) < 0.6, rng.normal(45.0, 4.5, n).clip(GATE_NS), 45.0 + rng.exponential(40.0, n))
    parents = keys[rng.integers(0, len(keys), n)] >> np.uint64(LOW_BITS)
    after = (parents + (later * NS + 1).astype(np.uint64)) << np.uint64(LOW_BITS)
    return np.concatenate([keys, after | (charge_index(rng, n) << np.uint64(1))])


def _digitise(keys: np.ndarray, start: np.ndarray, detector: Detector) -> Hits:
    """Slot, chip, timestamp, TVC, AVC and trigger flag of hits in time order; `start` is the tick where the window of each begins."""
    triggered = (keys & np.uint64(1)).astype(np.uint8)
    charge = CHARGES.take(((keys >> np.uint64(1)) & np.uint64(2**CHARGE_BITS - 1)).astype(np.intp))
    chip = ((keys >> np.uint64(LOW_BITS)) & np.uint64(2 ** (SLOT_BITS + 1) - 1)).astype(np.intp)
    subticks = (keys >> np.uint64(LOW_BITS + 1 + SLOT_BITS)) & np.uint64(2**_TIME_BITS - 1)
    timestamp = start.astype(np.uint32)
    timestamp += (subticks >> np.uint64(8)).astype(np.uint32)
    return Hits(chip >> 1, chip, timestamp, *detector.measure(chip, subticks.astype(np.uint8), charge), triggered)
