"""Series in time in every form that people hold them in."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr

from antdask.errors import UnknownNameError, UsageError
from antdask.query.times import series_table, time_step

NS = [3_000_000_000, 1_000_000_000, 2_000_000_000]


@pytest.mark.parametrize("unit", ["s", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Paris"])
def test_times_are_utc_and_ascend(unit, zone):
    index = pd.to_datetime(NS, utc=True).as_unit(unit).tz_convert(zone)
    for series in (
        pd.DataFrame({"v": [3, 1, 2]}, index),
        pd.DataFrame({"v": [3, 1, 2], "time": index}),
        pd.Series([3, 1, 2], index, name="v"),
    ):
        times, table = series_table(series, ["v"], "sea")
        assert times.tolist() == sorted(NS) and table.to_pydict() == {"v": [1, 2, 3]}


def test_rows_without_a_time_are_left_out():
    frame = pd.DataFrame({"v": [1, 2]}, pd.DatetimeIndex(["2020-01-01", None]))
    times, table = series_table(frame, None, "sea")
    assert table.to_pydict() == {"v": [1]} and len(times) == 1
    times, table = series_table(pa.table({"utc_ns": pa.array([5, None]), "v": [1, 2]}), None, "sea")
    assert times.tolist() == [5] and table.to_pydict() == {"v": [1]}


def test_what_is_no_series_is_said():
    with pytest.raises(UsageError, match="no series in time"):
        series_table(3, None, "sea")
    with pytest.raises(UsageError, match=r"found time, channel.*mean"):
        series_table(xr.Dataset({"v": (("time", "channel"), np.zeros((2, 2)))}), None, "sea")
    with pytest.raises(UsageError, match="neither a time"):
        series_table(pa.table({"time": ["a"]}), None, "sea")
    with pytest.raises(UnknownNameError, match="Did you mean 'speed'"):
        series_table(pa.table({"time": [1], "speed": [1.0]}), "sped", "sea")


def test_spans_of_time():
    assert time_step("1 h") == time_step(datetime.timedelta(hours=1)) == time_step(np.timedelta64(3600, "s")) == 3_600_000_000_000
    with pytest.raises(UsageError, match="span of time"):
        time_step("soon")
