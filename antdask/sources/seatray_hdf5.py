"""Calibrated ANTARES data of the SeaTray framework: HDF5 tables with a row index, to events and reconstructed tracks.

The layout is declared in ``maps/seatray_hdf5_3.toml``; the traps of the format, and what is done about each, stand in docs/sources/seatray_hdf5.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import h5py

from antdask.errors import CorruptFileError, UnknownLayoutError, UnknownNameError, UsageError
from antdask.model.ragged import Batch
from antdask.plan import FileEntry, Segment
from antdask.sources import files, layout_map, seatray_index
from antdask.sources.hdf5_table import dataset_names, is_hdf5, opened
from antdask.sources.layout_map import LayoutMap
from antdask.sources.seatray_fits import FITS, Fits
from antdask.sources.seatray_pulses import PULSES, Pulses
from antdask.sources.seatray_table import INDEX, ORIGIN

LAYOUT = "seatray_hdf5_3"

#: Rows of pulses of one batch: about 20 MB of columns, and at most 13 MB of padded records beside them [rows].
BATCH_ROWS = 2**19

READERS: dict[str, type[Pulses] | type[Fits]] = {PULSES: Pulses, FITS: Fits}


class SeatrayHdf5:
    """Source of ``CalibratedPulses`` (stream events) and of ``AafitFinalFit`` with its used hits (stream reco).

    An entry of ``CalibratedPulses`` is a row of its index, an entry of ``AafitFinalFit`` a row of the table.
    """

    name = "seatray_hdf5"
    version = "1"

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether this is HDF5 with a SeaTray index, or HDF5 so damaged that nobody can tell."""
        return is_hdf5(url, head, lambda file: INDEX in file, damaged=True)

    def describe(self, url: str) -> FileEntry:
        """Identity, layout and segments; reads attributes and the index tables.

        The bytes of a segment are those of its records without padding.

        Raises
        ------
        InputMissingError, InputUnreadableError, CorruptFileError
        UnknownLayoutError
            No known table, or a known one with other columns, dtypes, units or attributes than the map declares.
        """
        identity = files.identify(url)
        layout = layout_map.load(LAYOUT)
        with opened(url) as file:
            present = dataset_names(file)
            segments, notes = _segments(file, url, layout, present)
            notes += [f"data set '{name}' is not archived: no map declares it" for name in present if name not in layout.datasets]
        return identity.entry(url, self.name, ORIGIN, segments, notes, layout=LAYOUT)

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of the entries ``start:stop`` of ``CalibratedPulses`` or ``AafitFinalFit``.

        Raises
        ------
        CorruptFileError
            With the first stretch of entries that is lost; all before it have been given out by then.
        UsageError
            No such tree or entries.
        """
        if tree not in READERS:
            raise UnknownNameError.of("tree", tree, READERS, where=entry.url)
        with opened(entry.url) as file:
            reader = READERS[tree](file, entry.url, layout_map.load(entry.layout))
            if not 0 <= start <= stop <= reader.entries:
                raise UsageError("No such entries", where=f"{entry.url}, {tree}", found=f"{start}:{stop}", expected=f"0:{reader.entries}")
            for low, high in seatray_index.cut(reader.weights(), start, stop, BATCH_ROWS):
                yield from _intact(reader.batch, low, high)


def _segments(file: h5py.File, url: str, layout: LayoutMap, present: list[str]) -> tuple[list[Segment], list[str]]:
    known = [tree for tree in READERS if tree in present]
    if not known:
        raise UnknownLayoutError(
            "The file holds no table that the map knows",
            where=url,
            found=", ".join(present) or "no data set",
            expected=" or ".join(READERS),
            hint="Another table needs lines in a map of antdask/sources/maps.",
        )
    segments: list[Segment] = []
    notes: list[str] = []
    for tree in known:
        found = READERS[tree](file, url, layout).segments()
        segments += found
        if not found:
            notes.append(f"table '{tree}' is empty")
    return segments, notes


def _intact(batch: Callable[[int, int], Batch], start: int, stop: int) -> Iterator[Batch]:
    """The batch of these entries, or what is whole before the first loss, and then the error."""
    try:
        whole = batch(start, stop)
    except CorruptFileError as error:
        if error.start is not None and error.start > start:
            yield from _intact(batch, start, error.start)
        raise
    yield whole


SOURCE = SeatrayHdf5()
