"""Arrays of a product on disk: sharded Zarr v3 with core codecs, each shard one object, written whole by its one owner.

Shards span all channels and whole days, and never share a file, so that tasks need no locks. A shard that was never written holds no frames: its bins are outside
of all runs. Reading goes through byte ranges of the store, which works for every kind of storage; plain zarr and xarray read the same bytes.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from antdask.archive import shards
from antdask.archive.layout import codec_metadata
from antdask.archive.store import Store
from antdask.model.schema import INTEGER, REAL


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

    @property
    def axis(self) -> int:
        """Which dimension is time."""
        return next(i for i, name in enumerate(self.dims) if name in ("time", "window"))

    @property
    def fill(self) -> np.ndarray:
        """What stands where no shard was written: NaN for reals, else 0."""
        return np.array(np.nan if self.dtype.kind == "f" else 0, self.dtype)

    @property
    def grid(self) -> tuple[int, ...]:
        """Chunks of a shard along each dimension."""
        return tuple(s // c for s, c in zip(self.shard, self.chunk, strict=True))

    @property
    def slots(self) -> int:
        """Chunks of a shard."""
        return int(np.prod(self.grid))

    @property
    def kind(self) -> str:
        """Codec, as in `model.schema`."""
        return REAL if self.dtype.kind == "f" else INTEGER

    def shard_path(self, number: int) -> str:
        """File of the shard with this number along time."""
        place = ["0"] * len(self.shape)
        place[self.axis] = str(number)
        return f"{self.path}/c/{'/'.join(place)}"

    def metadata(self) -> bytes:
        """The content of ``zarr.json``."""
        little = {"name": "bytes", "configuration": {"endian": "little"}}
        inner = [little if self.dtype.itemsize > 1 else {"name": "bytes"}, codec_metadata(self.kind, self.dtype), {"name": "crc32c"}]
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
    """One shard while pieces along time arrive, in order.

    Parameters
    ----------
    array : GridArray
    """

    def __init__(self, array: GridArray) -> None:
        self.array = array
        # Bins that wait for their chunk to be whole, each with whether it is nothing but fill.
        self._waiting: list[tuple[np.ndarray, bool]] = []
        self._columns: list[list[bytes]] = []

    def append(self, values: np.ndarray, blank: bool = False) -> None:
        """Add bins: all channels, any number of them; chunks are encoded as soon as they are whole."""
        axis, length = self.array.axis, self.array.chunk[self.array.axis]
        self._waiting.append((values, blank))
        while sum(w.shape[axis] for w, _ in self._waiting) >= length:
            if all(b for _, b in self._waiting):
                self._columns.append(_blank_column(self.array))
                left = sum(w.shape[axis] for w, _ in self._waiting) - length
                self._waiting = [(self._blank(left), True)] if left else []
                continue
            pieces = [w for w, _ in self._waiting]
            whole = np.concatenate(pieces, axis=axis) if len(pieces) > 1 else pieces[0]
            head, rest = np.split(whole, [length], axis=axis)
            self._columns.append(encode_blocks(self.array, head))
            self._waiting = [(rest, False)] if rest.shape[axis] else []

    def skip(self, bins: int) -> None:
        """Add bins in which nothing is."""
        self.append(self._blank(bins), blank=True)

    def _blank(self, bins: int) -> np.ndarray:
        shape = list(self.array.shard)
        shape[self.array.axis] = bins
        return np.broadcast_to(self.array.fill, shape)

    def finish(self) -> bytes:
        """The bytes of the shard.

        Raises
        ------
        ValueError
            Bins are missing: a bug of the caller.
        """
        axis, grid = self.array.axis, self.array.grid
        if self._waiting or len(self._columns) != grid[axis]:
            raise ValueError(f"{self.array.path}: a shard is not full")
        before, after = int(np.prod(grid[:axis])), int(np.prod(grid[axis + 1 :]))
        # Chunks lie in the order of their number, in which the last dimension runs fastest.
        chunks = [self._columns[t][b * after + a] for b in range(before) for t in range(grid[axis]) for a in range(after)]
        return join_shard(self.array, chunks)


def _blank_column(array: GridArray) -> list[bytes]:
    """Chunks of one step along time in which nothing is: all the same."""
    return [_blank_chunk(array.kind, array.dtype, array.chunk)] * (array.slots // array.grid[array.axis])


@functools.lru_cache(maxsize=64)
def _blank_chunk(kind: str, dtype: np.dtype, chunk: tuple[int, ...]) -> bytes:
    fill = np.nan if dtype.kind == "f" else 0
    return shards.encode_chunk(np.full(chunk, fill, dtype), shards.codec_for(kind, dtype))


def encode_blocks(array: GridArray, values: np.ndarray) -> list[bytes]:
    """Chunks of a rectangle of whole chunks, in the order of their numbers (the last dimension runs fastest)."""
    codec = shards.codec_for(array.kind, array.dtype)
    encoded = []
    for place in itertools.product(*(range(n // c) for n, c in zip(values.shape, array.chunk, strict=True))):
        cut = tuple(slice(p * c, (p + 1) * c) for p, c in zip(place, array.chunk, strict=True))
        block = values[cut].astype(array.dtype, copy=False)
        # Looking is ten times as fast as compressing, and most of a period may hold nothing.
        blank = np.isnan(block).all() if block.dtype.kind == "f" else not block.any()
        encoded.append(_blank_chunk(array.kind, array.dtype, array.chunk) if blank else shards.encode_chunk(block, codec))
    return encoded


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
    codec, buffer = shards.codec_for(array.kind, array.dtype), np.empty(array.chunk, array.dtype)
    for places in _runs(array, key):
        spans = index[[n for n, _ in places]]
        begin, end = int(spans[0, 0]), int(spans[-1].sum())
        data = memoryview(store.read(path, begin, end))
        for (_, place), (offset, nbytes) in zip(places, spans.tolist(), strict=True):
            shards.decode_chunk(data[offset - begin : offset - begin + nbytes], codec, buffer, path)
            source, target = _overlap(place, array.chunk, key)
            out[target] = buffer[source]


def _runs(array: GridArray, key: tuple[slice, ...]) -> Iterator[list[tuple[int, tuple[int, ...]]]]:
    """Chunks that a rectangle needs, in runs of consecutive numbers: each is one read."""
    ranges = [range(k.start // c, -(-k.stop // c)) for k, c in zip(key, array.chunk, strict=True)]
    run: list[tuple[int, tuple[int, ...]]] = []
    for place in itertools.product(*ranges):
        number = int(np.ravel_multi_index(place, array.grid))
        if run and number != run[-1][0] + 1:
            yield run
            run = []
        run.append((number, place))
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
