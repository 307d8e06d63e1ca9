"""Batches: columns and offsets of one stream, and the arithmetic on them.

A batch is a run of rows with all that hangs below them. Offsets are int64, one more than the parent has rows, start at 0::

    events          row 0      row 1   row 2
    hits.offsets    0          3   3       5
    hits.tot        a  b  c            d  e        row 1 has no hits
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from antdask.model.schema import Schema
from antdask.model.tables import schema as find_schema

Columns = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Batch:
    """Rows of one stream.

    Parameters
    ----------
    stream, origin : str
        Schema and the kind of source; together they say which tables and columns there are.
    tables : mapping of table name to columns
        Every column of a table has the same first length.
    offsets : mapping of table name to array of int64, shape (parent rows + 1,)
        For every table but the row table.
    """

    stream: str
    origin: str
    tables: Mapping[str, Columns]
    offsets: Mapping[str, np.ndarray]

    @property
    def schema(self) -> Schema:
        """The declared schema."""
        return find_schema(self.stream)

    @property
    def rows(self) -> int:
        """Number of rows of the row table."""
        return self.length(self.schema.rows.name)

    @property
    def hits(self) -> int:
        """Number of rows of table ``hits``; 0 where the stream has none."""
        return self.length("hits") if "hits" in self.tables else 0

    @property
    def nbytes(self) -> int:
        """Bytes of all columns and offsets in memory."""
        return sum(c.nbytes for t in self.tables.values() for c in t.values()) + sum(o.nbytes for o in self.offsets.values())

    def length(self, table: str) -> int:
        """Number of rows of a table."""
        return len(next(iter(self.tables[table].values())))

    def problems(self) -> list[str]:
        """What contradicts the schema, in words; an empty list for a sound batch.

        Cheap: looks at names, dtypes, shapes and offsets, at no value.
        """
        found: list[str] = []
        declared = self.schema.given_by(self.origin)
        names = {t.name for t in declared}
        if names != set(self.tables):
            found.append(f"tables {sorted(self.tables)} instead of {sorted(names)}")
            return found
        for table in declared:
            found += _column_problems(self, table.name)
            if table.parent is not None:
                found += _offset_problems(self, table.name, table.parent)
        return found


def _column_problems(batch: Batch, name: str) -> list[str]:
    fields, columns = batch.schema.table(name).columns(batch.origin), batch.tables[name]
    if set(fields) != set(columns):
        return [f"{name}: columns differ: {sorted(set(fields) ^ set(columns))}"]
    found, n = [], batch.length(name)
    for key, field in fields.items():
        shape = (n, *(size for _, size in field.dims))
        if columns[key].dtype != field.numpy or columns[key].shape != shape:
            found.append(f"{name}.{key}: {columns[key].dtype}{columns[key].shape} instead of {field.numpy}{shape}")
    return found


def _offset_problems(batch: Batch, name: str, parent: str) -> list[str]:
    offsets = batch.offsets.get(name)
    if offsets is None or offsets.dtype != np.int64 or len(offsets) != batch.length(parent) + 1:
        return [f"{name}: offsets are not int64 of length {batch.length(parent) + 1}"]
    if offsets[0] != 0 or offsets[-1] != batch.length(name) or (np.diff(offsets) < 0).any():
        return [f"{name}: offsets do not run from 0 to {batch.length(name)} without decreasing"]
    return []


def offsets_of(counts: np.ndarray) -> np.ndarray:
    """Offsets from counts, int64, one longer.

    Examples
    --------
    >>> offsets_of(np.array([3, 0, 2]))
    array([0, 3, 3, 5])
    """
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Concatenated ``arange(start, start + count)``, int64, without a loop.

    Examples
    --------
    >>> ranges(np.array([10, 0]), np.array([2, 3]))
    array([10, 11,  0,  1,  2])
    """
    counts = np.asarray(counts, np.int64)
    heads = offsets_of(counts)[:-1]
    steps: np.ndarray = np.arange(int(counts.sum()), dtype=np.int64)
    steps += np.repeat(np.asarray(starts, np.int64) - heads, counts)
    return steps


def take(batch: Batch, rows: np.ndarray) -> Batch:
    """The rows with these indices (a permutation, a subset, repeats allowed), with all that hangs below them."""
    index: dict[str, np.ndarray] = {batch.schema.rows.name: np.asarray(rows, np.int64)}
    tables: dict[str, Columns] = {}
    offsets: dict[str, np.ndarray] = {}
    for table in batch.schema.given_by(batch.origin):
        if table.parent is not None:
            old, parents = batch.offsets[table.name], index[table.parent]
            counts = (old[1:] - old[:-1])[parents]
            index[table.name] = ranges(old[parents], counts)
            offsets[table.name] = offsets_of(counts)
        tables[table.name] = {k: v[index[table.name]] for k, v in batch.tables[table.name].items()}
    return Batch(batch.stream, batch.origin, tables, offsets)


def cut(batch: Batch, start: int, stop: int) -> Batch:
    """Rows ``start:stop`` as views where possible."""
    spans: dict[str, tuple[int, int]] = {batch.schema.rows.name: (start, stop)}
    tables: dict[str, Columns] = {}
    offsets: dict[str, np.ndarray] = {}
    for table in batch.schema.given_by(batch.origin):
        if table.parent is not None:
            low, high = spans[table.parent]
            piece = batch.offsets[table.name][low : high + 1]
            spans[table.name] = (int(piece[0]), int(piece[-1]))
            offsets[table.name] = piece - piece[0]
        low, high = spans[table.name]
        tables[table.name] = {k: v[low:high] for k, v in batch.tables[table.name].items()}
    return Batch(batch.stream, batch.origin, tables, offsets)


def concatenate(batches: Sequence[Batch]) -> Batch:
    """One batch after the other; all of one stream and origin. A single batch is returned as it is."""
    if len(batches) == 1:
        return batches[0]
    first = batches[0]
    tables = {name: {k: np.concatenate([b.tables[name][k] for b in batches]) for k in columns} for name, columns in first.tables.items()}
    offsets = {name: join_offsets(b.offsets[name] for b in batches) for name in first.offsets}
    return Batch(first.stream, first.origin, tables, offsets)


def join_offsets(pieces: Iterable[np.ndarray]) -> np.ndarray:
    """Offsets of the concatenation of ragged columns.

    Examples
    --------
    >>> join_offsets([np.array([0, 3, 3]), np.array([0, 2])])
    array([0, 3, 3, 5])
    """
    return offsets_of(np.concatenate([np.diff(p) for p in pieces]))


def empty(stream: str, origin: str) -> Batch:
    """A batch without rows, with every declared column."""
    tables, offsets = {}, {}
    for table in find_schema(stream).given_by(origin):
        tables[table.name] = {k: np.zeros((0, *(size for _, size in f.dims)), f.numpy) for k, f in table.columns(origin).items()}
        if table.parent is not None:
            offsets[table.name] = np.zeros(1, np.int64)
    return Batch(stream, origin, tables, offsets)


def sorting(batch: Batch) -> np.ndarray | None:
    """Stable permutation that brings the rows into the declared order; ``None`` where they are in order already."""
    columns = batch.tables[batch.schema.rows.name]
    keys = [columns[k] for k in batch.schema.order]
    order = np.lexsort(tuple(reversed(keys)))
    return None if (order == np.arange(len(order))).all() else order
