"""A ZIP file of stored members, written from front to back: the same bytes whatever the platform, the clock or the version of Python.

::

    local header | name | data       for each member, sizes and CRC-32 known in advance
    central directory, with ZIP64 fields where a number needs them
    end records

Format: PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3. Nothing is patched afterwards, so that a checksum of the whole file can run along.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import IO

import google_crc32c

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR = struct.Struct("<4sIQI")
_DATE = 1 << 5 | 1  # 1980-01-01, the first that ZIP can say
_UNIX, _MODE = 3 << 8, 0o100644 << 16
_PLAIN, _ZIP64 = 20, 45
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF


class StoredZip:
    """Writes members one after the other.

    Parameters
    ----------
    file : binary file
        Open for writing, at its start.

    Attributes
    ----------
    nbytes, crc32c : int
        Of all that was written so far.

    Examples
    --------
    >>> import io, zipfile
    >>> sink = io.BytesIO()
    >>> archive = StoredZip(sink)
    >>> archive.add("a.txt", [b"one ", b"two"])
    35
    >>> archive.close()
    >>> zipfile.ZipFile(sink).read("a.txt")
    b'one two'
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._directory: list[bytes] = []
        self.nbytes = 0
        self.crc32c = 0

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self.crc32c = google_crc32c.extend(self.crc32c, data)
        self.nbytes += len(data)

    def add(self, name: str, pieces: Sequence[bytes]) -> int:
        """Add a member whose content is these pieces, one after the other; the position of its data in the file.

        Raises
        ------
        ValueError
            The member has 4 GiB or more: shards are far smaller.
        """
        size, crc, encoded = sum(map(len, pieces)), 0, name.encode("ascii")
        if size >= _MAX32:
            raise ValueError(f"a member of {size} bytes does not fit")
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
        offset = self.nbytes
        self._write(_LOCAL.pack(b"PK\x03\x04", _PLAIN, 0, 0, 0, _DATE, crc, size, size, len(encoded), 0) + encoded)
        start = self.nbytes
        for piece in pieces:
            self._write(piece)
        extra = struct.pack("<HHQ", 1, 8, offset) if offset >= _MAX32 else b""
        version = _ZIP64 if extra else _PLAIN
        fields = (
            b"PK\x01\x02",
            _UNIX | version,
            version,
            0,
            0,
            0,
            _DATE,
            crc,
            size,
            size,
            len(encoded),
            len(extra),
            0,
            0,
            0,
            _MODE,
            min(offset, _MAX32),
        )
        self._directory.append(_CENTRAL.pack(*fields) + encoded + extra)
        return start

    def close(self) -> None:
        """Write the directory; the file itself stays open."""
        start, number = self.nbytes, len(self._directory)
        directory = b"".join(self._directory)
        self._write(directory)
        if start >= _MAX32 or number >= _MAX16:
            end = self.nbytes
            self._write(_END64.pack(b"PK\x06\x06", _END64.size - 12, _UNIX | _ZIP64, _ZIP64, 0, 0, number, number, len(directory), start))
            self._write(_LOCATOR.pack(b"PK\x06\x07", 0, end, 1))
        n16 = min(number, _MAX16)
        self._write(_END.pack(b"PK\x05\x06", 0, 0, n16, n16, min(len(directory), _MAX32), min(start, _MAX32), 0))
