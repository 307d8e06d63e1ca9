"""Source ``km3net_offline``: events of KM3NeT after calibration and reconstruction, and simulated ones, in ROOT files of aanet and Jpp (tree ``E``, class ``Evt``).

An entry of ``E`` is an event (streams events and mc), an entry of ``E/trks`` a track (stream reco), an entry of ``Head`` a header (stream headers), beside what programs wrote
of themselves (`antdask.sources.root_provenance`). The members are declared in ``maps/km3net_offline_1.toml``. The trees ``KM3NET_*`` of the same file are read by `antdask.sources.km3net_online`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from antdask.errors import CorruptFileError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch, Columns, cut, offsets_of
from antdask.plan import FileEntry, Segment
from antdask.sources import files, layout_map, offline_derived
from antdask.sources.evt_header import header_batch
from antdask.sources.km3net_labels import simulated_by
from antdask.sources.layout_map import LayoutMap
from antdask.sources.object_columns import ObjectColumns
from antdask.sources.offline_survey import EVENTS, MC, TRACKS, EventSurvey, has_events, is_offline, track_counts
from antdask.sources.root import RootFile, open_root
from antdask.sources.root_header import HEAD, MULTI_HEAD, Lines, headers_of
from antdask.sources.root_provenance import TREE as PROVENANCE
from antdask.sources.root_provenance import Provenance
from antdask.sources.root_source import RootSource
from antdask.sources.salvage import pieces

ORIGIN = "km3net_offline"
LAYOUT = "km3net_offline_1"
HEADERS = "Head"

#: Aim for the uncompressed bytes of one batch [byte].
BATCH_BYTES = 32 * 2**20


class Km3netOffline(RootSource):
    """ROOT files with aanet events: a tree ``E`` that is not empty, or a header. A batch is about 32 MiB uncompressed."""

    name, version = ORIGIN, "1"
    known = (EVENTS, TRACKS, MC, HEADERS, PROVENANCE)

    def claims(self, file: RootFile) -> bool:
        """Whether there is a header, or an event."""
        return is_offline(file)

    def survey(self, file: RootFile, notes: list[str]) -> tuple[list[Segment], str, str]:
        """What tree ``E`` and the headers hold; reads keys, and how many hits and tracks each event has.

        What else is damaged is found again when it is read; notes name it.
        """
        segments: list[Segment] = []
        run, label = 0, ""
        if has_events(file):
            events = EventSurvey(file, notes)
            segments = events.segments()
            notes += events.notes()
            label, run = events.labels[0], int(events.runs[0])
        elif file.objects.get(EVENTS) == "TTree":
            notes.append("tree 'E' is empty")
        heads = headers_of(file, notes)
        label = label or ("km3net-simulated" if simulated_by(file, notes) else "km3net")
        provenance = Provenance(file)
        segments += _header_segments(heads, label, run) + provenance.segments(RunKey(label, run))
        notes += [*provenance.notes(), *_other_objects(file, provenance.told)]
        return segments, ORIGIN, LAYOUT

    def batches(self, file: RootFile, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Events, tracks, headers or rows of provenance ``start:stop``."""
        if tree == PROVENANCE:
            yield from Provenance(file).batches(entry, start, stop)
            return
        if tree == HEADERS:
            yield from _headers(entry, headers_of(file, []), start, stop)
            return
        columns = ObjectColumns(file.tree(EVENTS), _map().dataset(tree), ORIGIN)
        count = columns.tree.entries
        first = _places(columns, tree)
        total = count if first is None else int(first[-1])
        files.demand_entries(start, stop, total, f"{columns.tree.where}, {tree}")
        if start < stop:
            yield from _events(columns, start, stop) if first is None else _tracks(columns, first, start, stop)

    def keys(self, entry: FileEntry, tree: str, start: int, stop: int) -> list[np.ndarray]:
        """The columns by which the rows are ordered.

        Raises
        ------
        CorruptFileError
            A key cannot be read.
        """
        if tree in (HEADERS, PROVENANCE):
            return [np.array([s.run.run for s in entry.segments if s.tree == tree for _ in range(s.start, s.stop)], np.int64)[start:stop]]
        with open_root(entry.url, entry.like) as file:
            columns = ObjectColumns(file.tree(EVENTS), _map().dataset(tree), ORIGIN)
            first = _places(columns, tree)
            low, high = (start, stop) if first is None else _entries(first, start, stop)
            parts = columns.read(low, high, {"frame_index", "trigger_counter"})
            keys = [parts[name].values.astype(np.int64) for name in ("frame_index", "trigger_counter")]
        if first is None:
            return keys
        counts = np.diff(first[low : high + 1])
        return [np.repeat(key, counts)[start - first[low] : stop - first[low]] for key in keys]


def _map() -> LayoutMap:
    return layout_map.load(LAYOUT)


def _places(columns: ObjectColumns, tree: str) -> np.ndarray | None:
    """Number of the first track of every event, and of all; ``None`` where rows are events."""
    return offsets_of(track_counts(columns, [])) if tree == TRACKS else None


def _entries(first: np.ndarray, start: int, stop: int) -> tuple[int, int]:
    """The events that hold the tracks ``start:stop``."""
    return int(np.searchsorted(first, start, "right")) - 1, int(np.searchsorted(first, stop, "left"))


def _events(columns: ObjectColumns, start: int, stop: int) -> Iterator[Batch]:
    for low, high in columns.tree.windows(columns.leaves, start, stop, BATCH_BYTES):
        yield _batch(columns, low, high)


def _tracks(columns: ObjectColumns, first: np.ndarray, start: int, stop: int) -> Iterator[Batch]:
    low, high = _entries(first, start, stop)
    for window in columns.tree.windows(columns.leaves, low, high, BATCH_BYTES):
        for a, batch in _of_tracks(columns, first, *window):
            batch.tables["tracks"]["source_entry"] = np.arange(first[a], first[a] + batch.rows, dtype=np.uint64)
            piece = cut(batch, max(0, start - int(first[a])), min(batch.rows, stop - int(first[a])))
            if piece.rows:
                yield piece


def _of_tracks(columns: ObjectColumns, first: np.ndarray, start: int, stop: int) -> Iterator[tuple[int, Batch]]:
    """Tracks of the events ``start:stop``, and which is the first; what is lost is told in tracks, and is nothing where the events have none."""
    for a, b, found in pieces(lambda a, b: _batch(columns, a, b), start, stop):
        if not isinstance(found, CorruptFileError):
            yield a, found
        elif first[a] < first[b]:
            lost = f"{found.what}: tracks of events {a} to {b}"
            raise CorruptFileError(lost, where=found.where, found=found.found, expected=found.expected, tree=TRACKS, branch=found.branch, basket=found.basket, start=int(first[a]), stop=int(first[b])) from found  # fmt: skip


def _batch(columns: ObjectColumns, start: int, stop: int) -> Batch:
    parts = columns.read(start, stop)
    derived: Columns = offline_derived.derive(columns.dataset, parts, start, stop)
    return columns.batch(parts, derived, start, stop)


def _header_segments(heads: list[Lines | CorruptFileError], label: str, run: int) -> list[Segment]:
    """One segment of all headers, filed under the first run of the file."""
    nbytes = sum(len(name) + len(value) for lines in heads if not isinstance(lines, CorruptFileError) for name, value in lines)
    return [Segment("headers", HEADERS, RunKey(label, run), 0, len(heads), max(1, nbytes))] if heads else []


def _headers(entry: FileEntry, heads: list[Lines | CorruptFileError], start: int, stop: int) -> Iterator[Batch]:
    """The headers ``start:stop``, under the run of their segment."""
    files.demand_entries(start, stop, len(heads), entry.url, "headers")
    run = next((s.run.run for s in entry.segments if s.tree == HEADERS), 0)
    for number, lines in enumerate(heads[start:stop], start):
        if isinstance(lines, CorruptFileError):
            raise CorruptFileError(lines.what, where=lines.where, found=lines.found, expected=lines.expected, tree=HEADERS, start=number, stop=number + 1) from lines  # fmt: skip
        yield header_batch([(run, [(name, value, b"") for name, value in lines])], number, ORIGIN)


def _other_objects(file: RootFile, told: set[str]) -> list[str]:
    """What else the file holds beside what was told; named, because it is not archived here."""
    notes = []
    for name, kind in file.objects.items():
        if name.startswith("KM3NET_") and kind == "TTree":
            notes += _daq_tree(file, name)
        elif name != EVENTS and kind not in (HEAD, MULTI_HEAD) and name not in told:
            notes.append(f"'{name}' ({kind}) is not archived")
    return notes


def _daq_tree(file: RootFile, name: str) -> list[str]:
    try:
        return [f"tree '{name}' is read by source 'km3net_online'"] if file.entries(name) else []
    except CorruptFileError as error:
        return [f"tree '{name}' cannot be read: {error.what}"]


SOURCE = Km3netOffline()
