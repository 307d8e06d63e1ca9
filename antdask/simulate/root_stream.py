"""Streamed ROOT objects: bytes with counted blocks, class tags and references, as ROOT's TBuffer writes them.

Big-endian. A counted block starts with ``u4 byte count | 0x40000000, u2 version``; an object behind a pointer with ``u4 byte count | 0x40000000, u4 tag,
class name``, and later pointers to the same object repeat only its place: bytes from the start of the key, plus 2 (ROOT, ``TBufferFile``).
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

_COUNTED = 0x4000_0000
_NEW_CLASS = 0xFFFF_FFFF
_MAP_OFFSET = 2


class Stream:
    """A growing streamed object.

    Parameters
    ----------
    keylen : int
        Bytes of the key before the object: references count from the key [byte].

    Examples
    --------
    >>> s = Stream(0)
    >>> with s.counted(3):
    ...     s.string("ab")
    >>> bytes(s.data).hex(" ")
    '40 00 00 05 00 03 02 61 62'
    """

    def __init__(self, keylen: int) -> None:
        self.data = bytearray()
        self._keylen = keylen

    def pack(self, form: str, *values: float) -> None:
        """Numbers in big-endian order, in the letters of `struct`."""
        self.data += struct.pack(">" + form, *values)

    def write(self, data: bytes) -> None:
        """Bytes as they are."""
        self.data += data

    def string(self, text: str) -> None:
        """A counted string (TString)."""
        self.data += counted_string(text)

    @contextlib.contextmanager
    def counted(self, version: int) -> Iterator[None]:
        """A block with byte count and version around what is written inside."""
        start = len(self.data)
        self.pack("IH", 0, version)
        yield
        self._close(start)

    @contextlib.contextmanager
    def pointed(self, class_name: str) -> Iterator[int]:
        """An object behind a pointer; gives the number by which later pointers refer to it."""
        start = len(self.data)
        self.pack("II", 0, _NEW_CLASS)
        self.write(class_name.encode() + b"\0")
        yield start + self._keylen + _MAP_OFFSET
        self._close(start)

    def named(self, name: str, title: str, bits: int = 0) -> None:
        """A TNamed: TObject with its bits, name, title."""
        with self.counted(1):
            self.pack("HII", 1, 0, 0x0300_0000 | bits)
            self.string(name)
            self.string(title)

    @contextlib.contextmanager
    def array_of(self, size: int) -> Iterator[None]:
        """A TObjArray of `size` pointers."""
        with self.counted(3):
            self.pack("HII", 1, 0, 0x0300_0000)
            self.string("")
            self.pack("ii", size, 0)
            yield

    def _close(self, start: int) -> None:
        struct.pack_into(">I", self.data, start, (len(self.data) - start - 4) | _COUNTED)


def counted_string(text: str) -> bytes:
    """One byte of length, or 255 and four bytes, then the text."""
    raw = text.encode()
    return (bytes([len(raw)]) if len(raw) < 255 else b"\xff" + struct.pack(">I", len(raw))) + raw
