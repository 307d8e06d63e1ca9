"""Source ``km3net_online``: events, summary slices and timeslices of KM3NeT DAQ files (ROOT) as written by Jpp's JDataWriter.

Trees ``KM3NET_EVENT`` → events, ``KM3NET_SUMMARYSLICE`` → rates, ``KM3NET_TIMESLICE`` and ``…_L0 _L1 _L2 _SN`` → one stream of timeslices each.
Byte layouts: `antdask.sources.km3net_records`, ``km3net_headers``, ``km3net_frames``; checked on the files of km3net-testdata and on files written by ROOT 6.40.

What is checked: sizes, byte counts and class versions of all objects, type codes, numbers of records, the header that every frame repeats.
What cannot be: a bit that flips in the payload of an uncompressed basket (times, amplitudes, masks), since ROOT keeps no checksum there.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.keys import RunKey, km3net_label
from antdask.model.ragged import Batch, Columns, offsets_of
from antdask.model.tables import schema
from antdask.plan import FileEntry, Segment
from antdask.sources import files, km3net_triggered
from antdask.sources.km3net_frames import VECTOR_BRANCH, check_frames, read_frames
from antdask.sources.km3net_headers import (
    EVENT_COLUMNS,
    SLICE_COLUMNS,
    Headers,
    clock_status,
    find_headers,
    utc_ns,
)
from antdask.sources.km3net_labels import simulated_by
from antdask.sources.km3net_records import COUNTED, KEY_HIT, POSSIBLE, SUMMARY_FRAME, TRIGGERED_HIT, demand, native, possible, vector
from antdask.sources.offline_survey import is_told_offline
from antdask.sources.root import MAGIC, RootFile, Tree, open_root
from antdask.sources.root_branch import Branch
from antdask.sources.root_header import HEAD, MULTI_HEAD
from antdask.sources.root_provenance import TREE as PROVENANCE
from antdask.sources.root_provenance import Provenance
from antdask.sources.root_source import RootSource

ORIGIN = "km3net_online"
#: Aim for the uncompressed bytes of one batch [byte].
BATCH_BYTES = 16 * 2**20
#: Entries whose headers are looked at together when a file is described.
_HEADERS_AT_ONCE = 200_000

_EVENT_HEADER = "KM3NETDAQ::JDAQEventHeader"
_SUMMARY_HEADER = "KM3NETDAQ::JDAQSummarysliceHeader"
_SUMMARY_FRAMES = "vector<KM3NETDAQ::JDAQSummaryFrame>"
_SLICE_HEADER = "KM3NETDAQ::JDAQTimesliceHeader"
_TIMESLICE_TYPES = (1001, 1002, 1003, 1004, 1005)


@dataclasses.dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of tree: its stream, where its header stands, its columns, its type codes, the branches with its records."""

    stream: str
    header: str
    columns: tuple[str, ...]
    types: tuple[int, ...]
    records: tuple[str, ...]


def _timeslice(stream: str) -> _Kind:
    # Old files give every kind of timeslice the code 1001, so any of them is taken.
    return _Kind(stream, _SLICE_HEADER, SLICE_COLUMNS, _TIMESLICE_TYPES, (VECTOR_BRANCH,))


TREES: dict[str, _Kind] = {
    "KM3NET_EVENT": _Kind("events", _EVENT_HEADER, EVENT_COLUMNS, (10001,), ("snapshotHits", "triggeredHits")),
    "KM3NET_SUMMARYSLICE": _Kind("rates", _SUMMARY_HEADER, SLICE_COLUMNS, (2001,), (_SUMMARY_FRAMES,)),
    "KM3NET_TIMESLICE": _timeslice("timeslices"),
    "KM3NET_TIMESLICE_L0": _timeslice("timeslices_l0"),
    "KM3NET_TIMESLICE_L1": _timeslice("timeslices_l1"),
    "KM3NET_TIMESLICE_L2": _timeslice("timeslices_l2"),
    "KM3NET_TIMESLICE_SN": _timeslice("timeslices_sn"),
}


class Km3netOnline(RootSource):
    """KM3NeT DAQ files in ROOT format. A batch is about 16 MiB uncompressed."""

    name, version = ORIGIN, "1"
    known = (*TREES, PROVENANCE)

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether the file begins like ROOT; what is inside, `describe` sees."""
        return head.startswith(MAGIC)

    def survey(self, file: RootFile, notes: list[str]) -> tuple[list[Segment], str, str]:
        """What the trees hold, from metadata and headers only.

        Entries whose header cannot be read are counted to the neighbouring run, so that reading them reports them; a note says which.
        """
        segments: list[Segment] = []
        splits = set()
        known, evidence = _known_trees(file), simulated_by(file, notes)
        notes += [f"filed as simulated: {evidence}"] if evidence else []
        for name in known:
            if file.entries(name) == 0:
                notes.append(f"tree '{name}' is empty")
                continue
            try:
                tree = file.tree(name)
                headers = _headers(tree)
                found, lost = _segments(tree, headers, bool(evidence))
            except CorruptFileError as error:
                # Of a file that was cut it is told that much is missing, and other trees may be whole.
                if file.loss is None:
                    raise
                notes.append(f"tree '{name}' cannot be read: {error.what}")
                continue
            splits.add("split" if headers.split else "unsplit")
            segments += found
            notes += lost
        provenance, elsewhere = Provenance(file), is_told_offline(file)
        if segments and not elsewhere:
            segments += provenance.segments(segments[0].run)
            notes += provenance.notes()
        notes += _others(file, provenance.told if segments or elsewhere else set(), elsewhere)
        return segments, ORIGIN, "+".join(sorted(splits)) or "empty"

    def batches(self, file: RootFile, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Events or slices ``start:stop``, or rows of provenance."""
        if tree == PROVENANCE:
            yield from Provenance(file).batches(entry, start, stop)
            return
        data = file.tree(tree)
        files.demand_entries(start, stop, data.entries, data.where)
        if start == stop:
            return
        kind, headers = TREES[tree], _headers(data)
        records = tuple(data.branch(name) for name in kind.records)
        decode = {"events": _events, "rates": _rates}.get(kind.stream, _timeslices)
        leaves = [leaf for branch in (*headers.leaves, *records) for leaf in branch.walk()]
        for low, high in data.windows(leaves, start, stop, BATCH_BYTES):
            header = headers.read(low, high)
            tables, offsets = decode(records, header, low, high)
            yield Batch(kind.stream, ORIGIN, tables, offsets)

    def keys(self, entry: FileEntry, tree: str, start: int, stop: int) -> list[np.ndarray]:
        """The columns by which the rows are ordered, from the headers alone.

        Raises
        ------
        CorruptFileError
            A header cannot be read.
        """
        if tree == PROVENANCE:
            return [np.array([s.run.run for s in entry.segments if s.tree == tree for _ in range(s.start, s.stop)], np.int64)[start:stop]]
        order = schema(TREES[tree].stream).order
        with open_root(entry.url, entry.like) as file:
            columns = _headers(file.tree(tree)).read(start, stop, order)
        return [columns[name] for name in order]


SOURCE = Km3netOnline()

_Decoded = tuple[dict[str, Columns], dict[str, np.ndarray]]


def _events(records: tuple[Branch, ...], header: Columns, start: int, stop: int) -> _Decoded:
    snapshot, triggered = records
    hits, n_hits = vector(snapshot, start, stop, KEY_HIT)
    marked, n_triggered = vector(triggered, start, stop, TRIGGERED_HIT)
    first = offsets_of(n_triggered)
    framed = (marked["count"] == COUNTED | 10) & (marked["version"] == 1)
    bad = np.searchsorted(first, np.flatnonzero(~framed), "right") - 1
    demand(~np.isin(np.arange(stop - start), bad), triggered, start, "A triggered hit has another object inside")
    for branch, records_of, counts in ((snapshot, hits, n_hits), (triggered, marked, n_triggered)):
        demand(possible(records_of, counts), branch, start, "A hit names a module or channel that cannot be", expected=POSSIBLE)
    return km3net_triggered.event_tables(_row(header, start, stop), header, hits, n_hits, marked, n_triggered)


def _rates(records: tuple[Branch, ...], header: Columns, start: int, stop: int) -> _Decoded:
    frames, n_frames = vector(records[0], start, stop, SUMMARY_FRAME)
    demand(possible(frames, n_frames), records[0], start, "A frame names a module that cannot be", expected=POSSIBLE)
    columns = {name: native(frames[name]) for name in SUMMARY_FRAME.names or ()}
    received, largest = columns["daq"] & np.uint32(0xFFFF), columns["daq"] >> np.uint32(16)
    columns["udp_complete"] = ((received == largest + 1) & (columns["fifo"] >> np.uint32(31) == 1)).astype(np.uint8)
    columns["flags"] = (
        _channel_bits(columns["status"]) | _channel_bits(columns["fifo"]) << 1 | (columns["rate_code"] == 0).astype(np.uint8) << 2
    )
    return {"slices": {**_row(header, start, stop), "n_frames": n_frames.astype(np.uint32)}, "frames": columns}, {
        "frames": offsets_of(n_frames)
    }


def _timeslices(records: tuple[Branch, ...], header: Columns, start: int, stop: int) -> _Decoded:
    frames = read_frames(records[0], start, stop)
    check_frames(frames, header, records[0], start)
    columns, hits = frames.columns, frames.hits()
    n_hits, first = offsets_of(columns["numberOfHits"]), offsets_of(frames.counts)
    demand(possible(hits, np.diff(n_hits[first])), records[0], start, "A hit names a channel that cannot be", expected=POSSIBLE)
    tables = {
        "slices": {
            **_row(header, start, stop),
            "n_frames": frames.counts.astype(np.uint32),
            "n_hits": np.diff(n_hits[first]).astype(np.uint32),
        },
        "frames": {
            "dom_id": columns["id"],
            **{name: columns[name] for name in ("daq", "status", "fifo")},
            "status3": columns["status_3"],
            "status4": columns["status_4"],
            "clock_status": clock_status(columns["seconds"]),
            "frame_length": columns["length"],
        },
        "hits": {name: native(hits[name]) for name in ("channel_id", "tdc", "tot")},
    }
    return tables, {"frames": first, "hits": n_hits}


def _row(header: Columns, start: int, stop: int) -> Columns:
    """Columns that rows of every stream have."""
    return {
        "run": header["run"].astype(np.uint32),
        "frame_index": header["frame_index"].astype(np.uint32),
        "detector_id": header["detector_id"],
        "utc_ns": utc_ns(header["seconds"], header["cycles"]),
        "clock_status": clock_status(header["seconds"]),
        "preamble_length": header["length"],
        "source_input": np.zeros(stop - start, np.uint16),
        "source_entry": np.arange(start, stop, dtype=np.uint64),
    }


def _channel_bits(words: np.ndarray) -> np.ndarray:
    """Bits 0 to 30 of uint32 words as uint8, shape (words, 31)."""
    return np.unpackbits(words.astype("<u4").view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")[:, :31]


def _headers(tree: Tree) -> Headers:
    kind = TREES[tree.name]
    return find_headers(tree, kind.header, kind.columns, kind.types)


def _known_trees(file: RootFile) -> list[str]:
    known = [name for name in TREES if file.objects.get(name) == "TTree"]
    if not known and file.loss is not None:
        # What the file is may have stood where its end was.
        raise file.loss
    if not known:
        trees = ", ".join(file.trees) or "no tree"
        raise UnknownLayoutError("No source knows a tree of the ROOT file", where=file.url, found=trees, expected=f"{', '.join(TREES)}, E of class Evt, or a tree of a layout map", hint="Leave it out, or draft a map of it with `antdask inspect --propose-map`.")  # fmt: skip
    return known


def _others(file: RootFile, provenance: set[str], offline: bool) -> list[str]:
    """What else the file holds; named, because it is not archived, or not here."""
    notes = []
    for name, kind in file.objects.items():
        if kind == "TTree" and name not in TREES:
            notes.append(_other_tree(file, name))
        elif kind in (HEAD, MULTI_HEAD) or (offline and name in provenance):
            notes.append(f"'{name}' ({kind}) is read by source 'km3net_offline'")
        elif kind != "TTree" and name not in provenance:
            notes.append(f"'{name}' ({kind}) is not archived")
    return notes


def _other_tree(file: RootFile, name: str) -> str:
    try:
        entries = file.entries(name)
        if entries and name == "E" and file.tree(name).find("mc_trks") is not None:
            return "tree 'E' is read by source 'km3net_offline'"
    except CorruptFileError as error:
        return f"tree '{name}' is not archived, and cannot be read: {error.what}"
    return f"tree '{name}' with {entries} entries is not archived" if entries else f"tree '{name}' is empty"


def _segments(tree: Tree, headers: Headers, simulated: bool) -> tuple[list[Segment], list[str]]:
    """Consecutive entries with the same detector and run, and what could not be read of the headers.

    Nothing is allocated for entries that the tree merely claims to have.
    """
    runs: list[tuple[int, int, int]] = []  # first entry, detector, run
    falls: list[np.ndarray] = []  # entries that stand before the one before them in the declared order
    order = schema(TREES[tree.name].stream).order
    last: tuple[int, ...] | None = None
    lost: list[str] = []
    position, stop = 0, min(tree.entries, _HEADERS_AT_ONCE)
    while position < tree.entries:
        try:
            columns = headers.read(position, stop, ("detector_id", "run", *order))
        except CorruptFileError as error:
            if error.start is None or error.stop is None or error.stop <= position or (error.start, error.stop) == (0, tree.entries):
                raise
            if error.start > position:
                stop = error.start  # the sound entries before it first
                continue
            lost.append(f"headers of entries {position} to {error.stop} of tree '{tree.name}' cannot be read: {error.what}")
            stop = min(error.stop, tree.entries)
        else:
            runs += _changes(position, columns["detector_id"], columns["run"])
            keys = [columns[name].astype(np.int64) for name in order]
            falls.append(position + _falls(keys, last))
            last = tuple(int(key[-1]) for key in keys)
        position, stop = stop, min(tree.entries, stop + _HEADERS_AT_ONCE)
    if not runs:
        raise CorruptFileError(
            "No header of the tree can be read", where=tree.where, found="; ".join(lost), tree=tree.name, start=0, stop=tree.entries
        )
    runs = [run for k, run in enumerate(runs) if k == 0 or run[1:] != runs[k - 1][1:]]
    # Unknown entries thus fall to the run before them, those at the very start to the first known one.
    starts = [0, *(run[0] for run in runs[1:]), tree.entries]
    leaves = [leaf for leaf in tree.walk() if leaf.nbytes]
    fallen = np.concatenate(falls)
    segments = []
    for (a, b), (_, detector, run) in zip(itertools.pairwise(starts), runs, strict=True):
        ordered = not ((fallen > a) & (fallen < b)).any()
        nbytes = sum(leaf.nbytes_of(a, b) for leaf in leaves)
        segments.append(Segment(TREES[tree.name].stream, tree.name, RunKey(km3net_label(detector, simulated), run), a, b, nbytes, ordered))
    return segments, lost


def _falls(keys: list[np.ndarray], last: tuple[int, ...] | None) -> np.ndarray:
    """Entries whose key is smaller than that of the entry before, `last` being the key before the first."""
    before = [np.append(np.int64(key[0] if last is None else last[k]), key[:-1]) for k, key in enumerate(keys)]
    fallen = np.zeros(len(keys[0]), bool)
    for key, former in zip(reversed(keys), reversed(before), strict=True):
        fallen = (key < former) | ((key == former) & fallen)
    return np.flatnonzero(fallen)


def _changes(first: int, detector: np.ndarray, run: np.ndarray) -> list[tuple[int, int, int]]:
    """Entry, detector and run wherever one of them changes; `first` is the number of the first entry."""
    at = np.flatnonzero(np.append(True, (detector[1:] != detector[:-1]) | (run[1:] != run[:-1])))
    return list(zip((first + at).tolist(), detector[at].tolist(), run[at].tolist(), strict=True))
