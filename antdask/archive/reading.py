"""Reading columns of a part by byte ranges that the catalogue knows: no ZIP directory, no ``zarr.json`` is read in between.

One read per run of neighbouring chunks; the shard index is read once and kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from antdask.archive import layout as lay
from antdask.archive import shards
from antdask.archive.store import Store
from antdask.errors import DamagedPartError, UnknownNameError


class PartReader:
    """Columns of one part.

    Parameters
    ----------
    store : Store
    row : mapping
        The part's row of the catalogue, or its receipt: ``part`` (key path), ``nbytes``, ``arrays``. Touches nothing.
    file : str, optional
        Where it lies, if not where parts of an archive do.
    """

    def __init__(self, store: Store, row: Mapping[str, Any], file: str | None = None) -> None:
        self.store, self.part = store, str(row["part"])
        self.file = file or lay.part_file(self.part)
        self._arrays: dict[str, Mapping[str, Any]] = {a["name"]: a for a in row["arrays"]}
        self._indexes: dict[tuple[str, int], np.ndarray] = {}

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
        if name not in self._arrays:
            raise UnknownNameError.of("array", name, self._arrays, where=self.part)
        a = self._arrays[name]
        shape = tuple(int(n) for n in a["shape"])
        return lay.ArrayLayout(
            name, np.dtype(a["dtype"]), shape, (int(a["chunk"]), *shape[1:]), (int(a["shard"]), *shape[1:]), str(a["codec"]), (), {}
        )

    def column(self, table: str, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Rows ``start:stop`` of a column, native byte order.

        Raises
        ------
        UnknownNameError
            No such column in this part.
        DamagedPartError
            The part is missing, torn or altered.
        """
        return self._read(f"{table}/{name}", start, stop)

    def offsets(self, table: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Offsets of parent rows ``start:stop``: int64, one more than rows, as stored (not from 0)."""
        return self._read(f"{table}/{lay.OFFSETS}", start, None if stop is None else stop + 1)

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

    def _read(self, name: str, start: int, stop: int | None) -> np.ndarray:
        layout = self.layout(name)
        start, stop, _ = slice(start, stop).indices(layout.shape[0])
        if stop <= start:
            return np.empty((0, *layout.shape[1:]), layout.dtype)
        codec, size = shards.codec_for(layout.codec, layout.dtype), layout.chunk[0]
        first, last = self.chunks(name, start, stop)
        # Whole chunks are decoded in place; the view at the end hides the edges.
        out = np.empty(((last - first) * size, *layout.shape[1:]), layout.dtype.newbyteorder("<"))
        for shard in range(first // layout.chunks_per_shard, (last - 1) // layout.chunks_per_shard + 1):
            base = shard * layout.chunks_per_shard
            low, high = max(first, base), min(last, base + layout.chunks_per_shard)
            spans = self._index(layout, shard)[low - base : high - base]
            begin = int(spans[0, 0])
            data = memoryview(self._bytes(name, shard, begin, int(spans[-1].sum())))
            for i, (offset, length) in enumerate(spans.tolist()):
                place = out[(low + i - first) * size : (low + i + 1 - first) * size]
                shards.decode_chunk(data[offset - begin : offset - begin + length], codec, place, f"{self.file}:{name}")
        return out[start - first * size : stop - first * size].astype(layout.dtype, copy=False)

    def _index(self, layout: lay.ArrayLayout, shard: int) -> np.ndarray:
        key = (layout.path, shard)
        if key not in self._indexes:
            size = int(self._arrays[layout.path]["lengths"][shard])
            data = self._bytes(layout.path, shard, size - shards.index_bytes(layout), size)
            self._indexes[key] = shards.read_index(data, layout.chunks_per_shard, f"{self.file}:{layout.path}")
        return self._indexes[key]

    def _bytes(self, name: str, shard: int, start: int, stop: int) -> bytes:
        base = int(self._arrays[name]["offsets"][shard])
        try:
            data = self.store.read(self.file, base + start, base + stop)
        except FileNotFoundError as error:
            raise DamagedPartError(
                "A part is missing under the catalogue", where=self.file, hint="Run: antdask verify ARCHIVE --fast, then convert again."
            ) from error
        if len(data) != stop - start:
            raise DamagedPartError(
                "A part is shorter than the catalogue says",
                where=self.file,
                found=f"{len(data)} bytes",
                expected=f"{stop - start} bytes at {base + start}",
                hint="Run: antdask verify ARCHIVE --fast, then convert again.",
            )
        return data
