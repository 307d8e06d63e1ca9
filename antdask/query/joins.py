"""Joins: rows of a selection with what other streams, tables and series say about the same event, frame, run or time; block by block.

::

    events of a block  ──keys──►  blocks of 'rates' with these frames ──► rows with these keys only ──► events.rates, missing where there is none
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import awkward as ak
import numpy as np
import pandas as pd
import pyarrow as pa

from antdask import settings
from antdask.errors import UsageError
from antdask.query.arrow import flat_table
from antdask.query.cards import html_lines
from antdask.query.columns import Names, resolve
from antdask.query.explanation import Explanations, size
from antdask.query.formats import spread
from antdask.query.found import Found
from antdask.query.narrowable import Narrowable
from antdask.query.records import awkward_array
from antdask.query.rows import Rows
from antdask.query.sides import Series, Side, StreamSide, TableSide, counterpart


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Joined:
    """A selection with what is joined to it; reads nothing until a result is asked for.

    Parameters
    ----------
    selection : Narrowable
    sides : tuple of Side
        What is joined, each a field of the result.
    """

    selection: Narrowable
    sides: tuple[Side, ...] = ()

    def join(self, other: Any, columns: Names = None, *, name: str | None = None, one: bool | None = None) -> Joined:
        """See `Selection.join`."""
        columns = columns if columns is None or isinstance(columns, str) else list(columns)
        name = name or (other if isinstance(other, str) else None)
        other = counterpart(self.selection, other)
        if isinstance(other, pa.Table | pd.DataFrame):
            return self._with(TableSide.of(self.selection, other, columns, name or "table", one))
        return self._with(StreamSide.of(self.selection, other, columns, name, one))

    def asof(self, series: Any, columns: Names = None, *, name: str = "series", tolerance: Any = None) -> Joined:
        """See `Selection.asof`."""
        return self._with(Series.of(self.selection, series, columns, name, tolerance))

    def _with(self, side: Side) -> Joined:
        schema = self.selection.index.schema
        taken = {f.name for f in schema.rows.fields} | {t.name for t in schema.tables[1:]} | {s.name for s in self.sides}
        if side.name in taken:
            raise UsageError("A field of that name is there already", found=side.name, hint="Give another: name=….")
        return Joined(self.selection, (*self.sides, side))

    def explain(self, columns: Names = None) -> Explanations:
        """What the selection takes, and at most each stream that is joined; reads the catalogue only.

        Raises
        ------
        UnknownNameError, UsageError
        """
        others = [cost for side in self.sides if (cost := side.explain()) is not None]
        return Explanations([self.selection.explain(self._paths(columns)), *others])

    def iter_batches(self, columns: Names = None) -> Iterator[ak.Array]:
        """Block by block as Awkward arrays, see `to_awkward`; no budget applies.

        Raises
        ------
        UnknownNameError, UsageError, DamagedPartError
        """
        return (self._array(rows, found) for rows, found in self._blocks(columns))

    def to_awkward(self, columns: Names = None, *, max_bytes: int | None = None) -> ak.Array:
        """The records of the selection with a field for each join: a record or nothing where one row can match, else a list of records.

        Parameters
        ----------
        columns : str, iterable of str or None
            Of the selection.
        max_bytes : int, optional
            Bytes that the result may take [byte]; the setting ``query_bytes`` if not given.

        Raises
        ------
        UnknownNameError, UsageError, DamagedPartError
        """
        arrays = list(_within(max_bytes, ((array, array.nbytes) for array in self.iter_batches(columns))))
        if not arrays:
            rows = self._without_extras(self.selection.no_rows(self._paths(columns)), columns)
            return self._array(rows, [side.nothing() for side in self.sides])
        return ak.concatenate(arrays) if len(arrays) > 1 else arrays[0]

    def to_arrow(self, columns: Names = None, *, max_bytes: int | None = None) -> pa.Table:
        """One row per row of the selection and matching row, columns of the other side as ``name.column``, null where nothing matches.

        Raises
        ------
        UsageError
            Columns of ragged tables, which have no place in flat rows; or it would take more than the budget.
        UnknownNameError, DamagedPartError
        """
        own = self.selection._flat(self.selection.index.schema.rows.name, columns)
        tables = (self._flat(rows, found) for rows, found in self._blocks(own))
        made = list(_within(max_bytes, ((table, table.nbytes) for table in tables)))
        if not made:
            rows = self._without_extras(self.selection.no_rows(self._paths(own)), own)
            made = [self._flat(rows, [side.nothing() for side in self.sides])]
        return pa.concat_tables(made, promote_options="permissive")

    def to_pandas(self, columns: Names = None, *, max_bytes: int | None = None) -> pd.DataFrame:
        """As `to_arrow`; integers that are missing somewhere get a nullable dtype, and ``frame.attrs["units"]`` gives the units."""
        table = spread(self.to_arrow(columns, max_bytes=max_bytes))
        nullable = {pa.type_for_alias(d.name.lower()): d for d in map(pd.api.types.pandas_dtype, _NULLABLE)}
        gaps = {field.name: nullable.get(field.type) for field in table.schema if table[field.name].null_count}
        frame: pd.DataFrame = table.to_pandas()
        for label, dtype in gaps.items():
            if dtype is not None:
                frame[label] = pd.array(table[label].to_pandas(integer_object_nulls=True), dtype=dtype)
        units = {field.name: (field.metadata or {}).get(b"unit", b"1").decode() for field in table.schema}
        frame.attrs = {"stream": self.selection.index.schema.name, "units": units}
        return frame

    def _paths(self, columns: Names) -> list[str]:
        """Columns to read, as ``table/column`` asks: those wanted, and those by which sides are found."""
        selection = self.selection
        own = resolve(selection.index, selection.current_parts, columns)
        names = [path.replace("/", ".").removeprefix(f"{selection.index.schema.rows.name}.") for path in own]
        return [*names, *(need for side in self.sides for need in side.needs if need not in names)]

    def _blocks(self, columns: Names) -> Iterator[tuple[Rows, list[Found]]]:
        selection = self.selection
        paths = selection._paths(self._paths(columns))
        pieces = selection._over_pieces(selection.scan, lambda piece: (piece.detector, selection._gather(paths, [piece])))
        for detector, rows in pieces:
            yield self._without_extras(rows, columns), [side.find(detector, rows) for side in self.sides]

    def _without_extras(self, rows: Rows, columns: Names) -> Rows:
        """Without what only the sides needed."""
        selection = self.selection
        wanted = set(resolve(selection.index, selection.current_parts, columns))
        tables = {t: {c: v for c, v in own.items() if f"{t}/{c}" in wanted} for t, own in rows.tables.items()}
        return Rows(rows.schema, tables, rows.offsets)

    def _array(self, rows: Rows, found: list[Found]) -> ak.Array:
        array = awkward_array(rows)
        fields = {field: array[field] for field in array.fields}
        attributes = dict(array.attrs) | {"joined": [side.name for side in self.sides]}
        for side, one in zip(self.sides, found, strict=True):
            fields[side.name] = one.awkward()
        layout = ak.contents.RecordArray([ak.to_layout(v) for v in fields.values()], list(fields), length=len(array))
        return ak.Array(layout, attrs=attributes)

    def _flat(self, rows: Rows, found: list[Found]) -> pa.Table:
        """Rows beside each other; where one has several matches, it is repeated."""
        table = flat_table(rows, rows.schema.rows.name)
        place = np.arange(len(rows))
        columns: list[pa.ChunkedArray] = []
        fields: list[pa.Field] = []
        for side, one in zip(self.sides, found, strict=True):
            repeats, right = one.pairs(place)
            columns = [column.take(pa.array(repeats)) for column in columns]
            place = place[repeats]
            other = one.table().take(pa.array(np.maximum(right, 0), mask=right < 0))
            columns += other.columns
            fields += [field.with_name(f"{side.name}.{field.name}") for field in other.schema]
        left = table.take(pa.array(place))
        return pa.Table.from_arrays([*left.columns, *columns], schema=pa.schema([*left.schema, *fields]))

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        return [
            *self.selection._lines()[:-1],
            *(f"  with {side.what}" for side in self.sides),
            "Next: .explain()  .to_awkward()  .to_pandas()",
        ]

    def _repr_html_(self) -> str:
        return html_lines(self._lines())


_NULLABLE = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")


def _within[T](max_bytes: int | None, made: Iterator[tuple[T, int]]) -> Iterator[T]:
    """Results, as long as all of them together fit into the budget.

    Raises
    ------
    UsageError
    """
    budget, total = settings.load(query_bytes=max_bytes).query_bytes, 0
    for one, nbytes in made:
        total += nbytes
        if total > budget:
            raise UsageError(
                f"The result takes more than {size(budget)}",
                expected=f"at most {budget:,} bytes",
                hint="Select less or fewer columns, use iter_batches(), or raise the budget: max_bytes=… or ANTDASK_QUERY_BYTES.",
            )
        yield one
