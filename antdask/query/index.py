"""The index of a stream: its parts and blocks out of the catalogue, in the order in which they are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive.catalog import Catalog
from antdask.archive.layout import OFFSETS
from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.model.schema import Schema
from antdask.model.tables import schema as find_schema
from antdask.query.binding import Scope
from antdask.query.bounds import Bounds, Interval, given

# Bounds of a whole part, by the column of the row table that they bound.
_PART_BOUNDS = {"run": ("run", "run"), "frame_index": ("frame_min", "frame_max"), "utc_ns": ("utc_min", "utc_max")}
_ORDER = [(name, "ascending") for name in ("detector", "run", "frame_min", "index", "content", "lineage")]


@dataclasses.dataclass(frozen=True)
class Index:
    """Parts and blocks of one stream.

    Parameters
    ----------
    schema : Schema
    catalog : Catalog
    parts : pyarrow.Table
        Rows of the catalogue, ordered by detector, run, first frame; a part is known by its number in this table. Without the columns of lists, which
        are most of the catalogue and are looked up for the parts that are read.
    place : int64 array
        Row of each part in the catalogue.
    blocks : pyarrow.Table
        Their blocks, in the order of the parts, then of the rows.
    block_part : int64 array
        Number of the part of each block.
    """

    schema: Schema
    catalog: Catalog
    parts: pa.Table
    place: np.ndarray
    blocks: pa.Table
    block_part: np.ndarray

    @classmethod
    def of(cls, catalog: Catalog, stream: str) -> Index:
        """The index of a stream; empty where the catalogue has none."""
        own = np.flatnonzero(_array(pc.equal(catalog.parts["stream"], stream)))
        parts = light(catalog.parts).take(own)
        order = _array(pc.sort_indices(parts, _ORDER)).astype(np.int64)
        parts, place = parts.take(order).combine_chunks(), own[order]
        number = pc.index_in(catalog.blocks["part"], value_set=parts["part"])
        known = pc.is_valid(number)
        numbers = _array(pc.filter(number, known)).astype(np.int64)
        blocks = catalog.blocks.drop_columns(["part"]).filter(known).combine_chunks()
        order = np.lexsort((_array(blocks["row_start"]), numbers))
        if (np.diff(order) != 1).any():
            blocks = blocks.take(order)
        return cls(find_schema(stream), catalog, parts, place, blocks, numbers[order])

    def __len__(self) -> int:
        return int(self.parts.num_rows)

    def part(self, name: str) -> np.ndarray:
        """A column of numbers or words of the parts."""
        return _array(self.parts[name])

    @cached_property
    def words(self) -> dict[str, tuple[np.ndarray, list[str]]]:
        """Detector, lineage and origin of the parts as codes and the words behind them."""
        found = {}
        for name in ("detector", "lineage", "origin"):
            coded = pc.dictionary_encode(self.parts[name].combine_chunks())
            found[name] = (_array(coded.indices).astype(np.int64), coded.dictionary.to_pylist())
        return found

    def has_word(self, name: str, words: list[str]) -> np.ndarray:
        """Which parts carry one of these words."""
        codes, known = self.words[name]
        return np.isin(codes, [i for i, word in enumerate(known) if word in words])

    @cached_property
    def _kinds(self) -> tuple[np.ndarray, list[list[str]]]:
        """Kind of each part, and the columns of each kind: parts of one lineage and origin have the same columns."""
        lineage, origin = self.words["lineage"][0], self.words["origin"][0]
        _, first, kind = np.unique(lineage * (origin.max(initial=0) + 1) + origin, return_index=True, return_inverse=True)
        return kind, [self.catalog.parts["columns"][i].as_py() for i in self.place[first].tolist()]

    def columns(self, parts: np.ndarray) -> list[str]:
        """``table/column`` of all columns that at least one of these parts has, in the declared order."""
        kind, columns = self._kinds
        there = {name for k in np.unique(kind[parts]).tolist() for name in columns[k]}
        return [name for t in self.schema.tables for f in t.fields if (name := f"{t.name}/{f.name}") in there]

    def with_column(self, name: str) -> np.ndarray:
        """Which parts have a column ``table/column``."""
        kind, columns = self._kinds
        return np.array([name in c for c in columns], bool)[kind] if len(kind) else np.zeros(0, bool)

    def scope(self) -> Scope:
        """The columns that a ``where`` may name."""
        return Scope(self.schema, self.columns(np.arange(len(self))))

    def part_bounds(self, parts: np.ndarray) -> Bounds:
        """What the catalogue says about whole parts."""
        rows = {f.name: f for f in self.schema.rows.fields}
        known = {
            name: given(rows[name], *_bounds(self.parts[low].take(parts), self.parts[high].take(parts), rows[name].numpy))
            for name, (low, high) in _PART_BOUNDS.items()
            if name in rows
        }
        return Bounds(self.schema, known)

    def block_bounds(self, blocks: np.ndarray) -> Bounds:
        """What the catalogue says about blocks."""
        known: dict[str, Interval] = {}
        for field in self.schema.rows.fields:
            if f"{field.name}_min" in self.blocks.column_names:
                low, high = (self.blocks[f"{field.name}_{side}"].take(blocks) for side in ("min", "max"))
                known[field.name] = given(field, *_bounds(low, high, field.numpy))
        return Bounds(self.schema, known)

    def blocks_of(self, parts: np.ndarray) -> np.ndarray:
        """Numbers of the blocks of these parts."""
        return np.flatnonzero(np.isin(self.block_part, parts))

    def block(self, name: str, blocks: np.ndarray) -> np.ndarray:
        """A column of numbers of the blocks."""
        return _array(self.blocks[name].take(blocks))

    def row(self, part: int) -> dict[str, Any]:
        """What a reader needs of a part; plain data that travels."""
        row = self.catalog.parts.slice(int(self.place[part]), 1)
        found: dict[str, Any] = row.select(["part", "nbytes", "detector", "arrays"]).to_pylist()[0]
        return found

    def reader(self, store: Store, part: int) -> PartReader:
        """A reader of a part; touches nothing yet."""
        return PartReader(store, self.row(part))

    def arrays(self, parts: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
        """For each name the arrays of these parts as columns: ``part`` (number), ``rows, width, itemsize, chunk, encoded``.

        `width` is the number of elements of a row, `encoded` the bytes of all shards. A part without such an array has no entry.
        """
        nested = self.catalog.parts["arrays"].take(self.place[parts]).combine_chunks()
        owner = np.repeat(parts, np.diff(_array(nested.offsets)))
        flat = nested.flatten()
        shape, lengths, kinds = flat.field("shape"), flat.field("lengths"), pc.dictionary_encode(flat.field("dtype"))
        edges, sizes = _array(shape.offsets), _array(shape.values)
        itemsize = np.array([np.dtype(d).itemsize for d in kinds.dictionary.to_pylist()], np.int64)
        whole = {
            "part": owner,
            "rows": sizes[edges[:-1]],
            # Elements of a row: the product of all dimensions but the first.
            "width": np.ones(len(owner), np.int64),
            "itemsize": itemsize[_array(kinds.indices)],
            "chunk": _array(flat.field("chunk")),
            "encoded": np.diff(np.append(0, np.cumsum(_array(lengths.values)))[_array(lengths.offsets)]),
        }
        for dimension in range(1, int(np.diff(edges).max(initial=1))):
            wide = np.diff(edges) > dimension
            whole["width"][wide] *= sizes[edges[:-1][wide] + dimension]
        code = _array(pc.fill_null(pc.index_in(flat.field("name"), value_set=pa.array(names, pa.string())), -1))
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


def light(parts: pa.Table) -> pa.Table:
    """The catalogue's table of parts without its columns of lists."""
    return parts.select([f.name for f in parts.schema if not pa.types.is_list(f.type)])


def _array(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    values: np.ndarray = column.to_numpy() if isinstance(column, pa.ChunkedArray) else column.to_numpy(zero_copy_only=False)
    return values


def _bounds(low: pa.ChunkedArray, high: pa.ChunkedArray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two columns in the dtype of the field, and where one of them is unknown."""
    unknown = _array(pc.or_(pc.is_null(low), pc.is_null(high)))
    return *(_array(pc.fill_null(side, 0)).astype(dtype) for side in (low, high)), unknown  # type: ignore[return-value]
