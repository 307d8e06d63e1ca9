"""Source ``sensor_table``: readings of sensors as a CSV table of time, sensor, value and unit, from slow control, loggers or data bases.

Readings belong to no run of the detector: they are filed by month under ``<site>-sensors``. The format and its traps stand in docs/sources/sensor_table.md.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator

import numpy as np

from antdask.errors import CorruptFileError, UnknownNameError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch
from antdask.plan import FileEntry, Segment
from antdask.sources import files
from antdask.sources.blob import open_blob
from antdask.sources.evt_header import header_batch
from antdask.sources.sensor_lines import (
    MARK,
    NAME_BYTES,
    UNIT_BYTES,
    Head,
    Index,
    Lines,
    head_of,
    index_of,
    known_index,
    read_head,
    read_lines,
)

ORIGIN, READINGS, STREAM = "sensor_table", "readings", "slow_control"
#: What stands in front of the readings: of what the table was made.
COMMENTS = "comments"
#: Stretches of one month in a file at most: more come of tables that are not sorted, of which a plan would hold every row.
MOST_STRETCHES = 20_000


class _Stopped(threading.local):
    """The lines among which this thread came upon one that is no reading: whoever reads on behind it has them already. A table of a million lines may hold a thousand such lines."""

    def __init__(self) -> None:
        self._url, self._fingerprint, self._first = "", "", 0
        self._lines: Lines | None = None

    def at(self, entry: FileEntry, first: int, lines: Lines) -> None:
        self._url, self._fingerprint, self._first, self._lines = entry.url, entry.fingerprint, first, lines

    def behind(self, entry: FileEntry, start: int, stop: int) -> Lines | None:
        """The lines from `start` on, as far as they are known, and at most to `stop`."""
        if self._lines is None or (self._url, self._fingerprint) != (entry.url, entry.fingerprint) or start < self._first:
            return None
        return self._lines.cut(start - self._first, stop - self._first) or None


_STOPPED = _Stopped()


class SensorTable:
    """Tables of readings; holds nothing, so it pickles."""

    name = ORIGIN
    version = "1"

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether the first line behind comments is the header."""
        return read_head(head) is not None

    def describe(self, url: str) -> FileEntry:
        """Identity, and a segment for each month; reads the file once.

        Raises
        ------
        InputMissingError, InputUnreadableError
        UnknownLayoutError
            Another table.
        CorruptFileError
            Readings in no order at all.
        """
        url = files.absolute(url)
        identity = files.identify(url)
        with open_blob(url) as blob:
            index = index_of(blob)
            months, times, bad = [], [], 0
            for start in range(0, index.lines, MARK):
                lines = read_lines(blob, index, start, min(start + MARK, index.lines))
                months.append(_months(lines))
                times.append(lines.utc_ns)
                bad += int((lines.problem != "").sum())
        notes = [f"{bad} lines are no readings"] if bad else []
        if not index.head.site:
            notes.append("the table names no site ('# site: antares'): it is filed under 'sensors'")
        segments = list(_segments(url, index, months, times))
        return identity.entry(url, self.name, ORIGIN, [*segments, *_comments(index.head, segments)], notes)

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of the lines ``start:stop``, or the comments.

        Raises
        ------
        UnknownNameError
            No such tree.
        InputChangedError
            The file holds fewer lines.
        CorruptFileError
            With the first lines that are no readings; all before them have been given out by then.
        """
        if tree not in (READINGS, COMMENTS):
            raise UnknownNameError.of("tree", tree, [READINGS, COMMENTS], where=entry.url)
        if tree == COMMENTS:
            yield from _header(entry, start, stop)
            return
        index = known_index(entry.url, entry.fingerprint)
        files.demand_entries(start, stop, index.lines, entry.url, "lines")
        with open_blob(entry.url) as blob:
            low = start
            while low < stop:
                lines = _STOPPED.behind(entry, low, stop) or read_lines(blob, index, low, min(low + MARK, stop))
                bad = np.flatnonzero(lines.problem != "")
                intact = int(bad[0]) if len(bad) else len(lines.problem)
                if intact:
                    yield _batch(lines, low, intact)
                if len(bad):
                    gone = int(np.argmin(np.append(np.diff(bad) == 1, False))) + 1
                    first, last = low + intact, low + intact + gone
                    _STOPPED.at(entry, low, lines)
                    raise CorruptFileError(f"A line is no reading: {lines.problem[intact]}", where=entry.url, tree=tree, start=first, stop=last, hint=f"It is the {first + 1}th below the header.")  # fmt: skip
                low += len(lines)


def _months(lines: Lines) -> np.ndarray:
    """Year and month of each line, e.g. 201003; a line that is no reading goes with the one before."""
    months = lines.utc_ns.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    numbers = (months // 12 + 1970) * 100 + months % 12 + 1
    good = lines.problem == ""
    place = np.maximum.accumulate(np.where(good, np.arange(len(good)), -1))
    first = int(numbers[good.argmax()]) if good.any() else 0
    return np.where(place >= 0, numbers[np.maximum(place, 0)], first)


def _segments(url: str, index: Index, months: list[np.ndarray], times: list[np.ndarray]) -> Iterator[Segment]:
    if not months:
        return
    month, utc = np.concatenate(months), np.concatenate(times)
    edges = np.flatnonzero(np.diff(month, prepend=-1, append=-1))
    if len(edges) > MOST_STRETCHES:
        raise CorruptFileError("The readings are in no order", where=url, found=f"{len(edges) - 1} changes of month", expected=f"at most {MOST_STRETCHES}", hint="Sort the table by time, or by sensor and time.")  # fmt: skip
    per_line = (index.nbytes - index.head.nbytes) / len(month)
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        ordered = bool((np.diff(utc[start:stop]) >= 0).all())
        yield Segment(STREAM, READINGS, _key(index.head, int(month[start])), start, stop, max(1, round((stop - start) * per_line)), ordered)


def _comments(head: Head, readings: list[Segment]) -> list[Segment]:
    """A row with all comments, under the first month, if there are any beside the name of the site."""
    if not readings or len(head.comments) <= bool(head.site):
        return []
    return [Segment("headers", COMMENTS, readings[0].run, 0, 1, sum(map(len, head.comments)))]


def _header(entry: FileEntry, start: int, stop: int) -> Iterator[Batch]:
    files.demand_entries(start, stop, 1, entry.url, "headers")
    run = next((s.run.run for s in entry.segments if s.tree == COMMENTS), 0)
    with open_blob(entry.url) as blob:
        lines = [(b"#", comment, b"") for comment in head_of(blob).comments]
    if start < stop:
        yield header_batch([(run, lines)], start, ORIGIN)


def _key(head: Head, month: int) -> RunKey:
    return RunKey(f"{head.site}-sensors" if head.site else "sensors", month)


def _batch(lines: Lines, start: int, rows: int) -> Batch:
    """The first lines as a batch; `start` is the number of the first."""
    names, place = np.unique(lines.sensor[:rows], return_inverse=True)
    checksums = np.array([zlib.crc32(bytes(name)) for name in names], np.uint32)
    columns = {
        "utc_ns": lines.utc_ns[:rows],
        "sensor_id": checksums[place],
        "sensor": np.frombuffer(names.tobytes(), np.uint8).reshape(-1, NAME_BYTES)[place],
        "value": lines.value[:rows],
        "value_unit": np.frombuffer(lines.unit[:rows].tobytes(), np.uint8).reshape(rows, UNIT_BYTES),
        "quality": lines.quality[:rows],
        "source_input": np.zeros(rows, np.uint16),
        "source_entry": np.arange(start, start + rows, dtype=np.uint64),
    }
    return Batch(STREAM, ORIGIN, {READINGS: columns}, {})


SOURCE = SensorTable()
