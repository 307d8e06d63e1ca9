"""Headers of KM3NeT offline files: objects of class ``Head``, a map from string to string, and ``MultiHead``, a vector of them.

::

    Head         block 6 | TObject 10 | map
    map          block 6, version with 0x4000 | class version u2 (0: checksum u4 follows) | n u4 | block 6, n names | block 6, n values
    map          block 6, version without it  | n u4 | n x (name, value)
    MultiHead    block 6 | block 6, version with 0x4000 | class version u2 | n u4 | n x TObject 10 | block and class version of a map | n x the rest of it | TObject 10

A string is counted by one byte, or by 255 and four more; numbers are big-endian.
"""

from __future__ import annotations

import struct

import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.km3net_records import COUNTED, MEMBER_WISE
from antdask.sources.root import RootFile

HEAD, MULTI_HEAD = "Head", "MultiHead"
_TOBJECT = 10

Lines = list[tuple[bytes, bytes]]


def headers_of(file: RootFile, notes: list[str]) -> list[Lines | CorruptFileError]:
    """Lines of every header in the top directory: of ``Head`` objects, then of those in a ``MultiHead``; of a damaged one, the error.

    A ``MultiHead`` that is damaged counts as one header, since it does not say how many there are. Headers in another form are named in `notes`.
    """
    found: list[Lines | CorruptFileError] = []
    for kind in (HEAD, MULTI_HEAD):
        for name in (n for n, k in file.objects.items() if k == kind):
            try:
                data = file.object(name)
                found += [parse_head(data)] if kind == HEAD else parse_multi_head(data)
            except CorruptFileError as error:
                where = f"{file.url}, object '{name}'"
                found.append(CorruptFileError(error.what, where=where, found=error.found, expected=error.expected, tree=name))
            except UnknownLayoutError as error:
                notes.append(f"header '{name}' is not archived: {error.what}")
    return found


def parse_head(data: np.ndarray) -> Lines:
    """Names and values of a ``Head``, in the order of the map.

    Parameters
    ----------
    data : ndarray of uint8
        The object, not compressed.

    Raises
    ------
    CorruptFileError
        Lengths that contradict each other; the caller adds where.
    UnknownLayoutError
        A header in another form.
    """
    reader = _Reader(data.tobytes())
    reader.block()
    reader.skip(_TOBJECT)
    lines = reader.map()
    reader.finish()
    return lines


def parse_multi_head(data: np.ndarray) -> list[Lines]:
    """Names and values of each header in a ``MultiHead``. Parameters and errors as for `parse_head`."""
    reader = _Reader(data.tobytes())
    reader.block()
    if not reader.block() & MEMBER_WISE:
        raise UnknownLayoutError("Headers that stand object by object in a MultiHead are not read")
    reader.class_version()
    n = reader.count()
    reader.skip(_TOBJECT * n)
    if n and not reader.block() & MEMBER_WISE:
        raise UnknownLayoutError("Headers of a MultiHead whose lines stand one by one are not read")
    if n:
        reader.class_version()
    found = [reader.lines() for _ in range(n)]
    reader.skip(_TOBJECT)  # of the MultiHead itself, its second base class
    reader.finish()
    return found


class _Reader:
    """A place in the bytes of an object."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def skip(self, n: int) -> bytes:
        if n > len(self._data) - self._at:
            raise CorruptFileError("A header ends inside one of its parts", found=f"{len(self._data)} bytes")
        self._at += n
        return self._data[self._at - n : self._at]

    def finish(self) -> None:
        if self._at != len(self._data):
            raise CorruptFileError("A header does not end where its last part does", found=self._at, expected=len(self._data))

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.skip(struct.calcsize(form)))[0])

    def block(self) -> int:
        """The version behind a byte count."""
        count, version = self.number(">I"), self.number(">H")
        if not count & COUNTED or (count & ~COUNTED) - 2 > len(self._data) - self._at:
            raise CorruptFileError("A part of a header states an impossible size", found=hex(count))
        return version

    def text(self) -> bytes:
        n = self.number(">B")
        return self.skip(self.number(">I") if n == 255 else n)

    def map(self) -> Lines:
        if not self.block() & MEMBER_WISE:
            return [(self.text(), self.text()) for _ in range(self.count())]
        self.class_version()
        return self.lines()

    def lines(self) -> Lines:
        n = self.count()
        if n == 0:
            return []
        self.block()
        names = [self.text() for _ in range(n)]
        self.block()
        return list(zip(names, [self.text() for _ in range(n)], strict=True))

    def class_version(self) -> None:
        if self.number(">H") == 0:
            self.skip(4)  # the checksum of a class without version

    def count(self) -> int:
        n = self.number(">I")
        if n > len(self._data) - self._at:
            raise CorruptFileError("A header counts more lines than it has bytes", found=n)
        return n
