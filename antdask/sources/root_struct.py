"""Vectors of structures in ROOT branches, whole or split, into a column per member.

A vector that is not split stands in one branch, *member by member* (bit 0x4000 of the version), with one header for each entry::

    count | 0x40000000 u4 | version | 0x4000 u2 | class version u2 | checksum u4, if the class version is 0 | n u4 | n x member 1 | n x member 2 ...

One that stands *object by object* (the bit is not set) has a header for each structure; read as the other form it would give wrong values without any error::

    count | 0x40000000 u4 | version u2 | n u4 | n x ( count | 0x40000000 u4 | class version u2 | checksum u4, if the class version is 0 | members )

A split one has a branch for each member, ``Hits.Line``, and one for the numbers, ``Hits``.
"""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa

from antdask.errors import UnknownLayoutError
from antdask.model.ragged import offsets_of
from antdask.sources.km3net_records import BLOCK, COUNTED, MEMBER_WISE, VECTOR, demand, gather, native, ones
from antdask.sources.layout_record import Record
from antdask.sources.root_baskets import Basket, numbers
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
    demand(sizes >= VECTOR.itemsize, branch, start, "An entry is shorter than the header of a vector", found=sizes, expected="10 or more")
    head = gather(basket.payload, starts, np.ones(len(starts), np.int64), _HEAD)
    wise = (head["version"] & MEMBER_WISE) != 0
    framed = (head["count"] & COUNTED != 0) & (head["count"] & ~np.uint32(COUNTED) == sizes - 4)
    demand(framed, branch, start, "The byte count of a vector is not the size of its entry", found=head["count"] & ~np.uint32(COUNTED))
    if not wise.all():
        return _mixed(branch, record, start, basket, wise)
    # A class without version of its own is told by its checksum.
    length = np.where(head["class"] == 0, 16, 12)
    demand(sizes >= length, branch, start, "An entry is shorter than the header of a vector", found=sizes, expected="16 or more")
    counts = gather(basket.payload, starts + length - 4, np.ones(len(starts), np.int64), np.dtype(">u4")).astype(np.int64)
    demand(sizes - length == counts * record.nbytes, branch, start, "A vector is not as long as its structures", found=sizes)
    return _members(basket.payload, starts, length, counts, record), counts


def _mixed(branch: Branch, record: Record, start: int, basket: Basket, wise: np.ndarray) -> tuple[Columns, np.ndarray]:
    """Entries of which some stand object by object: file after file may have been written in another way before they became one."""
    edges = [0, *(np.flatnonzero(np.diff(wise)) + 1).tolist(), len(wise)]
    found = []
    for a, b in itertools.pairwise(edges):
        if wise[a]:
            found.append(_whole(branch, record, start + a, start + b))
        else:
            found.append(_objects(branch, record, basket.cut(basket.start + a, basket.start + b)))
    columns = {f.name: np.concatenate([made[f.name] for made, _ in found]) for f in record.fields}
    return columns, np.concatenate([counts for _, counts in found])


def _objects(branch: Branch, record: Record, basket: Basket) -> tuple[Columns, np.ndarray]:
    """Entries that stand object by object; every header is checked."""
    sizes, start = basket.sizes, basket.start
    counts = gather(basket.payload, basket.starts, ones(len(sizes)), VECTOR)["n"].astype(np.int64)
    # Headers are of one length in all entries: that of the first object.
    first = int(np.argmax(counts > 0))
    plain = not counts[first] or sizes[first] - VECTOR.itemsize == counts[first] * (BLOCK.itemsize + record.nbytes)
    block = [("count", ">u4"), ("version", ">u2"), *([] if plain else [("checksum", ">u4")])]
    members = np.dtype([*block, *((f"m{k}", np.dtype(f.dtype).newbyteorder(">")) for k, f in enumerate(record.fields))])
    fits = sizes == VECTOR.itemsize + counts * members.itemsize
    demand(fits, branch, start, "A vector is not as long as its structures", found=sizes)
    objects = gather(basket.payload, basket.starts + VECTOR.itemsize, counts, members)
    good = (objects["count"] == COUNTED | (members.itemsize - 4)) & ((objects["version"] != 0) if plain else (objects["version"] == 0))
    if not plain:
        good &= objects["checksum"] == objects["checksum"][0]
    bad = np.diff(np.append(0, np.cumsum(~good))[offsets_of(counts)]) > 0
    demand(~bad, branch, start, "A structure does not begin with its header")
    return {f.name: native(objects[f"m{k}"]) for k, f in enumerate(record.fields)}, counts


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
