"""Readings of sensors from tables: CSV files, SQL data bases, and the stream ``slow_control`` of an archive; rows that cannot be read are kept with their reason."""

from __future__ import annotations

import dataclasses
import io
import math
import os
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from antdask.archive.store import open_url
from antdask.environment.extras import load
from antdask.errors import InputError, InputMissingError, UsageError
from antdask.query.files import whole_path
from antdask.sources.sensor_lines import COLUMNS, FLAGS, NAME_BYTES, QUALITY, UNIT_BYTES, parse_times


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
    quality : str
        Flags of OceanSITES; empty if there are none.
    name, default_unit : str
    """

    time: str = "time"
    sensor: str = "sensor"
    value: str = "value"
    unit: str = "unit"
    quality: str = ""
    name: str = ""
    default_unit: str = "1"


@dataclasses.dataclass(frozen=True, eq=False)
class Readings:
    """Readings in order of sensor and time.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``utc_ns`` (int64, ns since 1970), ``sensor``, ``value`` (float64, NaN where the source has none), ``unit``, ``quality`` (uint8, flags of the source, 0 if it
        gives none).
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
    """Readings of a CSV file with a header, local or at a URL; lines above the header that begin with ``#`` are comments.

    A column ``quality`` is taken for flags if `columns` are not given.

    Raises
    ------
    InputMissingError
    InputError
        It is no such table, or lacks a column.
    """
    try:
        with open_url(url) as file:
            data = file.read()
        comments = next((i for i, line in enumerate(io.BytesIO(data)) if not line.startswith(b"#")), 0)
        table = pd.read_csv(io.BytesIO(data), sep=separator, dtype=str, keep_default_na=False, skiprows=comments)
    except FileNotFoundError as error:
        raise InputMissingError("The table does not exist", where=url) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"The table cannot be read: {error}", where=url, hint="It must be CSV in UTF-8 with a header.") from error
    own = TableMap(quality=QUALITY if QUALITY in table.columns else "")
    return _readings(table, columns or own, url)


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
    columns = found.to_xarray(["utc_ns", "sensor", "value", "value_unit", "quality"])
    frame = pd.DataFrame(
        {
            "utc_ns": columns["utc_ns"].values.astype(np.int64),
            "sensor": texts(columns["sensor"].values),
            "value": columns["value"].values,
            "unit": texts(columns["value_unit"].values),
            "quality": columns["quality"].values,
        }
    )
    return Readings(_sorted(frame), pd.DataFrame(), str(archive.url))


@dataclasses.dataclass
class Extracted:
    """What was brought into a table.

    Parameters
    ----------
    table : str
    readings, sensors, rejected : int
    first_rejected : str
        Of the rows that are no readings, the first with its reason.
    """

    table: str
    readings: int
    sensors: int
    rejected: int
    first_rejected: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return dataclasses.asdict(self)


def extract(
    source: str, table: str, columns: Iterable[str] = (), *, site: str, query: str | None = None, name: str = "", unit: str = "1", separator: str = ","
) -> Extracted:  # fmt: skip
    """Bring readings of a data base or of another table into a table that `antdask convert` archives.

    Parameters
    ----------
    source : str
        CSV file or URL, or with `query` a URL of SQLAlchemy.
    table : str
        To be written.
    columns : iterable of str
        ``what=name``, see `TableMap`.
    site : str
        See `write_table`.
    name, unit : str
        Where no column tells them.

    Raises
    ------
    UsageError, InputError, InputMissingError, DestinationError
        As `read_csv`, `read_sql` and `write_table`.
    """
    words = dict(c.partition("=")[::2] for c in columns)
    if set(words) - {"time", "sensor", "value", "unit", "quality"}:
        raise UsageError("A column is one of time, sensor, value, unit, quality", found=", ".join(words), hint="Example: --column time=at.")
    if name:
        words["sensor"] = ""
    columns_of = TableMap(**words, name=name, default_unit=unit) if words or unit != "1" else None
    found = read_csv(source, columns_of, separator) if query is None else read_sql(source, query, columns_of)
    first = found.rejected.head(1).to_dict("records")
    return Extracted(table, write_table(found, table, site), len(found.sensors), len(found.rejected), str(first[0]) if first else "")


def texts(padded: Any) -> np.ndarray:
    """Names, an object array of str, from rows of bytes with zeros at the end."""
    rows = np.ascontiguousarray(np.asarray(padded, np.uint8))
    names, place = np.unique(rows.view(f"S{rows.shape[1]}").ravel(), return_inverse=True)
    decoded: np.ndarray = np.array([bytes(name).decode("utf-8", "replace") for name in names] or [""], object)
    return decoded[place]


def write_table(readings: Readings, path: str | os.PathLike[str], site: str) -> int:
    """Write readings as a table that `antdask convert` archives, in order of time; the same readings give the same bytes.

    Parameters
    ----------
    path : path
        Replaced if it is there.
    site : str
        Where the sensors are, e.g. ``antares``.

    Returns
    -------
    int
        Number of readings.

    Raises
    ------
    UsageError
        A site, a name or a unit that the table cannot hold.
    DestinationError
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,50}", site):
        raise UsageError("A site is a word of lower-case letters, digits, '-' and '_'", found=repr(site), hint="Example: antares.")
    frame = readings.frame.sort_values(["utc_ns", "sensor"], kind="stable")
    for column, longest in (("sensor", NAME_BYTES), ("unit", UNIT_BYTES)):
        for word in frame[column].unique():
            if len(word.encode()) > longest or re.search(r'[,"\r\n\0]', word):
                raise UsageError(f"The table cannot hold a {column} of this kind", found=repr(word), expected=f"at most {longest} bytes without commas, quotes and line ends")  # fmt: skip
    flagged = bool(frame["quality"].any())
    times = pd.Series(frame["utc_ns"].to_numpy().view("datetime64[ns]")).dt.strftime("%Y-%m-%dT%H:%M:%S.%f")
    nanoseconds = frame["utc_ns"].to_numpy() % 1000
    columns = {"time": [f"{t}{n:03d}Z" for t, n in zip(times, nanoseconds, strict=True)], "sensor": frame["sensor"], "value": ["" if math.isnan(v) else repr(v) for v in frame["value"].tolist()], "unit": frame["unit"]}  # fmt: skip
    lines = zip(*columns.values(), *([frame["quality"].astype(str)] if flagged else []), strict=True)
    with whole_path(path) as draft, draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"# site: {site}\n# source: {readings.source}\n{','.join((*COLUMNS, *([QUALITY] if flagged else [])))}\n")
        file.writelines(",".join(line) + "\n" for line in lines)
    return len(frame)


def _readings(table: pd.DataFrame, columns: TableMap, source: str) -> Readings:
    needed = [c for c in (columns.time, columns.sensor, columns.value, columns.unit, columns.quality) if c]
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
    quality, no_flag = _quality(table[columns.quality]) if columns.quality else (np.zeros(len(table), np.uint8), np.zeros(len(table), bool))
    reason = np.where(no_time, "no time", np.where(no_number, "no number", np.where(no_flag, "no flag of OceanSITES", "")))
    frame = pd.DataFrame(
        {
            "utc_ns": utc,
            "sensor": table[columns.sensor].astype(str).to_numpy() if columns.sensor else columns.name,
            "value": value,
            "unit": table[columns.unit].astype(str).to_numpy() if columns.unit else columns.default_unit,
            "quality": quality,
        }
    )
    bad = reason != ""
    rejected = table[bad].astype(str).assign(reason=reason[bad])
    return Readings(_sorted(frame[~bad]), rejected, source)


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(["sensor", "utc_ns"], kind="stable").reset_index(drop=True)


def _quality(column: pd.Series[Any]) -> tuple[np.ndarray, np.ndarray]:
    found = column.astype(str).str.strip().map({str(flag): flag for flag in FLAGS} | {"": 0, "None": 0, "nan": 0})
    return found.fillna(0).to_numpy(np.uint8), found.isna().to_numpy(bool)


def _times(column: pd.Series[Any]) -> tuple[np.ndarray, np.ndarray]:
    """UTC ns of each row, and where there is none."""
    if pd.api.types.is_integer_dtype(column.dtype):
        return column.to_numpy(np.int64), np.zeros(len(column), bool)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        stamps = pd.to_datetime(column, utc=True)
        none = stamps.isna().to_numpy()
        return stamps.dt.as_unit("ns").astype("int64").to_numpy(), none
    return parse_times(column.astype(str).to_numpy(object))
