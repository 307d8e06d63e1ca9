"""Vectors of structures in ROOT branches, whole or split, into a column per member.

A vector that is not split stands in one branch, *member by member* (bit 0x4000 of the version), with one header for each entry::

    count | 0x40000000 u4 | version | 0x4000 u2 | class version u2 | checksum u4, if the class version is 0 | n u4 | n x member 1 | n x member 2 ...

A split one has a branch for each member, ``Hits.Line``, and one for the numbers, ``Hits``. A vector that stands *object by object* is refused by name: read as the
other form it can give wrong values without any error.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from antdask.errors import UnknownLayoutError
from antdask.sources.km3net_records import COUNTED, MEMBER_WISE, demand, gather, native
from antdask.sources.layout_record import Record
from antdask.sources.root_baskets import numbers
from antdask.sources.root_branch import Branch
from antdask.sources.root_leaf import COLLECTION, MEMBER, leaf_of

Columns = dict[str, np.ndarray]


def check_struct(branch: Branch, record: Record) -> None:
    """Make sure that a branch holds vectors of structures with the members of a record.

    Raises
    ------
    UnknownLayoutError
        It does not, as far as the branch tells: a whole vector shows its members only when it is read.
    """
    leaf = leaf_of(branch)
    if leaf.dtype != "V":
        raise UnknownLayoutError(
            "The branch holds no structures", where=branch.where, found=leaf.dtype, expected=f"a vector of '{record.name}'"
        )
    if not branch.children:
        return
    members = {child.name.rpartition(".")[2]: child for child in branch.children}
    wanted = [f.name for f in record.fields]
    if leaf.kind != COLLECTION or list(members) != wanted:
        raise UnknownLayoutError(
            "The structure has other members than in the map", where=branch.where, found=", ".join(members), expected=", ".join(wanted)
        )
    for field in record.fields:
        found = leaf_of(members[field.name])
        if (found.kind, found.dtype, found.width) != (MEMBER, field.dtype, 1):
            raise UnknownLayoutError(
                "A member has another type than in the map", where=members[field.name].where, found=found.dtype, expected=field.dtype
            )


def read_struct(branch: Branch, record: Record, start: int, stop: int) -> tuple[Columns, np.ndarray]:
    """Members of all structures of the entries ``start:stop``, by name, and the number of structures of each entry, int64.

    Raises
    ------
    CorruptFileError
        With the entries that contradict themselves.
    UnknownLayoutError
        A form of vector that is not read.
    """
    return _split(branch, record, start, stop) if branch.children else _whole(branch, record, start, stop)


def _split(branch: Branch, record: Record, start: int, stop: int) -> tuple[Columns, np.ndarray]:
    counted = branch.read(start, stop)
    demand(counted.sizes == 4, branch, start, "An entry does not count its structures in four bytes", found=counted.sizes, expected=4)
    counts = counted.payload.view(">i4").astype(np.int64)
    demand(counts >= 0, branch, start, "A number of structures is negative", found=counts)
    columns = {}
    for field, child in zip(record.fields, branch.children, strict=True):
        basket = child.read(start, stop)
        demand(
            basket.sizes == counts * np.dtype(field.dtype).itemsize,
            child,
            start,
            "A member does not have as many values as there are structures",
            found=basket.sizes,
        )
        columns[field.name] = numbers(basket, field.dtype)
    return columns, counts


def _whole(branch: Branch, record: Record, start: int, stop: int) -> tuple[Columns, np.ndarray]:
    basket = branch.read(start, stop)
    starts = basket.size * np.arange(stop - start, dtype=np.int64) if basket.offsets is None else basket.offsets[:-1]
    sizes = basket.sizes
    demand(sizes >= 12, branch, start, "An entry is shorter than the header of a vector", found=sizes, expected="12 or more")
    head = gather(basket.payload, starts, np.ones(len(starts), np.int64), _HEAD)
    wise = (head["version"] & MEMBER_WISE) != 0
    framed = (head["count"] & COUNTED != 0) & (head["count"] & ~np.uint32(COUNTED) == sizes - 4)
    demand(framed, branch, start, "The byte count of a vector is not the size of its entry", found=head["count"] & ~np.uint32(COUNTED))
    if not wise.all():
        raise UnknownLayoutError("Vectors of structures that stand object by object are not read", where=branch.where, hint="Write the tree again with ROOT's default, member by member.")  # fmt: skip
    # A class without version of its own is told by its checksum.
    length = np.where(head["class"] == 0, 16, 12)
    demand(sizes >= length, branch, start, "An entry is shorter than the header of a vector", found=sizes, expected="16 or more")
    counts = gather(basket.payload, starts + length - 4, np.ones(len(starts), np.int64), np.dtype(">u4")).astype(np.int64)
    demand(sizes - length == counts * record.nbytes, branch, start, "A vector is not as long as its structures", found=sizes)
    return _members(basket.payload, starts, length, counts, record), counts


def _members(payload: np.ndarray, starts: np.ndarray, headers: np.ndarray, counts: np.ndarray, record: Record) -> Columns:
    """Columns from entries that stand member by member behind headers of these lengths, and fill the payload.

    Every entry is cut into its header and its members; these pieces are values of variable length to Arrow, which lays them in another order faster than any index
    of elements could::

        h0 a0 a0 b0 b0 | h1 a1 b1    ->    a0 a0 a1  b0 b0 b1
    """
    if not counts.any():
        return {f.name: np.zeros(0, f.dtype) for f in record.fields}
    widths = np.array([np.dtype(f.dtype).itemsize for f in record.fields], np.int64)
    within = np.concatenate([np.zeros(1, np.int64), np.cumsum(widths)[:-1]])
    edges = np.concatenate([starts[:, None], (starts + headers)[:, None] + counts[:, None] * within], axis=1)
    entries, pieces = edges.shape
    buffers = [None, pa.py_buffer(np.append(edges.reshape(-1), len(payload))), pa.py_buffer(payload)]
    cells = pa.LargeBinaryArray.from_buffers(pa.large_binary(), entries * pieces, buffers)
    order = np.arange(1, pieces)[:, None] + pieces * np.arange(entries)
    data = np.frombuffer(cells.take(pa.array(order.reshape(-1))).buffers()[2], np.uint8)
    ends = np.cumsum(widths * int(counts.sum())).tolist()
    return {
        f.name: native(data[end - width * int(counts.sum()) : end].view(np.dtype(f.dtype).newbyteorder(">")))
        for f, end, width in zip(record.fields, ends, widths.tolist(), strict=True)
    }


_HEAD = np.dtype([("count", ">u4"), ("version", ">u2"), ("class", ">u2")])
