"""Awkward arrays of rows: the arrays are wrapped as they are, without a copy.

The same can be done from the plain arrays of a part: ``ak.from_buffers(form, length, arrays)`` with the form that stands in its root attributes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import awkward as ak
import numpy as np

from antdask.model.schema import Schema
from antdask.query.pieces import Piece
from antdask.query.rows import Column, Rows, gather


def awkward_array(rows: Rows) -> ak.Array:
    """Records of the row columns, with a list of records for each ragged table.

    Missing values are of option type. ``array.attrs["units"]`` gives the unit of each column.
    """
    units = {f"{t}.{c}": rows.field(t, c).unit for t, columns in rows.tables.items() for c in columns}
    return ak.Array(_record(rows, rows.schema.rows.name), attrs={"stream": rows.schema.name, "units": units})


def _record(rows: Rows, table: str) -> ak.contents.Content:
    contents = {name: _content(column) for name, column in rows.tables[table].items()}
    for child in rows.children(table):
        offsets = rows.offsets[child]
        lists = ak.contents.ListOffsetArray(ak.index.Index64(offsets.values), _record(rows, child))
        contents[child] = _optional(lists, offsets.missing)
    return ak.contents.RecordArray(list(contents.values()), list(contents), length=rows.length(table))


def _content(column: Column) -> ak.contents.Content:
    values = column.values
    if values.dtype.kind == "U":
        return ak.from_numpy(values, highlevel=False)
    content = ak.contents.NumpyArray(values.reshape(-1))
    for size in reversed(values.shape[1:]):
        content = ak.contents.RegularArray(content, size, zeros_length=len(values))
    return _optional(content, column.missing)


def _optional(content: ak.contents.Content, missing: np.ndarray | None) -> ak.contents.Content:
    return content if missing is None else ak.contents.ByteMaskedArray(ak.index.Index8(missing.view(np.int8)), content, valid_when=False)


@dataclasses.dataclass(frozen=True)
class AwkwardTask[T]:
    """A function of Awkward arrays as one of pieces; it travels as far as the function does."""

    func: Callable[[ak.Array], T]
    schema: Schema
    tables: Sequence[str]
    paths: Sequence[str]

    def __call__(self, piece: Piece) -> T:
        """The function's result for one piece."""
        return self.func(awkward_array(gather(self.schema, self.tables, self.paths, [piece])))
