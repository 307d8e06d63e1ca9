"""Records of the KM3NeT DAQ as they go over the wire (ControlHost): their layouts, and their decoding into columns.

Little-endian and packed, but for the time of a hit, which is big-endian; the old DAQ (*legacy*) has no version word, and shorter summary frames::

    record      length i4 | type i4 | [version i2] | detector_id run frame_index i4 | seconds cycles u4 | body
    event       trigger_counter trigger_mask u8 | overlays u4 | n i4 | n x (hit 10, trigger_mask u8) | n i4 | n x hit 10
    summary     n i4 | n x (dom_id i4 | daq status fifo status3 status4 u4 | 31 rates u1)       legacy: n x (dom_id i4 | status u4 | 31 rates u1)
    timeslice   n i4 | n x (length i4 | type i4 | detector_id run frame_index i4 | seconds cycles u4 | dom_id i4 | 5 words u4 | n i4 | n x hit 6)
    hit         [dom_id i4] | channel u1 | time u4 big-endian | time over threshold u1

Facts from KM3io.jl (``src/daq.jl``) and km3pipe (``io/daq.py``), checked on the files of km3net-testdata: every byte of every record is accounted for.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from antdask.errors import CorruptFileError
from antdask.model.ragged import Columns, offsets_of
from antdask.sources import km3net_triggered
from antdask.sources.km3net_headers import SECONDS, clock_status, utc_ns
from antdask.sources.km3net_records import POSSIBLE, gather, native, ones, possible

EVENT, SUMMARY, TIMESLICE = "event", "summary", "timeslice"
#: Kind of record by type code.
KINDS = {10001: EVENT, 2001: SUMMARY, **dict.fromkeys(range(1001, 1006), TIMESLICE)}
#: Version word by kind; the old DAQ has none.
VERSIONS = {EVENT: 4, SUMMARY: 6, TIMESLICE: 1}
_SUPERFRAME = 101
_CYCLES_PER_SECOND = 62_500_000

_KEY = [("detector_id", "<i4"), ("run", "<i4"), ("frame_index", "<i4")]
_UTC = [("seconds", "<u4"), ("cycles", "<u4")]
_WORDS = [(name, "<u4") for name in ("daq", "status", "fifo", "status3", "status4")]
_HIT = [("channel_id", "u1"), ("tdc", ">u4"), ("tot", "u1")]
_TRIGGER = [("trigger_counter", "<u8"), ("trigger_mask", "<u8"), ("overlays", "<u4"), ("n_triggered", "<i4")]

HIT = np.dtype(_HIT)
KEY_HIT = np.dtype([("dom_id", "<i4"), *_HIT])
TRIGGERED_HIT = np.dtype([*KEY_HIT.descr, ("trigger_mask", "<u8")])
FRAME = np.dtype([("length", "<i4"), ("type", "<i4"), *_KEY, *_UTC, ("dom_id", "<i4"), *_WORDS, ("n", "<i4")])
SUMMARY_FRAME = np.dtype([("dom_id", "<i4"), *_WORDS, ("rate_code", "u1", (31,))])
OLD_SUMMARY_FRAME = np.dtype([("dom_id", "<i4"), ("status", "<u4"), ("rate_code", "u1", (31,))])
_COUNT = np.dtype("<i4")
_FRAME_ENDS = struct.Struct("<i")


def head(kind: str, legacy: bool) -> np.dtype:
    """The fixed part of a record, up to its first count."""
    version = [] if legacy else [("version", "<i2")]
    return np.dtype([("length", "<i4"), ("type", "<i4"), *version, *_KEY, *_UTC, *(_TRIGGER if kind == EVENT else [("n", "<i4")])])


@dataclasses.dataclass(frozen=True)
class Records:
    """Neighbouring records of one kind.

    Parameters
    ----------
    payload : ndarray of uint8
    starts, sizes : ndarray of int64, shape (records,)
        Where they stand in `payload`.
    kind : str
    legacy : bool
    where, tree : str
        File and tree, for messages.
    first : int
        Number of the first record in its tree.
    """

    payload: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    kind: str
    legacy: bool
    where: str
    tree: str
    first: int

    def demand(self, ok: np.ndarray, what: str, *, found: np.ndarray | None = None, expected: Any = None) -> None:
        """Raise unless all records are in order.

        Raises
        ------
        CorruptFileError
            For the first run of neighbouring records that are not.
        """
        if ok.all():
            return
        low = int(np.argmin(ok))
        high = low + (int(np.argmax(ok[low:])) or len(ok) - low)
        shown = None if found is None else found[low]
        raise CorruptFileError(what, where=self.where, found=shown, expected=expected, tree=self.tree, start=self.first + low, stop=self.first + high)  # fmt: skip

    def heads(self) -> Columns:
        """The fixed part of every record as columns, checked."""
        dtype = head(self.kind, self.legacy)
        self.demand(self.sizes >= dtype.itemsize, "A record is too short", found=self.sizes, expected=f"at least {dtype.itemsize} bytes")
        rows = gather(self.payload, self.starts, ones(len(self.starts)), dtype)
        columns = {name: native(rows[name]) for name in dtype.names or ()}
        if not self.legacy:
            version = VERSIONS[self.kind]
            self.demand(
                columns["version"] == version, "A record is of a version that is not known", found=columns["version"], expected=version
            )
        for name in ("run", "frame_index"):
            self.demand(columns[name] >= 0, f"A {name} is negative", found=columns[name], expected="0 or more")
        self.demand(columns["cycles"] < _CYCLES_PER_SECOND, "The cycles of 16 ns are more than a second", found=columns["cycles"])
        if self.kind == EVENT:
            self.demand(columns["trigger_counter"] < 2**63, "A trigger counter does not fit into 63 bits", found=columns["trigger_counter"])
        return columns

    def list_at(self, at: np.ndarray, counts: np.ndarray, dtype: np.dtype, *, last: bool) -> tuple[np.ndarray, np.ndarray]:
        """`counts` packed records from byte `at` on, checked to end inside their record (at its end, if `last`), and where they end."""
        ends = at + counts * dtype.itemsize
        limit = self.starts + self.sizes
        fits = (counts >= 0) & ((ends == limit) if last else (ends <= limit))
        self.demand(fits, "A record does not hold what it counts", found=counts, expected=f"n x {dtype.itemsize} bytes")
        return gather(self.payload, at, counts, dtype), ends


Decoded = tuple[dict[str, Columns], dict[str, np.ndarray]]


def windows(starts: np.ndarray, sizes: np.ndarray, start: int, stop: int, nbytes: int) -> Iterator[tuple[int, int]]:
    """Cut the records ``start:stop`` into stretches of the file of about `nbytes`, at least one record each; records of other types in between count.

    Examples
    --------
    >>> list(windows(np.array([0, 10, 30, 40]), np.array([10, 10, 10, 90]), 0, 4, 20))
    [(0, 2), (2, 3), (3, 4)]
    """
    ends = starts + sizes
    low = start
    while low < stop:
        high = max(low + 1, int(np.searchsorted(ends[low:stop], starts[low] + nbytes, "right")) + low)
        yield low, high
        low = high


def fits(payload: np.ndarray, kind: str, legacy: bool) -> bool:
    """Whether the bytes are one record of this kind, to the last byte."""
    record = Records(payload, np.zeros(1, np.int64), np.array([len(payload)]), kind, legacy, "", "", 0)
    try:
        _DECODERS[kind](record)
    except CorruptFileError:
        return False
    return True


def decode(records: Records) -> Decoded:
    """Tables and offsets of the stream that the records belong to.

    Raises
    ------
    CorruptFileError
        With the records that contradict themselves.
    """
    tables, offsets = _DECODERS[records.kind](records)
    good = np.ones(len(records.starts), bool)
    for name, first in offsets.items():
        of_record = first[offsets["frames"]] if name == "hits" and "frames" in offsets else first
        good &= possible(tables[name], np.diff(of_record))
    records.demand(good, "A hit or frame names a module or channel that cannot be", expected=POSSIBLE)
    return tables, offsets


def _row(columns: Columns, first: int) -> Columns:
    n = len(columns["run"])
    return {
        "run": columns["run"].astype(np.uint32),
        "frame_index": columns["frame_index"].astype(np.uint32),
        "detector_id": columns["detector_id"],
        "utc_ns": utc_ns(columns["seconds"], columns["cycles"]),
        "clock_status": clock_status(columns["seconds"]),
        "preamble_length": columns["length"],
        "source_input": np.zeros(n, np.uint16),
        "source_entry": np.arange(first, first + n, dtype=np.uint64),
    }


def _events(records: Records) -> Decoded:
    columns = records.heads()
    n_triggered = columns["n_triggered"].astype(np.int64)
    at = records.starts + head(EVENT, records.legacy).itemsize
    marked, at = records.list_at(at, n_triggered, TRIGGERED_HIT, last=False)
    count, at = records.list_at(at, ones(len(at)), _COUNT, last=False)
    n_hits = count.astype(np.int64)
    hits, _ = records.list_at(at, n_hits, KEY_HIT, last=True)
    return km3net_triggered.event_tables(_row(columns, records.first), columns, hits, n_hits, marked, n_triggered)


def _rates(records: Records) -> Decoded:
    columns = records.heads()
    counts = columns["n"].astype(np.int64)
    dtype = OLD_SUMMARY_FRAME if records.legacy else SUMMARY_FRAME
    frames, _ = records.list_at(records.starts + head(SUMMARY, records.legacy).itemsize, counts, dtype, last=True)
    table = {name: native(frames[name]) for name in dtype.names or ()}
    if not records.legacy:
        received, largest = table["daq"] & np.uint32(0xFFFF), table["daq"] >> np.uint32(16)
        table["udp_complete"] = ((received == largest + 1) & (table["fifo"] >> np.uint32(31) == 1)).astype(np.uint8)
        veto, full = (channel_bits(table[name]) for name in ("status", "fifo"))
        table["flags"] = veto | full << 1 | (table["rate_code"] == 0).astype(np.uint8) << 2
    return {"slices": {**_row(columns, records.first), "n_frames": counts.astype(np.uint32)}, "frames": table}, {
        "frames": offsets_of(counts)
    }


def channel_bits(words: np.ndarray) -> np.ndarray:
    """Bits 0 to 30 of uint32 words as uint8, shape (words, 31).

    Examples
    --------
    >>> channel_bits(np.array([5], np.uint32))[0, :4].tolist()
    [1, 0, 1, 0]
    """
    return np.unpackbits(words.astype("<u4").view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")[:, :31]


def _timeslices(records: Records) -> Decoded:
    columns = records.heads()
    counts = columns["n"].astype(np.int64)
    at = records.starts + head(TIMESLICE, records.legacy).itemsize
    # A frame takes 56 bytes at least: no count may make us look for more frames than there can be.
    room = records.starts + records.sizes - at
    records.demand((counts >= 0) & (counts * FRAME.itemsize <= room), "A timeslice does not hold the frames it counts", found=counts)
    places = _frame_places(records, at, counts)
    frames = gather(records.payload, places, ones(len(places)), FRAME)
    table = {name: native(frames[name]) for name in FRAME.names or ()}
    entry = np.repeat(np.arange(len(counts)), counts)
    n_hits = table["n"].astype(np.int64)
    _check_frames(records, table, columns, entry)
    hits = gather(records.payload, places + FRAME.itemsize, n_hits, HIT)
    first, of_frame = offsets_of(counts), offsets_of(n_hits)
    tables = {
        "slices": {
            **_row(columns, records.first),
            "n_frames": counts.astype(np.uint32),
            "n_hits": np.diff(of_frame[first]).astype(np.uint32),
        },
        "frames": {
            **{name: table[name] for name in ("dom_id", "daq", "status", "fifo", "status3", "status4")},
            "clock_status": clock_status(table["seconds"]),
            "frame_length": table["length"],
        },
        "hits": {name: native(hits[name]) for name in HIT.names or ()},
    }
    return tables, {"frames": first, "hits": of_frame}


def _frame_places(records: Records, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """First byte of every frame.

    Each frame says where the next begins, so this is a loop over frames: it takes 0.1 us for one, whatever its hits, and a frame is 56 bytes at least.
    """
    # A memoryview of bytes is far quicker to unpack from than an array.
    data, length_at = memoryview(records.payload), _FRAME_ENDS.unpack_from
    places: list[int] = []
    limits = records.starts + records.sizes
    for n, (start, count, limit) in enumerate(zip(starts.tolist(), counts.tolist(), limits.tolist(), strict=True)):
        at, room = start, limit - FRAME.itemsize
        for _ in range(count):
            length = length_at(data, at)[0] if at <= room else 0
            if length < FRAME.itemsize:
                break
            places.append(at)
            at += length
        if at != limit:
            records.demand(np.arange(len(counts)) != n, "The frames of a timeslice do not end where it does", found=np.full(len(counts), at - start), expected=f"{limit - start} bytes")  # fmt: skip
    return np.array(places, np.int64)


def _check_frames(records: Records, frames: Columns, header: Columns, entry: np.ndarray) -> None:
    """What a frame repeats of its slice, and its length, must agree. The clock status, bit 31 of the seconds, is each frame's own."""
    good = {name: frames[name] == header[name][entry] for name in ("detector_id", "run", "frame_index", "cycles")}
    good["seconds"] = (frames["seconds"] ^ header["seconds"][entry]) & np.uint32(SECONDS) == 0
    good["type"] = frames["type"] == _SUPERFRAME
    good["length"] = frames["length"] == FRAME.itemsize + HIT.itemsize * frames["n"].astype(np.int64)
    for name, ok in good.items():
        whole = np.ones(len(header["run"]), bool)
        whole[entry[~ok]] = False
        records.demand(whole, f"A frame disagrees with its slice or itself in '{name}'")


_DECODERS: dict[str, Callable[[Records], Decoded]] = {EVENT: _events, SUMMARY: _rates, TIMESLICE: _timeslices}
