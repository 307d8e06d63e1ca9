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
import pyarrow.compute as pc

from antdask.errors import UnknownLayoutError
from antdask.model.ragged import offsets_of
from antdask.sources.km3net_records import BLOCK, COUNTED, MEMBER_WISE, VECTOR, demand, gather, native, ones
from antdask.sources.layout_record import Record
from antdask.sources.root_baskets import Basket, numbers
from antdask.sources.root_branch import Branch
from antdask.sources.root_leaf import COLLECTION, MEMBER, leaf_of

Columns = dict[str, np.ndarray]

# Where the class version stands in an entry that stands member by member [byte].
_OWN = 6
# Uncompressed bytes that are taken apart at once, and that columns may take beforehand [byte].
_PIECE, _ROOM = 8 * 2**20, 64 * 2**20


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
    """In pieces that stay in the processor's cache, and of which only the columns are kept."""
    columns, counts = _Columns(record, branch.nbytes_of(start, stop)), []
    for basket in branch.pieces(start, stop, _PIECE):
        wise = _head(branch, basket)
        if not wise.all():
            # Their headers are compared over the whole range.
            return _mixed(branch, record, branch.read(start, stop))
        made, found = _members(branch, basket, record)
        columns.append(made)
        counts.append(found)
    return columns.done(), np.concatenate([np.zeros(0, np.int64), *counts])


def _head(branch: Branch, basket: Basket) -> np.ndarray:
    """Whether each entry stands member by member; its byte count is checked."""
    sizes = basket.sizes
    demand(
        sizes >= VECTOR.itemsize,
        branch,
        basket.start,
        "An entry is shorter than the header of a vector",
        found=sizes,
        expected="10 or more",
    )
    head = gather(basket.payload, basket.starts, ones(len(sizes)), VECTOR)
    framed = (head["count"] & COUNTED != 0) & (head["count"] & ~np.uint32(COUNTED) == sizes - 4)
    demand(
        framed, branch, basket.start, "The byte count of a vector is not the size of its entry", found=head["count"] & ~np.uint32(COUNTED)
    )
    found: np.ndarray = (head["version"] & MEMBER_WISE) != 0
    return found


class _Columns:
    """Columns of a record that grow piece by piece."""

    def __init__(self, record: Record, nbytes: int) -> None:
        # What is not filled takes no memory, but the estimate of a damaged file may be anything.
        room = min(max(0, nbytes), _ROOM) // record.nbytes
        self._columns = {f.name: np.empty(room, f.dtype) for f in record.fields}
        self._filled = 0

    def append(self, columns: Columns) -> None:
        begin, end = self._filled, self._filled + len(next(iter(columns.values())))
        for name, column in columns.items():
            held = self._columns[name]
            if end > len(held):
                self._columns[name] = np.empty(max(end, 2 * begin), held.dtype)
                self._columns[name][:begin] = held[:begin]
            self._columns[name][begin:end] = column
        self._filled = end

    def done(self) -> Columns:
        return {name: column[: self._filled] for name, column in self._columns.items()}


def _mixed(branch: Branch, record: Record, basket: Basket) -> tuple[Columns, np.ndarray]:
    """Entries of which some stand object by object: file after file may have been written in another way before they became one."""
    wise = _head(branch, basket)
    edges = [0, *(np.flatnonzero(np.diff(wise)) + 1).tolist(), len(wise)]
    found = []
    for a, b in itertools.pairwise(edges):
        run = basket.cut(basket.start + a, basket.start + b)
        found.append(_members(branch, run, record) if wise[a] else _objects(branch, run, record))
    columns = {f.name: native(np.concatenate([made[f.name] for made, _ in found])) for f in record.fields}
    return columns, np.concatenate([counts for _, counts in found])


def _objects(branch: Branch, basket: Basket, record: Record) -> tuple[Columns, np.ndarray]:
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


def _members(branch: Branch, basket: Basket, record: Record) -> tuple[Columns, np.ndarray]:
    """Entries that stand member by member, in the byte order of the file.

    Every entry is cut into its header and its members; these pieces are values of variable length to Arrow, which lays them in another order faster than any index
    of elements could::

        h0 a0 a0 b0 b0 | h1 a1 b1    ->    a0 a0 a1  b0 b0 b1
    """
    sizes, starts, start = basket.sizes, basket.starts, basket.start
    # A class without version of its own is told by its checksum.
    own = gather(basket.payload, starts + _OWN, ones(len(sizes)), np.dtype(">u2"))
    length = np.where(own == 0, 16, 12)
    demand(sizes >= length, branch, start, "An entry is shorter than the header of a vector", found=sizes, expected="16 or more")
    counts = gather(basket.payload, starts + length - 4, ones(len(sizes)), np.dtype(">u4")).astype(np.int64)
    demand(sizes - length == counts * record.nbytes, branch, start, "A vector is not as long as its structures", found=sizes)
    total = int(counts.sum())
    if not total:
        return {f.name: np.zeros(0, f.dtype) for f in record.fields}, counts
    widths = np.array([np.dtype(f.dtype).itemsize for f in record.fields], np.int64)
    within = np.cumsum(widths) - widths
    edges = np.concatenate([starts[:, None], (starts + length)[:, None] + counts[:, None] * within], axis=1)
    entries, pieces = edges.shape
    buffers = [None, pa.py_buffer(np.append(edges.reshape(-1), len(basket.payload))), pa.py_buffer(basket.payload)]
    cells = pa.LargeBinaryArray.from_buffers(pa.large_binary(), entries * pieces, buffers)
    order = np.arange(1, pieces)[:, None] + pieces * np.arange(entries)
    # Memory of the C library, which keeps it for the next piece; Arrow's own gives it back to the system.
    data = np.frombuffer(pc.take(cells, pa.array(order.reshape(-1)), memory_pool=pa.system_memory_pool()).buffers()[2], np.uint8)
    ends = total * np.cumsum(widths)
    columns = {
        f.name: data[end - width * total : end].view(np.dtype(f.dtype).newbyteorder(">"))
        for f, end, width in zip(record.fields, ends.tolist(), widths.tolist(), strict=True)
    }
    return columns, counts
