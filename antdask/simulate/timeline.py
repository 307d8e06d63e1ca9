"""The frames of a simulated run: which are recorded, how many events each holds, and how the trigger counts them.

Behaves as run 45978 does: frames are missing; the trigger counter goes up by one, with gaps where an event was dropped, inside a frame and has another base in
the next, because every frame is filtered by another of many processes, each with a counter of its own that no run resets. Counters thus repeat in a run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from antdask.model.ragged import offsets_of
from antdask.simulate.spec import FIRST_FRAME, SimulationSpec

PROCESSES = 40
#: Frames are made in groups of this many, which bounds memory.
GROUP = 256
_LOST = 0.03
_DROPPED = 0.12


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """A group of consecutive recorded frames.

    Parameters
    ----------
    index : ndarray of int64, shape (frames,)
        Frame index in the run, ascending, with gaps.
    events : ndarray of int64, shape (frames,)
        Number of events in each.
    counter : ndarray of int64, shape (events,)
        Trigger counter of each event, ascending inside a frame.
    """

    index: np.ndarray
    events: np.ndarray
    counter: np.ndarray

    @property
    def frame_of_event(self) -> np.ndarray:
        """Which frame of the group each event is in, int64."""
        return np.repeat(np.arange(len(self.index)), self.events)


def timeline(spec: SimulationSpec, run: int) -> Iterator[Frames]:
    """All recorded frames of a run, in groups, with `spec.events` events in all."""
    rng = spec.random(run, 1)
    # Seven groups of processes with nearly equal counts: they were started together, at different times.
    counters = 54_000 + 950 * rng.integers(0, 7, PROCESSES) + rng.integers(0, 40, PROCESSES)
    group = max(1, min(GROUP, int(12_000 / spec.events_per_frame)))
    left, position = spec.events, FIRST_FRAME
    while left > 0:
        index = _recorded(rng, position, group)
        position = int(index[-1]) + 1
        events = rng.poisson(spec.events_per_frame, group)
        total = np.cumsum(events)
        if total[-1] >= left:
            stop = int(np.searchsorted(total, left)) + 1
            index, events = index[:stop], events[:stop]
            events[-1] -= total[stop - 1] - left
        left -= int(events.sum())
        yield Frames(index, events, _count(rng, events, counters))


def _recorded(rng: np.random.Generator, first: int, n: int) -> np.ndarray:
    """Indices of `n` recorded frames: single ones are lost, and now and then a few dozen in a row."""
    steps = np.where(rng.random(n) < _LOST, 2, 1) + np.where(rng.random(n) < 0.001, rng.integers(10, 60, n), 0)
    steps[0] = 1
    indices: np.ndarray = first - 1 + np.cumsum(steps)
    return indices


def _count(rng: np.random.Generator, events: np.ndarray, counters: np.ndarray) -> np.ndarray:
    """Trigger counters of the events; brings the counters of the processes forward."""
    process = rng.permutation(np.arange(len(events)) % PROCESSES)
    steps = 1 + (rng.random(int(events.sum())) < _DROPPED)
    inside = np.cumsum(steps)
    ends = offsets_of(events)
    per_frame = np.diff(np.concatenate([[0], inside])[ends])
    # Frames of one process follow each other: where each starts to count is the sum of those before it.
    order = np.argsort(process, kind="stable")
    before = np.cumsum(per_frame[order]) - per_frame[order]
    first = np.searchsorted(process[order], np.arange(PROCESSES))
    start = np.empty(len(events), np.int64)
    padded = np.append(before, before[-1:] + per_frame[order][-1:])
    start[order] = before - padded[first[process[order]]] + counters[process[order]]
    counters += np.bincount(process, per_frame, PROCESSES).astype(np.int64)
    base = np.concatenate([[0], inside])[ends[:-1]]
    return np.asarray(inside + np.repeat(start - base, events))
