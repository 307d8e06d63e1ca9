"""Reading columns of a part by byte ranges that the catalogue knows: no ZIP directory, no ``zarr.json`` is read in between.

One read per run of neighbouring chunks of a column, all of them at once on a few threads; what is wanted of them is decoded where it belongs in the result::

    rows wanted              |-------------------|
    chunks             |  0  |  1  |  2  |  3  |  4  |
    read at once             [ 1 2 3 4 ]           straight into the result; of 4 only the blocks that hold a wanted row

Chunks that came over a network, and small reads of nearly whole ones, are decoded whole and kept, since the neighbours are likely to be wanted next.

The shard index is read once and kept; where a whole shard is wanted, it comes with the data.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from antdask.archive import layout as lay
from antdask.archive import shards, threads
from antdask.archive.chunk_cache import ChunkCache
from antdask.archive.store import Store
from antdask.errors import DamagedPartError, UnknownNameError
from antdask.model.schema import SERIES

# Decoded bytes: a read of fewer is kept whole, a task of fewer is not cut further.
_SMALL, _TASK = 256 << 10, 2 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """Rows ``start:stop`` of an array ``table/column``, into an array of that shape and dtype if one is given."""

    name: str
    start: int = 0
    stop: int | None = None
    into: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class _Run:
    """Chunks ``first:last`` along rows of one shard, for rows ``start:stop``, which go to `out`."""

    layout: lay.ArrayLayout
    first: int
    last: int
    start: int
    stop: int
    out: np.ndarray
    small: bool

    @property
    def shard(self) -> int:
        return self.first // rows_of_chunks(self.layout)

    @property
    def is_whole_shard(self) -> bool:
        per_shard = rows_of_chunks(self.layout)
        total = -(-self.layout.shape[0] // self.layout.chunk[0])
        return self.first % per_shard == 0 and self.last - self.first == min(per_shard, total - self.first)


class PartReader:
    """Columns of one part.

    Parameters
    ----------
    store : Store
    row : mapping
        The part's row of the catalogue, or its receipt: ``part`` (key path), ``nbytes``, ``arrays``. Touches nothing.
    file : str, optional
        Where it lies, if not where parts of an archive do.
    cache : ChunkCache, optional
        Where to keep chunks of which only some rows were wanted, and those of small reads. Who wants to see the bytes of the disk gives none.
    """

    def __init__(self, store: Store, row: Mapping[str, Any], file: str | None = None, cache: ChunkCache | None = None) -> None:
        self.store, self.part = store, str(row["part"])
        self.cache = cache if cache is not None else ChunkCache(0)
        self._key = store.url, self.part, row.get("crc32c")
        self.file = file or lay.part_file(self.part)
        # A part of an archive is known by its key; one that lies anywhere, by its place.
        self._told = store.full_url(self.file) if file else self.file
        self._arrays: dict[str, Mapping[str, Any]] = {a["name"]: a for a in row["arrays"]}
        self._indexes: dict[tuple[str, int], np.ndarray] = {}
        self._layouts: dict[str, lay.ArrayLayout] = {}

    def __repr__(self) -> str:
        return f"PartReader({self.part!r}, {len(self._arrays)} arrays)"

    @property
    def names(self) -> list[str]:
        """Paths of all arrays, ``table/column``."""
        return list(self._arrays)

    def length(self, table: str) -> int:
        """Rows of a table.

        Raises
        ------
        UnknownNameError
            No such table in this part.
        """
        for name, array in self._arrays.items():
            head, _, column = name.rpartition("/")
            if head == table and column != lay.OFFSETS:
                return int(array["shape"][0])
        raise UnknownNameError.of("table", table, {n.rpartition("/")[0] for n in self._arrays}, where=self.part)

    def layout(self, name: str) -> lay.ArrayLayout:
        """Shape, cut and codec of an array.

        Raises
        ------
        UnknownNameError
            No such array in this part.
        """
        if name in self._layouts:
            return self._layouts[name]
        if name not in self._arrays:
            raise UnknownNameError.of("array", name, self._arrays, where=self.part)
        a = self._arrays[name]
        shape, codec = tuple(int(n) for n in a["shape"]), str(a["codec"])
        chunk = (int(a["chunk"]), *lay.chunk_tail(shape[1:], codec))
        self._layouts[name] = lay.ArrayLayout(name, np.dtype(a["dtype"]), shape, chunk, (int(a["shard"]), *shape[1:]), codec, (), {})
        return self._layouts[name]

    def column(self, table: str, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Rows ``start:stop`` of a column, native byte order.

        Raises
        ------
        UnknownNameError
            No such column in this part.
        DamagedPartError
            The part is missing, torn or altered.
        """
        return self.read([Wanted(f"{table}/{name}", start, stop)])[0]

    def offsets(self, table: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Offsets of parent rows ``start:stop``: int64, one more than rows, as stored (not from 0)."""
        return self.read([Wanted(f"{table}/{lay.OFFSETS}", start, None if stop is None else stop + 1)])[0]

    def read(self, wanted: Sequence[Wanted]) -> list[np.ndarray]:
        """Several ranges of rows of arrays at once, native byte order; those with `into` are written there.

        Raises
        ------
        UnknownNameError
            No such array in this part.
        DamagedPartError
            The part is missing, torn or altered.
        """
        found: list[np.ndarray] = []
        runs: list[_Run] = []
        for one in wanted:
            layout = self.layout(one.name)
            start, stop, _ = slice(one.start, one.stop).indices(layout.shape[0])
            out = np.empty((max(0, stop - start), *layout.shape[1:]), layout.dtype) if one.into is None else one.into
            found.append(out)
            runs += self._runs(layout, start, stop, out)
        remote = not self.store.local
        # First the indexes that are missing, since they say where chunks begin.
        lacking = {(r.layout.path, r.shard): r for r in runs if not r.is_whole_shard and self._known_index(r.layout.path, r.shard) is None}
        threads.run([functools.partial(self._read_index, r.layout, r.shard) for r in lacking.values()], remote)
        tasks = [functools.partial(self._read_run, piece) for run in runs for piece in self._split(run)]
        threads.run(tasks, remote)
        return found

    def chunks(self, name: str, start: int, stop: int) -> tuple[int, int]:
        """Half-open range of inner chunks that hold rows ``start:stop``."""
        rows = int(self._arrays[name]["chunk"])
        return (start // rows, -(-stop // rows)) if stop > start else (0, 0)

    def nbytes(self, name: str, start: int, stop: int) -> int:
        """Estimate of the encoded bytes that rows ``start:stop`` take, from the catalogue alone [byte]."""
        array = self._arrays[name]
        total = -(-int(array["shape"][0]) // int(array["chunk"])) or 1
        first, last = self.chunks(name, start, stop)
        return int(sum(array["lengths"]) * (last - first) / total)

    def _runs(self, layout: lay.ArrayLayout, start: int, stop: int, out: np.ndarray) -> Iterator[_Run]:
        """Neighbouring chunks of one shard that are not in the cache; what is there is copied."""
        size, per_shard = layout.chunk[0], rows_of_chunks(layout)
        first, last = self.chunks(layout.path, start, stop)
        small = (last - first) * size * layout.dtype.itemsize * math.prod(layout.shape[1:]) <= _SMALL
        held = self.cache.some((*self._key, layout.path), range(first, last))
        for chunk, values in held.items():
            _copy(values, chunk * size, start, stop, out)
        begin = first
        for end in [*held, last]:
            while begin < end:
                edge = min(end, (begin // per_shard + 1) * per_shard)
                yield _Run(layout, begin, edge, start, stop, out, small)
                begin = edge
            begin = end + 1

    def _split(self, run: _Run) -> list[_Run]:
        """A run that keeps one thread busy for long, in pieces for several."""
        layout = run.layout
        chunks = max(1, _TASK // max(1, layout.chunk[0] * layout.dtype.itemsize * math.prod(layout.shape[1:])))
        if run.last - run.first <= chunks or (run.is_whole_shard and self._known_index(layout.path, run.shard) is None):
            return [run]
        return [dataclasses.replace(run, first=a, last=min(run.last, a + chunks)) for a in range(run.first, run.last, chunks)]

    def _read_run(self, run: _Run) -> None:
        layout, size, far = run.layout, run.layout.chunk[0], not self.store.local
        spans, data = self.encoded(layout, run.first, run.last)
        begin, end = run.first * size, run.last * size
        first, last = max(run.start, begin), min(run.stop, end)
        target = run.out[first - run.start : last - run.start]
        # Of a store far away all that came is worth keeping; here only what is asked for nearly whole: of little, little is decoded.
        keeps = self.cache.limit and (far or (run.small and 2 * (last - first) >= end - begin))
        stored = layout.dtype.newbyteorder("<")
        if not keeps and layout.codec != SERIES and layout.dtype == stored and target.flags.c_contiguous:
            self._decode(layout, data, spans, first - begin, target)
            return
        whole = np.empty((end - begin, *layout.shape[1:]), stored)
        self._decode(layout, data, spans, 0, whole)
        target[...] = whole[first - begin : last - begin]
        for chunk in range(run.first, run.last) if keeps else ():
            # Large reads leave only the chunks at their edges, which neighbours are likely to want.
            if run.small or chunk * size < run.start or (chunk + 1) * size > run.stop:
                self.cache.put((*self._key, layout.path, chunk), whole[chunk * size - begin :][:size].copy())

    def encoded(self, layout: lay.ArrayLayout, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Chunks ``first:last`` (along rows, of one shard) as they lie in the part.

        Returns
        -------
        spans : int64 array, shape (chunks, 2)
            Offset and length of each in `data`.
        data : uint8 array

        Raises
        ------
        DamagedPartError
        """
        name, per_shard = layout.path, rows_of_chunks(layout)
        shard, base = first // per_shard, first // per_shard * per_shard
        slots = slice((first - base) * layout.groups, (last - base) * layout.groups)
        total = min(per_shard, -(-layout.shape[0] // layout.chunk[0]) - base)
        if self._known_index(name, shard) is None and (first, last) == (base, base + total):
            data = self.stored(name, shard, 0, int(self._arrays[name]["lengths"][shard]))
            index, begin = self._keep_index(layout, shard, data[-shards.index_bytes(layout) :]), 0
        else:
            index = self.index(layout, shard)
            begin = int(index[slots.start, 0])
            data = self.stored(name, shard, begin, int(index[slots.stop - 1].sum()))
        return index[slots] - np.array([begin, 0]), np.frombuffer(data, np.uint8)

    def where(self, layout: lay.ArrayLayout) -> str:
        """The array, for messages."""
        return f"{self._told}:{layout.path}"

    def _decode(self, layout: lay.ArrayLayout, data: np.ndarray, spans: np.ndarray, first: int, out: np.ndarray) -> None:
        """Rows from `first` on of some chunks, as many as `out` has; of a series all rows of these chunks."""
        where, row = self.where(layout), layout.dtype.itemsize * math.prod(layout.shape[1:])
        chunk = layout.chunk[0] * row // layout.groups
        if layout.codec == SERIES:
            side_by_side = np.empty((len(out) // layout.chunk[0], layout.groups, layout.chunk[1], layout.chunk[0]), out.dtype)
            shards.decode_chunks(data, spans, layout, chunk, 0, side_by_side.view(np.uint8).reshape(-1), where)
            _turn(side_by_side, out.reshape(-1, layout.chunk[0], layout.groups, layout.chunk[1]))
        else:
            shards.decode_chunks(data, spans, layout, chunk, first * row, out.view(np.uint8).reshape(-1), where)

    def index(self, layout: lay.ArrayLayout, shard: int) -> np.ndarray:
        """Offset and length of every chunk of a shard, int64, shape (chunks, 2); -1 where there is none.

        Raises
        ------
        DamagedPartError
        """
        known = self._known_index(layout.path, shard)
        return self._read_index(layout, shard) if known is None else known

    def _known_index(self, name: str, shard: int) -> np.ndarray | None:
        if (name, shard) not in self._indexes and (kept := self.cache.get((*self._key, name, "index", shard))) is not None:
            self._indexes[name, shard] = kept
        return self._indexes.get((name, shard))

    def _read_index(self, layout: lay.ArrayLayout, shard: int) -> np.ndarray:
        size = int(self._arrays[layout.path]["lengths"][shard])
        return self._keep_index(layout, shard, self.stored(layout.path, shard, size - shards.index_bytes(layout), size))

    def _keep_index(self, layout: lay.ArrayLayout, shard: int, data: bytes | memoryview) -> np.ndarray:
        index = shards.read_index(bytes(data), layout.chunks_per_shard, self.where(layout))
        self._indexes[layout.path, shard] = index
        if self.cache.limit:
            self.cache.put((*self._key, layout.path, "index", shard), index)
        return index

    def stored(self, name: str, shard: int, start: int, stop: int) -> bytes:
        """Bytes ``start:stop`` of a shard, as they lie in the part.

        Raises
        ------
        DamagedPartError
            The part is missing or torn.
        """
        base = int(self._arrays[name]["offsets"][shard])
        try:
            data = self.store.read(self.file, base + start, base + stop)
        except FileNotFoundError as error:
            raise DamagedPartError(
                "A part is missing under the catalogue", where=self._told, hint="Run: antdask verify ARCHIVE --fast, then convert again."
            ) from error
        if len(data) != stop - start:
            raise DamagedPartError(
                "A part is shorter than the catalogue says",
                where=self._told,
                found=f"{len(data)} bytes",
                expected=f"{stop - start} bytes at {base + start}",
                hint="Run: antdask verify ARCHIVE --fast, then convert again.",
            )
        return data


def rows_of_chunks(layout: lay.ArrayLayout) -> int:
    """Chunks along the rows of a shard."""
    return layout.shard[0] // layout.chunk[0]


def _turn(side_by_side: np.ndarray, out: np.ndarray) -> None:
    """Turn chunks of a series over: from (chunk, group, column, row) to (chunk, row, group, column).

    Rows of chunks lie powers of two apart, and then fall on the same few places of the processor's cache, which makes it six times as slow: hence some room between them.
    """
    columns, rows = side_by_side.shape[2:]
    apart = np.empty((columns, rows + 16), side_by_side.dtype)[:, :rows]
    for chunk in range(len(out)):
        for group in range(out.shape[2]):
            apart[...] = side_by_side[chunk, group]
            out[chunk, :, group] = apart.T


def _copy(values: np.ndarray, row: int, start: int, stop: int, out: np.ndarray) -> None:
    """What of a chunk that begins at `row` is wanted, to its place."""
    low, high = max(start, row), min(stop, row + len(values))
    out[low - start : high - start] = values[low - row : high - row]
