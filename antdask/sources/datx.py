"""DATX: a detector in binary form, the twin of DETX version 5.

Little-endian, nothing padded; a text is its length as i4, then its bytes::

    "####" text                      one comment; repeated, maybe never
    i4 detector, text version ("V5"), f8 f8 validity [UTC s], text "UTM", text ellipsoid, text zone, f8 f8 f8 easting northing z, i4 modules
    i4 id, i4 line, i4 floor, f8 x y z, f8 q0 qx qy qz, f8 t0, i4 status, i4 PMTs          a module
        i4 id, f8 x y z, f8 dx dy dz, f8 t0, i4 status                                     a PMT, 64 bytes

Source: found by consuming two real files of km3net-testdata to the last byte, and by comparing one with its DETX twin.
"""

from __future__ import annotations

import struct

import numpy as np

from antdask.errors import UnknownLayoutError
from antdask.sources.detector_description import Detector

MARK = b"####"
MODULE = np.dtype([("location", "<i4", 3), ("pose", "<f8", 8), ("status", "<i4"), ("n_pmts", "<i4")])
PMT = np.dtype([("id", "<i4"), ("pose", "<f8", 7), ("status", "<i4")])

#: By how much squares of directions differ from 1 at most: in real files by 4e-16, in single precision by 2e-7.
_UNIT = 1e-6
#: No comment of a detector is longer; what states more is no DATX [byte].
LONGEST_COMMENT = 2**24


def looks_like(head: bytes) -> bool:
    """Whether the file begins with a marked comment of a possible length, or with a detector and a version; 16 bytes are enough."""
    if head.startswith(MARK):
        return len(head) >= 8 and int.from_bytes(head[4:8], "little") <= LONGEST_COMMENT
    return int.from_bytes(head[4:8], "little") == 2 and head[8:9] in {b"V", b"v"} and head[9:10].isdigit()


def parse(data: bytes) -> Detector:
    """The detector in the bytes.

    Raises
    ------
    UnknownLayoutError
        A version that is not known.
    ValueError
        Anything that does not follow the format, to the last byte.
    """
    cursor = _Cursor(data)
    comments = []
    while cursor.startswith(MARK):
        cursor.take(len(MARK))
        comments.append(cursor.text())
    detector_id = cursor.integer()
    version = cursor.text()
    if version.upper() != b"V5":
        raise UnknownLayoutError("This version of DATX is not known", found=repr(version), expected="b'V5'")
    valid_from, valid_to = cursor.reals(2)
    utm, ellipsoid, zone = cursor.text(), cursor.text(), cursor.text()
    if utm != b"UTM":
        raise ValueError(f"the reference is not UTM but {utm[:20]!r}")
    easting, northing, z = cursor.reals(3)
    modules, pmts = _modules(cursor)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = (pmts["pose"][:, 3:6] ** 2).sum(axis=1)
    if not (np.abs(lengths - 1) < _UNIT).all():
        worst = int(np.argmax(~(np.abs(lengths - 1) < _UNIT)))
        raise ValueError(f"photomultiplier {pmts['id'][worst]} looks in a direction of length {lengths[worst] ** 0.5:.6g}")
    return Detector(
        detector_id=detector_id,
        version=5,
        validity=(valid_from, valid_to),
        utm=(ellipsoid, zone, easting, northing, z),
        comments=comments,
        location=modules["location"],
        pose=modules["pose"],
        module_status=modules["status"],
        n_pmts=modules["n_pmts"].astype(np.int64),
        pmt_id=pmts["id"],
        pmt_pose=pmts["pose"],
        pmt_status=pmts["status"],
    )


def _modules(cursor: _Cursor) -> tuple[np.ndarray, np.ndarray]:
    count = cursor.integer()
    if count < 0 or count * MODULE.itemsize > cursor.left:
        raise ValueError(f"byte {cursor.at - 4} announces {count} modules, {cursor.left} bytes are left")
    modules = np.empty(count, MODULE)
    pmts = []
    for number in range(count):
        modules[number] = np.frombuffer(cursor.take(MODULE.itemsize), MODULE)[0]
        n_pmts = int(modules[number]["n_pmts"])
        if n_pmts < 0:
            raise ValueError(f"module {number} has {n_pmts} photomultipliers")
        pmts.append(np.frombuffer(cursor.take(n_pmts * PMT.itemsize), PMT))
    if cursor.left:
        raise ValueError(f"{cursor.left} bytes stand behind the last module")
    return modules, np.concatenate(pmts) if pmts else np.empty(0, PMT)


class _Cursor:
    """A position in bytes; taking more than there is raises ValueError, before anything is allocated."""

    def __init__(self, data: bytes) -> None:
        self._data, self.at = memoryview(data), 0

    @property
    def left(self) -> int:
        """Bytes behind the position."""
        return len(self._data) - self.at

    def startswith(self, mark: bytes) -> bool:
        """Whether these bytes come next."""
        return self._data[self.at : self.at + len(mark)] == mark

    def take(self, count: int) -> memoryview:
        """The next bytes."""
        if count > self.left:
            raise ValueError(f"byte {self.at} wants {count} bytes, {self.left} are left")
        self.at += count
        return self._data[self.at - count : self.at]

    def integer(self) -> int:
        """The next i4."""
        return int.from_bytes(self.take(4), "little", signed=True)

    def reals(self, count: int) -> tuple[float, ...]:
        """The next numbers, f8 each."""
        return struct.unpack(f"<{count}d", self.take(8 * count))

    def text(self) -> bytes:
        """The next text."""
        size = self.integer()
        if size < 0:
            raise ValueError(f"byte {self.at - 4} states a text of {size} bytes")
        return bytes(self.take(size))
