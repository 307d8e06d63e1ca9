"""Baskets of ROOT trees: from the bytes of one basket to the bytes of its entries, every number in the header checked against another.

A basket on disk (big-endian; ROOT ``TKey``, ``TBasket``)::

    key      nbytes i4 | version i2 | objlen i4 | date u4 | keylen i2 | cycle i2 | seek, parent i4 (i8 if version > 1000) | class, name, title (counted strings)
             version u2 | bufsize i4 | nevbufsize i4 | nevbuf i4 | last i4 | flag u1          ends at keylen
    payload  the entries, one after the other, up to last - keylen                            compressed in blocks unless nbytes - keylen == objlen
             offsets: count u4, then (nevbuf + 1) x u4 that count from the key                only where entries differ in size
"""

from __future__ import annotations

import dataclasses
import struct

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.ragged import offsets_of
from antdask.sources import root_codecs
from antdask.sources.root_keys import Key, parse_key

_BASKET = struct.Struct(">Hiiii")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Basket:
    """Entries ``start:stop`` of a branch.

    Parameters
    ----------
    start, stop : int
        Half-open range of entries.
    payload : ndarray of uint8
        Their bytes, as ROOT streamed them; read only, or a view of memory that nobody else writes.
    offsets : ndarray of int64, shape (stop - start + 1,), or None
        Where each entry starts in `payload`, from 0; ``None`` where all entries have the same size.
    own : bool
        Whether nobody else sees the payload, so that whoever gets the basket may change it.
    lengths : ndarray of int64, optional
        Differences of the offsets, where they are known already.
    """

    start: int
    stop: int
    payload: np.ndarray
    offsets: np.ndarray | None
    own: bool = False
    lengths: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Bytes of each entry where all have the same; 0 for no entries."""
        return len(self.payload) // max(1, self.stop - self.start)

    @property
    def sizes(self) -> np.ndarray:
        """Bytes of each entry, int64, shape (stop - start,)."""
        if self.lengths is not None:
            return self.lengths
        return np.full(self.stop - self.start, self.size, np.int64) if self.offsets is None else np.diff(self.offsets)

    @property
    def starts(self) -> np.ndarray:
        """Where each entry starts in `payload`, int64, shape (stop - start,)."""
        return np.arange(self.stop - self.start, dtype=np.int64) * self.size if self.offsets is None else self.offsets[:-1]

    def cut(self, start: int, stop: int) -> Basket:
        """The entries ``start:stop`` as a view; they must lie inside."""
        if (start, stop) == (self.start, self.stop):
            return self
        low, high = start - self.start, stop - self.start
        if self.offsets is None:
            size = self.size
            return Basket(start, stop, self.payload[low * size : high * size], None)
        offsets, lengths = self.offsets[low : high + 1], None if self.lengths is None else self.lengths[low:high]
        first = int(offsets[0])
        return Basket(start, stop, self.payload[first : int(offsets[-1])], offsets - first if first else offsets, lengths=lengths)


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """What stands before a payload: the key, the number of entries, and where the payload ends, counted from the key."""

    key: Key
    entries: int
    last: int


def parse(data: memoryview, *, seek: int, branch: str, start: int, stop: int) -> Basket:
    """The basket that stands in `data`.

    Parameters
    ----------
    data : memoryview
        Exactly the bytes that the branch says the basket takes.
    seek, branch, start, stop
        What the branch says of it: its place in the file, the branch's name, its entries.

    Raises
    ------
    CorruptFileError
        The basket contradicts the branch or itself; the caller adds where.
    UnknownLayoutError
        A form of basket that is not read: offsets that must be computed.
    """
    header = header_of(data)
    key = header.key
    for what, found, expected in (
        ("size", key.nbytes, len(data)),
        ("place", key.seek, seek),
        ("branch", key.name, branch),
        ("number of entries", header.entries, stop - start),
    ):
        if found != expected:
            raise CorruptFileError(f"A basket names another {what} than its branch", found=found, expected=expected)
    packed = data[key.keylen :]
    content = np.frombuffer(packed, np.uint8) if len(packed) == key.objlen else root_codecs.decompress(packed, key.objlen)
    border = header.last - key.keylen
    if not 0 <= border <= key.objlen:
        raise CorruptFileError("A basket ends outside itself", found=border, expected=f"0 to {key.objlen}")
    payload = content[:border]
    if border == key.objlen:
        return Basket(start, stop, check_equal(payload, header.entries), None)
    return Basket(start, stop, payload, _stored_offsets(content[border:], header))


def join(pieces: list[Basket]) -> Basket:
    """Neighbouring baskets as one; a single one is returned as it is, none gives an empty one.

    Examples
    --------
    >>> a = Basket(0, 2, np.arange(3, dtype=np.uint8), np.array([0, 1, 3]))
    >>> b = Basket(2, 3, np.arange(2, dtype=np.uint8), np.array([0, 2]))
    >>> join([a, b]).offsets
    array([0, 1, 3, 5])
    """
    if len(pieces) == 1:
        return pieces[0]
    if not pieces:
        return Basket(0, 0, np.zeros(0, np.uint8), np.zeros(1, np.int64))
    payload = np.concatenate([p.payload for p in pieces])
    start, stop = pieces[0].start, pieces[-1].stop
    if all(p.offsets is None for p in pieces) and len({p.size for p in pieces}) == 1:
        return Basket(start, stop, payload, None, own=True)
    return Basket(start, stop, payload, offsets_of(np.concatenate([p.sizes for p in pieces])), own=True)


def numbers(basket: Basket, dtype: str) -> np.ndarray:
    """The whole payload as numbers, contiguous and in native byte order; the payload itself must not be used any more.

    Parameters
    ----------
    basket : Basket
        Its payload is a whole number of numbers.
    dtype : str
        NumPy code without byte order.

    Examples
    --------
    >>> numbers(Basket(0, 1, np.array([1, 2], np.uint8), None), "u2").tolist()
    [258]
    """
    big = np.dtype(dtype).newbyteorder(">")
    if not basket.own:
        return np.ascontiguousarray(basket.payload.view(big), big.newbyteorder("="))
    values = basket.payload.view(big)
    return values if big.isnative else values.view(big.newbyteorder("=")).byteswap(inplace=True)


def check_equal(payload: np.ndarray, entries: int) -> np.ndarray:
    """The payload, if entries of equal size can fill it.

    Raises
    ------
    CorruptFileError
        They cannot.
    """
    if len(payload) % max(1, entries) or (len(payload) and not entries):
        raise CorruptFileError(
            "Entries of equal size do not fill their basket", found=f"{len(payload)} bytes", expected=f"a multiple of {entries}"
        )
    return payload


def check_offsets(offsets: np.ndarray, nbytes: int) -> np.ndarray:
    """The offsets, if they rise from 0 to `nbytes`.

    Raises
    ------
    CorruptFileError
        They do not.
    """
    if offsets[0] != 0 or offsets[-1] != nbytes or (offsets[1:] < offsets[:-1]).any():
        raise CorruptFileError("The entries of a basket do not follow each other", found=f"offsets {offsets[0]} to {offsets[-1]}", expected=f"rising from 0 to {nbytes}")  # fmt: skip
    return offsets


def _stored_offsets(tail: np.ndarray, header: Header) -> np.ndarray:
    """Offsets from their array behind the payload; the last of the array is not always written, the end of the payload stands for it."""
    words = header.entries + 1
    if len(tail) != 4 * (words + 1) or int(tail[:4].view(">u4")[0]) != words:
        raise CorruptFileError("The table of offsets of a basket has another length", found=f"{len(tail)} bytes", expected=f"{4 * (words + 1)} for {header.entries} entries")  # fmt: skip
    offsets = tail[4:].view(">i4").astype(np.int64)
    offsets[-1] = header.last
    return check_offsets(offsets - header.key.keylen, header.last - header.key.keylen)


def header_of(data: memoryview) -> Header:
    """The key and the basket header behind it, which ends where the key says.

    Raises
    ------
    CorruptFileError, UnknownLayoutError
        As for `parse`.
    """
    key, position = parse_key(data)
    if key.kind != "TBasket":
        raise CorruptFileError("Where a basket should be is another object", found=repr(key.kind[:40]), expected="TBasket")
    if position + _BASKET.size + 1 > key.keylen:
        raise CorruptFileError("A basket ends inside its header", found=f"{key.keylen} bytes")
    _, _, reserved, entries, last = _BASKET.unpack_from(data, position)
    if reserved < 0:
        raise UnknownLayoutError(
            "Baskets without a table of offsets are not read (ROOT option 'generate offset map')", hint="Write the tree again without it."
        )
    if position + _BASKET.size + 1 != key.keylen or entries < 0:
        raise CorruptFileError(
            "A basket has an impossible header",
            found=f"{key.keylen} bytes for {entries} entries",
            expected=f"{position + _BASKET.size + 1}",
        )
    return Header(key, entries, last)
