"""Tables for a laptop: the rates of all optical modules by 15 minutes or by day, as Parquet or CSV, that pandas and DuckDB open as they are."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import xarray as xr

from antdask.errors import UsageError
from antdask.query.files import whole_file

#: Columns of a table, with their units.
COLUMNS = {
    "rate": "s-1", "median": "s-1", "q10": "s-1", "q90": "s-1", "rate_at_least": "s-1", "baseline": "s-1", "burst_fraction": "1", "coverage": "1",
    "n_valid": "1", "n_saturated": "1",
}  # fmt: skip
_BINS = 4096
SENSOR_SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("s", "UTC")), ("sensor", pa.string()), ("variable", pa.string()), ("mean", pa.float64()), ("minimum", pa.float64()),
        ("maximum", pa.float64()), ("n", pa.uint32()), ("unit", pa.string()),
    ]
)  # fmt: skip


def rates_table(found: xr.Dataset, path: str | os.PathLike[str]) -> int:
    """Write one row per channel and bin that holds a measurement, in time; gives the number of rows.

    Memory is that of some thousand bins. Rows of gaps are left out; `coverage` tells how much of a bin was measured.

    Parameters
    ----------
    found : Dataset
        From ``archive.environment.open``.
    path : path
        Ends in ``.parquet`` or ``.csv``.

    Raises
    ------
    UsageError
        Another ending.
    DestinationError
    """
    schema = table_schema(found)
    return _write(path, schema, _tables(found, schema))


def sensors_table(series: Mapping[str, xr.Dataset], path: str | os.PathLike[str]) -> int:
    """Write one row per sensor and bin that holds a good reading; else as `rates_table`.

    Parameters
    ----------
    series : mapping of name to Dataset
        From ``archive.environment.open(name, level=…)``.
    """
    return _write(path, SENSOR_SCHEMA, itertools.starmap(_sensor, series.items()))


def _sensor(name: str, found: xr.Dataset) -> pa.Table:
    code = str(next(iter(found.data_vars)))
    good = found[f"{code}_N"].values > 0
    n, low, high = int(good.sum()), found.get(f"{code}_MIN"), found.get(f"{code}_MAX")
    nothing: Any = pa.nulls(n, pa.float64())
    columns = {
        "time": _times(found.time.values[good]),
        "sensor": pa.array([name] * n, pa.string()),
        "variable": pa.array([code] * n, pa.string()),
        "mean": pa.array(found[code].values[good]),
        "minimum": nothing if low is None else pa.array(low.values[good]),
        "maximum": nothing if high is None else pa.array(high.values[good]),
        "n": pa.array(found[f"{code}_N"].values[good].astype(np.uint32)),
        "unit": pa.array([found[code].attrs["units"]] * n, pa.string()),
    }
    return pa.table(columns, schema=SENSOR_SCHEMA)


def _times(values: np.ndarray) -> pa.Array:
    """Times of xarray as whole seconds of UTC."""
    return pa.array(values.astype("datetime64[s]"), pa.timestamp("s")).cast(pa.timestamp("s", "UTC"))


def _write(path: str | os.PathLike[str], schema: pa.Schema, tables: Iterable[pa.Table]) -> int:
    """Write tables below each other; the number of rows."""
    target, rows = Path(path), 0
    writers: dict[str, Callable[[IO[bytes]], Any]] = {
        ".parquet": lambda file: pq.ParquetWriter(file, schema, compression="zstd"),
        ".csv": lambda file: pacsv.CSVWriter(file, schema),
    }
    if target.suffix not in writers:
        raise UsageError("A table is written as .parquet or .csv", found=target.name)
    with whole_file(target) as file, writers[target.suffix](file) as writer:
        for table in tables:
            writer.write_table(table)
            rows += table.num_rows
    return rows


def table_schema(found: xr.Dataset) -> pa.Schema:
    """Columns of the table of a dataset: time, labels of the channel, and what the level knows."""
    labels = [pa.field(str(n), pa.from_numpy_dtype(c.dtype)) for n, c in found.coords.items() if c.dims == ("channel",) and n != "channel"]
    values = [pa.field(n, _type(n), metadata={"unit": unit}) for n, unit in COLUMNS.items() if n in found]
    about = {"detector": str(found.attrs["detector"]), "level": str(found.attrs["level"]), "product": str(found.attrs["product"])}
    about |= {"baseline": str(found.attrs["baseline"]), "time": "start of the bin, UTC"}
    return pa.schema([pa.field("time", pa.timestamp("s", "UTC")), *labels, *values], metadata=about)


def _type(name: str) -> Any:
    return pa.uint32() if name.startswith("n_") else pa.float32()


def _tables(found: xr.Dataset, schema: pa.Schema) -> Iterator[pa.Table]:
    for start in range(0, found.sizes["time"], _BINS):
        piece = found[[n for n in COLUMNS if n in found]].isel(time=slice(start, start + _BINS)).load()
        some = ((piece["n_valid"].values > 0) | (piece["n_saturated"].values > 0)).T
        bins, channels = np.nonzero(some)
        if not len(bins):
            continue
        columns: dict[str, Any] = {"time": _times(piece.time.values[bins])}
        for field in schema:
            if field.name in COLUMNS:
                values = piece[field.name].values[channels, bins]
                nan = np.isnan(values) if values.dtype.kind == "f" else None
                columns[field.name] = pa.array(values, mask=nan).cast(field.type)
            elif field.name != "time":
                columns[field.name] = pa.array(piece[field.name].values[channels])
        yield pa.table(columns, schema)
