"""Readings of sensors from tables: CSV files, SQL data bases, and the stream ``slow_control`` of an archive; rows that cannot be read are kept with their reason."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from antdask.archive.store import open_url
from antdask.environment.extras import load
from antdask.errors import InputError, InputMissingError, UsageError
from antdask.model.time import parse_utc


@dataclasses.dataclass(frozen=True, slots=True)
class TableMap:
    """Which column of a table is what.

    Parameters
    ----------
    time : str
        UTC: ISO 8601, a time stamp of the data base, or ns since 1970.
    sensor : str
        Name of the sensor; empty if the table is of one sensor, which `name` then names.
    value : str
    unit : str
        Empty if all readings are in `default_unit`.
    name, default_unit : str
    """

    time: str = "time"
    sensor: str = "sensor"
    value: str = "value"
    unit: str = "unit"
    name: str = ""
    default_unit: str = "1"


@dataclasses.dataclass(frozen=True, eq=False)
class Readings:
    """Readings in order of sensor and time.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``utc_ns`` (int64, ns since 1970), ``sensor``, ``value`` (float64, NaN where the source has none), ``unit``.
    rejected : pandas.DataFrame
        Rows of the source that are no readings, as text, with ``reason``.
    source : str
        Where they come from, without secrets.
    """

    frame: pd.DataFrame
    rejected: pd.DataFrame
    source: str

    @property
    def sensors(self) -> list[str]:
        """Names of all sensors."""
        return sorted(self.frame["sensor"].unique())


def read_csv(url: str, columns: TableMap | None = None, separator: str = ",") -> Readings:
    """Readings of a CSV file with a header, local or at a URL.

    Raises
    ------
    InputMissingError
    InputError
        It is no such table, or lacks a column.
    """
    try:
        with open_url(url) as file:
            table = pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False)
    except FileNotFoundError as error:
        raise InputMissingError("The table does not exist", where=url) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"The table cannot be read: {error}", where=url, hint="It must be CSV in UTF-8 with a header.") from error
    return _readings(table, columns or TableMap(), url)


def read_sql(url: str, query: str, columns: TableMap | None = None) -> Readings:
    """Readings of a data base.

    Parameters
    ----------
    url : str
        Of SQLAlchemy, e.g. ``sqlite:///slow.db`` or ``postgresql+psycopg://host/db``; a password belongs into the environment (``PGPASSWORD``), not here.
    query : str
        A SELECT, which is run as it stands, read only.

    Raises
    ------
    UsageError
        Not a SELECT, or a URL with a password.
    InputError
        The data base cannot be reached or refuses, or a column is missing.
    """
    sqlalchemy = load("sqlalchemy")
    if not query.lstrip().lower().startswith(("select", "with")):
        raise UsageError("Only a SELECT can be read", found=query[:40])
    try:
        address = sqlalchemy.engine.make_url(url)
    except sqlalchemy.exc.ArgumentError as error:
        raise UsageError("Not a URL of SQLAlchemy", found=url.partition("@")[2] or url, hint="Example: sqlite:///slow.db.") from error
    if address.password is not None:
        raise UsageError(
            "A URL with a password ends in logs", where=address.render_as_string(), hint="Set PGPASSWORD, or use a pgpass file."
        )
    engine = sqlalchemy.create_engine(address)
    try:
        with engine.connect() as connection:
            table = pd.read_sql(sqlalchemy.text(query), connection)
    except (sqlalchemy.exc.SQLAlchemyError, pd.errors.DatabaseError) as error:
        raise InputError(f"The data base refuses: {str(error).splitlines()[0]}", where=address.render_as_string()) from error
    finally:
        engine.dispose()
    return _readings(table, columns or TableMap(), address.render_as_string())


def read_stream(archive: Any, time: Any = None) -> Readings:
    """Readings of the stream ``slow_control`` of an open archive.

    Raises
    ------
    UnknownNameError
        The archive has no such stream.
    """
    selection = archive.stream("slow_control")
    found = selection if time is None else selection.select(time=time)
    columns = found.to_xarray(["utc_ns", "sensor", "value", "value_unit"])
    words = {name: _texts(columns[column].values) for name, column in (("sensor", "sensor"), ("unit", "value_unit"))}
    table = pd.DataFrame({"time": columns["utc_ns"].values.astype(np.int64), "value": columns["value"].values, **words})
    return _readings(table, TableMap(), str(archive.url))


def _texts(padded: Any) -> list[str]:
    """Names from rows of bytes with zeros at the end."""
    rows = np.ascontiguousarray(np.asarray(padded, np.uint8))
    return [row.tobytes().rstrip(b"\0").decode("utf-8", "replace") for row in rows]


def _readings(table: pd.DataFrame, columns: TableMap, source: str) -> Readings:
    needed = [c for c in (columns.time, columns.sensor, columns.value, columns.unit) if c]
    missing = [c for c in needed if c not in table.columns]
    if missing:
        raise InputError(
            f"The table has no column '{missing[0]}'", where=source, found=", ".join(map(str, table.columns)), expected=", ".join(needed)
        )
    utc, no_time = _times(table[columns.time])
    text = table[columns.value]
    value = pd.to_numeric(text, errors="coerce").to_numpy(float)
    # An empty value is a reading that is missing; a word is no reading.
    empty = text.isna().to_numpy() | (text.astype(str).str.strip().str.lower().isin(["", "nan", "null", "none"])).to_numpy()
    no_number = np.isnan(value) & ~empty
    reason = np.where(no_time, "no time", np.where(no_number, "no number", ""))
    frame = pd.DataFrame(
        {
            "utc_ns": utc,
            "sensor": table[columns.sensor].astype(str).to_numpy() if columns.sensor else columns.name,
            "value": value,
            "unit": table[columns.unit].astype(str).to_numpy() if columns.unit else columns.default_unit,
        }
    )
    bad = reason != ""
    rejected = table[bad].astype(str).assign(reason=reason[bad])
    kept = frame[~bad].sort_values(["sensor", "utc_ns"], kind="stable").reset_index(drop=True)
    return Readings(kept, rejected, source)


def _times(column: pd.Series[Any]) -> tuple[np.ndarray, np.ndarray]:
    """UTC ns of each row, and where there is none; times without a zone are UTC, other zones are brought to UTC."""
    if pd.api.types.is_integer_dtype(column.dtype):
        return column.to_numpy(np.int64), np.zeros(len(column), bool)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        stamps = pd.to_datetime(column, utc=True)
    else:
        stamps = pd.to_datetime(column.astype(str), utc=True, format="ISO8601", errors="coerce")
        digits = column.astype(str).str.fullmatch(r"\d{15,19}")
        if digits.all() and len(column):
            return np.array([parse_utc(t) for t in column.astype(str)], np.int64), np.zeros(len(column), bool)
    none = stamps.isna().to_numpy()
    return stamps.dt.as_unit("ns").astype("int64").to_numpy(), none
