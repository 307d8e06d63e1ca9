"""Source ``km3net_offline``: events of KM3NeT after calibration and reconstruction, and simulated ones, in ROOT files of aanet and Jpp (tree ``E``, class ``Evt``).

An entry of ``E`` is an event (streams events and mc), an entry of ``E/trks`` a track (stream reco), an entry of ``Head`` a header (stream headers). The members are
declared in ``maps/km3net_offline_1.toml``. The trees ``KM3NET_*`` of the same file are read by `antdask.sources.km3net_online`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cached_property

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError, UnknownNameError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch, Columns, cut, offsets_of
from antdask.plan import FileEntry, Segment
from antdask.sources import files, layout_map, offline_derived
from antdask.sources.evt_header import header_batch
from antdask.sources.layout_map import LayoutMap
from antdask.sources.object_columns import ObjectColumns
from antdask.sources.root import MAGIC, RootFile, open_root
from antdask.sources.root_header import HEAD, MULTI_HEAD, Lines, parse_head, parse_multi_head

ORIGIN = "km3net_offline"
LAYOUT = "km3net_offline_1"
EVENTS, TRACKS, MC, HEADERS = "E", "E/trks", "E/mc", "Head"

#: Aim for the uncompressed bytes of one batch [byte].
BATCH_BYTES = 32 * 2**20


class Km3netOffline:
    """ROOT files with aanet events; holds nothing, so it pickles."""

    name = ORIGIN
    version = "1"

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether this is a ROOT file with a tree ``E`` of events that is not empty, or with a header."""
        if not head.startswith(MAGIC):
            return False
        try:
            with open_root(url) as file:
                return _has_events(file) or any(kind in (HEAD, MULTI_HEAD) for kind in file.objects.values())
        except CorruptFileError:
            # Nobody can tell what it was; the source that takes every ROOT file says what is wrong with it.
            return False

    def describe(self, url: str) -> FileEntry:
        """Identity and segments; reads metadata, keys, and how many hits and tracks each event has.

        Raises
        ------
        InputMissingError, InputUnreadableError
        CorruptFileError
            The directory, the tree, a header, or the keys of an event cannot be read.
        UnknownLayoutError
            The members of the events are not those of the map.
        """
        url = files.absolute(url)
        identity = files.identify(url)
        with open_root(url) as file:
            segments, notes = [], list(file.notes)
            label, run = _map().detector, 0
            if _has_events(file):
                survey = EventSurvey(file)
                segments = survey.segments()
                notes += survey.notes()
                label, run = survey.labels[0], int(survey.runs[0])
            elif file.objects.get(EVENTS) == "TTree":
                notes.append("tree 'E' is empty")
            heads = headers_of(file)
            segments += header_segments(heads, label, run)
            notes += other_objects(file, {EVENTS})
            return identity.entry(url, self.name, ORIGIN, segments, notes, layout=LAYOUT, uuid=file.uuid)

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of events, tracks or headers ``start:stop``, each of about 32 MiB uncompressed, in the order of the file.

        Raises
        ------
        UnknownNameError
            No such tree.
        InputChangedError
            The file holds fewer of them.
        CorruptFileError
            With the range of entries that is lost, if it is known; batches before it are sound.
        """
        if tree not in (EVENTS, TRACKS, MC, HEADERS):
            raise UnknownNameError.of("tree", tree, [EVENTS, TRACKS, MC, HEADERS], where=entry.url)
        with open_root(entry.url) as file:
            if tree == HEADERS:
                yield from read_headers(entry, headers_of(file), start, stop, ORIGIN)
                return
            layout = _map()
            columns = ObjectColumns(file.tree(EVENTS), layout.dataset(tree), ORIGIN)
            count = columns.tree.entries
            first = _places(columns, tree)
            total = count if first is None else int(first[-1])
            files.demand_entries(start, stop, total, f"{columns.tree.where}, {tree}")
            if start == stop:
                return
            yield from _events(columns, start, stop) if first is None else _tracks(columns, first, start, stop)

    def keys(self, entry: FileEntry, tree: str, start: int, stop: int) -> list[np.ndarray]:
        """The columns by which the rows are ordered.

        Raises
        ------
        CorruptFileError
            A key cannot be read.
        """
        if tree == HEADERS:
            return [
                np.array([s.run.run for s in entry.segments if s.tree == HEADERS for _ in range(s.start, s.stop)], np.int64)[start:stop]
            ]
        with open_root(entry.url) as file:
            columns = ObjectColumns(file.tree(EVENTS), _map().dataset(tree), ORIGIN)
            first = _places(columns, tree)
            low, high = (start, stop) if first is None else _entries(first, start, stop)
            parts = columns.read(low, high, {"frame_index", "trigger_counter"})
            keys = [parts[name].values.astype(np.int64) for name in ("frame_index", "trigger_counter")]
        if first is None:
            return keys
        counts = np.diff(first[low : high + 1])
        return [np.repeat(key, counts)[start - first[low] : stop - first[low]] for key in keys]


class EventSurvey:
    """What tree E holds, event by event, as far as keys and counters tell.

    Attributes
    ----------
    runs : ndarray of int64
    labels : list of str
        Label of the detector of each event.
    """

    def __init__(self, file: RootFile) -> None:
        layout = _map()
        self.tree = file.tree(EVENTS)
        self._columns = {name: ObjectColumns(self.tree, layout.dataset(name), ORIGIN) for name in (EVENTS, TRACKS, MC)}
        n = self.tree.entries
        keys = self._columns[EVENTS].read(0, n, {"run_id", "mc_run_id", "det_id", "frame_index", "trigger_counter", "hits"})
        mc = self._columns[MC].read(0, n, {"mc_hits", "mc_trks", "w", "w2list", "w3list"})
        self.counts = {"hits": keys["hits"].values, **{name: mc[name].values for name in ("mc_hits", "mc_trks")}}
        self.counts["trks"] = self._columns[TRACKS].read(0, n, {"trks"})["trks"].values
        #: A file is simulated as a whole: an event of noise has no particle.
        self.simulated = any(len(mc[name].values) for name in ("w", "w2list", "w3list")) or bool(
            self._sum("mc_hits") + self._sum("mc_trks")
        )
        self.runs = offline_derived.run_of(keys["run_id"].values, keys["mc_run_id"].values).astype(np.int64)
        suffix = "-simulated" if self.simulated else ""
        self.labels = [f"km3net-{d}{suffix}" for d in keys["det_id"].values.tolist()]
        self._keys = [keys[name].values.astype(np.int64) for name in ("frame_index", "trigger_counter")]

    def _sum(self, name: str) -> int:
        return int(self.counts[name].sum(dtype=np.int64))

    @cached_property
    def trees(self) -> list[str]:
        """Which streams the file has something for; events where there is nothing else."""
        found = [EVENTS] if self._sum("hits") + self._sum("trks") or not self.simulated else []
        return found + [TRACKS] * bool(self._sum("trks")) + [MC] * self.simulated

    def segments(self) -> list[Segment]:
        """Consecutive events, and tracks, of one detector and run."""
        same = [a == b for a, b in itertools.pairwise(zip(self.labels, self.runs.tolist(), strict=True))]
        cuts = [0, *(k + 1 for k, equal in enumerate(same) if not equal), self.tree.entries]
        tracks = offsets_of(self.counts["trks"])
        made = []
        for name in self.trees:
            columns = self._columns[name]
            for a, b in itertools.pairwise(cuts):
                low, high = (int(tracks[a]), int(tracks[b])) if name == TRACKS else (a, b)
                nbytes = sum(leaf.nbytes_of(a, b) for leaf in columns.leaves)
                if low < high:
                    made.append(
                        Segment(
                            columns.dataset.stream, name, RunKey(self.labels[a], int(self.runs[a])), low, high, nbytes, self.ordered(a, b)
                        )
                    )
        return made

    def notes(self) -> list[str]:
        """What is not archived, and why."""
        known = {leaf.name for columns in self._columns.values() for leaf in columns.leaves}
        notes = [f"branch '{b.name}' of tree 'E' is not archived: map '{LAYOUT}' does not declare it" for b in self.tree.walk() if b.name not in known and not b.children]  # fmt: skip
        if not self.simulated:
            notes.append("no event has simulated particles, hits or weights: there is no stream mc")
        elif EVENTS not in self.trees:
            notes.append("no event has hits or tracks, only simulated ones: there is no stream events")
        return notes

    def keys(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Frame index and trigger counter of events, int64."""
        frame, counter = (key[start:stop] for key in self._keys)
        return frame, counter

    def ordered(self, start: int, stop: int) -> bool:
        """Whether events stand in the order of their keys."""
        frame, counter = self.keys(start, stop)
        return bool(((frame[1:] > frame[:-1]) | ((frame[1:] == frame[:-1]) & (counter[1:] >= counter[:-1]))).all())


def _map() -> LayoutMap:
    return layout_map.load(LAYOUT)


def _has_events(file: RootFile) -> bool:
    return file.objects.get(EVENTS) == "TTree" and file.entries(EVENTS) > 0 and file.tree(EVENTS).find("mc_trks") is not None


def _places(columns: ObjectColumns, tree: str) -> np.ndarray | None:
    """Number of the first track of every event, and of all; ``None`` where rows are events."""
    return offsets_of(columns.read(0, columns.tree.entries, {"trks"})["trks"].values) if tree == TRACKS else None


def _entries(first: np.ndarray, start: int, stop: int) -> tuple[int, int]:
    """The events that hold the tracks ``start:stop``."""
    return int(np.searchsorted(first, start, "right")) - 1, int(np.searchsorted(first, stop, "left"))


def _events(columns: ObjectColumns, start: int, stop: int) -> Iterator[Batch]:
    for low, high in columns.tree.windows(columns.leaves, start, stop, BATCH_BYTES):
        yield _batch(columns, low, high)


def _tracks(columns: ObjectColumns, first: np.ndarray, start: int, stop: int) -> Iterator[Batch]:
    low, high = _entries(first, start, stop)
    for a, b in columns.tree.windows(columns.leaves, low, high, BATCH_BYTES):
        batch = _batch(columns, a, b)
        batch.tables["tracks"]["source_entry"] = np.arange(first[a], first[b], dtype=np.uint64)
        piece = cut(batch, max(start, int(first[a])) - int(first[a]), min(stop, int(first[b])) - int(first[a]))
        if piece.rows:
            yield piece


def _batch(columns: ObjectColumns, start: int, stop: int) -> Batch:
    parts = columns.read(start, stop)
    derived: Columns = offline_derived.derive(columns.dataset, parts, start, stop)
    return columns.batch(parts, derived, start, stop)


def headers_of(file: RootFile) -> list[Lines]:
    """Lines of every header in the top directory: of ``Head`` objects, then of those in a ``MultiHead``.

    Raises
    ------
    CorruptFileError, UnknownLayoutError
    """
    found: list[Lines] = []
    for kind in (HEAD, MULTI_HEAD):
        for name in (n for n, k in file.objects.items() if k == kind):
            data, where = file.object(name), f"{file.url}, object '{name}'"
            try:
                found += [parse_head(data)] if kind == HEAD else parse_multi_head(data)
            except CorruptFileError as error:
                raise CorruptFileError(error.what, where=where, found=error.found, expected=error.expected) from error
            except UnknownLayoutError as error:
                raise UnknownLayoutError(error.what, where=where) from error
    return found


def header_segments(heads: list[Lines], label: str, run: int) -> list[Segment]:
    """One segment of all headers, filed under the first run of the file."""
    nbytes = sum(len(name) + len(value) for lines in heads for name, value in lines)
    return [Segment("headers", HEADERS, RunKey(label, run), 0, len(heads), max(1, nbytes))] if heads else []


def read_headers(entry: FileEntry, heads: list[Lines], start: int, stop: int, origin: str) -> Iterator[Batch]:
    """The headers ``start:stop``, under the run of their segment.

    Raises
    ------
    InputChangedError
        The file holds fewer.
    """
    files.demand_entries(start, stop, len(heads), entry.url, "headers")
    run = next((s.run.run for s in entry.segments if s.tree == HEADERS), 0)
    if start < stop:
        yield header_batch([(run, [(name, value, b"") for name, value in lines]) for lines in heads[start:stop]], start, origin)


def other_objects(file: RootFile, trees: set[str]) -> list[str]:
    """What else the file holds; named, because it is not archived here."""
    notes = []
    for name, kind in file.objects.items():
        if name.startswith("KM3NET_") and kind == "TTree":
            notes += [f"tree '{name}' is read by source 'km3net_online'"] if file.entries(name) else []
        elif name not in trees and kind not in (HEAD, MULTI_HEAD):
            notes.append(f"'{name}' ({kind}) is not archived")
    return notes


SOURCE = Km3netOffline()
