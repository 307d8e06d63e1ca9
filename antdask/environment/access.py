"""``archive.environment``: the series of an archive, by name, level, time and place."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from antdask.archive.store import Store
from antdask.environment import joins
from antdask.environment.grid import Level, finest_for, level_named
from antdask.environment.product import Product
from antdask.environment.quality import GOOD, PROBABLY_GOOD
from antdask.environment.rates import rates_dataset
from antdask.environment.sensors import SensorProduct
from antdask.environment.series import RAW, regular, series_dataset
from antdask.errors import UnknownNameError, UsageError
from antdask.model.time import format_utc, parse_interval, parse_time
from antdask.query.times import time_step

type Numbers = int | Iterable[int] | None
type Time = str | tuple[Any, Any] | None

PRODUCTS = ("rates",)


class Environment:
    """The environmental series of an archive.

    Parameters
    ----------
    archive : antdask.query.archive.Archive
        Anything with a `store`.
    """

    def __init__(self, archive: Any) -> None:
        self.store: Store = archive.store
        self._archive = archive

    def __repr__(self) -> str:
        rates, last = "none: see antdask environment build", ""
        if Product.open(self.store) is not None:
            days = self.days["day"]
            rates, last = f"{len(days):,} days with data, {days.iloc[0]} to {days.iloc[-1]}" if len(days) else "no day with data", "rates, "
        names = f"{last}{', '.join(self.sensors.index[:3])}{' …' if len(self.sensors) > 3 else ''}".rstrip(", ")
        more = f"\n  .open(NAME, level=…, time=…, line=…)   NAME is one of {names}" if names else ""
        return f"environment of {self.store.url}\n  rates    {rates}\n  sensors  {len(self.sensors)}{more}"

    @functools.cached_property
    def product(self) -> Product:
        """The current product of rates.

        Raises
        ------
        UsageError
            None was built yet.
        """
        found = Product.open(self.store)
        if found is None:
            raise UsageError(
                "The archive has no product of rates", where=self.store.url, hint=f"Run: antdask environment build {self.store.url}."
            )
        return found

    @functools.cached_property
    def days(self) -> pd.DataFrame:
        """One row per day with data: frames, frames expected, flashes, and frames left out by reason."""
        known = json.loads(self.store.read(f"{self.product.root}/days.json"))
        frame = pd.DataFrame(known)
        frame.index = pd.DatetimeIndex(pd.to_datetime(frame.pop("start_ns"), unit="ns", utc=True), name="time")
        return frame

    @functools.cached_property
    def _sensors(self) -> SensorProduct | None:
        return SensorProduct.open(self.store)

    @property
    def sensors(self) -> pd.DataFrame:
        """One row per sensor: what it measures, unit, depth, number of readings, first and last; empty if none were made.

        Readings become sensors by ``antdask environment sensors ARCHIVE``.
        """
        columns = ["code", "long_name", "unit", "depth", "n", "duplicates", "first", "last"]
        if self._sensors is None:
            return pd.DataFrame(columns=columns, index=pd.Index([], name="sensor"))
        rows = {name: {**about, "first": about["first_ns"], "last": about["last_ns"]} for name, about in self._sensors.index.items()}
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("sensor")
        return frame.assign(**{side: pd.to_datetime(frame[side], unit="ns", utc=True) for side in ("first", "last")})

    def open(
        self,
        name: str = "rates",
        *,
        level: str = "auto",
        time: Time = None,
        line: Numbers = None,
        floor: Numbers = None,
        channel: Numbers = None,
        max_points: int = 2000,
    ) -> xr.Dataset:
        """A product as a lazy dataset; values are read when they are asked for.

        Parameters
        ----------
        name : str
            ``"rates"``, or a sensor of `sensors`, e.g. ``"IL07/CTD/temperature"``.
        level : str
            ``1s``, ``10s``, ``1min``, ``15min``, ``1h``, ``1d``, or ``auto``: the finest that shows `time` with at most `max_points` bins.
            For a sensor also ``raw``: every reading with its flag.
        time : (T0, T1) or "T0/T1"
            Half-open interval of UTC; all that holds data if not given.
        line, floor, channel : int or iterable of int
            Only these; lines count from 1, floors from 1 at the bottom.
        max_points : int
            For ``level="auto"``.

        Returns
        -------
        xarray.Dataset
            See `rates.rates_dataset`; of a sensor `series.series_dataset` or `series.regular`, in memory.

        Raises
        ------
        UnknownNameError
            No such product or level.
        UsageError
            Nothing was built, or what is asked for is not there.

        Examples
        --------
        ::

            antdask.open_archive(archive_url).environment.open(time="2010-03-01/2010-03-02", line=1, floor=5)
        """
        if max_points < 1:
            raise UsageError("max_points is at least 1", found=max_points)
        if name not in PRODUCTS:
            if (line, floor, channel) != (None, None, None):
                raise UsageError("A sensor is one series, without lines and floors", found=name)
            return self._sensor(name, level, time, max_points)
        start, stop = self._interval(time)
        chosen = finest_for(stop - start, max_points) if level == "auto" else level_named(level)
        found = rates_dataset(self.product, chosen, self._window(start, stop, chosen))
        return _select(found, {"line": line, "floor": floor, "channel": channel})

    def _sensor(self, name: str, level: str, time: Time, max_points: int) -> xr.Dataset:
        product = self._sensors
        if product is None or name not in product.index:
            known = [*PRODUCTS, *(product.index if product is not None else ())]
            raise UnknownNameError.of("product or sensor", name, known, where=self.store.url)
        about = product.index[name]
        whole = (about["first_ns"], about["last_ns"] + 1)
        start, stop = _sides(time, whole)
        times, values, flags = product.read(name, start, stop)
        info = product.info(name)
        if info is None:
            raise UsageError("It is not known what the sensor measures", found=name, hint="Say its term: antdask environment sensors ARCHIVE --about FILE.")  # fmt: skip
        series = series_dataset(info, times, values, flags).assign_attrs(
            source=f"slow control of {self.store.url.rpartition('/')[2]}", product=product.id
        )
        if level == "auto":
            level = RAW if len(times) <= max_points else finest_for(stop - start, max_points).name
        return series if level == RAW else regular(series, level)

    def at(self, name: str, times: Any, *, tolerance: Any = None, direction: joins.Direction = "backward") -> np.ndarray:
        """Good readings of a sensor at other times, e.g. those of events: the last value before, or the next, or the nearer.

        Parameters
        ----------
        name : str
            A sensor.
        times : int64 or datetime64 array
            UTC; numbers are ns since 1970.
        tolerance : timedelta, str or int of ns, optional
            Readings that are further away do not count, e.g. ``"1h"``.

        Returns
        -------
        float64 array
            NaN where there is none.

        Raises
        ------
        UnknownNameError
            No such sensor.
        UsageError
            A tolerance that is no span of time.
        """
        at = _nanoseconds(times)
        # The tolerance bounds what must be read; without one the whole series may count.
        reach = None if tolerance is None else time_step(tolerance)
        span = None if reach is None or not len(at) else (int(at.min()) - reach, int(at.max()) + reach + 1)
        utc, values = self._good(name, span)
        return joins.as_of(at, utc, values, reach, direction)

    def over(self, name: str, starts: Any, stops: Any) -> tuple[np.ndarray, np.ndarray]:
        """Mean of the good readings of a sensor in half-open windows, e.g. bins of rates or runs, and their number."""
        first, last = _nanoseconds(starts), _nanoseconds(stops)
        utc, values = self._good(name, (int(first.min()), int(last.max())) if len(first) else None)
        return joins.windowed(first, last, utc, values)

    def _good(self, name: str, time: Time) -> tuple[np.ndarray, np.ndarray]:
        series = self.open(name, level=RAW, time=time)
        code = str(next(iter(series.data_vars)))
        good = np.isin(series[f"{code}_QC"].values, (GOOD, PROBABLY_GOOD))
        return _nanoseconds(series.time.values)[good], series[code].values[good]

    def flashes(self, time: Time = None, *, line: Numbers = None) -> pa.Table:
        """Flashes that start in an interval, see `flashes.SCHEMA`.

        Raises
        ------
        UsageError
            Nothing was built, or the data have no flashes (KM3NeT).
        """
        # Late: what finds flashes is compiled, with 80 MB that nobody needs who looks at them.
        from antdask.environment.flashes import SCHEMA

        start, stop = self._interval(time)
        tables = [SCHEMA.empty_table()]
        for day in range(self.product.grid.day(start), self.product.grid.day(stop - 1) + 1):
            path = self.product.flash_file(day)
            if self.store.exists(path):
                tables.append(pq.read_table(pa.BufferReader(self.store.read(path))))
        table = pa.concat_tables(tables)
        begins = table["start"].cast(pa.int64()).to_numpy()
        keep = (begins >= start) & (begins < stop)
        if line is not None:
            keep &= np.isin(table["line"].to_numpy(), list(_numbers(line)))
        return table.filter(pa.array(keep))

    def _interval(self, time: Time) -> tuple[int, int]:
        if self.days.empty:
            raise UsageError("The product holds no day", where=self.store.url)
        numbers = self.days["number"]
        whole = (self.product.grid.day_start(int(numbers.min())), self.product.grid.day_start(int(numbers.max()) + 1))
        return _sides(time, whole)

    def _window(self, start: int, stop: int, level: Level) -> tuple[int, int]:
        first, last = self.product.grid.window(start, stop, level)
        length = self.product.days * level.per_day
        return min(first, length), min(last, length)


def _sides(time: Time, whole: tuple[int, int]) -> tuple[int, int]:
    """Both sides of an interval [ns since 1970]; what is not said is that of `whole`."""
    if time is None:
        return whole
    sides = parse_interval(time) if isinstance(time, str) else tuple(parse_time(t) for t in time)
    if len(sides) != 2:
        raise UsageError("A time interval has two sides", found=repr(time))
    start, stop = (whole[i] if side is None else int(side) for i, side in enumerate(sides))
    if stop <= start:
        raise UsageError("The interval is empty", found=repr(time))
    return start, stop


def _nanoseconds(times: Any) -> np.ndarray:
    found = np.asarray(times)
    return found.astype("datetime64[ns]").astype(np.int64) if found.dtype.kind == "M" else found.astype(np.int64)


def _numbers(chosen: Any) -> set[int]:
    asked: list[Any] = [chosen] if isinstance(chosen, int | np.integer) else list(chosen) if isinstance(chosen, Iterable) else [None]
    if not all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in asked):
        # Of a text each character would be taken for a number: line 12 for lines 1 and 2.
        raise UsageError("Lines, floors and channels are integers, one or several", found=repr(chosen)[:80], hint="Example: line=[3, 4].")
    return {int(n) for n in asked}


def _select(found: xr.Dataset, wanted: dict[str, Numbers]) -> xr.Dataset:
    keep = np.ones(found.sizes["channel"], bool)
    for name, chosen in wanted.items():
        if chosen is None:
            continue
        if name not in found.coords:
            raise UsageError(
                f"Channels of these data have no {name}", found=chosen, hint=f"They have: {', '.join(map(str, found.coords))}."
            )
        labels, numbers = found[name].values, _numbers(chosen)
        missing = numbers - set(labels.tolist())
        if missing:
            raise UsageError(
                f"There is no {name} {sorted(missing)[0]}", expected=f"{labels.min()} to {labels.max()}", found=sorted(missing)[0]
            )
        keep &= np.isin(labels, list(numbers))
    if keep.all():
        return found
    places = np.flatnonzero(keep)
    whole = len(places) and places[-1] - places[0] + 1 == len(places)
    return found.isel(channel=slice(int(places[0]), int(places[-1]) + 1) if whole else places)


def describe(found: xr.Dataset) -> dict[str, Any]:
    """What a dataset spans, as plain data."""
    times = found.time.values.astype("datetime64[ns]").astype(np.int64)
    known = {
        "level": found.attrs["level"],
        "product": found.attrs["product"],
        "channels": found.sizes["channel"],
        "bins": found.sizes["time"],
    }
    ends = {"first": format_utc(int(times[0])), "last": format_utc(int(times[-1]))} if len(times) else {}
    return {**known, **ends, "variables": [str(n) for n in found.data_vars]}
