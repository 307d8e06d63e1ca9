"""xarray datasets of rows: declared dimensions, units, CF attributes, and ragged tables as CF contiguous ragged arrays.

::

    dim event   run frame_index trigger_counter (coordinates), time (datetime64), n_hits …, hits_row_size
    dim hit     hits_tot hits_tdc …                       hits of event i: hits_offsets[i] : hits_offsets[i + 1]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from antdask.archive.layout import OFFSETS, column_dims, field_attributes, offset_attributes
from antdask.model.schema import Table
from antdask.query.columns import key_columns
from antdask.query.rows import Column, Rows, find_field

# Integers up to this width are exact as float64.
_NARROW = 4


def dataset(rows: Rows) -> xr.Dataset:
    """A dataset of one stream.

    Integers of up to 32 bits that are missing somewhere become float64 with NaN. Wider ones would lose digits: they stay integers, with the value that
    means missing in the attribute ``_FillValue``. ``time`` is ``utc_ns`` as ``datetime64[ns]``, NaT where missing.
    """
    keys = {path.rpartition("/")[2] for path in key_columns(rows.schema)}
    variables: dict[str, tuple[Any, ...]] = {}
    coordinates: dict[str, tuple[Any, ...]] = {}
    for table in (rows.schema.table(name) for name in rows.tables):
        for name, column in rows.tables[table.name].items():
            field = find_field(table, name)
            values, fill = _filled(column)
            attributes = field_attributes(field) | ({} if fill is None else {"_FillValue": fill})
            own = table.parent is None
            place = coordinates if own and name in keys else variables
            place[name if own else f"{table.name}_{name}"] = (column_dims(table, field), values, attributes)
            if own and name == "utc_ns":
                text = {"long_name": "UTC of the start of the frame", "standard_name": "time"}
                coordinates["time"] = ((table.row,), _datetime(column), text)
        if table.parent is not None:
            variables |= _raggedness(rows, table.name)
    schema = rows.schema
    return xr.Dataset(variables, coordinates, {"title": schema.description, "stream": schema.name, "Conventions": "CF-1.11"})


def tree(streams: dict[str, xr.Dataset], url: str) -> xr.DataTree:
    """Datasets of several streams of the archive at this place as one tree, a group each."""
    root = xr.Dataset(attrs={"title": f"{', '.join(streams)} of {url}", "Conventions": "CF-1.11"})
    return xr.DataTree.from_dict({"/": root, **streams})


def _raggedness(rows: Rows, name: str) -> dict[str, tuple[Any, ...]]:
    """Row sizes as CF wants them: 0 where there is no table, which a flag tells from an empty one."""
    table, offsets = rows.schema.table(name), rows.offsets[name]
    parent = rows.schema.table(str(table.parent))
    size, flag = raggedness_attributes(table)
    found: dict[str, tuple[Any, ...]] = {
        f"{name}_{OFFSETS}": ((f"{parent.row}_edge",), offsets.values, offset_attributes(table, parent)),
        f"{name}_row_size": ((parent.row,), np.diff(offsets.values), size),
    }
    if offsets.missing is not None:
        found[f"{name}_given"] = ((parent.row,), (~offsets.missing).astype(np.uint8), flag)
    return found


def raggedness_attributes(table: Table) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attributes of the row sizes of a ragged table, and of the flag that tells a table without rows from none."""
    size = {"long_name": f"number of rows of '{table.name}'", "units": "1", "sample_dimension": table.row}
    flag = {"long_name": f"0 where the source gives no '{table.name}'", "units": "1", "flag_masks": [1], "flag_meanings": "given"}
    return size, flag


def filling(dtype: np.dtype, missing: bool) -> tuple[np.dtype, Any]:
    """The dtype of a variable of which values may be missing, and what stands for those; ``None`` where nothing is missing."""
    if not missing:
        return dtype, None
    if dtype.kind == "f":
        return dtype, np.nan
    if dtype.itemsize <= _NARROW:
        return np.dtype(np.float64), np.nan
    info = np.iinfo(dtype)
    return dtype, int(info.min if info.min < 0 else info.max)


def _filled(column: Column) -> tuple[np.ndarray, int | None]:
    """Values with a mark at missing places, and the mark if it is not NaN."""
    dtype, fill = filling(column.values.dtype, column.missing is not None)
    if column.missing is None:
        return column.values, None
    filled = column.values.astype(dtype)
    filled[column.missing] = fill
    return filled, None if dtype.kind == "f" else fill


def _datetime(column: Column) -> np.ndarray:
    times: np.ndarray = column.values.view("datetime64[ns]")
    if column.missing is not None:
        times = times.copy()
        times[column.missing] = np.datetime64("NaT", "ns")
    return times
