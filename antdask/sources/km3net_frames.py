"""Frames of KM3NeT timeslices (``vector<JDAQSuperFrame>``) in the three ways in which ROOT writes them, into the same columns.

Split          the branch has sub-branches, one per member, and counts the frames itself; the hits stand in ``.buffer``.
Member-wise    one branch, bit 0x4000 of the version set: all lengths, then all types, … then all hits.
Object-wise    one branch, the bit not set: frame after frame, each a tree of blocks.

Split or not is seen from the branches; the other two from the bit, entry by entry. Layouts (bytes)::

    member-wise   count 4 | version 2 | class 2 | n 4 | n x (length 4), n x (type 4), n x (TObject 10), n x (detector_id 4), … | block 6 | hits 6 each
                  an empty vector ends after n
    object-wise   count 4 | version 2 | n 4 | n x (frame of 110 | hits 6 each)
    split         .buffer: block 6 | hits 6 each
"""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np

from antdask.errors import UnknownLayoutError
from antdask.model.ragged import offsets_of
from antdask.sources.km3net_headers import SECONDS
from antdask.sources.km3net_records import (
    BLOCK,
    COUNTED,
    HIT,
    MEMBER_WISE,
    POSSIBLE,
    VECTOR,
    demand,
    gather,
    layout,
    native,
    ones,
    vector_head,
)
from antdask.sources.root_baskets import Basket
from antdask.sources.root_branch import Branch

VECTOR_BRANCH = "vector<KM3NETDAQ::JDAQSuperFrame>"
_SUPERFRAME = 101
_CLASS_VERSION = 3

_MEMBER_WISE_HEAD = np.dtype([("count", ">u4"), ("version", ">u2"), ("class_version", ">u2"), ("n", ">u4")])
_TOBJECT = np.dtype([("version", ">u2"), ("unique_id", ">u4"), ("bits", ">u4")])
_UTC = np.dtype([("block", BLOCK), ("seconds", ">u4"), ("cycles", ">u4")])
_STATUS = tuple((name, ">u4") for name in ("daq", "status", "fifo", "status_3", "status_4"))
#: Members in the order of the streamer, each a column in the member-wise form.
_MEMBERS: tuple[tuple[str, np.dtype], ...] = tuple(
    (name, np.dtype(cast(Any, kind)))
    for name, kind in (
        ("length", ">i4"),
        ("type", ">i4"),
        ("TObject", _TOBJECT),
        ("detector_id", ">i4"),
        ("run", ">i4"),
        ("frame_index", ">i4"),
        ("timeslice_start", _UTC),
        ("id", ">i4"),
        *_STATUS,
        ("numberOfHits", ">i4"),
    )
)
_MEMBER_BYTES = sum(dtype.itemsize for _, dtype in _MEMBERS)
#: A frame of the object-wise form up to its hits; blocks that grow with the hits are given as 0.
_OBJECT = layout(
    (0, _CLASS_VERSION),
    ("length", ">i4"),
    ("type", ">i4"),
    (76, 2),
    (34, 2),
    (28, 3),
    ("detector_id", ">i4"),
    ("run", ">i4"),
    ("frame_index", ">i4"),
    (10, 1),
    ("seconds", ">u4"),
    ("cycles", ">u4"),
    (6, 1),
    ("id", ">i4"),
    (22, 1),
    *_STATUS,
    (0, 1),
    ("numberOfHits", ">i4"),
    (0, 0),
)
#: Blocks that grow with the hits: their byte count without hits. The last is of ROOT's own class, whose version follows that of ROOT.
_GROWING = {"block 0": 106, "block 7": 12, "block 8": 2}
#: Members that every frame repeats from the header of its slice.
_REPEATED = ("detector_id", "run", "frame_index", "cycles")


@dataclasses.dataclass(frozen=True)
class Frames:
    """Frames of consecutive entries.

    Parameters
    ----------
    counts : ndarray of int64, shape (entries,)
        Frames of each entry.
    columns : dict of str to ndarray, shape (frames,)
        Members in native byte order; ``seconds`` and ``cycles`` for the time.
    payload : ndarray of uint8
        Where the hits stand.
    hit_starts : ndarray of int64, shape (frames,)
        First byte of the hits of each frame in `payload`.
    """

    counts: np.ndarray
    columns: dict[str, np.ndarray]
    payload: np.ndarray
    hit_starts: np.ndarray

    @property
    def entry(self) -> np.ndarray:
        """Entry of each frame, int64, from 0."""
        return np.repeat(np.arange(len(self.counts), dtype=np.int64), self.counts)

    def hits(self) -> np.ndarray:
        """Hit records of all frames, in their order."""
        return gather(self.payload, self.hit_starts, self.columns["numberOfHits"].astype(np.int64), HIT)


def read_frames(branch: Branch, start: int, stop: int) -> Frames:
    """Frames of the entries ``start:stop``, however they were written.

    Parameters
    ----------
    branch : Branch
        Of the vector of frames.

    Raises
    ------
    CorruptFileError
        With the entries whose bytes contradict themselves.
    UnknownLayoutError
        A split branch lacks a member.
    """
    if branch.children:
        return _split(branch, start, stop)
    basket = branch.read(start, stop)
    member_wise = vector_head(branch, basket, BLOCK)["version"] & MEMBER_WISE != 0
    if member_wise.all():
        return _member_wise(branch, basket, member_wise)
    if not member_wise.any():
        return _object_wise(branch, basket, ~member_wise)
    return _merge(_member_wise(branch, basket, member_wise), _object_wise(branch, basket, ~member_wise))


def check_frames(frames: Frames, header: dict[str, np.ndarray], branch: Branch, start: int) -> None:
    """Compare what frames repeat of the header of their slice. The clock status, bit 31 of the seconds, is each frame's own.

    Raises
    ------
    CorruptFileError
        For entries with a frame of another type, or of another slice.
    """
    entry, columns = frames.entry, frames.columns
    good = {name: columns[name] == header[name][entry] for name in _REPEATED}
    good["seconds"] = (columns["seconds"] ^ header["seconds"][entry]) & np.uint32(SECONDS) == 0
    good["type"] = columns["type"] == _SUPERFRAME
    good["unique_id"] = columns["unique_id"] == 0
    for name, ok in good.items():
        demand(_by_entry(ok, entry, len(frames.counts)), branch, start, f"A frame disagrees with its slice in '{name}'")
    named = _by_entry(columns["id"] > 0, entry, len(frames.counts))
    demand(named, branch, start, "A frame names a module that cannot be", expected=POSSIBLE)


def _by_entry(ok: np.ndarray, entry: np.ndarray, n: int) -> np.ndarray:
    """Whether all frames of each entry are in order."""
    good = np.ones(n, bool)
    good[entry[~ok]] = False
    return good


def _member_wise(branch: Branch, basket: Basket, mine: np.ndarray) -> Frames:
    """Entries that stand column after column; the others count no frames."""
    start, sizes, size = basket.start, basket.sizes, _MEMBER_WISE_HEAD.itemsize
    demand((sizes >= size) | ~mine, branch, start, "A vector of frames is too short", found=sizes, expected=f"at least {size} bytes")
    which = np.flatnonzero(mine)
    heads = gather(basket.payload, basket.starts[which], ones(len(which)), _MEMBER_WISE_HEAD)
    counts, version = np.zeros(len(mine), np.int64), np.full(len(mine), _CLASS_VERSION)
    counts[which], version[which] = heads["n"], heads["class_version"]
    demand(
        version == _CLASS_VERSION, branch, start, "Frames are of a class version that is not known", found=version, expected=_CLASS_VERSION
    )
    filled = counts > 0
    needed = size + np.where(filled, counts * _MEMBER_BYTES + BLOCK.itemsize, 0)
    demand(
        (sizes >= needed) | ~mine,
        branch,
        start,
        "A vector of frames does not hold the frames it counts",
        found=sizes,
        expected="12 + n x 72 + 6 bytes at least",
    )
    columns: dict[str, np.ndarray] = {}
    position = basket.starts + size
    for name, dtype in _MEMBERS:
        columns[name] = gather(basket.payload, position, counts, dtype)
        position = position + counts * dtype.itemsize
    entry = np.repeat(np.arange(len(counts)), counts)
    utc, tobject = columns.pop("timeslice_start"), columns.pop("TObject")
    framed = (utc["block"]["count"] == COUNTED | 10) & (utc["block"]["version"] == 1) & (tobject["version"] == 1)
    demand(_by_entry(framed, entry, len(counts)), branch, start, "A frame has another object inside")
    columns = {name: native(column) for name, column in columns.items()}
    columns |= {"seconds": native(utc["seconds"]), "cycles": native(utc["cycles"]), "unique_id": native(tobject["unique_id"])}
    hits, before = _hit_counts(branch, start, columns["numberOfHits"], counts, entry)
    position = position + BLOCK.itemsize
    fits = (basket.starts + sizes == np.where(filled, position + HIT.itemsize * hits, basket.starts + size)) | ~mine
    demand(fits, branch, start, "A vector of frames does not hold the hits it counts", found=sizes)
    blocks = gather(basket.payload, position[filled] - BLOCK.itemsize, ones(int(filled.sum())), BLOCK)
    counted = np.ones(len(mine), bool)
    counted[filled] = blocks["count"] == COUNTED | (2 + HIT.itemsize * hits[filled])
    demand(counted, branch, start, "The hits of a slice have another byte count than number")
    return Frames(counts, columns, basket.payload, position[entry] + HIT.itemsize * before)


def _object_wise(branch: Branch, basket: Basket, mine: np.ndarray) -> Frames:
    """Entries that stand frame after frame; the others count no frames.

    Where a frame begins is known only from the number of hits of the one before. Strategy: every place that looks like a frame is a candidate (ten constant bytes),
    each points to the place behind it, and those that the first frames of the entries lead to are the frames. Pointers are doubled, so that n frames take log n steps.
    """
    start, sizes, payload, size = basket.start, basket.sizes, basket.payload, VECTOR.itemsize
    demand((sizes >= size) | ~mine, branch, start, "A vector of frames is too short", found=sizes, expected=f"at least {size} bytes")
    counts = np.zeros(len(mine), np.int64)
    which = np.flatnonzero(mine)
    counts[which] = gather(payload, basket.starts[which], ones(len(which)), VECTOR)["n"]
    places = _candidates(payload)
    records = gather(payload, places, ones(len(places)), _OBJECT.dtype)
    ends = places + _OBJECT.dtype.itemsize + HIT.itemsize * records["numberOfHits"].astype(np.int64)
    owner = np.searchsorted(basket.starts, places, "right") - 1
    reached = _follow(places, ends, owner, basket.starts[which] + size)
    places, ends, owner, records = places[reached], ends[reached], owner[reached], records[reached]
    filled = np.zeros(len(mine), np.int64)
    np.add.at(filled, owner, ends - places)
    seen = np.bincount(owner, minlength=len(mine))
    fits = ((seen == counts) & (filled == sizes - size)) | ~mine
    demand(fits, branch, start, "A vector of frames does not hold the frames it counts", found=seen)
    hits = records["numberOfHits"].astype(np.int64)
    for name, (count, version) in _OBJECT.blocks.items():
        grown = count if name not in _GROWING else _GROWING[name] + HIT.itemsize * hits
        good = (records[name]["count"] == COUNTED | grown) & ((records[name]["version"] == version) | (version == 0))
        demand(_by_entry(good & (hits >= 0), owner, len(mine)), branch, start, "A frame has another object inside")
    columns = {name: native(records[name]) for name in _OBJECT.names}
    columns["unique_id"] = np.zeros(len(places), np.uint32)
    return Frames(counts, columns, payload, places + _OBJECT.dtype.itemsize)


def _candidates(payload: np.ndarray) -> np.ndarray:
    """Places where an object-wise frame may begin, int64, ascending: the eight bytes from its second block on are constant, and it lies inside."""
    offset = _OBJECT.dtype.fields["block 1"][1] if _OBJECT.dtype.fields else 0
    count, version = _OBJECT.blocks["block 1"]
    constant = (COUNTED | count) << 32 | version << 16 | COUNTED >> 16
    words = np.ndarray((max(0, len(payload) - 7),), ">u8", buffer=payload, strides=(1,))
    places = np.flatnonzero(words == constant) - offset
    return places[(places >= 0) & (places + _OBJECT.dtype.itemsize <= len(payload))]


def _follow(places: np.ndarray, ends: np.ndarray, owner: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """Which places are reached from `firsts` when each leads to the place at its end, within one entry; bool, shape (places,).

    Examples
    --------
    >>> _follow(np.array([0, 3, 5]), np.array([5, 9, 8]), np.zeros(3, int), np.array([0]))
    array([ True, False,  True])
    """
    n = len(places)
    nowhere = n
    following = np.searchsorted(places, ends)
    known = np.minimum(following, n - 1) if n else following
    follows = (places[known] == ends) & (owner[known] == owner)
    jump = np.append(np.where(follows, known, nowhere), nowhere)
    reached = np.zeros(n + 1, bool)
    reached[np.flatnonzero(np.isin(places, firsts))] = True
    for _ in range(n.bit_length()):
        reached[jump[reached]] = True
        jump = jump[jump]
    return reached[:n]


def _split(branch: Branch, start: int, stop: int) -> Frames:
    """A branch with one sub-branch per member."""
    members = {child.name.removeprefix(f"{branch.name}."): child for child in branch.children}
    names = {
        "timeslice_start.UTC_seconds": "seconds",
        "timeslice_start.UTC_16nanosecondcycles": "cycles",
        "fUniqueID": "unique_id",
        **{name: name for name, _ in _MEMBERS if name not in ("TObject", "timeslice_start")},
    }
    missing = sorted((names.keys() | {"buffer"}) - members.keys())
    if missing:
        raise UnknownLayoutError(
            "The split frames lack a member", where=branch.where, found=", ".join(members), expected=", ".join(missing)
        )
    counter = branch.read(start, stop)
    demand(counter.sizes == 4, branch, start, "The counter of frames has another size", found=counter.sizes, expected="4 bytes")
    counts = np.frombuffer(counter.payload, ">u4").astype(np.int64)
    columns = {}
    for member, name in names.items():
        basket = members[member].read(start, stop)
        demand(basket.sizes == 4 * counts, members[member], start, f"'{member}' does not hold the frames that are counted", found=basket.sizes, expected="4 x n bytes")  # fmt: skip
        columns[name] = native(
            np.frombuffer(basket.payload, ">u4" if name in ("seconds", "cycles", "unique_id") or name in dict(_STATUS) else ">i4")
        )
    buffer = members["buffer"]
    basket = buffer.read(start, stop)
    entry = np.repeat(np.arange(len(counts)), counts)
    hits, before = _hit_counts(branch, start, columns["numberOfHits"], counts, entry)
    fits = basket.sizes == BLOCK.itemsize + HIT.itemsize * hits
    demand(fits, buffer, start, "The buffer does not hold the hits that are counted", found=basket.sizes, expected="6 + 6 x hits bytes")
    vector_head(buffer, basket, BLOCK)
    return Frames(counts, columns, basket.payload, basket.starts[entry] + BLOCK.itemsize + HIT.itemsize * before)


def _hit_counts(branch: Branch, start: int, numbers: np.ndarray, counts: np.ndarray, entry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hits of each entry, and how many stand before each frame in its entry; both int64."""
    demand(_by_entry(numbers >= 0, entry, len(counts)), branch, start, "A frame counts its hits below zero")
    total, frames = offsets_of(numbers), offsets_of(counts)
    first = total[frames[:-1]]
    return total[frames[1:]] - first, total[:-1] - first[entry]


def _merge(a: Frames, b: Frames) -> Frames:
    """Frames of two groups of entries of one payload, in the order of the entries."""
    order = np.argsort(np.concatenate([a.entry, b.entry]), kind="stable")
    columns = {name: np.concatenate([a.columns[name], b.columns[name]])[order] for name in a.columns if name in b.columns}
    return Frames(a.counts + b.counts, columns, a.payload, np.concatenate([a.hit_starts, b.hit_starts])[order])
