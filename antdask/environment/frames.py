"""Which frames of an archive count for a day: each stretch of time once, whatever runs overlap and clocks do.

Four rules, each of which counts what it leaves out:

1. *duplicate*: of frames of a run with the same index, the first counts (in the order of parts and rows).
2. *clock*: a run has at most one frame per frame length; where its clock went back over a stretch that it had already covered, the frames with smaller
   indices count.
3. *overlap*: where two runs overlap, the frames of the run that began earlier count (at the same instant: of the smaller number). A run whose
   times contradict its frame indices (its clock was reset) comes after all others.
4. *outside*: frames before the grid begins, or more than 40 years after that, count nowhere.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from antdask.archive.reading import PartReader
from antdask.environment.grid import DAY_NS

#: Days of a grid at most; a clock that shows more is wrong.
LONGEST_DAYS = 40 * 366
#: Slack between times and frame indices before a clock counts as reset [ns].
SLACK_NS = 2 * 10**9
DUPLICATE, CLOCK, OVERLAP = "duplicate", "clock", "overlap"


@dataclasses.dataclass(frozen=True, slots=True)
class RunSpan:
    """When a run took data, as far as its frames tell.

    Parameters
    ----------
    run : int
    first_ns, last_ns : int
        Start of the first and of the last frame [ns since 1970].
    steady : bool
        Whether times and frame indices agree.
    """

    run: int
    first_ns: int
    last_ns: int
    steady: bool

    @property
    def rank(self) -> tuple[bool, int, int]:
        """The smaller, the more right it has where runs overlap."""
        return (not self.steady, self.first_ns, self.run)


@dataclasses.dataclass(frozen=True, eq=False)
class Chosen:
    """The frames of a day, in time.

    Parameters
    ----------
    utc_ns, part, row : int64 array, shape (frames,)
        Start of each frame, and where it is: number of the part, row in it.
    left_out : dict of str to int
        Frames that do not count, by reason.
    expected_ns : int64 array
        Starts of the frames that the runs should have, recorded or not.
    """

    utc_ns: np.ndarray
    part: np.ndarray
    row: np.ndarray
    left_out: dict[str, int]
    expected_ns: np.ndarray


def run_spans(parts: Sequence[Mapping[str, Any]], frame_ns: int) -> list[RunSpan]:
    """Spans of all runs from rows of the catalogue, in order of right.

    Examples
    --------
    >>> part = {"run": 7, "utc_min": 0, "utc_max": 900, "frame_min": 1, "frame_max": 10}
    >>> run_spans([part, {**part, "utc_min": 1000, "utc_max": 1900, "frame_min": 11, "frame_max": 20}], 100)
    [RunSpan(run=7, first_ns=0, last_ns=1900, steady=True)]
    """
    runs: dict[int, list[Mapping[str, Any]]] = {}
    for part in parts:
        runs.setdefault(int(part["run"]), []).append(part)
    spans = []
    for run, own in runs.items():
        first, last = min(int(p["utc_min"]) for p in own), max(int(p["utc_max"]) for p in own)
        indices = max(int(p["frame_max"]) for p in own) - min(int(p["frame_min"]) for p in own)
        spans.append(RunSpan(run, first, last, abs(last - first - indices * frame_ns) <= SLACK_NS))
    return sorted(spans, key=lambda s: s.rank)


def choose(readers: Sequence[PartReader], runs: Sequence[int], spans: Sequence[RunSpan], day: tuple[int, int], frame_ns: int) -> Chosen:
    """The frames that start in a day.

    Parameters
    ----------
    readers : sequence of PartReader
        The parts that may hold any.
    runs : sequence of int
        Run of each part.
    spans : sequence of RunSpan
        All runs that touch the day, in order of right.
    day : (int, int)
        Start and end [ns since 1970].
    """
    utc, index, part, row = (np.concatenate(c) if c else np.zeros(0, np.int64) for c in _columns(readers, day))
    run_of_part = np.array(runs, np.int64)
    run = run_of_part[part] if len(part) else part
    kept: list[np.ndarray] = []
    left_out = dict.fromkeys((DUPLICATE, CLOCK, OVERLAP), 0)
    expected: list[np.ndarray] = []
    taken: list[RunSpan] = []
    for span in spans:
        own = np.flatnonzero(run == span.run)
        free = own[~_covered(utc[own], taken, frame_ns)]
        left_out[OVERLAP] += len(own) - len(free)
        alone, duplicates = _first_of_each(free, index[free], part[free], row[free])
        left_out[DUPLICATE] += duplicates
        slots = (utc[alone] - span.first_ns + frame_ns // 2) // frame_ns
        once, clock = _first_of_each(alone, slots, index[alone], row[alone])
        left_out[CLOCK] += clock
        kept.append(once)
        if span.steady:
            starts = _starts(span, day, frame_ns)
            expected.append(starts[~_covered(starts, taken, frame_ns)])
            taken.append(span)
        else:
            expected.append(utc[once])
    chosen = np.concatenate(kept) if kept else np.zeros(0, np.int64)
    chosen = chosen[np.argsort(utc[chosen], kind="stable")]
    return Chosen(utc[chosen], part[chosen], row[chosen], left_out, np.concatenate(expected) if expected else np.zeros(0, np.int64))


def _columns(readers: Sequence[PartReader], day: tuple[int, int]) -> tuple[list[np.ndarray], ...]:
    columns: tuple[list[np.ndarray], ...] = ([], [], [], [])
    for number, reader in enumerate(readers):
        utc = reader.column("slices", "utc_ns")
        rows = np.flatnonzero((utc >= day[0]) & (utc < day[1]))
        if len(rows):
            frame = reader.column("slices", "frame_index", int(rows[0]), int(rows[-1]) + 1)[rows - rows[0]]
            for column, values in zip(columns, (utc[rows], frame.astype(np.int64), np.full(len(rows), number), rows), strict=True):
                column.append(values)
    return columns


def _first_of_each(places: np.ndarray, key: np.ndarray, *order: np.ndarray) -> tuple[np.ndarray, int]:
    """Of places with the same key the first in the order of further keys, and how many are left out."""
    sequence = np.lexsort((*reversed(order), key))
    first = np.ones(len(places), bool)
    first[1:] = np.diff(key[sequence]) != 0
    return places[sequence[first]], int(len(places) - first.sum())


def _covered(utc_ns: np.ndarray, spans: Sequence[RunSpan], frame_ns: int) -> np.ndarray:
    """Whether each frame would overlap a frame of one of the spans."""
    covered = np.zeros(len(utc_ns), bool)
    for span in spans:
        covered |= (utc_ns > span.first_ns - frame_ns) & (utc_ns < span.last_ns + frame_ns)
    return covered


def _starts(span: RunSpan, day: tuple[int, int], frame_ns: int) -> np.ndarray:
    """Starts of the frames that a run should have in a day."""
    low, high = max(day[0], span.first_ns), min(day[1] - 1, span.last_ns)
    first, last = -((span.first_ns - low) // frame_ns), (high - span.first_ns) // frame_ns
    return span.first_ns + np.arange(first, last + 1, dtype=np.int64) * frame_ns


def days_touched(part: Mapping[str, Any], reader: PartReader, origin_ns: int, frame_ns: int) -> np.ndarray:
    """Numbers of the days in which frames of a part start; from its first and last time alone where these agree with its frame indices."""
    first, last = int(part["utc_min"]), int(part["utc_max"])
    if abs(last - first - (int(part["frame_max"]) - int(part["frame_min"])) * frame_ns) <= SLACK_NS:
        return np.arange((first - origin_ns) // DAY_NS, (last - origin_ns) // DAY_NS + 1)
    return np.unique((reader.column("slices", "utc_ns") - origin_ns) // DAY_NS)
