"""Chunks of HDF5 that PyTables compressed with Blosc, which HDF5 itself does not read without a plugin.

::

    stored chunk    Blosc header 16: …, bytes unpacked u4, block u4, bytes stored u4 | packed data
    unpacked        rows of the chunk | Fletcher-32 checksum u4, if the data set has one

The checksum is that of HDF5 (``H5checksum.c``): sums modulo 65535 over big-endian words of 16 bits, stored little-endian.
"""

from __future__ import annotations

import numpy as np
from numcodecs import blosc

#: Numbers of the filters, as registered with HDF5.
FLETCHER32, BLOSC = 3, 32001
_HEADER = 16


def unpack(stored: bytes, nbytes: int, checksum: bool, packed: bool = True) -> bytes:
    """The bytes of a chunk.

    Parameters
    ----------
    nbytes : int
        Bytes of its rows [byte]; no more than this and the checksum is allocated.
    checksum : bool
        Whether a Fletcher-32 checksum follows the rows.
    packed : bool
        ``False`` for a chunk that would not become smaller and stands as it is.

    Raises
    ------
    ValueError
        It does not unpack to this many bytes, or the checksum is wrong.
    """
    wanted = nbytes + 4 * checksum
    data = _unpacked(stored, wanted) if packed else stored
    if len(data) != wanted:
        raise ValueError(f"a chunk has {len(data)} bytes instead of {wanted}")
    if checksum and fletcher32(data[:nbytes]) != int.from_bytes(data[nbytes:], "little"):
        raise ValueError("the Fletcher-32 checksum of the chunk is wrong")
    return data[:nbytes]


def _unpacked(stored: bytes, wanted: int) -> bytes:
    if len(stored) < _HEADER:
        raise ValueError(f"a chunk of {len(stored)} bytes has no Blosc header")
    unpacked, held = (int.from_bytes(stored[at : at + 4], "little") for at in (4, 12))
    if (unpacked, held) != (wanted, len(stored)):
        raise ValueError(f"the Blosc header states {unpacked} bytes from {held} instead of {wanted} from {len(stored)}")
    try:
        return bytes(blosc.decompress(stored))
    except RuntimeError as error:
        raise ValueError(f"Blosc does not unpack the chunk: {error}") from error


def fletcher32(data: bytes) -> int:
    """Fletcher-32 as HDF5 computes it.

    Examples
    --------
    >>> hex(fletcher32(b"abcdef"))
    '0x50562a2d'
    """
    words = np.frombuffer(data + b"\0" * (len(data) % 2), ">u2").astype(np.uint64)
    # Weights stay below 2**16, and a chunk holds fewer than 2**32 words: no product or sum overflows.
    weights = np.arange(len(words), 0, -1, dtype=np.uint64) % np.uint64(65535)
    first = int(words.sum()) % 65535
    second = int((words * weights % np.uint64(65535)).sum()) % 65535
    return second << 16 | first
