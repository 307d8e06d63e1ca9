"""Fifteen minutes of the simulated sea, and what was put into it: the numbers of docs/explanation/bioluminescence.md."""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.environment.accumulate import Window
from antdask.environment.baseline import FRACTION, find_baselines
from antdask.environment.excursions import Excursions, FlashSpec
from antdask.environment.flashes import find_flashes
from antdask.environment.quantity import COUNTS, ModuleCounts
from antdask.model.time import ANTARES_FRAME_NS
from antdask.simulate import sea
from antdask.simulate.detector import make_detector
from antdask.simulate.spec import SimulationSpec

FRAMES = 8583


class RememberingSea(sea.Sea):
    """A sea that keeps its bursts: start [s], decay [s], strength [Hz], line, floor, the last two from 0."""

    bursts: list[np.ndarray]

    def _new_bursts(self, first: float, last: float) -> np.ndarray:
        made = super()._new_bursts(first, last)
        self.__dict__.setdefault("bursts", []).append(made)
        return made


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What was put in and what came out."""

    baseline_off: np.ndarray
    burst_true: float
    burst_found: float
    flashes_true: int
    flashes_found: int
    flashes_matched: int


def compare(per_second: float, seed: int = 11) -> Comparison:
    """Make the sea with so many bursts per second in the whole detector, and look for them."""
    spec = SimulationSpec(seed=seed)
    detector, labels, index = make_detector(spec), ModuleCounts().labels, np.arange(FRAMES)
    before, sea._BURSTS_PER_SECOND = sea._BURSTS_PER_SECOND, per_second
    try:
        made = RememberingSea(spec, 45_001, detector)
        pieces = [made.counts(index[i : i + 256]) for i in range(0, FRAMES, 256)]
    finally:
        sea._BURSTS_PER_SECOND = before
    expected, count, flags = (np.concatenate([getattr(p, n) for p in pieces]) for n in ("expected", "count", "flags"))
    count = count.astype(np.uint32)
    true = made.baseline(index)[:, None] * detector.rate_hz * sea.FRAME_S
    window = Window(900, COUNTS)
    turned = np.ascontiguousarray(count.T), np.ascontiguousarray(flags.T)
    window.fill(*turned, index * ANTARES_FRAME_NS // 10**9)
    baseline, burst, valid = find_baselines(window.narrow, COUNTS)
    saturated, live = window.n_saturated, detector.live
    there = (flags & 4) == 0
    follow = Excursions(900, COUNTS, FlashSpec())
    follow.follow(*turned, index * ANTARES_FRAME_NS, baseline)
    found = find_flashes(follow.close(), labels["line"], labels["floor"], COUNTS, FlashSpec()).to_pandas()
    # Alone in the dark: what only one module saw may be chance.
    sure = found[found["n_om"] >= 2]
    bursts = np.concatenate(made.bursts)
    alive = live.reshape(12, 25, 3).any(axis=2)
    visible = bursts[alive[bursts[:, 3].astype(int), bursts[:, 4].astype(int)]]
    starts = found["start"].astype("int64").to_numpy() * 1e-9
    matched = [
        ((np.abs(starts - b[0]) < 0.35) & (found["line"] == b[3] + 1) & ((found["floor"].astype(int) - b[4] - 1).abs() <= 1)).any()
        for b in visible
    ]
    return Comparison(
        baseline[live] / FRACTION / true.mean(axis=0)[live] - 1,
        float((((expected >= 1.2 * true) & there)[:, live]).sum() / there[:, live].sum()),
        float(((burst + saturated)[live]).sum() / (valid + saturated)[live].sum()),
        len(visible),
        len(sure),
        int(np.sum(matched)),
    )
