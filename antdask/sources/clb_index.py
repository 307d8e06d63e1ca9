"""Where the packets of a dump stand: followed from one length to the next, and found again behind damage by their tags.

A packet is believed only if the next one begins where it ends, so that a damaged length costs its own packet, and never gives hits of others::

    | length | TTDC … | length | TTDC … | l?ngth | TTDC … | length | T?DC … |
             sound             sound             lost              lost         the tag, or the length that leads on, is enough to know a beginning
"""

from __future__ import annotations

import dataclasses
import functools
import re
import struct
from array import array

import numpy as np

from antdask.errors import CorruptFileError
from antdask.sources.blob import Blob, open_blob
from antdask.sources.clb_records import ACOUSTICS, HEAD, HITS, MONITORING

TAGS = (HITS, MONITORING, ACOUSTICS)
_TAG = re.compile(b"|".join(TAGS))
#: Length and tag, and run and second of what most packets have.
_HEAD, _MORE = struct.Struct("<I4s"), struct.Struct(">IxxxxI")
_LENGTH = 4
#: No packet is shorter; and UDP carries no longer one.
_SHORTEST, _LONGEST = HEAD.itemsize, 65_507 + _LENGTH
_WINDOW = 8 * 2**20


@dataclasses.dataclass(frozen=True)
class Index:
    """Where the packets of a file stand; shape of each array (packets,).

    Parameters
    ----------
    starts, sizes : ndarray of int64
        With the length that stands before a packet.
    tags : ndarray of int8
        Place in `TAGS`.
    lost : ndarray of bool
        Stretches that are no packet; they carry the tag that they begin with, or that of the packet before.
    runs, seconds : ndarray of uint32
    """

    starts: np.ndarray
    sizes: np.ndarray
    tags: np.ndarray
    lost: np.ndarray
    runs: np.ndarray
    seconds: np.ndarray

    def of(self, tag: bytes) -> Index:
        """The packets of one tag, in their order."""
        mine = self.tags == TAGS.index(tag)
        return Index(**{field.name: getattr(self, field.name)[mine] for field in dataclasses.fields(self)})


def scan(blob: Blob) -> Index:
    """Follow the packets of a file.

    Raises
    ------
    CorruptFileError
        It does not begin with a packet.
    """
    # Of some 10^7 packets: kept in few bytes each.
    columns = {"starts": array("q"), "tags": array("b"), "lost": array("b"), "runs": array("I"), "seconds": array("I")}
    add = [column.append for column in columns.values()]
    heads = _Heads(blob)
    position, tag, run, seconds = 0, -1, 0, 0
    while position < blob.nbytes:
        size, found = heads.at(position)
        if found >= 0:
            tag = found
            run, seconds = heads.more(position, run, seconds)
        elif tag < 0:
            raise CorruptFileError("The file does not begin with a packet", where=blob.url, found=repr(heads.bytes_at(position, 8)), expected=f"a length and one of {', '.join(t.decode() for t in TAGS)}", hint="It is damaged, or no dump of packets.")  # fmt: skip
        sound = found >= 0 and size > 0 and heads.begins(position + size)
        for append, value in zip(add, (position, tag, not sound, run, seconds), strict=True):
            append(value)
        position = position + size if sound else heads.after(position)
    arrays = {name: np.frombuffer(column, column.typecode) for name, column in columns.items()}
    sizes = np.diff(arrays["starts"], append=blob.nbytes)
    return Index(**{**arrays, "sizes": sizes, "lost": arrays["lost"].view(bool)})


@functools.lru_cache(maxsize=4)
def known_index(url: str, fingerprint: str) -> Index:
    """The index of a file that is known to be unchanged, kept for the next part that is made of it."""
    with open_blob(url) as blob:
        return scan(blob)


class _Heads:
    """Beginnings of packets, read through a window of the file."""

    def __init__(self, blob: Blob) -> None:
        self.blob, self.base, self.window = blob, 0, memoryview(b"")

    def bytes_at(self, position: int, n: int) -> bytes:
        """Up to `n` bytes, fewer at the end of the file."""
        return bytes(self.window[self._place(position, n) :][:n])

    def at(self, position: int) -> tuple[int, int]:
        """Size of the packet with its length, 0 if it cannot be; and place of its tag in `TAGS`, -1 if it has none."""
        place = self._place(position, _HEAD.size)
        if place + _HEAD.size > len(self.window):
            return 0, -1
        length, tag = _HEAD.unpack_from(self.window, place)
        size = length + _LENGTH
        possible = _SHORTEST <= size <= _LONGEST and position + size <= self.blob.nbytes
        return size if possible else 0, TAGS.index(tag) if tag in TAGS else -1

    def more(self, position: int, run: int, seconds: int) -> tuple[int, int]:
        """Run and second of a packet; as they were where the file ends before."""
        place = self._place(position, _SHORTEST)
        if place + _SHORTEST > len(self.window):
            return run, seconds
        found: tuple[int, int] = _MORE.unpack_from(self.window, place + _HEAD.size)
        return found

    def begins(self, position: int) -> bool:
        """Whether a packet begins here, or the file ends: its tag is enough, or a length that leads to the next beginning."""
        if self.blob.nbytes - position < _HEAD.size:
            rest = self.bytes_at(position, _HEAD.size)[_LENGTH:]
            return any(tag.startswith(rest) for tag in TAGS)
        size, tag = self.at(position)
        return tag >= 0 or (size > 0 and (position + size == self.blob.nbytes or self.at(position + size)[1] >= 0))

    def after(self, position: int) -> int:
        """The next place behind `position` with a tag, and a length that can be; the end of the file if there is none."""
        start, look = position + 1 + _LENGTH, _LONGEST
        while start < self.blob.nbytes:
            data = bytes(self.blob.read(start, min(start + look, self.blob.nbytes)))
            for found in _TAG.finditer(data):
                place = start + found.start() - _LENGTH
                if self.at(place)[0]:
                    return place
            # A tag may stand across the end of the window.
            start += len(data) - 3 if start + len(data) < self.blob.nbytes else len(data)
            # Mostly the next packet is near: a file with many breaks must not be read whole for each.
            look = min(2 * look, _WINDOW)
        return self.blob.nbytes

    def _place(self, position: int, n: int) -> int:
        """Where `position` stands in the window, which is moved if it does not reach `n` bytes further."""
        place = position - self.base
        if place < 0 or (place + n > len(self.window) and self.base + len(self.window) < self.blob.nbytes):
            self.base, place = position, 0
            self.window = self.blob.read(position, min(position + _WINDOW, self.blob.nbytes))
        return place
