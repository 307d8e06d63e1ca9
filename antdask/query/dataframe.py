"""Pandas frames of rows: one row per row of one table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from antdask.query.rows import Column, Rows


def data_frame(rows: Rows, table: str) -> pd.DataFrame:
    """One row per row of a table, see `Rows.flat`.

    Integers that are missing somewhere get a nullable dtype (``Int64``), so that no digit is lost; reals get NaN. A column with several values per row
    becomes several, named as in a ``where``: ``rate_code[0]``. ``frame.attrs["units"]`` gives the unit of each column.
    """
    columns: dict[str, Any] = {}
    units: dict[str, str] = {}
    for label, source, column in rows.flat(table):
        unit = rows.field(source, label.rpartition(".")[2]).unit
        wide = column.values.ndim > 1
        for i in range(column.values.shape[1] if wide else 1):
            name = f"{label}[{i}]" if wide else label
            columns[name] = _series(Column(column.values[:, i], column.missing) if wide else column)
            units[name] = unit
    frame = pd.DataFrame(columns, copy=False)
    frame.attrs = {"stream": rows.schema.name, "units": units}
    return frame


def _series(column: Column) -> Any:
    if column.missing is None:
        return column.values
    if column.values.dtype.kind == "f":
        return np.where(column.missing, np.nan, column.values)
    return pd.arrays.IntegerArray(column.values, column.missing)
