"""Series in time as people hold them: pandas, xarray, Arrow or a selection, as ascending times and a table."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from antdask.errors import UnknownNameError, UsageError
from antdask.query.columns import Names
from antdask.query.results import Results

_HINT = "Give a frame with an index of times, or a column 'time' or 'utc_ns'; a dataset of xarray with the one dimension 'time'; or a selection."


def series_table(series: Any, columns: Names, name: str) -> tuple[np.ndarray, pa.Table]:
    """Ascending times [ns since 1970, UTC] and the rows at them; rows without a time are left out.

    Raises
    ------
    UsageError
        It is no series in time.
    UnknownNameError
        It has no such column.
    """
    wanted = None if columns is None else [columns] if isinstance(columns, str) else list(columns)
    if isinstance(series, Results):
        rows = series.index.schema.rows.name
        table = series.to_arrow(rows, series._flat(rows, wanted if wanted is None else [*wanted, "utc_ns"]))
    elif isinstance(series, pa.Table):
        table = series
    elif isinstance(series, pd.DataFrame | pd.Series):
        table = _of_frame(series.to_frame() if isinstance(series, pd.Series) else series)
    else:
        table = _of_frame(_of_xarray(series, name))
    times, valid = _times(table, name)
    for one in wanted or ():
        if one not in table.column_names:
            raise UnknownNameError.of("column", one, table.column_names, where=f"the series '{name}'")
    order = np.argsort(times, kind="stable")
    order = order[valid[order]]
    kept = [n for n in (table.column_names if wanted is None else wanted) if n != "utc_ns" or wanted]
    return times[order], table.take(pa.array(order)).select(kept).combine_chunks()


def _of_xarray(series: Any, name: str) -> pd.DataFrame:
    """A frame of the variables of a dataset with the one dimension of time."""
    if not hasattr(series, "dims") or not hasattr(series, "to_dataframe"):
        raise UsageError(f"'{name}' is no series in time", found=type(series).__name__, hint=_HINT)
    if tuple(series.dims) != ("time",):
        raise UsageError(
            f"'{name}' has not the one dimension 'time'",
            found=", ".join(map(str, series.dims)),
            hint='Reduce the others first, e.g. .mean("channel").',
        )
    whole = series.to_dataset(name=series.name or name) if not hasattr(series, "data_vars") else series
    frame: pd.DataFrame = whole.to_dataframe()[list(whole.data_vars)]
    return frame


def _of_frame(frame: pd.DataFrame) -> pa.Table:
    if isinstance(frame.index, pd.DatetimeIndex):
        named = frame.rename(columns=str)
        return pa.Table.from_pandas(named, preserve_index=False).append_column(
            "utc_ns", pa.array(_nanoseconds(frame.index), pa.int64(), from_pandas=True)
        )
    return pa.Table.from_pandas(frame, preserve_index=False)


def _nanoseconds(index: pd.DatetimeIndex) -> pd.Series:
    """A time without a zone is UTC, as everywhere here."""
    plain = index.tz_convert("UTC").tz_localize(None) if index.tz is not None else index
    values = pd.Series(plain.as_unit("ns").asi8, dtype="Int64")
    return values.mask(np.asarray(plain.isna()))


def _times(table: pa.Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Times of the rows, and which have one."""
    column = next((n for n in ("utc_ns", "time") if n in table.column_names), None)
    if column is None:
        raise UsageError(f"'{name}' says no time", found=", ".join(table.column_names), hint=_HINT)
    values = table[column]
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("ns", values.type.tz)).cast(pa.int64())
    if not pa.types.is_integer(values.type):
        raise UsageError(f"'{column}' of '{name}' is neither a time nor an integer of ns since 1970", found=str(values.type))
    return values.fill_null(0).to_numpy().astype(np.int64), ~values.is_null().to_numpy()


def time_step(value: Any) -> int:
    """A span of time [ns] from text (``"10 min"``), a timedelta, or an integer of ns.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> time_step("10 min"), time_step(5)
    (600000000000, 5)
    """
    try:
        if isinstance(value, str | datetime.timedelta | np.timedelta64):
            return int(pd.Timedelta(value).as_unit("ns").value)
        return int(value)
    except (ValueError, TypeError) as error:
        raise UsageError("Not a span of time", found=repr(value)[:80], expected="text like '10 min', a timedelta, or ns") from error
