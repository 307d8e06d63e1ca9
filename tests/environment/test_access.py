"""The door for scientists: what is opened equals what was put in, in Hz, at any level, and reads little."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import antdask
from antdask.archive.store import Store
from antdask.environment.lazy import GAPS
from antdask.errors import UnknownNameError, UsageError
from antdask.model.time import format_utc
from tests.environment.sea import START

DAY_NS = 86_400 * 10**9
HZ = 1e9 / 104_857_600
MIDNIGHT = np.datetime64("2010-03-02T00:00:00", "ns")


@pytest.fixture(scope="module")
def environment(built):
    return antdask.open_archive(built).environment


def test_the_level_fits_the_number_of_points(environment):
    assert environment.open().level == "15min"
    assert environment.open(max_points=2880).level == "1min"
    assert environment.open(max_points=100).level == "1h"
    assert environment.open(time="2010-03-01T23:55/2010-03-02T00:05").level == "1s"
    assert environment.open(max_points=1).level == "1d"


@pytest.mark.parametrize("level", ["1s", "10s", "1min", "15min", "1h", "1d"])
def test_means_and_spreads_are_those_of_the_frames(environment, truth, level):
    found = environment.open(level=level, time=("2010-03-01T23:00", "2010-03-02T02:00"), line=1, floor=[1, 2]).load()
    assert found.sizes["channel"] == 6
    seconds = int(found.attrs["time_step_ns"]) // 10**9
    starts = found.time.values.astype("datetime64[ns]").astype(int)
    some = np.flatnonzero(found.n_valid.sum("channel"))
    assert len(some) > 1
    for b in some[:: max(1, len(some) // 5)]:
        valid, saturated = truth.bin(int(starts[b]), seconds)
        one = found.isel(time=b)
        for c in range(6):
            v = valid[c] * HZ
            np.testing.assert_allclose(one.rate[c], v.mean(), rtol=1e-12)
            np.testing.assert_allclose(one.rate_std[c], v.std(), atol=0.01)
            assert (one.rate_min[c], one.rate_max[c]) == (pytest.approx(v.min()), pytest.approx(v.max()))
            assert one.n_valid[c] == len(v)
            assert one.n_saturated[c] == saturated[c]
            assert one.coverage[c] == pytest.approx(min(1, len(v) * 0.1048576 / seconds))


def test_saturated_frames_are_in_no_mean_but_in_the_lower_bound(environment, truth):
    found = environment.open(level="15min", time="2010-03-01T23:45/2010-03-02", line=2).load().isel(time=0)
    valid, saturated = truth.bin(int(START + DAY_NS - 900 * 10**9), 900)
    c = 85 - 75
    assert found.n_saturated[c] == saturated[85] == 20
    assert found.rate[c] == pytest.approx(valid[85].mean() * HZ)
    low = (valid[85].sum() + 20 * 65_535) / (len(valid[85]) + 20) * HZ
    assert found.rate_at_least[c] == pytest.approx(low)
    assert found.burst_fraction[c] == pytest.approx(20 / (len(valid[85]) + 20), abs=1e-3)
    assert found.baseline[c] == pytest.approx(6300 * HZ, rel=0.01)


def test_every_gap_has_its_reason(environment):
    found = environment.open(level="1s", time="2010-03-01T23:50/2010-03-02T01:05").load()
    reasons = {name: found.gap == number for number, name in enumerate(GAPS)}
    before = found.time.values < MIDNIGHT - np.timedelta64(300, "s")
    assert reasons["outside_runs"].values[:, before].all()
    # 200 missing frames are 20.97 s.
    assert int(reasons["frames_missing"].isel(channel=0).sum()) == 20
    dead = reasons["dead_channel"].isel(channel=40)
    assert dead.sum() > 500
    assert not reasons["dead_channel"].drop_isel(channel=40).any()
    assert (found.rate.isnull() == (found.gap != 0) | (found.n_saturated > 0) & (found.n_valid == 0)).all()


def test_nothing_is_read_until_values_are_asked_for(environment, monkeypatch):
    _ = environment.days
    reads = []
    real = Store.read
    monkeypatch.setattr(Store, "read", lambda self, path, *rest: reads.append(path) or real(self, path, *rest))
    found = environment.open(level="1s", line=3)
    assert not reads
    found.rate.sel(time=slice("2010-03-02T00:00:00", "2010-03-02T00:00:59")).isel(channel=[3, 70]).load()
    assert {p.split("/")[4] for p in reads} == {"sum", "n_valid"}


def test_any_way_of_indexing_gives_the_same_values(environment):
    lazy = environment.open(level="10s", time="2010-03-01T23:55/2010-03-02T00:05").rate
    whole = lazy.load().values.copy()
    again = environment.open(level="10s", time="2010-03-01T23:55/2010-03-02T00:05").rate
    for key in ((5, slice(None)), (slice(10, 2, -3), slice(1, 50, 7)), ([4, 1, 4], [30, 2]), (slice(0, 0), 3), (-1, -1)):
        np.testing.assert_array_equal(again[key].values, whole[key] if not isinstance(key[0], list) else whole[np.ix_(*key)])


def test_flashes_come_as_a_table(environment, truth):
    table = environment.flashes(time=(format_utc(int(truth.utc_ns[490])), format_utc(int(truth.utc_ns[510]))), line=1)
    assert table["n_om"].to_pylist() == [3]
    assert environment.flashes(line=12).num_rows == 0


def test_days_tell_what_they_hold(environment):
    days = environment.days
    assert days.index.strftime("%Y%m%d").tolist() == days["day"].tolist() == ["20100301", "20100302"]
    assert days["frames"].sum() == 5000
    assert (days["expected"] - days["frames"]).sum() == 200


def test_what_is_not_there_is_said(environment, built, tmp_path):
    for choice, word in (
        ({"line": 13}, "1 to 12"),
        ({"floor": [3, 99]}, "no floor 99"),
        ({"time": "2011/2010"}, "ends before"),
        ({"max_points": 0}, "at least 1"),
        ({"line": "12"}, "are integers"),
        ({"floor": 1.5}, "are integers"),
    ):
        with pytest.raises(UsageError, match=word):
            environment.open(**choice)
    with pytest.raises(UnknownNameError):
        environment.open("temperature")
    with pytest.raises(UnknownNameError):
        environment.open(level="2h")


def test_a_dataset_can_be_written_as_it_is(environment, tmp_path):
    found = environment.open(level="15min", line=1)
    found.to_netcdf(tmp_path / "rates.nc")
    with xr.open_dataset(tmp_path / "rates.nc") as again:
        assert again.equals(found.load()) and "factor" in again.attrs["baseline"]
    found.to_zarr(tmp_path / "rates.zarr", zarr_format=2)


def test_times_may_be_datetimes_of_any_zone(environment):
    paris = datetime.timezone(datetime.timedelta(hours=1))
    text = environment.open(level="1h", time="2010-03-01T23:00/2010-03-02T01:00")
    for time in (
        (datetime.datetime(2010, 3, 2, 0, tzinfo=paris), datetime.datetime(2010, 3, 2, 2, tzinfo=paris)),
        (pd.Timestamp("2010-03-02T00:00+01:00"), pd.Timestamp("2010-03-02T01:00")),
    ):
        assert environment.open(level="1h", time=time).identical(text)


def test_it_says_what_it_holds(environment, tmp_path):
    assert "2 days with data, 20100301 to 20100302" in repr(environment) and "NAME is one of rates" in repr(environment)


def test_an_archive_without_product_says_how_to_make_one(tmp_path):
    from tests.environment.sea import archive_of, counts_batch, quiet

    archive = antdask.open_archive(archive_of(tmp_path / "a", [(7, counts_batch(quiet(3)))]))
    assert "none: see antdask environment build" in repr(archive.environment)
    with pytest.raises(UsageError, match="environment build"):
        archive.environment.open()
