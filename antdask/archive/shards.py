"""Chunks and shards: encoding and decoding of the ``sharding_indexed`` codec by hand.

A shard is the encoded inner chunks, one after the other, then an index of (offset, length) pairs and its CRC-32C::

    | chunk 0 | chunk 1 | … | (offset, length) × n as little-endian u64 | crc32c |
    |<- each: compressed bytes + crc32c ->|

Assembling shards here instead of through an array library costs about the speed of the compressor alone, and the bytes read back identically
with zarr-python, zarrs and tensorstore.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import google_crc32c
import numpy as np
import zstandard
from numcodecs import Zstd, blosc

from antdask.archive.layout import ArrayLayout, chunk_tail, codec_metadata
from antdask.errors import DamagedPartError
from antdask.model.schema import AMPLITUDE, SERIES, SYMBOL

EMPTY = 2**64 - 1
#: Kinds of columns whose compressor is plain Zstandard; of all others it is Blosc.
PLAIN = frozenset({AMPLITUDE, SYMBOL})

# One thread each: parallelism comes from parts, and a pool inside the codec would fight with the workers.
blosc.use_threads = False


def codec_for(kind: str, dtype: np.dtype) -> Any:
    """The compressor of a kind of column, as an object with ``encode`` and ``decode``; for one thread at a time."""
    if kind in PLAIN:
        return _Zstandard(symbols=kind == SYMBOL)
    how = codec_metadata(kind, dtype)["configuration"]
    shuffle = blosc.BITSHUFFLE if how["shuffle"] == "bitshuffle" else blosc.SHUFFLE
    return blosc.Blosc(how["cname"], how["clevel"], shuffle, blocksize=how["blocksize"], typesize=how["typesize"])


class _Zstandard:
    """Zstandard whose context is kept from chunk to chunk, which makes small chunks a quarter faster.

    Parameters
    ----------
    symbols : bool
        Code bytes by their frequencies, and look for repetitions only next to each other: repetitions of a few symbols in random order are chance, and cost more
        than they save. Any decoder reads it.
    """

    def __init__(self, *, symbols: bool) -> None:
        self._symbols = symbols
        self._compressor: zstandard.ZstdCompressor | None = None

    def encode(self, values: np.ndarray) -> bytes:
        """One frame, which states the size of its content."""
        if self._compressor is None:
            how = {"strategy": zstandard.STRATEGY_FAST, "min_match": 7, "hash_log": 6, "chain_log": 6, "search_log": 1, "window_log": 17}
            parameters = zstandard.ZstdCompressionParameters(**how if self._symbols else {"compression_level": 1}, write_content_size=True)
            self._compressor = zstandard.ZstdCompressor(compression_params=parameters)
        frame: bytes = self._compressor.compress(values.view(np.uint8).reshape(-1).data)
        return frame

    def decode(self, data: Any, out: np.ndarray) -> np.ndarray:
        """The content of a frame."""
        decoded: np.ndarray = _zstd.decode(data, out)
        return decoded


_zstd = Zstd()


def encode_chunk(values: np.ndarray, codec: Any) -> bytes:
    """Compress one inner chunk and append its CRC-32C."""
    return b"".join(encode_pieces(values, codec))


def encode_pieces(values: np.ndarray, codec: Any) -> tuple[bytes, bytes]:
    """One inner chunk compressed, and its CRC-32C."""
    data = codec.encode(np.ascontiguousarray(values, values.dtype.newbyteorder("<")))
    return data, checksum(data)


def encode_groups(pieces: Sequence[np.ndarray], kind: str, codec: Any) -> list[tuple[bytes, bytes]]:
    """The inner chunks that hold the same rows, compressed: one, of a series one for each group of columns, with the values of a column side by side.

    Parameters
    ----------
    pieces : sequence of ndarray
        The rows, one piece after the other.
    """
    if kind != SERIES:
        return [encode_pieces(pieces[0] if len(pieces) == 1 else np.concatenate(pieces), codec)]
    (width,), rows = chunk_tail(pieces[0].shape[1:], kind), sum(map(len, pieces))
    side_by_side = np.empty((width, rows), pieces[0].dtype)
    encoded = []
    for first in range(0, pieces[0].shape[1], width):
        np.concatenate([piece[:, first : first + width].T for piece in pieces], axis=1, out=side_by_side)
        encoded.append(encode_pieces(side_by_side, codec))
    return encoded


def decode_chunk(data: bytes | memoryview, codec: Any, out: np.ndarray, where: str) -> None:
    """Check and decompress one inner chunk into `out` (C-contiguous, the shape of the chunk).

    Raises
    ------
    DamagedPartError
        The checksum differs, or the compressor refuses.
    """
    view = memoryview(data)
    if len(view) < 4 or checksum(view[:-4]) != bytes(view[-4:]):
        raise DamagedPartError(
            "The checksum of a chunk differs: the part is damaged",
            where=where,
            hint="Run: antdask verify ARCHIVE --deep, then convert again.",
        )
    try:
        codec.decode(view[:-4], out=out.view(np.uint8).reshape(-1))
    except (RuntimeError, ValueError) as error:
        raise DamagedPartError(f"A chunk cannot be decompressed: {error}", where=where) from error


@functools.cache
def _decoder() -> Any:
    # Late: what it is compiled with takes 60 MB, and who only writes does not need it.
    from antdask.archive import decoder

    return decoder


def decode_chunks(data: np.ndarray, spans: np.ndarray, layout: ArrayLayout, chunk: int, low: int, out: np.ndarray, where: str) -> None:
    """Check and decompress what is wanted of neighbouring chunks.

    Parameters
    ----------
    data : uint8 array
        The encoded chunks.
    spans : int64 array, shape (chunks, 2)
        Offset and length of each in `data`.
    layout : ArrayLayout
        For the compressor.
    chunk : int
        Decoded bytes of a chunk.
    low : int
        Where in the decoded bytes of all chunks `out` begins.
    out : uint8 array

    Raises
    ------
    DamagedPartError
        As `decode_chunk`.
    """
    decoder = _decoder()
    status, first = decoder.decode(data, spans, layout.codec not in PLAIN, chunk, low, low + len(out), out)
    if status == decoder.DONE:
        return
    # What remains; this also says what is wrong.
    codec = codec_for(layout.codec, layout.dtype)
    for number in range(first, len(spans)):
        begin, end = max(low, number * chunk), min(low + len(out), (number + 1) * chunk)
        if begin < end:
            offset, length = spans[number].tolist()
            whole = np.empty(chunk, np.uint8)
            decode_chunk(memoryview(data)[offset : offset + length] if offset >= 0 else b"", codec, whole, where)
            out[begin - low : end - low] = whole[begin - number * chunk : end - number * chunk]


def checksum(data: bytes | memoryview) -> bytes:
    """CRC-32C as four little-endian bytes."""
    return int(google_crc32c.value(bytes(data) if isinstance(data, memoryview) else data)).to_bytes(4, "little")


def shard_index(lengths: list[int], slots: int) -> bytes:
    """Index of a shard whose chunks have these encoded lengths, followed by its CRC-32C; unused slots are marked empty."""
    index = np.full((slots, 2), EMPTY, "<u8")
    index[: len(lengths), 1] = lengths
    index[: len(lengths), 0] = np.concatenate(([0], np.cumsum(lengths[:-1]))) if lengths else 0
    data = index.tobytes()
    return data + checksum(data)


def read_index(data: bytes, slots: int, where: str) -> np.ndarray:
    """Index of a shard as int64 array, shape (slots, 2): offset and length; -1 where the slot is empty.

    Raises
    ------
    DamagedPartError
        The checksum differs.
    """
    if len(data) != 16 * slots + 4 or checksum(data[:-4]) != data[-4:]:
        raise DamagedPartError(
            "The index of a shard is damaged", where=where, hint="Run: antdask verify ARCHIVE --deep, then convert again."
        )
    return np.frombuffer(data[:-4], "<i8").reshape(slots, 2)


def index_bytes(layout: ArrayLayout) -> int:
    """Length of the index at the end of every shard of an array [byte]."""
    return 16 * layout.chunks_per_shard + 4
