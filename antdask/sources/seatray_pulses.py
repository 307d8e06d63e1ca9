"""Events with their calibrated pulses, from table ``CalibratedPulses`` of a SeaTray file."""

from __future__ import annotations

import h5py
import numpy as np

from antdask.errors import CorruptFileError
from antdask.model.ragged import Batch, Columns, offsets_of
from antdask.model.tables import schema
from antdask.plan import Segment
from antdask.sources import seatray_index
from antdask.sources.layout_map import LayoutMap
from antdask.sources.seatray_index import Index
from antdask.sources.seatray_table import (
    INDEX,
    ORIGIN,
    check,
    counters,
    find_index,
    find_table,
    key_verdicts,
    pulse_columns,
    segments,
    width,
)

PULSES = "CalibratedPulses"


class Pulses:
    """Reader of ``CalibratedPulses``: an entry is a row of its index, with the pulses it points to."""

    def __init__(self, file: h5py.File, url: str, layout: LayoutMap) -> None:
        self.url, self.layout, self.declared = url, layout, layout.dataset(PULSES)
        self.table, self.index = find_table(file, url, layout, PULSES), find_index(file, url, layout, PULSES)
        if len(self.table) and not len(self.index):
            raise CorruptFileError("The row index is empty, the table is not", where=url, found=f"{len(self.table)} rows", tree=PULSES)
        self.starts, self.stops = self.index.ranges(len(self.table))
        self.verdicts = seatray_index.doubt(seatray_index.block_verdicts(self.index, len(self.table)), self.index)

    @property
    def entries(self) -> int:
        """Number of events."""
        return len(self.index)

    def weights(self) -> np.ndarray:
        """Rows of each entry."""
        weights: np.ndarray = self.stops - self.starts
        return weights

    def segments(self) -> list[Segment]:
        """Segments of the events."""
        nbytes = self.weights() * width(self.declared) + width(self.layout.dataset(f"{INDEX}/{PULSES}"))
        return segments("events", PULSES, self.index.run, nbytes)

    def batch(self, start: int, stop: int) -> Batch:
        """Events ``start:stop``.

        Raises
        ------
        CorruptFileError
            With the first events that are lost.
        """
        check(self.verdicts[start:stop], start, self.url, PULSES)
        starts, stops, index = self.starts[start:stop], self.stops[start:stop], self.index.take(slice(start, stop))
        try:
            rows = self.table.blocks(starts, stops, self.declared.dtypes())
        except CorruptFileError as loss:
            hit = (stops > starts) & (starts < loss.stop) & (stops > loss.start)
            check(np.where(hit, seatray_index.UNREADABLE, 0), start, self.url, PULSES, loss)
            raise
        counts = stops - starts
        owner = np.repeat(np.arange(len(index)), counts)
        hits, bad = pulse_columns(rows, self.declared, schema("events").table("hits").columns(ORIGIN), "hits")
        counter, mixed = counters(rows["TriggerCounter"], counts, index)
        unfit = seatray_index.worst(np.where(bad, seatray_index.OUT_OF_RANGE, 0), owner, len(index))
        check(np.maximum.reduce([key_verdicts(rows, index, owner), mixed, unfit]), start, self.url, PULSES)
        events = _events(index, counter, counts, rows, start)
        return Batch("events", ORIGIN, {"events": events, "hits": hits}, {"hits": offsets_of(counts)})


def _events(index: Index, counter: np.ndarray, counts: np.ndarray, rows: Columns, start: int) -> Columns:
    n = len(index)
    owner = np.repeat(np.arange(n), counts)
    # bincount adds one after the other in the order of the file: the sum does not depend on where batches are cut.
    charge = np.bincount(owner, rows["charge"], minlength=n).astype(np.float64)
    charge[index.exists == 0] = np.nan
    values = {
        "run": index.run,
        "frame_index": index.event,
        "trigger_counter": counter,
        "exists": index.exists,
        "n_hits": counts,
        "n_triggered": np.bincount(owner[rows["isTriggered"] != 0], minlength=n),
        "charge_sum_pe": charge,
        "source_input": np.zeros(n, np.uint16),
        "source_entry": np.arange(start, start + n),
    }
    return {name: values[name].astype(field.numpy) for name, field in schema("events").rows.columns(ORIGIN).items()}
