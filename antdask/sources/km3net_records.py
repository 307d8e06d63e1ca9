"""Packed records of the KM3NeT DAQ inside ROOT entries: their layouts, and how they are gathered without a loop.

ROOT streams big-endian; only the time of a hit (`tdc`) stands in the byte order of the machine that wrote it, little-endian.
Before most objects stands a *block*: u4 ``0x40000000 | number of bytes that follow``, u2 version of the class. A vector begins with a block and u4 number of records::

    vector of records    block 6 | n u4 | n records
    header of a slice    block | block | block | detector_id run frame_index i4 | block | seconds u4 | cycles u4
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from antdask.model.ragged import offsets_of
from antdask.sources.root_baskets import Basket
from antdask.sources.root_branch import Branch

#: Marks the byte count of a block.
COUNTED = 0x4000_0000
#: Marks, in the version of a vector, that it stands column after column.
MEMBER_WISE = 0x4000
#: Sensors of a module: the channels of its hits, counted from 0.
CHANNELS = 31
#: What `possible` demands, for messages.
POSSIBLE = f"modules above 0, channels below {CHANNELS}"

BLOCK = np.dtype([("count", ">u4"), ("version", ">u2")])
VECTOR = np.dtype([("count", ">u4"), ("version", ">u2"), ("n", ">u4")])
HIT = np.dtype([("channel_id", "u1"), ("tdc", "<u4"), ("tot", "u1")])
KEY_HIT = np.dtype([("dom_id", ">i4"), *HIT.descr])
TRIGGERED_HIT = np.dtype([*KEY_HIT.descr, ("count", ">u4"), ("version", ">u2"), ("trigger_mask", ">u8")])
SUMMARY_FRAME = np.dtype(
    [
        ("dom_id", ">i4"),
        ("daq", ">u4"),
        ("status", ">u4"),
        ("fifo", ">u4"),
        ("status3", ">u4"),
        ("status4", ">u4"),
        ("rate_code", "u1", (31,)),
    ]
)


@dataclasses.dataclass(frozen=True)
class Layout:
    """A record of fixed size with blocks in between.

    Parameters
    ----------
    dtype : numpy.dtype
        Structured, as on disk.
    blocks : dict of str to (int, int)
        Byte count and class version that each block must hold, by field name.
    """

    dtype: np.dtype
    blocks: dict[str, tuple[int, int]]

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that carry data."""
        return tuple(n for n in self.dtype.names or () if n not in self.blocks)


def layout(*parts: tuple[int, int] | tuple[str, str]) -> Layout:
    """A layout from its parts in order: ``(bytes, version)`` is a block, ``(name, dtype)`` a field.

    Examples
    --------
    >>> layout((10, 1), ("trigger_mask", ">u8")).dtype.itemsize
    14
    """
    fields: list[Any] = []
    blocks: dict[str, tuple[int, int]] = {}
    for part in parts:
        name, kind = part
        if isinstance(name, int):
            field = f"block {len(blocks)}"
            blocks[field] = (name, int(kind))
            fields.append((field, BLOCK))
        else:
            fields.append((name, kind))
    return Layout(np.dtype(fields), blocks)


def gather(payload: np.ndarray, starts: np.ndarray, counts: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Records that stand in runs: `counts[i]` of them one after the other from byte `starts[i]` on.

    Parameters
    ----------
    payload : ndarray of uint8
    starts, counts : ndarray of int64
        Every run must lie inside `payload`.
    dtype : numpy.dtype
        Of one record; records need no alignment.

    Returns
    -------
    ndarray of `dtype`
        A view for a single run, else a copy.

    Examples
    --------
    >>> gather(np.arange(8, dtype=np.uint8), np.array([1, 6]), np.array([2, 1]), np.dtype(">u2")).tolist()
    [258, 772, 1543]
    """
    size, total = dtype.itemsize, int(counts.sum())
    if len(starts) == 1:
        return np.frombuffer(payload, dtype, total, int(starts[0])) if total else np.zeros(0, dtype)
    if total == 0:
        return np.zeros(0, dtype)
    # One opaque record per byte position; taking whole records is several times faster than copying bytes behind a mask.
    everywhere = np.ndarray((len(payload) - size + 1,), f"V{size}", buffer=payload, strides=(1,))
    index = np.repeat(starts - size * offsets_of(counts)[:-1], counts) + size * np.arange(total, dtype=np.int64)
    return everywhere[index].view(dtype)


def ones(n: int) -> np.ndarray:
    """Counts for `gather` where each run is a single record."""
    return np.ones(n, np.int64)


def native(column: np.ndarray) -> np.ndarray:
    """A field of records as a contiguous array in native byte order."""
    return np.ascontiguousarray(column, column.dtype.newbyteorder("="))


def possible(records: np.ndarray | Mapping[str, np.ndarray], counts: np.ndarray) -> np.ndarray:
    """Whether all records of each entry name a module and a channel that can be: no sector of zeros, or of anything else, stands in their place.

    Baskets that are not compressed and records on the wire have no checksum; this is all there is to notice damage to hits by. Times and amplitudes may be any number.

    Parameters
    ----------
    records : structured ndarray, or columns
        With dom_id, channel_id, or one of them.
    counts : ndarray of int64, shape (entries,)
        Records of each entry.

    Returns
    -------
    ndarray of bool, shape (entries,)

    Examples
    --------
    >>> hits = np.array([(7, 30), (7, 31), (0, 0)], [("dom_id", ">i4"), ("channel_id", "u1")])
    >>> possible(hits, np.array([1, 0, 2])).tolist()
    [True, True, False]
    """
    names = (records.dtype.names or ()) if isinstance(records, np.ndarray) else records
    ok = np.ones(int(counts.sum()), bool)
    if "dom_id" in names:
        ok &= records["dom_id"] > 0
    if "channel_id" in names:
        ok &= records["channel_id"] < CHANNELS
    good = np.ones(len(counts), bool)
    if not ok.all():
        good[np.searchsorted(offsets_of(counts), np.flatnonzero(~ok), "right") - 1] = False
    return good


def demand(ok: np.ndarray, branch: Branch, start: int, what: str, *, found: np.ndarray | None = None, expected: Any = None) -> None:
    """Raise unless all entries are in order.

    Parameters
    ----------
    ok : ndarray of bool, shape (entries,)
    start : int
        Number of the first of these entries in the tree.
    found : ndarray, shape (entries, ...), optional
        What stands there, for the message.

    Raises
    ------
    CorruptFileError
        For the first run of neighbouring entries that are not.
    """
    if ok.all():
        return
    first = int(np.argmin(ok))
    run = int(np.argmax(ok[first:])) or len(ok) - first
    shown = None if found is None else found[first]
    raise branch.corrupt(what, found=shown, expected=expected, start=start + first, stop=start + first + run)


def fixed(branch: Branch, start: int, stop: int, record: Layout) -> np.ndarray:
    """One record per entry, with every block checked.

    Raises
    ------
    CorruptFileError
        For entries of another size, or with another block.
    """
    basket = branch.read(start, stop)
    size = record.dtype.itemsize
    demand(basket.sizes == size, branch, start, f"'{branch.name}' has another size", found=basket.sizes, expected=f"{size} bytes")
    records = np.frombuffer(basket.payload, record.dtype, stop - start)
    for name, (count, version) in record.blocks.items():
        good = (records[name]["count"] == COUNTED | count) & (records[name]["version"] == version)
        demand(
            good,
            branch,
            start,
            f"'{branch.name}' has another object inside",
            found=records[name],
            expected=f"{count} bytes, class version {version}",
        )
    return records


def vector(branch: Branch, start: int, stop: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """The records of vectors that stand record after record, and how many each entry has.

    Returns
    -------
    records : ndarray of `dtype`
    counts : ndarray of int64, shape (stop - start,)

    Raises
    ------
    CorruptFileError
        For entries whose size, byte count and number of records do not fit together, or that stand column after column.
    """
    basket = branch.read(start, stop)
    head = vector_head(branch, basket, VECTOR)
    counts = head["n"].astype(np.int64)
    demand(head["version"] & MEMBER_WISE == 0, branch, start, f"'{branch.name}' stands column after column, which is not known of it")
    fits = basket.sizes == VECTOR.itemsize + counts * dtype.itemsize
    demand(fits, branch, start, f"'{branch.name}' does not hold the records it counts", found=basket.sizes, expected=f"{VECTOR.itemsize} + n x {dtype.itemsize} bytes")  # fmt: skip
    return gather(basket.payload, basket.starts + VECTOR.itemsize, counts, dtype), counts


def vector_head(branch: Branch, basket: Basket, head: np.dtype) -> np.ndarray:
    """What stands before the records of each vector, after a check of its byte count."""
    sizes = basket.sizes
    demand(
        sizes >= head.itemsize,
        branch,
        basket.start,
        f"'{branch.name}' is too short",
        found=sizes,
        expected=f"at least {head.itemsize} bytes",
    )
    heads = gather(basket.payload, basket.starts, ones(len(sizes)), head)
    demand(heads["count"] == COUNTED | (sizes - 4), branch, basket.start, f"'{branch.name}' has another byte count than size", found=heads["count"] & ~np.uint32(COUNTED), expected="size - 4")  # fmt: skip
    return heads
