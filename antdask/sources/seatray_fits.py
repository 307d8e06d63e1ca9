"""Track fits with the pulses they used, from table ``AafitFinalFit`` of a SeaTray file.

A fit finds its list of used hits by run, frame and trigger counter, which the lists hold in their rows but not in their index::

    fits     row 2   Event 4  counter 59374          index of the lists   row 2   Event 4   rows  0:18  (counter 59374)
             row 3   Event 5  counter 57875                               row 3   Event 5   rows 18:70  (counter 57875)

To know that no list is left over, all fits and lists of a frame are looked at; a flaw in one of them loses the fits of that frame.
"""

from __future__ import annotations

import h5py
import numpy as np

from antdask.errors import CorruptFileError
from antdask.model.ragged import Batch, Columns, offsets_of, ranges
from antdask.model.tables import RECO, schema
from antdask.plan import Segment
from antdask.sources import seatray_index
from antdask.sources.hdf5_table import Table
from antdask.sources.layout_map import LayoutMap
from antdask.sources.seatray_index import OUT_OF_RANGE, STRAY, UNREADABLE
from antdask.sources.seatray_table import (
    ORIGIN,
    check,
    columns_of,
    counters,
    find_index,
    find_table,
    key_verdicts,
    pulse_columns,
    segments,
    width,
)

FITS, USED = "AafitFinalFit", "AafitFinalFitHitsUsed"

#: The number of this fit in column ``algorithm``.
ALGORITHM = next(number for number, meaning in RECO.rows.field("algorithm").flags if meaning == FITS)

#: A fit weighs as much as this many used hits (37 columns against 9), for the size of batches.
FIT_WEIGHT = 8

_NO_FRAME = np.uint64(2**64 - 1)


class Fits:
    """Reader of ``AafitFinalFit``: an entry is a row of the table, placeholders (``exists`` 0) included."""

    def __init__(self, file: h5py.File, url: str, layout: LayoutMap) -> None:
        self.url, self.layout = url, layout
        self.table, self.index = find_table(file, url, layout, FITS), find_index(file, url, layout, FITS)
        self.used, self.lists = find_table(file, url, layout, USED), find_index(file, url, layout, USED)
        for table, index in ((self.table, self.index), (self.used, self.lists)):
            if len(table) and not len(index):
                raise CorruptFileError(
                    "The row index is empty, the table is not", where=f"{url}, {table.name}", found=f"{len(table)} rows", tree=FITS
                )
        self.starts, self.stops = self.lists.ranges(len(self.used))
        # Where index and table differ in length, the rows too many on either side are entries too: lost, but counted.
        self.entries = max(len(self.table), len(self.index))
        self.frame = np.append(self.index.frame, np.full(self.entries - len(self.index), _NO_FRAME))
        self.verdicts = self._verdicts()

    def _verdicts(self) -> np.ndarray:
        """What the index tables alone say against each fit."""
        rows = seatray_index.row_verdicts(self.index, len(self.table))
        lists = seatray_index.block_verdicts(self.lists, len(self.used))
        filled = (self.lists.stop > self.lists.start) | (lists != 0)
        # A list that is bad, or stands in a frame without fits, has lost its fit: that may be any fit without a list.
        if lists.any() or (filled & ~np.isin(self.lists.frame, self.frame)).any():
            without = (self.index.exists != 0) & ~np.isin(self.index.frame, self.lists.frame[filled])
            head = rows[: len(self.index)]
            head[without & (head == 0)] = STRAY
        verdicts: np.ndarray = np.maximum.reduce([
            rows,
            seatray_index.spread(rows, self.frame, self.frame),
            seatray_index.spread(lists, self.lists.frame, self.frame),
        ])  # fmt: skip
        return verdicts

    def weights(self) -> np.ndarray:
        """Rows that each entry brings into memory: its own, and for the first fit of a frame all used hits of the frame."""
        return FIT_WEIGHT + self._used_of_frame()

    def _used_of_frame(self) -> np.ndarray:
        frames, first = np.unique(self.frame, return_index=True)
        if not len(frames):
            return np.zeros(0, np.int64)
        place = np.minimum(np.searchsorted(frames, self.lists.frame), len(frames) - 1)
        counts = np.where(frames[place] == self.lists.frame, self.stops - self.starts, 0)
        return np.bincount(first[place], counts, minlength=self.entries).astype(np.int64)

    def segments(self) -> list[Segment]:
        """Segments of the fits."""
        run = np.pad(self.index.run, (0, self.entries - len(self.index)), mode="edge") if len(self.index) else self.index.run
        nbytes = self._used_of_frame() * width(self.layout.dataset(USED)) + width(self.layout.dataset(FITS))
        return segments("reco", FITS, run, nbytes)

    def batch(self, start: int, stop: int) -> Batch:
        """Fits ``start:stop``.

        Raises
        ------
        CorruptFileError
            With the first fits that are lost.
        """
        check(self.verdicts[start:stop], start, self.url, FITS)
        frames = np.unique(self.frame[start:stop])
        fits = np.flatnonzero(np.isin(self.frame, frames))
        lists = np.flatnonzero(np.isin(self.lists.frame, frames) & (self.stops > self.starts))
        rows = self._rows(self.table, fits, fits + 1, self.frame[fits], start, stop)
        used = self._rows(self.used, self.starts[lists], self.stops[lists], self.lists.frame[lists], start, stop)

        index, counts = self.lists.take(lists), self.stops[lists] - self.starts[lists]
        owner = np.repeat(np.arange(len(lists)), counts)
        counter, mixed = counters(used["TriggerCounter"], counts, index)
        hits, bad = pulse_columns(used, self.layout.dataset(USED), schema("reco").table("used_hits").columns(ORIGIN), "used_hits")
        present = rows["exists"] != 0
        match = np.full(len(fits), -1)
        match[present] = seatray_index.join(_key(self.frame[fits], rows["TriggerCounter"])[present], _key(index.frame, counter))
        left_over = np.ones(len(lists), bool)
        left_over[match[match >= 0]] = False

        on_fits = np.maximum(key_verdicts(rows, self.index.take(fits), np.arange(len(fits))), self._counter_verdicts(rows, fits))
        on_lists = np.maximum.reduce([
            key_verdicts(used, index, owner),
            mixed,
            seatray_index.worst(np.where(bad, OUT_OF_RANGE, 0), owner, len(lists)),
            np.where(left_over, STRAY, 0).astype(np.uint8),
        ])  # fmt: skip
        inside = self.frame[start:stop]
        verdicts = np.maximum(seatray_index.spread(on_fits, self.frame[fits], inside), seatray_index.spread(on_lists, index.frame, inside))
        check(verdicts, start, self.url, FITS)

        own = (fits >= start) & (fits < stop)
        match = match[own]
        sizes = np.where(match >= 0, counts[match], 0) if len(counts) else np.zeros(stop - start, np.int64)
        heads = np.where(match >= 0, offsets_of(counts)[match], 0)
        pick = ranges(heads, sizes)
        tracks = self._tracks({k: v[own] for k, v in rows.items()}, start)
        return Batch(
            "reco", ORIGIN, {"tracks": tracks, "used_hits": {k: v[pick] for k, v in hits.items()}}, {"used_hits": offsets_of(sizes)}
        )

    def _rows(self, table: Table, starts: np.ndarray, stops: np.ndarray, frames: np.ndarray, start: int, stop: int) -> Columns:
        try:
            return table.blocks(starts, stops, self.layout.dataset(table.name).dtypes())
        except CorruptFileError as loss:
            hit = (stops > starts) & (starts < loss.stop) & (stops > loss.start)
            lost = seatray_index.spread(np.where(hit, UNREADABLE, 0), frames, self.frame[start:stop])
            check(lost, start, self.url, FITS, loss)
            raise

    def _counter_verdicts(self, rows: Columns, fits: np.ndarray) -> np.ndarray:
        stated = self.index.trigger_counter[fits]
        wrong = (stated != -1) & (stated != rows["TriggerCounter"])
        return np.where(wrong, seatray_index.MIXED, 0).astype(np.uint8)

    def _tracks(self, rows: Columns, start: int) -> Columns:
        fields, n = schema("reco").rows.columns(ORIGIN), len(rows["Run"])
        columns, _ = columns_of(rows, self.layout.dataset(FITS), fields, "tracks")
        columns["algorithm"] = np.full(n, ALGORITHM, fields["algorithm"].numpy)
        columns["source_input"] = np.zeros(n, np.uint16)
        columns["source_entry"] = np.arange(start, start + n, dtype=np.uint64)
        return {name: columns[name] for name in fields}


def _key(frame: np.ndarray, counter: np.ndarray) -> np.ndarray:
    return np.stack([frame.view(np.int64), counter.astype(np.int64)], axis=1)
