"""Keys of ROOT: the record that stands before every object, and again in the list of its directory.

::

    nbytes i4 | version i2 | objlen i4 | date u4 | keylen i2 | cycle i2 | seek, parent i4 (i8 if version > 1000) | class, name, title (counted strings)

Numbers are big-endian. A string is counted by one byte, or by 255 and four more. An object whose ``nbytes - keylen`` is not ``objlen`` is compressed.
"""

from __future__ import annotations

import dataclasses
import struct

from antdask.errors import CorruptFileError

_KEY = struct.Struct(">ihiIhh")
_SEEKS = {False: struct.Struct(">ii"), True: struct.Struct(">qq")}
#: Place and mask of year (from 1995), month, day, hour, minute and second.
_DATE = ((26, 63), (22, 15), (17, 31), (12, 31), (6, 63), (0, 63))
#: Versions above it hold 64-bit positions.
BIG = 1000
#: Classes of trees; the last two are trees of numbers of one kind, as HBOOK had them.
TREE_CLASSES = frozenset({"TTree", "TNtuple", "TNtupleD"})


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """A key.

    Parameters
    ----------
    nbytes, objlen, keylen : int
        Bytes of the whole record, of the object when it is not compressed, of the key [byte].
    cycle : int
        Number of the version of the object; the highest counts.
    seek : int
        Where the record begins in the file [byte].
    kind, name : str
        Class and name of the object.
    title : bytes
        Its title, as it stands.
    date : int
        When it was written, packed.
    """

    nbytes: int
    objlen: int
    keylen: int
    cycle: int
    seek: int
    kind: str
    name: str
    title: bytes = b""
    date: int = 0

    @property
    def written(self) -> str:
        """When it was written, by the clock of that machine: local time, of which zone it does not say.

        Examples
        --------
        >>> Key(0, 0, 0, 1, 0, "TNamed", "JMeta", date=26 << 26 | 3 << 22 | 14 << 17 | 15 << 12 | 9 << 6 | 26).written
        '2021-03-14T15:09:26'
        """
        year, month, day, hour, minute, second = (self.date >> shift & mask for shift, mask in _DATE)
        return f"{1995 + year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


def parse_key(data: memoryview) -> tuple[Key, int]:
    """The key at the start of `data`, and where its title ends; a basket's key goes on behind that.

    Raises
    ------
    CorruptFileError
        Lengths that contradict each other; the caller adds where.
    """
    try:
        nbytes, version, objlen, date, keylen, cycle = _KEY.unpack_from(data)
        if not _KEY.size < keylen <= len(data) or objlen < 0:
            raise CorruptFileError(
                "A key has an impossible header",
                found=f"{keylen} bytes of header, {objlen} of content",
                expected=f"at most {len(data)} of header",
            )
        head = data[:keylen]
        seeks = _SEEKS[version > BIG]
        seek, _ = seeks.unpack_from(head, _KEY.size)
        position = _KEY.size + seeks.size
        kind, position = _string(head, position)
        name, position = _string(head, position)
        title, position = _string(head, position)
    except struct.error as error:
        raise CorruptFileError("A key ends inside its header", found=f"{len(data)} bytes") from error
    return Key(nbytes, objlen, keylen, cycle, seek, _text(kind), _text(name), title, date), position


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _string(data: memoryview, position: int) -> tuple[bytes, int]:
    """A counted string and where it ends."""
    (size,) = struct.unpack_from(">B", data, position)
    position += 1
    if size == 255:
        (size,) = struct.unpack_from(">I", data, position)
        position += 4
    if position + size > len(data):
        raise CorruptFileError("A name in a key is longer than the key", found=f"{size} bytes")
    return bytes(data[position : position + size]), position + size
