"""Neighbouring baskets of a branch straight into one buffer: the fast way of reading what `root_baskets` reads one by one.

Baskets of a branch begin with the same names, so one comparison and one unpacking checks a header; payloads are decompressed into their place, and the
offsets of all baskets are checked at once. Whatever differs from the ordinary in any way, damage included, is not judged here: the caller reads it basket by basket,
which names what is wrong and where.
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
from antdask.sources.root_codecs import Block
from antdask.sources.root_keys import BIG

_WORD = 4


class Raw(NamedTuple):
    """A basket as it stands in the file: its bytes, its place, its number of entries."""

    data: memoryview
    seek: int
    entries: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Form:
    """What the headers of all baskets of a branch have in common."""

    header: struct.Struct
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
        keylen = key.keylen
        (version,) = struct.unpack_from(">h", data, 4)
        seeks = "qq" if version > BIG else "ii"
        head = struct.calcsize(f">ihiIhh{seeks}")
        names = keylen - head - struct.calcsize(">HiiiiB")
        return cls(struct.Struct(f">ihiIhh{seeks}{names}sHiiiiB"), bytes(data[head : head + names]), version)


class _Job(NamedTuple):
    """Where the content of one basket is to go: blocks to decompress, or bytes to copy."""

    blocks: list[Block] | None
    packed: memoryview
    size: int
    border: int
    place: int
    table: int


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

    def join(self, start: int, before: Sequence[Basket], raws: Sequence[Raw], after: Sequence[Basket]) -> Basket | None:
        """Baskets that follow each other as one, with a payload of its own that nobody else sees.

        Parameters
        ----------
        start : int
            The first entry.
        before, after : sequence of Basket
            Read already: baskets that the range of entries cuts.
        raws : sequence of Raw
            At least one.

        Returns
        -------
        Basket or None
            ``None`` where anything is not ordinary.
        """
        try:
            # Sizes are checked against what the blocks can hold before anything is allocated.
            found = self._headers(raws)
        except CorruptFileError:
            return None
        if found is None:
            return None
        lasts, jobs, keylen = found
        lead, size = sum(len(b.payload) for b in before), jobs[-1].place + jobs[-1].border
        payload = np.empty(lead + size + sum(len(b.payload) for b in after), np.uint8)
        has_table = jobs[0].size > jobs[0].border
        table = np.empty(sum(raw.entries + 2 for raw in raws) if has_table else 0, ">i4")
        try:
            _fill(jobs, memoryview(payload)[lead : lead + size], memoryview(table.view(np.uint8)))
        except CorruptFileError:
            return None
        entries = np.array([raw.entries for raw in raws], np.int64)
        sizes = _sizes(table, entries, lasts, keylen) if has_table else _equal_sizes(jobs, entries)
        if sizes is None:
            return None
        _put(payload, 0, before)
        _put(payload, lead + size, after)
        everywhere = np.concatenate([*(b.sizes for b in before), sizes, *(b.sizes for b in after)])
        equal = not has_table and (everywhere == everywhere[0]).all()
        return Basket(start, start + len(everywhere), payload, None if equal else offsets_of(everywhere), own=True)

    def _headers(self, raws: Sequence[Raw]) -> tuple[np.ndarray, list[_Job], int] | None:
        """Where each payload ends, counted from its key; what is to be done; the length of a key."""
        form = self._form or _Form.of(raws[0].data, self._branch)
        if form is None:
            return None
        self._form = form
        keylen, unpack = form.header.size, form.header.unpack_from
        jobs: list[_Job] = []
        lasts, place, position, tabled = [], 0, 0, None
        for data, expected_seek, entries in raws:
            if len(data) < keylen:
                return None
            nbytes, version, size, _, length, _, seek, _, names, _, _, reserved, stated, last, _ = unpack(data)
            border = last - keylen
            rest = size - border
            ordinary = nbytes == len(data) and seek == expected_seek and stated == entries and version == form.version and length == keylen
            if not ordinary or names != form.names or reserved < 0 or border < 0:
                return None
            if rest not in (0, _WORD * (entries + 2)) or tabled not in (None, rest > 0):
                return None
            tabled = rest > 0
            packed = data[keylen:]
            blocks = None if len(packed) == size else root_codecs.blocks_of(packed, size)
            jobs.append(_Job(blocks, packed, size, border, place, position))
            lasts.append(last)
            place, position = place + border, position + rest
        return np.array(lasts, np.int64), jobs, keylen


def _fill(jobs: Sequence[_Job], payload: memoryview, table: memoryview) -> None:
    """Decompress every basket to its place; errors as of `root_codecs.decompress_into`."""
    for blocks, packed, size, border, place, position in jobs:
        middle, end, rest = place + border, place + size, position + size - border
        if blocks is None:
            payload[place:middle] = packed[:border]
            table[position:rest] = packed[border:]
        elif end <= len(payload):
            # The offsets stand behind the payload; the next basket goes over them.
            root_codecs.decompress_into(blocks, payload[place:end])
            table[position:rest] = payload[middle:end]
        else:
            content = memoryview(root_codecs.decompress(packed, size))
            payload[place:middle] = content[:border]
            table[position:rest] = content[border:]


def _equal_sizes(jobs: Sequence[_Job], entries: np.ndarray) -> np.ndarray | None:
    """Bytes of each entry, where all of a basket have the same; ``None`` if they cannot."""
    borders = np.array([job.border for job in jobs], np.int64)
    return None if (borders % entries).any() else np.repeat(borders // entries, entries)


def _sizes(table: np.ndarray, entries: np.ndarray, lasts: np.ndarray, keylen: int) -> np.ndarray | None:
    """Bytes of each entry, from the tables of offsets: ``count | entries + 1 offsets`` for each basket; ``None`` if they are not in order."""
    words = table.astype(np.int64)
    heads = offsets_of(entries + 2)
    first = heads[:-1]
    # The last offset is not always written: the end of the payload stands for it.
    words[heads[1:] - 1] = lasts
    sizes = np.diff(words)
    inside = np.ones(len(sizes), bool)
    inside[first] = False
    inside[first[1:] - 1] = False
    if (words[first] != entries + 1).any() or (words[first + 1] != keylen).any():
        return None
    sizes = sizes[inside]
    return None if (sizes < 0).any() else sizes


def _put(payload: np.ndarray, position: int, baskets: Sequence[Basket]) -> None:
    for basket in baskets:
        payload[position : position + len(basket.payload)] = basket.payload
        position += len(basket.payload)
