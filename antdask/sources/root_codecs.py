"""Compressed blocks of ROOT: a chain of blocks, each with nine bytes of header, into the bytes that went in.

A block is: two letters that name the algorithm, one byte of method, compressed and uncompressed size as 3-byte little-endian integers, the data. Algorithms
(ROOT, ``core/zip``): ``ZL`` zlib, ``CS`` raw deflate of the oldest files, ``XZ`` lzma, ``L4`` lz4 behind an xxHash-64 of the compressed bytes, ``ZS`` zstandard.

The library for each is the fastest measured that never writes more than the size announced: libdeflate (zlib), zstandard, cramjam (lz4), liblzma (`root_lzma`).
No size field is believed before it is compared with the largest ratio its algorithm can reach, so a damaged length cannot allocate more than the file can hold.
"""

from __future__ import annotations

import lzma
import struct
import threading
import zlib
from collections.abc import Callable
from typing import NamedTuple

import cramjam
import deflate
import numpy as np
import xxhash
import zstandard

from antdask.errors import CorruptFileError
from antdask.sources import root_lzma

#: Bytes of the header of a block.
HEADER = 9
_HEAD = struct.Struct("<2sBHBHB")
#: The same for arrays.
HEAD = np.dtype(
    [("name", "<u2"), ("method", "u1"), ("packed_low", "<u2"), ("packed_high", "u1"), ("content_low", "<u2"), ("content_high", "u1")]
)
_CHECKSUM = 8  # xxHash-64 before lz4 data

_local = threading.local()


def _zstandard() -> zstandard.ZstdDecompressor:
    # One context per thread: they are expensive to make and not safe to share.
    try:
        context: zstandard.ZstdDecompressor = _local.zstandard
    except AttributeError:
        context = _local.zstandard = zstandard.ZstdDecompressor()
    return context


def _zlib(data: memoryview, nbytes: int) -> bytearray:
    return deflate.zlib_decompress(data, nbytes)


def _raw_deflate(data: memoryview, nbytes: int) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, nbytes + 1)


def _lzma(data: memoryview, nbytes: int) -> np.ndarray:
    out = np.empty(nbytes, np.uint8)
    root_lzma.decompress_into(data, memoryview(out))
    return out


def _lz4(data: memoryview, nbytes: int) -> np.ndarray:
    out = np.empty(nbytes, np.uint8)
    _lz4_into(data, memoryview(out))
    return out


def _lz4_into(data: memoryview, out: memoryview) -> None:
    packed = data[_CHECKSUM:]
    if xxhash.xxh64_digest(packed) != data[:_CHECKSUM]:
        raise ValueError("the checksum differs")
    written = cramjam.lz4.decompress_block_into(packed, out, output_len=len(out))
    if written != len(out):
        raise ValueError(f"{written} bytes instead of {len(out)}")


def _zstd(data: memoryview, nbytes: int) -> bytes:
    # The library allocates what the frame announces, so the frame must announce what the block does.
    if zstandard.frame_content_size(data) not in (nbytes, -1):
        raise ValueError("frame and block announce different sizes")
    return _zstandard().decompress(data, nbytes)


def _zlib_into(data: memoryview, out: memoryview) -> None:
    out[:] = deflate.zlib_decompress(data, len(out))


def _raw_deflate_into(data: memoryview, out: memoryview) -> None:
    out[:] = _raw_deflate(data, len(out))


def _zstd_into(data: memoryview, out: memoryview) -> None:
    out[:] = _zstd(data, len(out))


#: Puts what bytes of a file hold into a buffer of exactly that size; raises one of `FAILURES` where they hold something else.
Opener = Callable[[memoryview, memoryview], None]


class _Algorithm(NamedTuple):
    decompress: Callable[[memoryview, int], bytes | bytearray | np.ndarray]
    into: Opener
    ratio: int  # nothing compresses better than this with this algorithm


# Ratios: deflate 1032 (258 bytes from 2 bits); lz4 255 (a length byte); lzma and zstd by their longest match or run per smallest token, generously.
# Lz4 and lzma are decompressed where they shall be; the others give memory of their own, still in the processor's cache when it is copied.
_ALGORITHMS = {
    b"ZL": _Algorithm(_zlib, _zlib_into, 1032),
    b"CS": _Algorithm(_raw_deflate, _raw_deflate_into, 1032),
    b"XZ": _Algorithm(_lzma, root_lzma.decompress_into, 20_000),
    b"L4": _Algorithm(_lz4, _lz4_into, 255),
    b"ZS": _Algorithm(_zstd, _zstd_into, 50_000),
}

#: What the libraries raise on bytes they cannot decode.
FAILURES = (ValueError, zlib.error, lzma.LZMAError, deflate.DeflateError, cramjam.DecompressionError, zstandard.ZstdError)


class Block(NamedTuple):
    """A compressed block: how it was compressed, its bytes without header, the bytes that it holds."""

    algorithm: _Algorithm
    data: memoryview
    nbytes: int


def decompress(data: memoryview, nbytes: int) -> np.ndarray:
    r"""The `nbytes` bytes that a chain of blocks holds.

    Parameters
    ----------
    data : memoryview
        All blocks, from the first header to the last byte.
    nbytes : int
        Uncompressed size, as the key states it.

    Returns
    -------
    ndarray of uint8, shape (nbytes,)
        Read only where one block holds everything.

    Raises
    ------
    CorruptFileError
        Sizes that contradict each other, an unknown algorithm, or data that do not decompress; the caller adds where.

    Examples
    --------
    >>> packed = zlib.compress(b"antares " * 4)
    >>> head = b"ZL\x08" + len(packed).to_bytes(3, "little") + (32).to_bytes(3, "little")
    >>> decompress(memoryview(head + packed), 32).tobytes()[:8]
    b'antares '
    """
    blocks = blocks_of(data, nbytes)
    try:
        if len(blocks) == 1:
            return np.frombuffer(_whole(blocks[0]), np.uint8)
        out = np.empty(nbytes, np.uint8)
        _fill(blocks, memoryview(out))
    except FAILURES as error:
        raise CorruptFileError(f"A compressed block cannot be read: {error or type(error).__name__}") from error
    return out


def copy_into(data: memoryview, out: memoryview) -> None:
    """The `Opener` of what is not compressed."""
    out[:] = data


def chain_into(data: memoryview, out: memoryview) -> None:
    """The `Opener` of a chain of blocks with their headers. It also raises `CorruptFileError`, as `decompress` does."""
    _fill(blocks_of(data, len(out)), out)


def alone(heads: np.ndarray, packed: np.ndarray, contents: np.ndarray) -> tuple[np.ndarray, Opener]:
    """Which chains are one block of the algorithm of the first, and what opens those behind their headers.

    Parameters
    ----------
    heads : ndarray of `HEAD`
        The first header of every chain.
    packed, contents : ndarray of int64
        Bytes of the chain, and of what it holds.

    Raises
    ------
    CorruptFileError
        The first has no known header.
    """
    name = heads["name"][0].tobytes()
    algorithm = _ALGORITHMS.get(name)
    if algorithm is None:
        raise _unknown(memoryview(name))
    sizes, held = (heads[f"{part}_low"] + (heads[f"{part}_high"].astype(np.int64) << 16) for part in ("packed", "content"))
    fits = (heads["name"] == heads["name"][0]) & (sizes == packed - HEADER) & (held == contents)
    return fits & (contents <= algorithm.ratio * (sizes + 1)), algorithm.into


def blocks_of(data: memoryview, nbytes: int) -> list[Block]:
    """The blocks of a chain that holds `nbytes` bytes, by their headers alone; every one lies inside `data`, and they end where it ends.

    Raises
    ------
    CorruptFileError
        The headers contradict each other, or announce more than blocks of these sizes can hold: nothing needs to be allocated before this is known.
    """
    blocks, position, end, total = [], 0, len(data), 0
    while position < end:
        if position + HEADER > end:
            raise _unknown(data[position:])
        name, _, low, high, content_low, content_high = _HEAD.unpack_from(data, position)
        algorithm = _ALGORITHMS.get(name)
        if algorithm is None:
            raise _unknown(data[position : position + HEADER])
        packed, content = low | high << 16, content_low | content_high << 16
        position += HEADER
        if position + packed > end:
            raise CorruptFileError(
                "A compressed block is longer than its basket", found=f"{packed} bytes", expected=f"at most {end - position}"
            )
        if content > algorithm.ratio * (packed + 1):
            raise CorruptFileError("A compressed block announces more than it can hold", found=f"{content} bytes", expected=f"at most {algorithm.ratio} x {packed}")  # fmt: skip
        blocks.append(Block(algorithm, data[position : position + packed], content))
        position, total = position + packed, total + content
    if total != nbytes:
        raise CorruptFileError("The compressed blocks do not add up", found=total, expected=f"{nbytes} bytes")
    return blocks


def _unknown(head: memoryview) -> CorruptFileError:
    known = ", ".join(name.decode() for name in _ALGORITHMS)
    return CorruptFileError("A compressed block has no known header", found=repr(bytes(head)), expected=f"one of {known}")


def _fill(blocks: list[Block], out: memoryview) -> None:
    filled = 0
    for algorithm, packed, nbytes in blocks:
        algorithm.into(packed, out[filled : filled + nbytes])
        filled += nbytes


def _whole(block: Block) -> bytes | bytearray | np.ndarray:
    out = block.algorithm.decompress(block.data, block.nbytes)
    if len(out) != block.nbytes:
        raise CorruptFileError("A compressed block holds another number of bytes", found=len(out), expected=block.nbytes)
    return out
