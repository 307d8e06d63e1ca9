"""The index of a stream: its parts and blocks, in the order in which they are read, and never more of the catalogue than a question needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import plain
from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.layout import OFFSETS
from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.model.ragged import ranges
from antdask.model.schema import Field
from antdask.model.tables import schema as find_schema
from antdask.query.binding import Scope
from antdask.query.bounds import Bounds, Interval, given

_SPANS = ("row_start", "row_stop", "hit_start", "hit_stop")
# Bounds of a whole part, by the column of the row table that they bound.
_PART_BOUNDS = {"run": ("run", "run"), "frame_index": ("frame_min", "frame_max"), "utc_ns": ("utc_min", "utc_max")}


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Rows and hits of some blocks, int64, and what the catalogue says about their columns."""

    bounds: Bounds
    row_start: np.ndarray
    row_stop: np.ndarray
    hit_start: np.ndarray
    hit_stop: np.ndarray

    def __len__(self) -> int:
        return len(self.row_start)


class Index:
    """Parts and blocks of one stream, out of the catalogue, each column only when it is asked for.

    A part is known by its number in the stream, a block by its row in the catalogue.

    Parameters
    ----------
    catalog : CatalogReader
    stream : str
        Touches nothing yet.
    """

    def __init__(self, catalog: CatalogReader, stream: str) -> None:
        self.schema, self.catalog = find_schema(stream), catalog
        self.first, self.stop = catalog.rows_of(stream)
        self._columns: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return self.stop - self.first

    def __reduce__(self) -> tuple[Any, ...]:
        # What was read of the catalogue stays here: it may be as long as the archive.
        return Index, (self.catalog, self.schema.name)

    def _table(self, names: Sequence[str]) -> pa.Table:
        return self.catalog.parts.table(names, self.first, self.stop)

    def part(self, name: str) -> np.ndarray:
        """A column of numbers of all parts, without a null in it."""
        if name not in self._columns:
            self._columns[name] = plain.values(self._table([name])[name])
        return self._columns[name]

    @cached_property
    def current(self) -> np.ndarray | None:
        """Which parts are of the current lineage of their run; ``None`` where all are."""
        column = self._table(["current"])["current"]
        flags: np.ndarray = plain.values(column) | plain.absent(column)
        return None if flags.all() else flags

    @cached_property
    def words(self) -> dict[str, tuple[np.ndarray, list[str]]]:
        """Detector, lineage and origin of the parts as codes and the words behind them."""
        found: dict[str, tuple[np.ndarray, list[str]]] = {}
        for name in ("detector", "lineage", "origin"):
            coded = self._table([name])[name].unify_dictionaries().combine_chunks()
            coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) and coded.num_chunks else coded
            if not len(coded):
                found[name] = np.zeros(0, np.int32), []
                continue
            # Only words that are used: a dictionary belongs to all streams of its row group.
            codes, used = _compact(plain.values(coded.indices))
            found[name] = codes, coded.dictionary.take(plain.numbers(used)).to_pylist()
        return found

    def has_word(self, name: str, words: list[str]) -> np.ndarray:
        """Which parts carry one of these words."""
        codes, known = self.words[name]
        return np.isin(codes, [i for i, word in enumerate(known) if word in words])

    @cached_property
    def _kinds(self) -> tuple[np.ndarray, list[list[str]]]:
        """Kind of each part, and the columns of each kind: parts of one lineage and origin have the same columns."""
        lineage, origin = self.words["lineage"][0], self.words["origin"][0]
        kind, used = _compact(lineage * (origin.max(initial=0) + 1) + origin)
        first = np.array([np.argmax(kind == k) for k in range(len(used))], np.int64)
        columns = [self.catalog.details.at(np.array([i]), ["columns"])["columns"][0].as_py() for i in (self.first + first).tolist()]
        return kind, columns

    def columns(self, parts: np.ndarray) -> list[str]:
        """``table/column`` of all columns that at least one of these parts has, in the declared order."""
        kind, columns = self._kinds
        there = {name for k in np.flatnonzero(np.bincount(kind[parts])).tolist() for name in columns[k]}
        return [name for t in self.schema.tables for f in t.fields if (name := f"{t.name}/{f.name}") in there]

    def with_column(self, name: str) -> np.ndarray:
        """Which parts have a column ``table/column``."""
        kind, columns = self._kinds
        return np.array([name in c for c in columns], bool)[kind] if len(kind) else np.zeros(0, bool)

    def scope(self) -> Scope:
        """The columns that a ``where`` may name."""
        return Scope(self.schema, self.columns(np.arange(len(self))))

    def part_bounds(self, parts: np.ndarray, fields: Iterable[str] = tuple(_PART_BOUNDS)) -> Bounds:
        """What the catalogue says about whole parts, of some columns of the row table."""
        rows = {f.name: f for f in self.schema.rows.fields}
        wanted = [name for name in _PART_BOUNDS if name in rows and name in set(fields)]
        known = {name: self._part_interval(rows[name], *_PART_BOUNDS[name], parts) for name in wanted}
        return Bounds(self.schema, known)

    def _part_interval(self, field: Field, low: str, high: str, parts: np.ndarray) -> Interval:
        key = f"{low} to {high}"
        if key not in self._columns:
            table = self._table(list(dict.fromkeys((low, high))))
            sides = _bounds(table[low], table[high], field.numpy)
            self._columns.update(zip((f"{key} low", f"{key} high", key), sides, strict=True))
        return given(field, *(self._columns[name][parts] for name in (f"{key} low", f"{key} high", key)))

    def blocks_of(self, parts: np.ndarray) -> np.ndarray:
        """Numbers of the blocks of these parts, one part after the other."""
        return ranges(self.part("first_block")[parts], self.part("n_blocks")[parts])

    def blocks(self, rows: np.ndarray, fields: Iterable[str] = ()) -> Blocks:
        """Blocks by ascending number, with the bounds of some columns of the row table."""
        known = {f.name: f for f in self.schema.rows.fields if f.name in set(fields)}
        there = [name for name in known if f"{name}_min" in self.catalog.blocks.names]
        bounds = [f"{name}_{side}" for name in there for side in ("min", "max")]
        table = self.catalog.blocks.at(rows, [*_SPANS, *bounds])
        intervals = {name: given(known[name], *_bounds(table[f"{name}_min"], table[f"{name}_max"], known[name].numpy)) for name in there}
        return Blocks(Bounds(self.schema, intervals), *(plain.values(table[name]) for name in _SPANS))

    def row(self, part: int) -> dict[str, Any]:
        """What a reader needs of a part; plain data that travels."""
        return self.catalog.row(self.first + part)

    def reader(self, store: Store, part: int) -> PartReader:
        """A reader of a part; touches nothing yet."""
        return PartReader(store, self.row(part))

    def arrays(self, parts: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
        """For each name the arrays of these parts as columns: ``part`` (number), ``rows, width, itemsize, chunk, encoded``.

        `width` is the number of elements of a row, `encoded` the bytes of all shards. A part without such an array has no entry.
        """
        nested = self.catalog.details.at(self.first + parts, ["arrays"])["arrays"].combine_chunks()
        nested = nested if isinstance(nested, pa.Array) else pa.concat_arrays(nested.chunks)
        owner = np.repeat(parts, np.diff(plain.values(nested.offsets)))
        flat = nested.flatten()
        shape, lengths, kinds = flat.field("shape"), flat.field("lengths"), pc.dictionary_encode(flat.field("dtype"))
        edges, sizes = plain.values(shape.offsets), plain.values(shape.values)
        itemsize = np.array([np.dtype(d).itemsize for d in kinds.dictionary.to_pylist()], np.int64)
        whole = {
            "part": owner,
            "rows": sizes[edges[:-1]],
            # Elements of a row: the product of all dimensions but the first.
            "width": np.ones(len(owner), np.int64),
            "itemsize": itemsize[plain.values(kinds.indices)],
            "chunk": plain.values(flat.field("chunk")),
            "encoded": np.diff(np.append(0, np.cumsum(plain.values(lengths.values)))[plain.values(lengths.offsets)]),
        }
        for dimension in range(1, int(np.diff(edges).max(initial=1))):
            wide = np.diff(edges) > dimension
            whole["width"][wide] *= sizes[edges[:-1][wide] + dimension]
        found = pc.index_in(flat.field("name"), value_set=plain.texts(names))
        code = np.where(plain.absent(found), -1, plain.values(found))
        return {name: {key: values[code == i] for key, values in whole.items()} for i, name in enumerate(names)}

    def tables(self, columns: list[str]) -> list[str]:
        """The tables that must be located for these columns: their own and all above, in the declared order."""
        wanted = {self.schema.rows.name}
        for column in columns:
            table: str | None = column.rpartition("/")[0]
            while table is not None:
                wanted.add(table)
                table = self.schema.table(table).parent
        return [t.name for t in self.schema.tables if t.name in wanted]

    def offset_arrays(self, tables: list[str]) -> list[str]:
        """Names of the offsets arrays of the ragged ones among these tables."""
        return [f"{t}/{OFFSETS}" for t in tables if self.schema.table(t).parent is not None]


def _compact(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Small integers renumbered from 0 without a gap, int32, and what each stood for; without a sort, which a million parts would feel."""
    used = np.flatnonzero(np.bincount(codes))
    renumbered = np.zeros(int(used.max(initial=-1)) + 1, np.int32)
    renumbered[used] = np.arange(len(used))
    return renumbered[codes], used


def _bounds(low: pa.ChunkedArray, high: pa.ChunkedArray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two columns in the dtype of the field, and where one of them is unknown."""
    gone = [plain.absent(side) for side in (low, high)]
    # Zero where it is unknown: what stands there is anything, and need not fit.
    first, last = (
        np.where(g, 0, plain.values(side)).astype(dtype) if g.any() else plain.values(side).astype(dtype, copy=False)
        for g, side in zip(gone, (low, high), strict=True)
    )
    return first, last, gone[0] | gone[1]
