"""Source ``controlhost``: KM3NeT DAQ records as they go over the wire (``IO_EVT``, ``IO_SUM``, ``IO_TSL*`` dumps), to the streams of the DAQ's ROOT files.

A file is one record after the other, each with its length and type; the layouts stand in `antdask.sources.controlhost_records`. Records have no checksum: every size,
count, version and repeated header is checked, a flipped bit in a time or an amplitude cannot be noticed.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import struct
from array import array
from collections.abc import Iterator

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError, UnknownNameError
from antdask.model.keys import RunKey, km3net_label
from antdask.model.ragged import Batch
from antdask.plan import FileEntry, Segment
from antdask.sources import files
from antdask.sources.blob import Blob, open_blob
from antdask.sources.controlhost_records import KINDS, Records, decode, fits, windows

#: Aim for the bytes of one batch [byte].
BATCH_BYTES = 16 * 2**20
#: The old DAQ gave every kind of timeslice the type 1001.
TREES = {
    10001: ("IO_EVT", "events"),
    2001: ("IO_SUM", "rates"),
    1001: ("IO_TSL", "timeslices"),
    1002: ("IO_TSL0", "timeslices_l0"),
    1003: ("IO_TSL1", "timeslices_l1"),
    1004: ("IO_TSL2", "timeslices_l2"),
    1005: ("IO_TSSN", "timeslices_sn"),
}
_TYPES = {tree: code for code, (tree, _) in TREES.items()}
_NEW, _OLD = "controlhost", "controlhost_legacy"
_HEAD = struct.Struct("<ii")
_KEY = struct.Struct("<ii")
#: No record is shorter: preamble, header and one count.
_SHORTEST = 32
_WINDOW = 8 * 2**20


@dataclasses.dataclass(frozen=True)
class Index:
    """Where the records of a file stand; shape of each array (records,).

    Parameters
    ----------
    starts, sizes, types : ndarray of int64
    lost : ndarray of bool
        Stretches that are no record; they carry the type of the record before.
    keys : ndarray of int64, shape (records, 2)
        Detector and run.
    legacy : bool
    """

    starts: np.ndarray
    sizes: np.ndarray
    types: np.ndarray
    lost: np.ndarray
    keys: np.ndarray
    legacy: bool

    def of(self, code: int) -> Index:
        """The records of one type, in their order."""
        mine = self.types == code
        return Index(self.starts[mine], self.sizes[mine], self.types[mine], self.lost[mine], self.keys[mine], self.legacy)


class ControlHost:
    """Dumps of DAQ records; holds nothing, so it pickles."""

    name = "controlhost"
    version = "1"

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether the file begins with length and type of a record, and a run and a frame that can be."""
        if len(head) < _SHORTEST:
            return False
        length, code = _HEAD.unpack_from(head)
        if code not in KINDS or length < _SHORTEST:
            return False
        return any(min(struct.unpack_from("<ii", head, at + 4)) >= 0 for at in (8, 10))

    def describe(self, url: str) -> FileEntry:
        """Identity and segments; follows the records from first to last.

        A stretch that is no record counts as one entry, so that reading it reports it; a note says where.

        Raises
        ------
        InputMissingError, InputUnreadableError
        CorruptFileError
            The first record is damaged.
        UnknownLayoutError
            Summary slices of the old DAQ beside other records: their columns differ, and a file has one origin.
        """
        url = files.absolute(url)
        identity = files.identify(url)
        with open_blob(url) as blob:
            index = scan(blob)
        types = sorted(set(index.types.tolist()))
        origin = _OLD if index.legacy and 2001 in types else _NEW
        if origin == _OLD and len(types) > 1:
            raise UnknownLayoutError("Summary slices of the old DAQ stand beside other records", where=url, found=", ".join(TREES[t][0] for t in types), expected="IO_SUM alone", hint="Split the file by type.")  # fmt: skip
        notes = [f"{size} bytes from byte {start} on are no record" for start, size in zip(index.starts[index.lost].tolist(), index.sizes[index.lost].tolist(), strict=True)]  # fmt: skip
        return identity.entry(
            url,
            self.name,
            origin,
            (s for code in types for s in _segments(code, index.of(code))),
            notes,
            layout=_OLD if index.legacy else _NEW,
        )

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of the records ``start:stop`` of one type, in the order of the file.

        Raises
        ------
        UnknownNameError
            No such tree.
        InputChangedError
            The file holds fewer records.
        CorruptFileError
            With the range of entries that is lost; batches before it are sound.
        """
        if tree not in _TYPES:
            raise UnknownNameError.of("tree", tree, _TYPES, where=entry.url)
        code = _TYPES[tree]
        with open_blob(entry.url) as blob:
            index = known_index(entry.url, entry.fingerprint, blob.nbytes).of(code)
            files.demand_entries(start, stop, len(index.starts), f"{entry.url}, {tree}", "records")
            for low, high in windows(index.starts, index.sizes, start, stop, BATCH_BYTES):
                yield from _intact(blob, index, code, low, high, entry.origin)


def scan(blob: Blob) -> Index:
    """Follow the records of a file.

    Raises
    ------
    CorruptFileError
        The first record is damaged: nothing says how to go on.
    """
    starts, sizes, types, lost, keys = array("q"), array("q"), array("q"), array("b"), array("q")
    position, code, key = 0, 0, b""
    legacy = _is_legacy(blob)
    key_at = 8 if legacy else 10
    window, base = memoryview(b""), 0
    while position < blob.nbytes:
        at = position - base
        if at + _SHORTEST > len(window):
            base, at = position, 0
            window = blob.read(base, min(base + _WINDOW, blob.nbytes))
        length, found = _HEAD.unpack_from(window, at) if at + _SHORTEST <= len(window) else (0, 0)
        if found in KINDS and _SHORTEST <= length <= blob.nbytes - position:
            code, bad = found, 0
            # A run below zero is damage: reading the record will say so, and the run stays that of the records before.
            if window[at + key_at + 7] < 0x80:
                key = bytes(window[at + key_at : at + key_at + 8])
        else:
            length, bad = _next_record(blob, position, key, key_at) - position, 1
        starts.append(position)
        sizes.append(length)
        types.append(code)
        lost.append(bad)
        keys.extend(_KEY.unpack(key))
        position += length
    places, lengths, codes = (np.frombuffer(column, np.int64) for column in (starts, sizes, types))
    return Index(places, lengths, codes, np.frombuffer(lost, np.int8).astype(bool), np.frombuffer(keys, np.int64).reshape(-1, 2), legacy)


@functools.lru_cache(maxsize=4)
def known_index(url: str, fingerprint: str, nbytes: int) -> Index:
    """The records of a file that is known to be unchanged, kept for the next part that is made of it, and for what stands behind a damaged record."""
    with open_blob(url) as blob:
        return scan(blob)


def _is_legacy(blob: Blob) -> bool:
    """Whether the records have no version word: told by the size of the first one, which only one of the layouts explains."""
    length, code = _HEAD.unpack(blob.read(0, 8)) if blob.nbytes >= _SHORTEST else (0, 0)
    if code in KINDS and _SHORTEST <= length <= blob.nbytes:
        record = np.frombuffer(blob.read(0, length), np.uint8)
        for legacy in (False, True):
            if fits(record, KINDS[code], legacy):
                return legacy
    hint = "It is cut short or damaged, or no dump of DAQ records."
    raise CorruptFileError("The first record does not follow the format", where=blob.url, found=f"type {code}, {length} bytes", expected=f"one of {', '.join(map(str, KINDS))}, {_SHORTEST} to {blob.nbytes} bytes", hint=hint)  # fmt: skip


def _next_record(blob: Blob, position: int, key: bytes, key_at: int) -> int:
    """Where the next record begins behind a break: the next place with detector and run of the record before, behind a length and a type that can be."""
    start = position + 1
    while start < blob.nbytes:
        window = bytes(blob.read(start, min(start + _WINDOW, blob.nbytes)))
        found = window.find(key, key_at)
        while found >= 0:
            length, code = _HEAD.unpack_from(window, found - key_at)
            place = start + found - key_at
            if code in KINDS and _SHORTEST <= length <= blob.nbytes - place:
                return place
            found = window.find(key, found + 1)
        # The key may stand across the end of the window.
        start += max(1, len(window) - key_at - len(key) + 1) if len(window) == _WINDOW else len(window)
    return blob.nbytes


def _segments(code: int, index: Index) -> list[Segment]:
    """Consecutive records with the same detector and run; a lost stretch belongs to the run before it."""
    tree, stream = TREES[code]
    changes = np.flatnonzero((index.keys[1:] != index.keys[:-1]).any(axis=1)) + 1
    edges = [0, *changes.tolist(), len(index.keys)]
    return [
        Segment(stream, tree, RunKey(km3net_label(int(index.keys[a, 0]), False), int(index.keys[a, 1])), a, b, int(index.sizes[a:b].sum()))
        for a, b in itertools.pairwise(edges)
    ]


def _intact(blob: Blob, index: Index, code: int, start: int, stop: int, origin: str) -> Iterator[Batch]:
    """The batch of these records, or what is whole before the first loss, and then the error."""
    tree, stream = TREES[code]
    first, size = int(index.starts[start]), int(index.starts[stop - 1] + index.sizes[stop - 1] - index.starts[start])
    payload = np.frombuffer(blob.read(first, first + size), np.uint8)
    records = Records(
        payload, index.starts[start:stop] - first, index.sizes[start:stop], KINDS[code], index.legacy, f"{blob.url}, {tree}", tree, start
    )
    try:
        records.demand(~index.lost[start:stop], "A stretch of the file is no record")
        tables, offsets = decode(records)
    except CorruptFileError as error:
        if error.start is not None and error.start > start:
            yield from _intact(blob, index, code, start, error.start, origin)
        raise
    yield Batch(stream, origin, tables, offsets)


SOURCE = ControlHost()
