"""What tree ``E`` of a KM3NeT offline file holds, event by event, as far as keys and counters tell; what of them is damaged is read around.

An event whose run or detector cannot be read is counted to the one before it, so that reading it reports it. A stretch of events whose number of tracks cannot be read
counts as one track, likewise.
"""

from __future__ import annotations

import itertools
from functools import cached_property

import numpy as np

from antdask.errors import CorruptFileError
from antdask.model.keys import RunKey, km3net_label
from antdask.model.ragged import offsets_of
from antdask.plan import Segment
from antdask.sources import layout_map, offline_derived
from antdask.sources.km3net_labels import simulated_by, truth_of
from antdask.sources.object_columns import ObjectColumns
from antdask.sources.root import RootFile
from antdask.sources.root_header import HEAD, MULTI_HEAD
from antdask.sources.salvage import pieces

ORIGIN = "km3net_offline"
LAYOUT = "km3net_offline_1"
EVENTS, TRACKS, MC = "E", "E/trks", "E/mc"

_KEYS = ("run_id", "mc_run_id", "det_id", "frame_index", "trigger_counter")


def has_events(file: RootFile) -> bool:
    """Whether the file has a tree ``E`` of events that is not empty.

    Raises
    ------
    CorruptFileError
        That cannot be told.
    """
    return file.objects.get(EVENTS) == "TTree" and file.entries(EVENTS) > 0 and file.tree(EVENTS).find("mc_trks") is not None


def is_offline(file: RootFile) -> bool:
    """Whether this is a file for source ``km3net_offline``: with a header, or a tree ``E`` of events. Errors as for `has_events`."""
    return any(kind in (HEAD, MULTI_HEAD) for kind in file.objects.values()) or has_events(file)


def is_told_offline(file: RootFile) -> bool:
    """Whether source ``km3net_offline`` can describe the file: what belongs to all sources is archived there, and else by another."""
    try:
        return has_events(file) or is_offline(file)
    except CorruptFileError:
        return False


class EventSurvey:
    """What tree E holds.

    Parameters
    ----------
    file : RootFile
    notes : list of str
        What cannot be read is added.

    Attributes
    ----------
    runs : ndarray of int64
    labels : list of str
        Label of the detector of each event.
    lost : list of CorruptFileError
        Stretches of events of which a key cannot be read.

    Raises
    ------
    CorruptFileError
        No event has keys that can be read.
    """

    def __init__(self, file: RootFile, notes: list[str]) -> None:
        layout = layout_map.load(LAYOUT)
        self.tree = file.tree(EVENTS)
        self._columns = {name: ObjectColumns(self.tree, layout.dataset(name), ORIGIN) for name in (EVENTS, TRACKS, MC)}
        held = max(int(leaf.edges[-1]) for leaf in self._columns[EVENTS].leaves)
        if held < self.tree.entries:
            raise CorruptFileError("The tree counts more entries than any branch holds", where=self.tree.where, found=self.tree.entries, expected=held, tree=EVENTS)  # fmt: skip
        self.lost: list[CorruptFileError] = []
        keys = self._keys_of_events(notes)
        self._counts = {"hits": _counts(self._columns[EVENTS], "hits", notes), "trks": track_counts(self._columns[TRACKS], notes)}
        truth = truth_of(self._columns[MC], notes)
        #: Whether there is anything for stream mc. A file is simulated as a whole: an event of noise has no particle.
        self.truth = bool(truth)
        self.evidence = simulated_by(file, [], truth)
        self.runs = offline_derived.run_of(keys["run_id"], keys["mc_run_id"]).astype(np.int64)
        self.labels = [km3net_label(d, bool(self.evidence)) for d in keys["det_id"].tolist()]
        self._order = [keys[name].astype(np.int64) for name in ("frame_index", "trigger_counter")]

    def _keys_of_events(self, notes: list[str]) -> dict[str, np.ndarray]:
        """The keys of every event; where they cannot be read, those of the event before, or of the first that can."""
        columns, n = self._columns[EVENTS], self.tree.entries
        keys: dict[str, np.ndarray] = {}
        known = np.zeros(n, bool)
        for start, stop, found in pieces(lambda a, b: columns.read(a, b, set(_KEYS)), 0, n):
            if isinstance(found, CorruptFileError):
                notes.append(f"keys of events {start} to {stop} cannot be read: {found.what}")
                self.lost.append(found)
                continue
            for name in _KEYS:
                values = found[name].values
                keys.setdefault(name, np.zeros(n, values.dtype))[start:stop] = values
            known[start:stop] = True
        if not known.any():
            raise self.lost[0]
        nearest = np.maximum(np.maximum.accumulate(np.where(known, np.arange(n), -1)), int(np.argmax(known)))
        return {name: values[nearest] for name, values in keys.items()}

    def demand(self, start: int, stop: int) -> None:
        """Make sure that the keys of the events ``start:stop`` are known.

        Raises
        ------
        CorruptFileError
            For the first stretch of which they are not.
        """
        for error in self.lost:
            if error.start is None or error.stop is None or (error.start < stop and start < error.stop):
                raise error

    @cached_property
    def trees(self) -> list[str]:
        """Which streams the file has something for; events where there is nothing else."""
        some = {name: bool(counts.any()) for name, counts in self._counts.items()}
        found = [EVENTS] if some["hits"] or some["trks"] or not self.truth else []
        return found + [TRACKS] * some["trks"] + [MC] * self.truth

    def segments(self) -> list[Segment]:
        """Consecutive events, and tracks, of one detector and run."""
        same = [a == b for a, b in itertools.pairwise(zip(self.labels, self.runs.tolist(), strict=True))]
        cuts = [0, *(k + 1 for k, equal in enumerate(same) if not equal), self.tree.entries]
        tracks = offsets_of(self._counts["trks"])
        made = []
        for name in self.trees:
            columns = self._columns[name]
            for a, b in itertools.pairwise(cuts):
                low, high = (int(tracks[a]), int(tracks[b])) if name == TRACKS else (a, b)
                nbytes = sum(leaf.nbytes_of(a, b) for leaf in columns.leaves)
                if low < high:
                    key = RunKey(self.labels[a], int(self.runs[a]))
                    made.append(Segment(columns.dataset.stream, name, key, low, high, max(1, nbytes), self.ordered(a, b)))
        return made

    def notes(self) -> list[str]:
        """What is not archived, and why."""
        known = {leaf.name for columns in self._columns.values() for leaf in columns.leaves}
        notes = [f"branch '{b.name}' of tree 'E' is not archived: map '{LAYOUT}' does not declare it" for b in self.tree.walk() if b.name not in known and not b.children]  # fmt: skip
        notes += [f"filed as simulated: {self.evidence}"] if self.evidence else []
        if not self.truth:
            notes.append("no event has simulated particles, hits or weights: there is no stream mc")
        elif EVENTS not in self.trees:
            notes.append("no event has hits or tracks, only simulated ones: there is no stream events")
        return notes

    def keys(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Frame index and trigger counter of events, int64."""
        frame, counter = (key[start:stop] for key in self._order)
        return frame, counter

    def ordered(self, start: int, stop: int) -> bool:
        """Whether events stand in the order of their keys."""
        frame, counter = self.keys(start, stop)
        return bool(((frame[1:] > frame[:-1]) | ((frame[1:] == frame[:-1]) & (counter[1:] >= counter[:-1]))).all())


def track_counts(columns: ObjectColumns, notes: list[str]) -> np.ndarray:
    """Number of tracks of every event, int64: as the counter says, if the numbers of the tracks agree. A stretch of events that cannot be read has one."""
    return _counts(columns, "trks.id", notes)


def _counts(columns: ObjectColumns, name: str, notes: list[str]) -> np.ndarray:
    counts = np.zeros(columns.tree.entries, np.int64)
    for start, stop, found in pieces(lambda a, b: columns.read(a, b, {name})[name], 0, columns.tree.entries):
        if isinstance(found, CorruptFileError):
            notes.append(f"'{name}' of events {start} to {stop} cannot be read: {found.what}")
            counts[start] = 1
        else:
            counts[start:stop] = found.levels[0] if found.levels else found.values
    return counts
