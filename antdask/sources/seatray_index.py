"""The row index of SeaTray tables: which rows belong to which event, checked and joined; pure.

``__I3Index__/<table>`` holds one row per frame in which the table was looked for::

    index    Event 4 exists 1 start  0 stop 18     rows [0, 18) of the table
             Event 5 exists 1 start 18 stop 70     rows [18, 70)
             Event 6 exists 0 start  0 stop  0     nothing: the range restarts at 0

Every table has an index of its own length. Two tables meet by key, never by row number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

#: Verdict on an entry; 0 is sound. Where several apply the largest is told: it is nearer to the cause.
UNSURE, STRAY, ORPHAN_ROWS, MIXED, OUT_OF_RANGE, OTHER_KEY, GHOST, MISPLACED, OVERLAP, OUTSIDE, NO_ROW, UNREADABLE = range(1, 13)

WORDS: Mapping[int, str] = {
    UNSURE: "An entry without rows in a damaged index",
    STRAY: "Used hits and fits do not match",
    ORPHAN_ROWS: "The index leaves out rows next to this event",
    MIXED: "The trigger counter changes inside one event",
    OUT_OF_RANGE: "A value does not fit the field it goes to",
    OTHER_KEY: "Rows belong to another run or event than the index says",
    GHOST: "The index gives rows to an event that does not exist",
    MISPLACED: "The index does not point to the row of its own number",
    OVERLAP: "The index gives the same rows to two events",
    OUTSIDE: "The index points to rows outside the table, or backwards",
    NO_ROW: "Index and table differ in length",
    UNREADABLE: "Rows cannot be read",
}


@dataclasses.dataclass(frozen=True)
class Index:
    """The columns of one index table, all of one length.

    Parameters
    ----------
    run, event : array of uint32
    exists : array of uint8
    trigger_counter : array of int32
        -1 in every file seen.
    start, stop : array of uint64
        Rows of the table.
    """

    run: np.ndarray
    event: np.ndarray
    exists: np.ndarray
    trigger_counter: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    def __len__(self) -> int:
        return len(self.run)

    @property
    def frame(self) -> np.ndarray:
        """Run and event (= DAQ frame) in one number, uint64."""
        frame: np.ndarray = self.run.astype(np.uint64) << np.uint64(32) | self.event
        return frame

    def take(self, rows: slice | np.ndarray) -> Index:
        """Some rows of the index."""
        return Index(*(getattr(self, f.name)[rows] for f in dataclasses.fields(self)))

    def ranges(self, table_rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Start and stop as int64, cut to the table; what lies outside is empty."""
        stop = np.minimum(self.stop, np.uint64(table_rows)).astype(np.int64)
        start = np.minimum(self.start, stop.astype(np.uint64)).astype(np.int64)
        return start, stop


def block_verdicts(index: Index, table_rows: int) -> np.ndarray:
    """Verdict on every row of an index of a ragged table, uint8.

    Ranges must lie inside the table, must not overlap, and together hold every row.

    Examples
    --------
    >>> zero = np.zeros(3, np.uint32)
    >>> index = Index(zero, zero, np.ones(3), zero, np.array([0, 4, 7], np.uint64), np.array([4, 6, 9], np.uint64))
    >>> block_verdicts(index, 9).tolist() == [0, ORPHAN_ROWS, ORPHAN_ROWS]    # nobody owns row 6
    True
    """
    verdicts = np.zeros(len(index), np.uint8)
    outside = (index.start > index.stop) | (index.stop > np.uint64(table_rows))
    verdicts[outside] = OUTSIDE
    verdicts[(index.exists == 0) & (index.stop > index.start) & ~outside] = GHOST
    full = np.flatnonzero((index.stop > index.start) & ~outside)
    full = full[np.argsort(index.start[full], kind="stable")]
    start, stop = index.start[full].astype(np.int64), index.stop[full].astype(np.int64)
    reach = np.maximum.accumulate(stop)
    holder = full[np.maximum.accumulate(np.where(stop == reach, np.arange(len(full)), 0))]

    clash = np.flatnonzero(start[1:] < reach[:-1])
    verdicts[full[clash + 1]] = OVERLAP
    verdicts[holder[clash]] = OVERLAP

    # Rows that nobody owns: blame the neighbours and all between them, unless one of these is known to be bad and explains it.
    left, right = np.append(-1, holder), np.append(full, -1)
    hole = np.append(start, table_rows) > np.append(0, reach)
    low = np.where(left < 0, 0, np.where(right < 0, left, np.minimum(left, right)))
    high = np.where(right < 0, len(index), np.maximum(left, right) + 1)
    known = np.append(0, np.cumsum(verdicts != 0))
    hole &= known[high] == known[low]
    edges = np.zeros(len(index) + 1, np.int64)
    np.add.at(edges, low[hole], 1)
    np.add.at(edges, high[hole], -1)
    verdicts[(np.cumsum(edges)[:-1] > 0) & (verdicts == 0)] = ORPHAN_ROWS
    return verdicts


def doubt(verdicts: np.ndarray, index: Index) -> np.ndarray:
    """Add a verdict on every entry without rows where another entry is bad: no row can confirm it, and the index is known to be damaged."""
    empty = (index.stop <= index.start) & (verdicts == 0)
    return np.where(empty & verdicts.any(), np.uint8(UNSURE), verdicts)


def row_verdicts(index: Index, table_rows: int) -> np.ndarray:
    """Verdict on every row of a table with one row per index row, uint8; as long as the longer of both.

    Where the object exists the index points to the row of its own number, else ``start = stop = 0`` although the row is there.
    """
    verdicts = np.full(max(len(index), table_rows), NO_ROW, np.uint8)
    shared = min(len(index), table_rows)
    verdicts[:shared] = 0
    number = np.arange(len(index), dtype=np.uint64)
    present = index.exists != 0
    wrong = np.where(present, (index.start != number) | (index.stop != number + np.uint64(1)), index.start != index.stop)
    head = verdicts[:shared]
    head[wrong[:shared]] = MISPLACED
    return verdicts


def first_run(marks: np.ndarray) -> tuple[int, int] | None:
    """The first run of non-zero marks, half open.

    Examples
    --------
    >>> first_run(np.array([0, 3, 3, 0, 1])), first_run(np.zeros(2))
    ((1, 3), None)
    """
    bad = np.append(marks != 0, False)
    if not bad.any():
        return None
    head = int(np.argmax(bad))
    return head, head + int(np.argmin(bad[head:]))


def worst(rows: np.ndarray, owner: np.ndarray, owners: int) -> np.ndarray:
    """Verdicts on owners from verdicts on their rows: the largest, 0 without rows; uint8.

    Examples
    --------
    >>> worst(np.array([0, 6, 0]), np.array([0, 0, 2]), 3)
    array([6, 0, 0], dtype=uint8)
    """
    verdicts = np.zeros(owners, np.uint8)
    marked = np.flatnonzero(rows)
    np.maximum.at(verdicts, owner[marked], rows[marked].astype(np.uint8))
    return verdicts


def spread(verdicts: np.ndarray, frames: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Verdicts on things carried to the targets of the same frame; uint8.

    Examples
    --------
    >>> spread(np.array([0, 9]), np.array([7, 8]), np.array([8, 8, 7, 5]))
    array([9, 9, 0, 0], dtype=uint8)
    """
    keys, number = np.unique(np.concatenate([frames, targets]), return_inverse=True)
    return worst(verdicts, number[: len(frames)], len(keys))[number[len(frames) :]]


def join(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """For every key on the left the row on the right with this key; -1 where there is none; int64.

    The n-th of equal keys on the left gets the n-th on the right: no row of the right is taken twice.

    Parameters
    ----------
    left, right : array, shape (rows, columns)

    Examples
    --------
    >>> join(np.array([[5, 1], [5, 2], [5, 1]]), np.array([[5, 2], [5, 1]]))
    array([ 1,  0, -1])
    """
    if not len(left) or not len(right):
        return np.full(len(left), -1, np.int64)
    _, number = np.unique(np.concatenate([left, right]), axis=0, return_inverse=True)
    number = number.reshape(-1).astype(np.int64)
    width = len(number)
    keys_left = number[: len(left)] * width + _occurrence(number[: len(left)])
    keys_right = number[len(left) :] * width + _occurrence(number[len(left) :])
    order = np.argsort(keys_right)
    place = np.minimum(np.searchsorted(keys_right[order], keys_left), len(right) - 1)
    return np.where(keys_right[order][place] == keys_left, order[place], -1)


def _occurrence(numbers: np.ndarray) -> np.ndarray:
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    heads = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    rank = np.arange(len(numbers)) - np.repeat(heads, np.diff(np.append(heads, len(numbers))))
    out = np.empty(len(numbers), np.int64)
    out[order] = rank
    return out


def cut(weights: np.ndarray, start: int, stop: int, limit: int) -> list[tuple[int, int]]:
    """Cut entries ``start:stop`` into pieces of at most about `limit` rows; an entry is never cut.

    Examples
    --------
    >>> cut(np.array([3, 3, 9, 1]), 0, 4, limit=6)
    [(0, 2), (2, 3), (3, 4)]
    """
    pieces = []
    total = np.append(0, np.cumsum(weights))
    while start < stop:
        end = int(np.searchsorted(total, total[start] + limit, side="right")) - 1
        end = min(max(end, start + 1), stop)
        pieces.append((start, end))
        start = end
    return pieces
