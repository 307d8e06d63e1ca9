"""Arrays of a product on disk: sharded Zarr v3 with core codecs, each shard one object, written whole by its one owner.

Shards span all channels and whole days, and never share a file, so that tasks need no locks. A shard that was never written holds no frames: its bins are outside
of all runs. Reading goes through byte ranges of the store, which works for every kind of storage; plain zarr and xarray read the same bytes.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import itertools
import json
import math
from collections.abc import Iterator
from typing import IO, Any

import google_crc32c
import numpy as np
from numcodecs import blosc

from antdask.archive import shards
from antdask.archive.store import Store


@dataclasses.dataclass(frozen=True)
class GridArray:
    """One array of a level.

    Parameters
    ----------
    path : str
        Directory below the root of the archive.
    dtype : numpy.dtype
    dims : tuple of str
        The last but one is time where there are histograms, else the last.
    shape, shard, chunk : tuple of int
        Only the dimension of time is cut into shards; chunks cut a shard evenly.
    attributes : dict
    """

    path: str
    dtype: np.dtype
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    shard: tuple[int, ...]
    chunk: tuple[int, ...]
    attributes: dict[str, Any]

    @functools.cached_property
    def axis(self) -> int:
        """Which dimension is time."""
        return next(i for i, name in enumerate(self.dims) if name in ("time", "window"))

    @property
    def fill(self) -> np.ndarray:
        """What stands where no shard was written: NaN for reals, else 0."""
        return np.array(np.nan if self.dtype.kind == "f" else 0, self.dtype)

    @functools.cached_property
    def grid(self) -> tuple[int, ...]:
        """Chunks of a shard along each dimension."""
        return tuple(s // c for s, c in zip(self.shard, self.chunk, strict=True))

    @property
    def slots(self) -> int:
        """Chunks of a shard."""
        return int(np.prod(self.grid))

    @functools.cached_property
    def codec(self) -> Any:
        """The compressor: bit shuffle and zstd over whole chunks. In smaller blocks, as Blosc would choose, it takes half again as long and gains nothing."""
        return blosc.Blosc("zstd", 1, blosc.BITSHUFFLE, blocksize=self._block, typesize=self.dtype.itemsize)

    @property
    def _block(self) -> int:
        return math.prod(self.chunk) * self.dtype.itemsize

    def shard_path(self, number: int) -> str:
        """File of the shard with this number along time."""
        place = ["0"] * len(self.shape)
        place[self.axis] = str(number)
        return f"{self.path}/c/{'/'.join(place)}"

    def metadata(self) -> bytes:
        """The content of ``zarr.json``."""
        little = {"name": "bytes", "configuration": {"endian": "little"}}
        how = {"cname": "zstd", "clevel": 1, "shuffle": "bitshuffle", "typesize": self.dtype.itemsize, "blocksize": self._block}
        inner = [little if self.dtype.itemsize > 1 else {"name": "bytes"}, {"name": "blosc", "configuration": how}, {"name": "crc32c"}]
        sharding = {"chunk_shape": list(self.chunk), "codecs": inner, "index_codecs": [little, {"name": "crc32c"}], "index_location": "end"}
        document = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(self.shape),
            "data_type": self.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(self.shard)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": "NaN" if self.dtype.kind == "f" else 0,
            "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
            "dimension_names": list(self.dims),
            "attributes": self.attributes,
        }
        return json.dumps(document, indent=1).encode() + b"\n"


class ShardWriter:
    """One shard while pieces along time arrive, in order; chunks go to the file as soon as they are whole, so that no shard is ever in memory.

    Chunks lie in the file in the order of time, where the numbers of chunks run over time first: the index at the end says where each is.

    Parameters
    ----------
    array : GridArray
    file : binary file, optional
        Where to; memory if not given.
    """

    def __init__(self, array: GridArray, file: IO[bytes] | None = None) -> None:
        self.array = array
        self._memory = io.BytesIO() if file is None else None
        self._file: IO[bytes] = file or self._memory  # type: ignore[assignment]
        self._index = np.full((*array.grid, 2), shards.EMPTY, "<u8")
        self._buffer: np.ndarray | None = None
        # Chunks along time that are done, and bins in the buffer; whether there is anything but fill in it.
        self._done, self._filled, self._blank = 0, 0, True
        self.nbytes, self.crc32c = 0, 0

    def append(self, values: np.ndarray) -> None:
        """Add bins: all channels, any number of them."""
        axis, start = self.array.axis, 0
        while start < values.shape[axis]:
            n = min(self._length - self._filled, values.shape[axis] - start)
            piece = values[self._along(start, start + n)]
            start += n
            if n == self._length:
                # Whole chunks need not wait.
                self._encode(encode_blocks(self.array, piece))
                continue
            self._whole_buffer()[self._along(self._filled, self._filled + n)] = piece
            self._advance(n)

    def skip(self, bins: int) -> None:
        """Add bins in which nothing is."""
        while bins:
            n = min(self._length - self._filled, bins)
            if not self._blank:
                self._whole_buffer()[self._along(self._filled, self._filled + n)] = self.array.fill
            self._advance(n)
            bins -= n

    def finish(self) -> bytes:
        """Write the index; the bytes of the shard, if they are in memory.

        Raises
        ------
        ValueError
            Bins are missing: a bug of the caller.
        """
        if self._filled or self._done != self.array.grid[self.array.axis]:
            raise ValueError(f"{self.array.path}: a shard is not full")
        index = self._index.tobytes()
        self._write(index + shards.checksum(index))
        self._buffer = None
        return self._memory.getvalue() if self._memory else b""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def _length(self) -> int:
        return self.array.chunk[self.array.axis]

    def _along(self, start: int, stop: int) -> tuple[slice, ...]:
        return (*[slice(None)] * self.array.axis, slice(start, stop))

    def _whole_buffer(self) -> np.ndarray:
        """The bins of the chunks that are being filled; what was skipped before is written now."""
        if self._buffer is None:
            shape = list(self.array.shard)
            shape[self.array.axis] = self._length
            self._buffer = np.empty(shape, self.array.dtype)
        if self._blank:
            self._buffer[self._along(0, self._filled)] = self.array.fill
            self._blank = False
        return self._buffer

    def _advance(self, bins: int) -> None:
        self._filled += bins
        if self._filled == self._length:
            self._encode(_blank_column(self.array) if self._blank else encode_blocks(self.array, self._whole_buffer()))
            self._filled, self._blank = 0, True

    def _encode(self, blocks: list[bytes]) -> None:
        """Write the chunks of one step along time."""
        places = itertools.product(*(range(n) for i, n in enumerate(self.array.grid) if i != self.array.axis))
        for place, block in zip(places, blocks, strict=True):
            self._index[(*place[: self.array.axis], self._done, *place[self.array.axis :])] = self.nbytes, len(block)
            self._write(block)
        self._done += 1

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self.nbytes += len(data)
        self.crc32c = int(google_crc32c.extend(self.crc32c, data))


def _blank_column(array: GridArray) -> list[bytes]:
    """Chunks of one step along time in which nothing is: all the same."""
    return [_blank_chunk(array.dtype, array.chunk)] * (array.slots // array.grid[array.axis])


@functools.lru_cache(maxsize=64)
def _blank_chunk(dtype: np.dtype, chunk: tuple[int, ...]) -> bytes:
    array = GridArray("", dtype, (), (), (), chunk, {})
    return shards.encode_chunk(np.full(chunk, array.fill), array.codec)


def encode_blocks(array: GridArray, values: np.ndarray) -> list[bytes]:
    """Chunks of a rectangle of whole chunks, in the order of their numbers (the last dimension runs fastest)."""
    encoded = []
    for place in itertools.product(*(range(n // c) for n, c in zip(values.shape, array.chunk, strict=True))):
        cut = tuple(slice(p * c, (p + 1) * c) for p, c in zip(place, array.chunk, strict=True))
        block = values[cut].astype(array.dtype, copy=False)
        encoded.append(_blank_chunk(array.dtype, array.chunk) if _is_blank(block) else shards.encode_chunk(block, array.codec))
    return encoded


def _is_blank(block: np.ndarray) -> bool:
    """Whether there is nothing but fill: looking is much faster than compressing, and most of a period may hold nothing."""
    # Where there is something it is nearly everywhere.
    for part in (block.reshape(-1)[:: 1 + block.size // 64], block):
        if (not np.isnan(part).all()) if block.dtype.kind == "f" else part.any():
            return False
    return True


def join_shard(array: GridArray, chunks: list[bytes]) -> bytes:
    """The bytes of a shard from all its chunks, in order.

    Raises
    ------
    ValueError
        Chunks are missing: a bug of the caller.
    """
    if len(chunks) != array.slots:
        raise ValueError(f"{array.path}: a shard of {len(chunks)} chunks instead of {array.slots}")
    return b"".join(chunks) + shards.shard_index([len(c) for c in chunks], array.slots)


def read(store: Store, array: GridArray, key: tuple[slice, ...]) -> np.ndarray:
    """Values of a rectangle; the fill where no shard was written.

    Parameters
    ----------
    key : tuple of slice
        Step 1, inside of the shape.

    Raises
    ------
    DamagedPartError
        A shard is torn or altered.
    """
    out = np.full([s.stop - s.start for s in key], array.fill)
    axis = array.axis
    length = array.shard[axis]
    for number in range(key[axis].start // length, -(-key[axis].stop // length)):
        base = number * length
        low, high = max(key[axis].start, base), min(key[axis].stop, base + length)
        inside = (*key[:axis], slice(low - base, high - base), *key[axis + 1 :])
        place = [slice(None)] * len(key)
        place[axis] = slice(low - key[axis].start, high - key[axis].start)
        _read_shard(store, array, array.shard_path(number), inside, out[tuple(place)])
    return out


def _read_shard(store: Store, array: GridArray, path: str, key: tuple[slice, ...], out: np.ndarray) -> None:
    size = store.size(path)
    if size is None:
        return
    tail = 16 * array.slots + 4
    index = shards.read_index(store.read(path, size - tail, size), array.slots, path)
    buffer = np.empty(array.chunk, array.dtype)
    for run in _runs(array, key, index):
        begin, end = run[0][1], run[-1][1] + run[-1][2]
        data = memoryview(store.read(path, begin, end))
        for place, offset, nbytes in run:
            shards.decode_chunk(data[offset - begin : offset - begin + nbytes], array.codec, buffer, path)
            source, target = _overlap(place, array.chunk, key)
            out[target] = buffer[source]


def _runs(array: GridArray, key: tuple[slice, ...], index: np.ndarray) -> Iterator[list[tuple[tuple[int, ...], int, int]]]:
    """Chunks that a rectangle needs, with where they lie, in runs of neighbours in the file: each is one read."""
    ranges = [range(k.start // c, -(-k.stop // c)) for k, c in zip(key, array.chunk, strict=True)]
    places = list(itertools.product(*ranges))
    spans = index[np.ravel_multi_index(tuple(zip(*places, strict=True)), array.grid)].tolist()
    run: list[tuple[tuple[int, ...], int, int]] = []
    for offset, nbytes, place in sorted((offset, nbytes, place) for (offset, nbytes), place in zip(spans, places, strict=True)):
        if run and offset != run[-1][1] + run[-1][2]:
            yield run
            run = []
        run.append((place, offset, nbytes))
    if run:
        yield run


def _overlap(place: tuple[int, ...], chunk: tuple[int, ...], key: tuple[slice, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where a chunk and a rectangle overlap: inside the chunk, and inside the rectangle."""
    source, target = [], []
    for p, c, k in zip(place, chunk, key, strict=True):
        low, high = max(k.start, p * c), min(k.stop, (p + 1) * c)
        source.append(slice(low - p * c, high - p * c))
        target.append(slice(low - k.start, high - k.start))
    return tuple(source), tuple(target)
