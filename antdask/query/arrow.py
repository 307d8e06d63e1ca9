"""Arrow tables of rows: nested, as they hang together, or flat, one row per row of one table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from antdask.query.rows import Column, Rows


def nested_table(rows: Rows, nan_is_null: bool = False) -> pa.Table:
    """One row per row, ragged tables as lists of structs. Missing values are null; each field carries its unit and description as metadata.

    Parameters
    ----------
    nan_is_null : bool
        Whether NaN and infinities become null too, for formats that cannot hold them.
    """
    struct = _struct(rows, rows.schema.rows.name, nan_is_null)
    metadata = {"stream": rows.schema.name, "description": rows.schema.description}
    return pa.Table.from_arrays(struct.flatten(), schema=pa.schema(list(struct.type), metadata))


def flat_table(rows: Rows, table: str, nan_is_null: bool = False) -> pa.Table:
    """One row per row of a table, see `Rows.flat`."""
    arrays, fields = [], []
    for label, source, column in rows.flat(table):
        array = _array(column, nan_is_null)
        arrays.append(array)
        fields.append(_field(rows, source, label.rpartition(".")[2], array.type).with_name(label))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, {"stream": rows.schema.name}))


def _struct(rows: Rows, table: str, nan_is_null: bool) -> pa.StructArray:
    arrays, fields = [], []
    for name, column in rows.tables[table].items():
        arrays.append(_array(column, nan_is_null))
        fields.append(_field(rows, table, name, arrays[-1].type))
    for child in rows.children(table):
        content, offsets = _struct(rows, child, nan_is_null), rows.offsets[child]
        kind = pa.large_list(pa.field("item", content.type, nullable=False))
        mask = None if offsets.missing is None else pa.array(offsets.missing)
        arrays.append(pa.LargeListArray.from_arrays(pa.array(offsets.values), content, type=kind, mask=mask))
        fields.append(pa.field(child, kind, metadata={"description": rows.schema.table(child).description}))
    return pa.StructArray.from_arrays(arrays, fields=fields)


def _field(rows: Rows, table: str, name: str, kind: pa.DataType) -> pa.Field:
    field = rows.field(table, name)
    return pa.field(name, kind, metadata={"unit": field.unit, "description": field.description})


def _array(column: Column, nan_is_null: bool) -> pa.Array:
    values, gone = column.values, column.missing
    flat, width = values.reshape(-1), values.shape[1:]
    inner = ~np.isfinite(flat) if nan_is_null and flat.dtype.kind == "f" else None
    if not width:
        return pa.array(flat, mask=inner if gone is None else gone if inner is None else gone | inner)
    mask = None if gone is None else pa.array(gone)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat, mask=inner), int(np.prod(width)), mask=mask)
