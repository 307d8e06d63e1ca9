"""What a join found: rows of one side, and which of them belong to which rows of a block."""

from __future__ import annotations

import dataclasses

import awkward as ak
import numpy as np
import pyarrow as pa

from antdask.errors import UsageError
from antdask.model.ragged import offsets_of, ranges
from antdask.query.arrow import flat_table
from antdask.query.records import awkward_array
from antdask.query.rows import Rows


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """Rows of a side that belong to the rows of a block.

    Parameters
    ----------
    data : Rows or pyarrow.Table
    order : int64 array
        Rows of `data`, those of the first row of the block first.
    counts : int64 array, shape (rows of the block,)
        How many belong to each.
    one : bool
        Whether the result is a record or nothing, and no list.
    hidden : tuple of str
        Columns that only served to find the rows.
    """

    data: Rows | pa.Table
    order: np.ndarray
    counts: np.ndarray
    one: bool
    hidden: tuple[str, ...] = ()

    def awkward(self) -> ak.Array:
        """One record, nothing, or a list of records for each row of the block."""
        data = awkward_array(self.data) if isinstance(self.data, Rows) else _records(self.data)
        data = data[[name for name in data.fields if name not in self.hidden]]
        if not self.one:
            content = ak.to_layout(data[self.order])
            return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets_of(self.counts)), content))
        index = np.full(len(self.counts), -1, np.int64)
        index[self.counts > 0] = self.order
        return ak.Array(ak.contents.IndexedOptionArray(ak.index.Index64(index), ak.to_layout(data)))

    def table(self) -> pa.Table:
        """All rows of the side, flat."""
        if isinstance(self.data, pa.Table):
            return self._shown(self.data)
        ragged = [name for name in self.data.tables if name != self.data.schema.rows.name]
        if ragged:
            raise UsageError(
                f"'{ragged[0]}' of '{self.data.schema.name}' has several rows per row",
                hint="Use to_awkward(), or name columns of the rows only.",
            )
        return self._shown(flat_table(self.data, self.data.schema.rows.name))

    def _shown(self, table: pa.Table) -> pa.Table:
        return table.select([name for name in table.column_names if name not in self.hidden])

    def pairs(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For rows of the block, maybe repeated, each with every row that belongs to it: place in `place`, and row of `data` or -1."""
        counts = self.counts[place]
        repeats = np.repeat(np.arange(len(place)), np.maximum(counts, 1))
        right = np.full(len(repeats), -1, np.int64)
        right[np.repeat(counts > 0, np.maximum(counts, 1))] = self.order[ranges(offsets_of(self.counts)[:-1][place], counts)]
        return repeats, right


def _records(table: pa.Table) -> ak.Array:
    """An Arrow table as records; without a column it still has its length."""
    return ak.from_arrow(table) if table.num_columns else ak.Array(ak.contents.RecordArray([], [], length=table.num_rows))
