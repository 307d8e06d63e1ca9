"""Flashes: excursions of neighbouring modules that start together are one organism (or one cloud) that emits light.

::

    floor 8        ___
    floor 7       _|  |____        one flash: three modules,
    floor 6        |_________      neighbours, within 0.4 s
    floor 1   __                   another
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from antdask.compiled import compiled
from antdask.environment.accumulate import Measure
from antdask.environment.excursions import FlashSpec

#: One row per flash; times are starts of frames.
SCHEMA = pa.schema(
    [
        pa.field("start", pa.timestamp("ns", "UTC"), metadata={"description": "first frame of the first module"}),
        pa.field("peak", pa.timestamp("ns", "UTC"), metadata={"description": "frame with the highest rate of any module"}),
        pa.field("duration_s", pa.float64(), metadata={"unit": "s", "description": "from start to the end of the last frame of any module"}),
        pa.field("peak_rate_hz", pa.float64(), metadata={"unit": "s-1", "description": "highest rate above baseline of any module; a lower bound where n_saturated is not 0"}),
        pa.field("integral", pa.float64(), metadata={"unit": "1", "description": "hits above baseline, summed over frames and modules"}),
        pa.field("n_om", pa.uint16(), metadata={"description": "modules that saw it"}),
        pa.field("n_saturated", pa.uint32(), metadata={"description": "saturated frames in it, of all modules"}),
        pa.field("line", pa.uint8(), metadata={"description": "line of the flash; flashes do not cross lines, see n_lines"}),
        pa.field("floor", pa.uint8(), metadata={"description": "floor of the module with the highest rate"}),
        pa.field("first_floor", pa.uint8()),
        pa.field("last_floor", pa.uint8()),
        pa.field("n_lines", pa.uint8(), metadata={"description": "lines with a flash that starts within the same time, this one included"}),
    ]
)  # fmt: skip


def _join(line: np.ndarray, floor: np.ndarray, first: np.ndarray, together: int, floors: int, parent: np.ndarray) -> None:
    """Union of excursions that belong together; sorted by line, then by first frame."""
    begin = 0
    for i in range(len(first)):
        while line[begin] != line[i] or first[i] - first[begin] > together:
            begin += 1
        for j in range(begin, i):
            if abs(floor[i] - floor[j]) <= floors:
                a, b = i, j
                while parent[a] != a:
                    parent[a] = parent[parent[a]]
                    a = parent[a]
                while parent[b] != b:
                    parent[b] = parent[parent[b]]
                    b = parent[b]
                if a != b:
                    parent[max(a, b)] = min(a, b)
    for i in range(len(first)):
        a = i
        while parent[a] != a:
            a = parent[a]
        parent[i] = a


_compiled: Any = compiled(_join)


def find_flashes(excursions: np.ndarray, line: np.ndarray, floor: np.ndarray, measure: Measure, spec: FlashSpec) -> pa.Table:
    """Flashes of a day.

    Parameters
    ----------
    excursions : array of `excursions.EXCURSION`
    line, floor : integer array, shape (channels,)
        Where each module is.

    Returns
    -------
    pyarrow.Table
        See `SCHEMA`, ordered by start, line and floor.
    """
    if not len(excursions):
        return SCHEMA.empty_table()
    lines, floors = line[excursions["channel"]].astype(np.int64), floor[excursions["channel"]].astype(np.int64)
    order = np.lexsort((excursions["channel"], excursions["first"], lines))
    x, lines, floors = excursions[order], lines[order], floors[order]
    parent = np.arange(len(x))
    _compiled(lines, floors, x["first"], spec.together_ns, spec.floors, parent)
    group = np.argsort(parent, kind="stable")
    starts = np.flatnonzero(np.diff(parent[group], prepend=-1))
    x, lines, floors = x[group], lines[group], floors[group]
    height = x["peak_value"] - x["baseline"].astype(float)
    which = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(x))))
    # The highest module of each flash: the last one of its group when sorted by height.
    top = np.lexsort((height, which))[np.append(starts[1:], len(x)) - 1]
    first = np.minimum.reduceat(x["first"], starts)
    # Hits, whatever a value is.
    hits = measure.hz_per_value * measure.frame_ns * 1e-9
    columns = {
        "start": first,
        "peak": x["peak"][top],
        "duration_s": (np.maximum.reduceat(x["last"], starts) + measure.frame_ns - first) * 1e-9,
        "peak_rate_hz": height[top] * measure.hz_per_value,
        "integral": np.add.reduceat(x["excess"], starts) * hits,
        "n_om": _distinct(which, x["channel"], len(starts)),
        "n_saturated": np.add.reduceat(x["n_saturated"], starts),
        "line": lines[starts],
        "floor": floors[top],
        "first_floor": np.minimum.reduceat(floors, starts),
        "last_floor": np.maximum.reduceat(floors, starts),
        "n_lines": _lines_around(first, lines[starts], spec.together_ns),
    }
    by_start = np.lexsort((columns["floor"], columns["line"], first))
    return pa.table({f.name: pa.array(columns[f.name][by_start]).cast(f.type) for f in SCHEMA}, SCHEMA)


def _distinct(which: np.ndarray, channel: np.ndarray, groups: int) -> np.ndarray:
    pairs = np.unique(which.astype(np.int64) << 32 | channel)
    return np.bincount(pairs >> 32, minlength=groups)


def _lines_around(first: np.ndarray, line: np.ndarray, together: int) -> np.ndarray:
    """Lines on which a flash starts within `together` of each flash."""
    seen = np.zeros((len(first), int(line.max()) + 1), bool)
    for number in np.unique(line):
        times = np.sort(first[line == number])
        low, high = np.searchsorted(times, first - together), np.searchsorted(times, first + together, "right")
        seen[:, number] = high > low
    return seen.sum(axis=1)
