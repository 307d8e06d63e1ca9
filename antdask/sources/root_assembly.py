"""Neighbouring baskets of a branch straight into one buffer: the fast way of reading what `root_baskets` reads one by one.

Baskets of a branch begin with the same names, so the headers of many are compared at once; payloads are decompressed into their place, and the offsets of all
baskets are checked at once. Whatever differs from the ordinary in any way, damage included, is not judged here: the caller reads it basket by basket, which names
what is wrong and where.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.ragged import offsets_of
from antdask.sources import root_baskets, root_codecs
from antdask.sources.root_baskets import Basket
from antdask.sources.root_codecs import Opener
from antdask.sources.root_keys import BIG

_WORD = 4


class Raws(NamedTuple):
    """Baskets as they stand in the file, in memory that is only lent, and what the branch says of them; int64, shape (baskets,).

    Parameters
    ----------
    buffer : ndarray of uint8
        Holds all of them.
    starts, sizes, seeks, entries : ndarray of int64
        Where each begins in the buffer, its bytes, its place in the file, its number of entries.
    """

    buffer: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    seeks: np.ndarray
    entries: np.ndarray


@dataclasses.dataclass(frozen=True, slots=True)
class _Form:
    """What the headers of all baskets of a branch have in common."""

    dtype: np.dtype
    names: bytes
    version: int

    @classmethod
    def of(cls, data: memoryview, branch: str) -> _Form | None:
        """From one basket; ``None`` where its header is not ordinary."""
        try:
            key = root_baskets.header_of(data).key
        except (CorruptFileError, UnknownLayoutError):
            return None
        if key.name != branch:
            return None
        (version,) = struct.unpack_from(">h", data, 4)
        seek = ">i8" if version > BIG else ">i4"
        before = [("nbytes", ">i4"), ("version", ">i2"), ("objlen", ">i4"), ("date", ">u4"), ("keylen", ">i2"), ("cycle", ">i2"), ("seek", seek), ("parent", seek)]  # fmt: skip
        behind = [("class", ">u2"), ("bufsize", ">i4"), ("reserved", ">i4"), ("entries", ">i4"), ("last", ">i4"), ("flag", "u1")]
        head = np.dtype(before).itemsize
        names = key.keylen - head - np.dtype(behind).itemsize
        dtype = np.dtype([*before, ("names", f"S{names}"), *behind])
        return cls(dtype, bytes(data[head : head + names]).rstrip(b"\0"), version)

    def read(self, raws: Raws) -> np.ndarray | None:
        """The headers as records; ``None`` where one is of another form."""
        if (raws.sizes < self.dtype.itemsize).any():
            return None
        found = records(raws.buffer, self.dtype, raws.starts)
        same = (found["version"] == self.version) & (found["keylen"] == self.dtype.itemsize) & (found["names"] == self.names)
        return found if same.all() else None


def records(buffer: np.ndarray, dtype: np.dtype, starts: np.ndarray) -> np.ndarray:
    """Records that begin at these bytes of a buffer, and end inside it.

    Examples
    --------
    >>> records(np.arange(5, dtype=np.uint8), np.dtype([("a", ">u2"), ("b", "u1")]), np.array([2, 0])).tolist()
    [(515, 4), (1, 2)]
    """
    # A record at every byte, of which the wanted ones are taken.
    found: np.ndarray = np.ndarray(len(buffer) - dtype.itemsize + 1, dtype, buffer, strides=(1,))[starts]
    return found


class _Layout(NamedTuple):
    """Where the content of each basket is, and where it goes.

    A payload is followed by its table of offsets, over which the next payload goes::

        first   pppppppppppttt
        second             pppppppttt
                          |      |   middles: where a payload ends
    """

    openers: list[Opener]
    begins: np.ndarray
    borders: np.ndarray
    middles: np.ndarray
    rests: np.ndarray
    keylen: int


class Assembler:
    """Puts baskets of one branch together; it remembers what their headers look like.

    Parameters
    ----------
    branch : str
        Name of the branch, which every basket repeats.
    """

    def __init__(self, branch: str) -> None:
        self._branch = branch
        self._form: _Form | None = None

    def join(self, start: int, before: Sequence[Basket], raws: Raws, after: Sequence[Basket]) -> Basket | None:
        """Baskets that follow each other as one, with a payload of its own that nobody else sees.

        Parameters
        ----------
        start : int
            The first entry.
        before, after : sequence of Basket
            Read already: baskets that the range of entries cuts.
        raws : Raws
            At least one.

        Returns
        -------
        Basket or None
            ``None`` where anything is not ordinary.
        """
        try:
            # Sizes are checked against what the blocks can hold before anything is allocated.
            layout = self._layout(raws)
            if layout is None:
                return None
            lead, behind = sum(len(b.payload) for b in before), sum(len(b.payload) for b in after)
            size, reach = int(layout.middles[-1]), int((layout.middles + layout.rests).max())
            table = np.empty(int(layout.rests.sum()) // _WORD, ">i4")
            room = np.empty(lead + max(size + behind, reach), np.uint8)
            _fill(raws, layout, memoryview(room)[lead:], memoryview(table.view(np.uint8)))
        except (CorruptFileError, *root_codecs.FAILURES):
            return None
        sizes = _sizes(table, raws.entries, layout) if len(table) else _equal_sizes(layout.borders, raws.entries)
        if sizes is None:
            return None
        payload = room[: lead + size + behind]
        _put(payload, 0, before)
        _put(payload, lead + size, after)
        everywhere = np.concatenate([*(b.sizes for b in before), sizes, *(b.sizes for b in after)]) if before or after else sizes
        equal = not len(table) and (everywhere == everywhere[0]).all()
        return Basket(start, start + len(everywhere), payload, None if equal else offsets_of(everywhere), own=True, lengths=everywhere)

    def _layout(self, raws: Raws) -> _Layout | None:
        """What is to be done, if every header agrees with itself, the branch and the others."""
        # Taken once: another thread may read the same branch.
        form = self._form
        found = form.read(raws) if form is not None else None
        if form is None or found is None:
            # The first time; or behind 2 GB, where places take eight bytes.
            first = raws.buffer[raws.starts[0] : raws.starts[0] + raws.sizes[0]]
            form = self._form = _Form.of(memoryview(first), self._branch)
            found = form.read(raws) if form is not None else None
            if form is None or found is None:
                return None
        keylen, contents, lasts = form.dtype.itemsize, found["objlen"].astype(np.int64), found["last"].astype(np.int64)
        borders = lasts - keylen
        rests = contents - borders
        ordinary = (found["nbytes"] == raws.sizes) & (found["seek"] == raws.seeks) & (found["entries"] == raws.entries)
        ordinary &= (found["reserved"] >= 0) & (borders >= 0) & (rests == (_WORD * (raws.entries + 2) if rests[0] else 0))
        if not ordinary.all():
            return None
        begins, packed = raws.starts + keylen, raws.sizes - keylen
        openers, headed = _openers(raws.buffer, begins, packed, contents)
        return _Layout(openers, begins + root_codecs.HEADER * headed, borders, np.cumsum(borders), rests, keylen)


def _openers(buffer: np.ndarray, begins: np.ndarray, packed: np.ndarray, contents: np.ndarray) -> tuple[list[Opener], np.ndarray]:
    """What opens each content, and whether it stands behind the header of a block; errors as of `root_codecs.blocks_of`."""
    stored = packed == contents
    headed = ~stored & (packed >= root_codecs.HEADER)
    opener: Opener = root_codecs.copy_into
    if headed.any():
        blocks = records(buffer, root_codecs.HEAD, begins[headed])
        headed[headed], opener = root_codecs.alone(blocks, packed[headed], contents[headed])
    openers = [opener] * len(stored)
    for number in np.flatnonzero(~headed).tolist():
        openers[number] = root_codecs.copy_into if stored[number] else root_codecs.chain_into
        if not stored[number]:
            begin = int(begins[number])
            root_codecs.blocks_of(memoryview(buffer)[begin : begin + int(packed[number])], int(contents[number]))
    return openers, headed


def _fill(raws: Raws, layout: _Layout, payload: memoryview, table: memoryview) -> None:
    """Put every basket into its place; errors as of the openers."""
    source, ends = memoryview(raws.buffer), raws.starts + raws.sizes
    middles, rests, rows = layout.middles, layout.rests, np.cumsum(layout.rests)
    places = (layout.begins, ends, middles - layout.borders, middles, middles + rests, rows - rests, rows)
    for opener, begin, end, place, middle, stop, row, last in zip(layout.openers, *(p.tolist() for p in places), strict=True):
        opener(source[begin:end], payload[place:stop])
        if row < last:
            table[row:last] = payload[middle:stop]


def _equal_sizes(borders: np.ndarray, entries: np.ndarray) -> np.ndarray | None:
    """Bytes of each entry, where all of a basket have the same; ``None`` if they cannot."""
    return None if (borders % entries).any() else np.repeat(borders // entries, entries)


def _sizes(table: np.ndarray, entries: np.ndarray, layout: _Layout) -> np.ndarray | None:
    """Bytes of each entry, from the tables of offsets: ``count | entries + 1 offsets`` for each basket; ``None`` if they are not in order."""
    words = table.astype(np.int64)
    heads = offsets_of(entries + 2)
    first = heads[:-1]
    # The last offset is not always written: the end of the payload stands for it.
    words[heads[1:] - 1] = layout.borders + layout.keylen
    sizes = np.diff(words)
    inside = np.ones(len(sizes), bool)
    inside[first] = False
    inside[first[1:] - 1] = False
    if (words[first] != entries + 1).any() or (words[first + 1] != layout.keylen).any():
        return None
    sizes = sizes[inside]
    return None if (sizes < 0).any() else sizes


def _put(payload: np.ndarray, position: int, baskets: Sequence[Basket]) -> None:
    for basket in baskets:
        payload[position : position + len(basket.payload)] = basket.payload
        position += len(basket.payload)
