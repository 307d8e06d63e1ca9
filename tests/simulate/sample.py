"""A simulated run as flat arrays, and the same quantities of the only public ANTARES data, for comparison."""

from __future__ import annotations

import functools

import h5py
import numpy as np
from km3net_testdata import data_path

from antdask.simulate.detector import Detector
from antdask.simulate.events import Events
from antdask.simulate.sea import Counts
from antdask.simulate.timeline import Frames


class Sample:
    """Hits and events of a run: `event`, `module`, `time_ns`, `charge_pe`, `triggered` by hit; `frame_index`, `counter`, `width_ns`, `hits`, `flagged` by event."""

    def __init__(self, content: list[tuple[Frames, Counts, Events]], detector: Detector) -> None:
        self.frames, self.light, self.pieces = ([c[i] for c in content] for i in range(3))
        hits = [e.hits for e in self.pieces]
        self.chip = np.concatenate([h.chip for h in hits])
        self.module = self.chip // 2
        self.time_ns = np.concatenate([detector.time_ns(h.chip, h.timestamp, h.tvc) for h in hits])
        self.charge_pe = np.concatenate([detector.charge_pe(h.chip, h.avc) for h in hits])
        self.triggered = np.concatenate([h.triggered for h in hits])
        self.hits = np.concatenate([e.counts for e in self.pieces])
        self.event = np.repeat(np.arange(len(self.hits)), self.hits)
        self.frame_index = np.concatenate([e.frame_index for e in self.pieces])
        self.counter = np.concatenate([e.trigger_counter for e in self.pieces])
        starts = np.cumsum(self.hits) - self.hits
        self.width_ns = np.maximum.reduceat(self.time_ns, starts) - np.minimum.reduceat(self.time_ns, starts)
        self.flagged = np.add.reduceat(self.triggered.astype(int), starts)

    def gaps_ns(self, by: np.ndarray | None = None) -> np.ndarray:
        """Times between consecutive hits of one module (or chip) in one event [ns]."""
        return gaps(self.event, self.module if by is None else by, self.time_ns)


class Run45978:
    """The same of run 45978: 81 events, 13,556 calibrated pulses."""

    def __init__(self) -> None:
        with h5py.File(data_path("seatray/antares.h5")) as file:
            pulses, index = file["CalibratedPulses"][:], file["__I3Index__/CalibratedPulses"][:]
        self.hits = (index["stop"] - index["start"]).astype(int)
        self.event = np.repeat(np.arange(len(index)), self.hits)
        self.module = pulses["string"].astype(int) * 75 + pulses["om"]
        self.time_ns, self.charge_pe = pulses["time"], pulses["charge"]
        starts = index["start"].astype(int)
        self.width_ns = np.maximum.reduceat(self.time_ns, starts) - np.minimum.reduceat(self.time_ns, starts)
        self.flagged = np.add.reduceat(pulses["isTriggered"].astype(int), starts)

    def gaps_ns(self) -> np.ndarray:
        """Times between consecutive hits of one module in one event [ns]."""
        return gaps(self.event, self.module, self.time_ns)


@functools.cache
def real() -> Run45978:
    """The real run, read once."""
    return Run45978()


def gaps(event: np.ndarray, module: np.ndarray, time_ns: np.ndarray) -> np.ndarray:
    """Times between consecutive hits with the same event and module."""
    order = np.lexsort((time_ns, module, event))
    same = (np.diff(event[order]) == 0) & (np.diff(module[order]) == 0)
    return np.diff(time_ns[order])[same]
