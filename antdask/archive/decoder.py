"""Decoding a run of chunks in one call outside the interpreter: checksums, decompression and unshuffling, straight to where the bytes belong.

::

    encoded chunks     [ chunk | crc ][ chunk | crc ][ chunk | crc ]
    decoded bytes      |- b -- b -- b||- b -- b -- b||- b -- b -- b|       b: blocks of Blosc, of some 32 kB
    bytes wanted                  |----------------------|
    decoded                    b -- b| b -- b -- b || b                    blocks without a wanted byte are left alone

Decompression is that of libzstd and the checksum that of libcrc32c, the libraries behind numcodecs and google-crc32c. Undoing Blosc's shuffles is done here, since
common builds of Blosc do it several times slower than they decompress. Where these libraries cannot be called, and for what is not handled here (other compressors
inside Blosc, blocks cut into streams), `decode` says so and leaves it to `shards.decode_chunk`.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
from importlib import import_module
from typing import Any

import llvmlite.binding
import numpy as np
from numba import types

from antdask.compiled import compiled

#: What `decode` says about the first chunk that it could not decode.
DONE, CHECKSUM, DAMAGED, OTHER = range(4)
# More scratch memory is needed.
ROOM = 4

# Functions of C libraries, by the module that has them or was linked with them.
_SYMBOLS = {"crc32c_value": "google_crc32c._crc32c"} | {f"ZSTD_{n}": "numcodecs.zstd" for n in ("createDCtx", "freeDCtx", "decompressDCtx")}


def _bind(symbols: dict[str, str]) -> bool:
    """Give compiled code functions of C libraries under their names; whether all are there."""
    found = {}
    # A module that is pure Python, or a library that keeps its functions to itself.
    with contextlib.suppress(ImportError, OSError, AttributeError):
        for name, module in symbols.items():
            function = getattr(ctypes.CDLL(str(import_module(module).__file__)), name)
            found[f"antdask_{name}"] = ctypes.cast(function, ctypes.c_void_p).value
    for name, address in found.items():
        llvmlite.binding.add_symbol(name, address)
    return len(found) == len(symbols)


#: Whether this machine can; numbers in files are little-endian.
AVAILABLE = sys.byteorder == "little" and _bind(_SYMBOLS)

_decompress: Any = types.ExternalFunction("antdask_ZSTD_decompressDCtx", types.uintp(*(5 * (types.uintp,))))
_crc32c: Any = types.ExternalFunction("antdask_crc32c_value", types.uint32(types.uintp, types.uintp))


def decode(data: np.ndarray, spans: np.ndarray, blosc: bool, chunk: int, low: int, high: int, out: np.ndarray) -> tuple[int, int]:
    """Decode bytes of neighbouring chunks.

    Parameters
    ----------
    data : uint8 array
        Encoded chunks, each followed by its CRC-32C.
    spans : int64 array, shape (chunks, 2)
        Offset and length of each in `data`, the checksum included.
    blosc : bool
        Whether the chunks are of Blosc, or of Zstandard.
    chunk : int
        Decoded bytes of a chunk.
    low, high : int
        Which of the decoded bytes of all chunks together are wanted.
    out : uint8 array, shape (high - low,)

    Returns
    -------
    status : int
        ``DONE``, or what is wrong with the first chunk that could not be decoded: ``CHECKSUM``, ``DAMAGED``, or ``OTHER`` for an encoding that is not handled here.
    number : int
        Of that chunk.
    """
    own = _own
    if own is None or not AVAILABLE:
        return OTHER, 0
    while True:
        status, number, room = _compiled(own.context.address, own.scratch, data, spans, blosc, chunk, low, high, out)
        if status != ROOM:
            return status, number
        own.scratch = np.empty(room, np.uint8)


class _Context:
    """What libzstd needs to decompress, made once for each thread."""

    def __init__(self) -> None:
        library = ctypes.CDLL(str(import_module("numcodecs.zstd").__file__))
        library.ZSTD_createDCtx.restype = ctypes.c_void_p
        library.ZSTD_freeDCtx.argtypes = [ctypes.c_void_p]
        self.address, self._free = int(library.ZSTD_createDCtx()), library.ZSTD_freeDCtx

    def __del__(self) -> None:
        self._free(self.address)


class _Own(threading.local):
    """Of one thread."""

    def __init__(self) -> None:
        self.context, self.scratch = _Context(), np.empty(1 << 18, np.uint8)


_own = _Own() if AVAILABLE else None


def _decode_run(
    context: int, scratch: np.ndarray, data: np.ndarray, spans: np.ndarray, blosc: bool, chunk: int, low: int, high: int, out: np.ndarray
) -> tuple[int, int, int]:
    status, room = DONE, 0
    for number in range(spans.shape[0]):
        begin = number * chunk
        first, last = max(low - begin, 0), min(high - begin, chunk)
        if last <= first:
            continue
        start, length = spans[number, 0], spans[number, 1]
        # By differences: sums of numbers from a file may pass the largest one, and come out below zero.
        if start < 0 or start > data.size or length < 4 or length > data.size - start:
            return CHECKSUM, number, 0
        stop = start + length - 4
        encoded, place = data[start:stop], out[begin + first - low : begin + last - low]
        if _crc32c(encoded.ctypes.data, encoded.size) != _number(data, stop):
            return CHECKSUM, number, 0
        # Of Blosc, room for a block as it comes, with its bits back in bytes, and as it goes where not all of it is wanted.
        room = 3 * min(_number(encoded, 8), chunk) if blosc and encoded.size >= 16 else chunk if place.size < chunk else 0
        if room > scratch.size:
            return ROOM, number, room
        if blosc:
            status = _decode_blosc(context, encoded, chunk, first, last, place, scratch)
        else:
            target = place if place.size == chunk else scratch
            status = DONE if _decompress(context, target.ctypes.data, chunk, encoded.ctypes.data, encoded.size) == chunk else DAMAGED
            if place.size < chunk and status == DONE:
                _copy(scratch, first, place)
        if status != DONE:
            return status, number, 0
    return DONE, spans.shape[0], 0


@compiled
def _number(data: np.ndarray, at: int) -> Any:
    """Four little-endian bytes."""
    return np.int64(data[at]) | np.int64(data[at + 1]) << 8 | np.int64(data[at + 2]) << 16 | np.int64(data[at + 3]) << 24


@compiled
def _decode_blosc(context: int, encoded: np.ndarray, chunk: int, first: int, last: int, place: np.ndarray, scratch: np.ndarray) -> int:
    """Blocks with bytes ``first:last`` of a chunk; nothing in the header is trusted.

    Header: versions of format and compressor, flags, bytes of an element; bytes of the data, of a block, and of all as 32-bit numbers; then where each block begins.
    """
    if encoded.size < 16 or _number(encoded, 4) != chunk or _number(encoded, 12) != encoded.size:
        return DAMAGED
    flags, block = int(encoded[2]), _number(encoded, 8)
    if flags & 0x02 and encoded.size == 16 + chunk:
        _copy(encoded, 16 + first, place)
        return DONE
    # Zstandard, and blocks that are one stream each.
    if encoded[0] != 2 or flags >> 5 != 4 or flags & 0x12 != 0x10 or encoded[3] < 1 or 3 * block > scratch.size:
        return OTHER
    if block < 1 or encoded.size < 16 + 4 * (-(-chunk // block)):
        return DAMAGED
    status = DONE
    for number in range(first // block, -(-last // block)):
        begin = number * block
        size = min(block, chunk - begin)
        low, high = max(first, begin), min(last, begin + size)
        at = _number(encoded, 16 + 4 * number)
        length = _number(encoded, at) if 16 <= at <= encoded.size - 4 else -1
        if length < 0 or at + 4 + length > encoded.size:
            status = DAMAGED
            break
        whole = high - low == size
        target = place[low - first : high - first] if whole else scratch[2 * block : 2 * block + size]
        if not _decode_block(context, encoded[at + 4 : at + 4 + length], flags, int(encoded[3]), target, scratch[: 2 * block]):
            status = DAMAGED
            break
        if not whole:
            _copy(target, low - begin, place[low - first : high - first])
    return status


@compiled
def _decode_block(context: int, stream: np.ndarray, flags: int, width: int, target: np.ndarray, scratch: np.ndarray) -> bool:
    """One block; `scratch` has room for two."""
    size, rows = target.size, target.size // width
    # Blosc leaves the bits of a block alone whose elements are no multiple of eight.
    bits, shuffled = flags & 0x04 and rows > 0 and rows % 8 == 0, flags & 0x01 and width > 1
    plain = scratch[:size] if bits or shuffled else target
    if stream.size == size:
        _copy(stream, 0, plain)
    elif _decompress(context, plain.ctypes.data, size, stream.ctypes.data, stream.size) != size:
        return False
    if bits and width == 1:
        _join_bits(plain, target)
    elif bits:
        joined = scratch[size : 2 * size]
        for byte in range(width):
            _join_bits(plain[byte * rows : (byte + 1) * rows], joined[byte * rows : (byte + 1) * rows])
        _join_bytes(joined, rows, width, target)
    elif shuffled:
        _join_bytes(plain, rows, width, target)
    if bits or shuffled:
        _copy(plain, rows * width, target[rows * width :])
    return True


@compiled
def _copy(source: np.ndarray, at: int, target: np.ndarray) -> None:
    for i in range(target.size):
        target[i] = source[at + i]


@compiled
def _join_bits(planes: np.ndarray, target: np.ndarray) -> None:
    """Bytes whose lowest bits come first, then the next, up to the highest; eight bytes at a time, as a matrix of bits that is transposed."""
    n = target.size // 8
    words = target.view(np.uint64)
    for i in range(n):
        x = np.uint64(planes[i])
        x |= np.uint64(planes[n + i]) << np.uint64(8)
        x |= np.uint64(planes[2 * n + i]) << np.uint64(16)
        x |= np.uint64(planes[3 * n + i]) << np.uint64(24)
        x |= np.uint64(planes[4 * n + i]) << np.uint64(32)
        x |= np.uint64(planes[5 * n + i]) << np.uint64(40)
        x |= np.uint64(planes[6 * n + i]) << np.uint64(48)
        x |= np.uint64(planes[7 * n + i]) << np.uint64(56)
        t = (x ^ (x >> np.uint64(7))) & np.uint64(0x00AA00AA00AA00AA)
        x = x ^ t ^ (t << np.uint64(7))
        t = (x ^ (x >> np.uint64(14))) & np.uint64(0x0000CCCC0000CCCC)
        x = x ^ t ^ (t << np.uint64(14))
        t = (x ^ (x >> np.uint64(28))) & np.uint64(0x00000000F0F0F0F0)
        words[i] = x ^ t ^ (t << np.uint64(28))


@compiled
def _join_bytes(planes: np.ndarray, rows: int, width: int, target: np.ndarray) -> None:
    """Elements whose first bytes come first, then their second ones, and so on."""
    if width == 2:
        pairs = target[: 2 * rows].view(np.uint16)
        for i in range(rows):
            pairs[i] = np.uint16(planes[i]) | np.uint16(planes[rows + i]) << np.uint16(8)
    elif width == 4:
        fours = target[: 4 * rows].view(np.uint32)
        for i in range(rows):
            low = np.uint32(planes[i]) | np.uint32(planes[rows + i]) << np.uint32(8)
            fours[i] = low | np.uint32(planes[2 * rows + i]) << np.uint32(16) | np.uint32(planes[3 * rows + i]) << np.uint32(24)
    elif width == 8:
        eights = target[: 8 * rows].view(np.uint64)
        for i in range(rows):
            x = np.uint64(planes[i]) | np.uint64(planes[rows + i]) << np.uint64(8)
            x |= np.uint64(planes[2 * rows + i]) << np.uint64(16) | np.uint64(planes[3 * rows + i]) << np.uint64(24)
            x |= np.uint64(planes[4 * rows + i]) << np.uint64(32) | np.uint64(planes[5 * rows + i]) << np.uint64(40)
            eights[i] = x | np.uint64(planes[6 * rows + i]) << np.uint64(48) | np.uint64(planes[7 * rows + i]) << np.uint64(56)
    else:
        for byte in range(width):
            for i in range(rows):
                target[i * width + byte] = planes[byte * rows + i]


_compiled: Any = compiled(_decode_run)
