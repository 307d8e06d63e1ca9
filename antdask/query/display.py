"""Rows of a selection as text or Parquet, written batch by batch, so that the result is never held in memory."""

from __future__ import annotations

import functools
from typing import IO, Any

from antdask.query.arrow import flat_table, nested_table
from antdask.query.columns import Names
from antdask.query.formats import write_tables
from antdask.query.results import Results


def write_rows(selection: Results, format: str, out: IO[Any], limit: int | None = None, columns: Names = None) -> int:
    """Write a selection; the number of rows written.

    Parameters
    ----------
    selection : Selection
    format : {"table", "csv", "json", "parquet"}
        ``table`` and ``csv`` have one line per row of the lowest table that is asked for, by default of the row table. ``json`` has one object per
        line and ``parquet`` one record per row, with ragged tables as lists. In JSON, integers are exact; missing values, NaN and infinities are null.
    out : file
        Text or binary; Parquet needs a binary one, or a text one with a ``buffer``.
    limit : int, optional
        At most so many rows (lines, for ``table`` and ``csv``).
    columns : str, iterable of str or None
        As in `Selection.to_awkward`.

    Raises
    ------
    UnknownNameError
        No such format or column.
    UsageError
        Columns that do not fit into one table; Parquet to a terminal; a negative limit.
    DamagedPartError
    """
    # Who stops early has nothing read ahead.
    prefetch = None if limit is None else 0
    if format in ("table", "csv"):
        asked, target = selection.flat_columns(columns)
        tables = selection.blocks_as(lambda rows: flat_table(rows, target), asked, prefetch=prefetch)
    else:
        tables = selection.blocks_as(functools.partial(nested_table, nan_is_null=format == "json"), columns, prefetch=prefetch)
    return write_tables(tables, format, out, limit)
