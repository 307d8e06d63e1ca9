"""Compressed blocks for ROOT files: zlib, lzma, lz4 and zstd, each block behind the nine bytes by which ROOT knows it.

The libraries are the fastest at hand (libdeflate for zlib), so the bytes differ from those that ROOT itself would write; their meaning does not.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable
from typing import NamedTuple

import cramjam
import deflate
import xxhash
import zstandard

from antdask.errors import UnknownNameError, UsageError

#: A block holds at most this many bytes: its sizes are written in three bytes.
BLOCK_BYTES = 0xFF_FFFF


class Codec(NamedTuple):
    """How a file is compressed.

    Parameters
    ----------
    name : str
        ``zlib``, ``lzma``, ``lz4``, ``zstd`` or ``none``.
    level : int
        1 to 9 as ROOT counts them (zstd compresses with twice the number); 0 with ``none`` only.
    """

    name: str
    level: int

    @property
    def setting(self) -> int:
        """ROOT's number for algorithm and level: 100 x algorithm + level."""
        return 100 * _ALGORITHMS[self.name].number + self.level if self.level else 0


class _Algorithm(NamedTuple):
    number: int
    tag: bytes
    compress: Callable[[bytes, int], bytes]


def _zlib(data: bytes, level: int) -> bytes:
    return bytes(deflate.zlib_compress(data, level))


def _lzma(data: bytes, level: int) -> bytes:
    return lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, preset=level)


def _lz4(data: bytes, level: int) -> bytes:
    # ROOT: fast up to level 3, high compression above.
    if level < 4:
        packed = bytes(cramjam.lz4.compress_block(data, mode="fast", store_size=False))
    else:
        packed = bytes(cramjam.lz4.compress_block(data, mode="high_compression", compression=level, store_size=False))
    return xxhash.xxh64_digest(packed) + packed


def _zstd(data: bytes, level: int) -> bytes:
    return zstandard.ZstdCompressor(level=2 * level).compress(data)


_ALGORITHMS = {
    "zlib": _Algorithm(1, b"ZL\x08", _zlib),
    "lzma": _Algorithm(2, b"XZ\x00", _lzma),
    "lz4": _Algorithm(4, b"L4\x01", _lz4),
    "zstd": _Algorithm(5, b"ZS\x01", _zstd),
}
DEFAULT_LEVELS = {"zlib": 1, "lzma": 4, "lz4": 1, "zstd": 2, "none": 0}


def codec(name: str, level: int | None = None) -> Codec:
    """The codec of this name, at its usual level where none is given.

    Raises
    ------
    UnknownNameError
        No such codec.
    UsageError
        A level that ROOT does not know.

    Examples
    --------
    >>> codec("zlib").setting, codec("zstd", 5).setting, codec("none").setting
    (101, 505, 0)
    """
    if name not in DEFAULT_LEVELS:
        raise UnknownNameError.of("codec", name, DEFAULT_LEVELS)
    level = DEFAULT_LEVELS[name] if level is None else level
    if not (level == 0 if name == "none" else 1 <= level <= 9):
        raise UsageError(f"Level of codec '{name}'", found=level, expected="0" if name == "none" else "1 to 9")
    return Codec(name, level)


def compress(data: bytes, how: Codec) -> bytes:
    """The blocks that hold `data`, or `data` itself where blocks would not be smaller: ROOT tells both apart by their size."""
    if how.name == "none":
        return data
    algorithm = _ALGORITHMS[how.name]
    blocks = bytearray()
    for start in range(0, len(data), BLOCK_BYTES):
        piece = data[start : start + BLOCK_BYTES]
        packed = algorithm.compress(piece, how.level)
        if len(packed) > BLOCK_BYTES:
            return data
        blocks += algorithm.tag + len(packed).to_bytes(3, "little") + len(piece).to_bytes(3, "little") + packed
    return bytes(blocks) if len(blocks) < len(data) else data
