"""Rows: the result of a query as columns and offsets, over all parts, with what is missing marked as missing."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from antdask.archive.threads import cores
from antdask.model.ragged import offsets_of
from antdask.model.schema import Field, Schema, Table
from antdask.query.ahead import ahead
from antdask.query.pieces import Piece

#: A column that no part holds: the label of the detector, from the catalogue. Given where it is asked for.
DETECTOR = Field("detector", "U", "1", "detector label, e.g. km3net-44 or antares", "meta.id;instr")


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """Values of one column.

    Parameters
    ----------
    values : array, shape (rows, …)
        0 or empty at missing places.
    missing : array of bool, shape (rows,), or None
        Rows from parts that do not have the column; ``None`` where there are none. NaN in a part stays NaN.
    """

    values: np.ndarray
    missing: np.ndarray | None

    def repeat(self, counts: np.ndarray) -> Column:
        """Each value so many times."""
        return Column(np.repeat(self.values, counts, axis=0), None if self.missing is None else np.repeat(self.missing, counts))


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows of one stream, gathered.

    Parameters
    ----------
    schema : Schema
    tables : dict of table name to dict of column name to Column
        In the declared order; a table above another is there even if no column of it was asked for.
    offsets : dict of table name to Column
        Of the ragged tables: int64, one more than the parent has rows; missing (one fewer) where a part does not have the table.
    """

    schema: Schema
    tables: dict[str, dict[str, Column]]
    offsets: dict[str, Column]

    def __len__(self) -> int:
        return self.length(self.schema.rows.name)

    def length(self, table: str) -> int:
        """Number of rows of a table."""
        if table in self.offsets:
            return int(self.offsets[table].values[-1])
        return len(next(iter(self.tables[table].values())).values)

    def field(self, table: str, column: str) -> Field:
        """Declaration of a column."""
        return find_field(self.schema.table(table), column)

    def children(self, table: str) -> list[str]:
        """Ragged tables right below one, as far as they are here."""
        return [t.name for t in self.schema.tables if t.parent == table and t.name in self.tables]

    def flat(self, table: str) -> list[tuple[str, str, Column]]:
        """Columns of a view with one row per row of `table`: those above, if any, repeated, then its own; label, table and values of each.

        Its own columns and the keys go by their bare names, others by the name of their table too: ``frames.dom_id``.
        """
        chain = [table]
        while (parent := self.schema.table(chain[0]).parent) is not None:
            chain.insert(0, parent)
        found = []
        for i, name in enumerate(chain):
            if not self.tables[name]:
                continue
            edges = np.arange(self.length(name) + 1)
            for below in chain[i + 1 :]:
                edges = self.offsets[below].values[edges]
            for column, values in self.tables[name].items():
                bare = name == table or (i == 0 and column in ("run", *self.schema.order, DETECTOR.name))
                found.append((column if bare else f"{name}.{column}", name, values if name == table else values.repeat(np.diff(edges))))
        return found


def find_field(table: Table, column: str) -> Field:
    """Declaration of a column, the label of the detector included."""
    return DETECTOR if column == DETECTOR.name and table.parent is None else table.field(column)


def gather(schema: Schema, tables: Sequence[str], columns: Sequence[str], pieces: Sequence[Piece]) -> Rows:
    """All pieces, one after the other.

    Parameters
    ----------
    tables : sequence of str
        Tables to give, in the declared order, each with all above it.
    columns : sequence of str
        ``table/column``; at least one of the row table where its length matters.

    Notes
    -----
    One piece is handed on without a copy. Nothing is read here that the pieces have read already.
    """
    keys = [(path.rpartition("/")[0], path.rpartition("/")[2]) for path in columns]
    if len(pieces) == 1:
        pieces[0].load(key for key in keys if pieces[0].has(*key))
    found: dict[str, dict[str, Column]] = {name: {} for name in tables}
    for table, column in keys:
        found[table][column] = _column(schema, table, column, pieces)
    if len(pieces) > 1:
        _fill(found, keys, tables, pieces)
    offsets = {name: _offsets(name, str(schema.table(name).parent), pieces) for name in tables if schema.table(name).parent is not None}
    return Rows(schema, found, offsets)


def _column(schema: Schema, table: str, column: str, pieces: Sequence[Piece]) -> Column:
    """One column; of several pieces only its place, and where it is missing."""
    field = find_field(schema.table(table), column)
    if field is DETECTOR:
        return Column(np.repeat(np.array([p.detector for p in pieces], "U"), np.array([len(p) for p in pieces], np.int64)), None)
    here = [piece.has(table, column) for piece in pieces]
    if len(pieces) == 1 and here[0]:
        return Column(pieces[0].column(table, column), None)
    lengths = np.array([piece.length(table) for piece in pieces], np.int64)
    shape = int(lengths.sum()), *(n for _, n in field.dims)
    if all(here) and pieces:
        return Column(np.empty(shape, field.numpy), None)
    missing = np.repeat(~np.array(here, bool), lengths)
    return Column(np.zeros(shape, field.numpy), missing if missing.any() else None)


def _fill(found: dict[str, dict[str, Column]], keys: Sequence[tuple[str, str]], tables: Sequence[str], pieces: Sequence[Piece]) -> None:
    """Read the columns of all pieces straight to their places, some pieces at once."""
    edges = {name: offsets_of(np.array([piece.length(name) for piece in pieces], np.int64)).tolist() for name in tables}

    def fill(i: int, piece: Piece) -> None:
        here = [key for key in keys if piece.has(*key)]
        piece.fill({(t, c): found[t][c].values[edges[t][i] : edges[t][i + 1]] for t, c in here})

    # Few pieces share the cores inside, many side by side.
    for _ in ahead((functools.partial(fill, i, piece) for i, piece in enumerate(pieces)), 0 if len(pieces) < 2 * cores() else None):
        pass


def _offsets(table: str, parent: str, pieces: Sequence[Piece]) -> Column:
    if len(pieces) == 1 and pieces[0].has(table):
        return Column(pieces[0].offsets(table), None)
    counts = [np.diff(piece.offsets(table)) for piece in pieces]
    missing = (
        np.repeat([not piece.has(table) for piece in pieces], [piece.length(parent) for piece in pieces]) if pieces else np.zeros(0, bool)
    )
    values = offsets_of(np.concatenate(counts) if counts else np.zeros(0, np.int64))
    return Column(values, missing if missing.any() else None)
