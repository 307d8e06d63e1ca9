"""Source ``km3pipe_hdf5``: events of KM3NeT, raw or simulated, in the HDF5 files of km3pipe, format versions 4.1 to 5.1.

The columns are declared in ``maps/km3pipe_hdf5.toml``; the traps of the format, and what is done about each, stand in docs/sources/km3pipe_hdf5.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError, UnknownNameError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch
from antdask.plan import FileEntry, Segment
from antdask.sources import files, km3pipe_events, layout_map
from antdask.sources.evt_header import header_batch, program_of
from antdask.sources.hdf5_table import Table, attribute_lines, damage, dataset_names, is_hdf5, opened, text_bytes
from antdask.sources.km3pipe_events import HITS, INFO, MC_HITS, ORIGIN, TRACKS, Events
from antdask.sources.km3pipe_fits import TREE as RECO
from antdask.sources.km3pipe_fits import Fits
from antdask.sources.salvage import intact
from antdask.sources.seatray_index import cut

LAYOUT = "km3pipe_hdf5"
HEADERS = "headers"
#: Bytes of the columns of one batch [byte].
BATCH_BYTES = 32 * 2**20
VERSIONS = ("4.1", "4.2", "4.3", "4.4", "5.0", "5.1")
_VERSION = "format_version"
_TEXTS = ("raw_header", "meta")
_HEADER = ("parameter", "field_values", "field_names", "dtype")


class Km3pipeHdf5:
    """Files of km3pipe's HDF5Sink; holds nothing, so it pickles."""

    name = ORIGIN
    version = "1"

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether this is HDF5 that km3pipe has signed."""
        return is_hdf5(url, head, lambda file: _VERSION in file.attrs and "km3pipe" in file.attrs)

    def describe(self, url: str) -> FileEntry:
        """Identity, layout and segments; reads attributes, keys and indices.

        Raises
        ------
        InputMissingError, InputUnreadableError, CorruptFileError
        UnknownLayoutError
            A format version or a layout that is not known.
        """
        url = files.absolute(url)
        identity = files.identify(url)
        layout = layout_map.load(LAYOUT)
        with opened(url) as file:
            version = _version(file, url)
            events, fits = _find(file, url, layout)
            lines = _lines(file, url, fits)
            if events is not None and fits is not None:
                segments = [*_segments(events, fits, bool(program_of(lines)))]
            else:
                segments = [Segment(HEADERS, HEADERS, _unknown(bool(program_of(lines))), 0, 1, 0)]
            segments[-1] = _sized(segments[-1], lines)
            notes = [f"format version {version}", *_notes(file, events, fits)]
        return identity.entry(url, self.name, ORIGIN, segments, notes, layout=LAYOUT)

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of the entries ``start:stop``: events of trees ``event_info`` and ``hits``, fits of ``reco``, the one row of ``headers``.

        Raises
        ------
        UnknownNameError
            No such tree.
        InputChangedError
            The file holds fewer entries.
        CorruptFileError
            With the first stretch of entries that is lost; all before it have been given out by then.
        """
        trees = (INFO, HITS, RECO, HEADERS)
        if tree not in trees:
            raise UnknownNameError.of("tree", tree, trees, where=entry.url)
        with opened(entry.url) as file:
            events, fits = _find(file, entry.url, layout_map.load(entry.layout))
            weights, batch = _reader(tree, file, entry.url, events, fits)
            files.demand_entries(start, stop, len(weights), f"{entry.url}, {tree}")
            for low, high in cut(weights, start, stop, BATCH_BYTES):
                yield from intact(batch, low, high)


def _find(file: h5py.File, url: str, layout: layout_map.LayoutMap) -> tuple[Events | None, Fits | None]:
    """The events and fits of a file, if it has any."""
    with damage(url):
        events = km3pipe_events.find(file, url, layout)
        return events, Fits(file, url, layout, events) if events is not None else None


def _version(file: h5py.File, url: str) -> str:
    with damage(url):
        version = file.attrs.get(_VERSION, b"")
    text = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)
    if text not in VERSIONS:
        raise UnknownLayoutError(
            "This format version of km3pipe is not known", where=url, found=repr(text), expected=f"one of {', '.join(VERSIONS)}"
        )
    return text


def _reader(
    tree: str, file: h5py.File, url: str, events: Events | None, fits: Fits | None
) -> tuple[np.ndarray, Callable[[int, int], Batch]]:
    """Weight of every entry of a tree, and what reads a stretch of them."""
    if tree == HEADERS:
        run = events.runs()[0].run if events is not None and len(events) else 0
        return np.ones(1, np.int64), lambda start, stop: header_batch([(run, _lines(file, url, fits))][start:stop], start, ORIGIN)
    if events is None or fits is None:
        nothing: Any = None
        return np.zeros(0, np.int64), nothing
    if tree == RECO:
        return fits.weights(), fits.batch
    return events.weights((TRACKS, MC_HITS) if tree == INFO else (HITS,)), events.mc_batch if tree == INFO else events.hits_batch


def _unknown(simulated: bool) -> RunKey:
    """Detector and run of a file that has no event."""
    return RunKey("km3net-simulated" if simulated else "km3net", 0)


def _segments(events: Events, fits: Fits, simulated: bool) -> Iterator[Segment]:
    """Consecutive entries of one detector and run, tree by tree; that of the header comes last, without its size."""
    runs = events.runs(simulated)
    if events.simulated and runs:
        yield from _stretches("mc", INFO, runs, events.weights((TRACKS, MC_HITS)))
    if HITS in events.data and runs:
        yield from _stretches("events", HITS, runs, events.weights((HITS,)))
    if len(fits):
        # A fit without event is counted to the first run: reading it reports it.
        yield from _stretches("reco", RECO, [runs[max(n, 0)] for n in fits.of_event().tolist()], fits.weights())
    yield Segment(HEADERS, HEADERS, runs[0] if runs else _unknown(simulated), 0, 1, 0)


def _stretches(stream: str, tree: str, runs: list[RunKey], weights: np.ndarray) -> Iterator[Segment]:
    start = 0
    for run, group in itertools.groupby(runs):
        stop = start + len(list(group))
        yield Segment(stream, tree, run, start, stop, int(weights[start:stop].sum()))
        start = stop


def _sized(segment: Segment, lines: list[tuple[bytes, bytes, bytes]]) -> Segment:
    size = max(1, sum(len(part) for line in lines for part in line))
    return Segment(segment.stream, segment.tree, segment.run, segment.start, segment.stop, size)


def _lines(file: h5py.File, url: str, fits: Fits | None) -> list[tuple[bytes, bytes, bytes]]:
    """What the file says about itself as lines of name, value and note.

    Attributes of the root, the header of the simulation (``raw_header``: parameter, values, names and types of the values), the programs (``meta``), and the names of
    the parameters of each fit, in their order.
    """
    with damage(url):
        lines = attribute_lines(file)
        texts = {name: Table.find(file, name, url) for name in _TEXTS if name in file}
    for name, table in texts.items():
        rows = table.rows(0, None)
        dtypes = {column: rows.dtype[column] for column in rows.dtype.names or ()}
        if name == "raw_header" and all(column in dtypes and dtypes[column].kind == "S" for column in _HEADER):
            parameters, values, names, kinds = (rows[column].tolist() for column in _HEADER)
            lines += zip(parameters, values, (a + b"\n" + b for a, b in zip(names, kinds, strict=True)), strict=True)
        else:
            lines += [(f"{name}/{column}".encode(), text_bytes(row[column]), b"") for row in rows for column in dtypes]
    if fits is not None:
        lines += [(f"reco/{name}".encode(), " ".join(fits.parameters(name)).encode(), b"") for name in fits.data]
    return lines


def _notes(file: h5py.File, events: Events | None, fits: Fits | None) -> Iterator[str]:
    yield from events.notes() if events is not None else ["the file holds no events"]
    if fits is not None:
        yield from (f"column '{name}' is not archived: it holds text" for name in fits.texts())
        yield from _stage_notes(fits)
        read = {f"reco/{name}" for name in (*fits.data, "rec_stages")}
    else:
        read = set()
    known = (INFO, TRACKS, MC_HITS, HITS, "group_info", *_TEXTS)
    for name in dataset_names(file):
        top = name.split("/")[0]
        if top not in known and name not in read and not top.startswith("_i_") and "/_i_" not in name:
            yield f"data set '{name}' is not archived: no map declares it"


def _stage_notes(fits: Fits) -> Iterator[str]:
    try:
        strays = fits.lost_stages()
    except CorruptFileError as error:
        yield f"stages of fits cannot be told for all fits: {error.what}"
        return
    if strays:
        yield f"{strays} stages of fits belong to no fit, and are not archived"


SOURCE = Km3pipeHdf5()
