"""Each line of the table "What happens to difficult frames" in docs/how-to/environment.md, from archived frames to what a reader opens and takes home."""

from __future__ import annotations

import netCDF4
import numpy as np
import pandas as pd
import pytest

import antdask
from antdask.cluster import make_cluster
from antdask.environment.build import build
from antdask.environment.lazy import GAPS
from antdask.export.citation import Citation
from antdask.export.laptop import rates_table
from antdask.export.netcdf import rates_file
from antdask.model.time import ANTARES_FRAME_NS as FRAME
from tests.environment.sea import START, archive_of, counts_batch, quiet

DAY_NS = 86_400 * 10**9
HZ = 1e9 / FRAME
COUNT = quiet(300, seed=3)


@pytest.fixture
def opened(tmp_path):
    """The environment of an archive of these runs, and what the build said."""

    def open_runs(*runs):
        url = archive_of(tmp_path / "archive", runs)
        with make_cluster("serial") as cluster:
            summary = build(url, cluster)
        assert summary.exit_code == 0
        return antdask.open_archive(url).environment, summary

    return open_runs


def first_day(environment, **choice):
    return environment.open(level="1d", **choice).isel(time=0).load()


def test_frames_of_a_run_twice_count_once(opened):
    environment, summary = opened((7, counts_batch(COUNT)), (7, counts_batch(COUNT[:120], index=np.arange(100, 220))))
    assert summary.left_out["duplicate"] == 120
    found = first_day(environment)
    assert (found.n_valid == 300).all()
    np.testing.assert_allclose(found.rate, COUNT.mean(axis=0) * HZ, rtol=1e-12)
    assert environment.days["duplicate"].tolist() == [120]


def test_of_overlapping_runs_the_earlier_counts(opened):
    other = quiet(300, seed=4, mean=9000)
    environment, summary = opened((7, counts_batch(COUNT)), (8, counts_batch(other, start_ns=START + 200 * FRAME + FRAME // 2)))
    # Frames 0 to 99 of run 8 touch run 7.
    assert summary.left_out["overlap"] == 100
    found = first_day(environment)
    assert (found.n_valid == 500).all()
    np.testing.assert_allclose(found.rate, (COUNT.sum(axis=0) + other[100:].sum(axis=0)) / 500 * HZ, rtol=1e-12)


def test_missing_frames_are_a_gap_with_its_reason(opened):
    index = np.delete(np.arange(800), np.arange(300, 800 - 10))
    environment, _ = opened((7, counts_batch(quiet(len(index)), index=index)))
    found = environment.open(level="10s", time=(START, START + 90 * 10**9)).load()
    gap = [GAPS[g] for g in found.gap.values[0]]
    assert gap == ["data"] * 4 + ["frames_missing"] * 4 + ["data"]
    assert np.isnan(found.rate.values[:, 4:8]).all()
    assert environment.days[["expected", "frames"]].to_numpy().tolist() == [[800, 310]]


def test_a_clock_that_is_reset_counts_each_time_once(opened):
    times = START + np.concatenate([np.arange(200), np.arange(100, 200)]) * FRAME
    environment, summary = opened((7, counts_batch(COUNT, utc_ns=times)))
    assert summary.left_out["clock"] == 100
    found = first_day(environment)
    assert (found.n_valid == 200).all()
    np.testing.assert_allclose(found.rate, COUNT[:200].mean(axis=0) * HZ, rtol=1e-12)


def test_a_clock_that_shows_1970_is_left_out_and_told(opened):
    times = np.concatenate([np.arange(100) * FRAME, START + np.arange(200) * FRAME])
    environment, summary = opened((7, counts_batch(COUNT, utc_ns=times)), (8, counts_batch(COUNT, start_ns=START + 3600 * 10**9)))
    assert summary.outside == 1
    assert environment.days["day"].tolist() == ["20100301"]
    assert (first_day(environment).n_valid == 500).all()


def test_a_dead_line_has_no_mean_and_says_that_it_is_dead(opened):
    count, flags = COUNT.copy(), np.zeros(COUNT.shape, np.uint8)
    count[:, 75:150], flags[:, 75:150] = 0, 4
    environment, _ = opened((7, counts_batch(count, flags)))
    dead, other = first_day(environment, line=2), first_day(environment, line=1)
    assert {GAPS[g] for g in dead.gap.values} == {"dead_channel"}
    assert not dead.n_valid.any() and not dead.n_saturated.any()
    for name in ("rate", "rate_at_least", "median", "baseline", "burst_fraction"):
        assert np.isnan(dead[name].values).all()
        assert not np.isnan(other[name].values).any()


def test_a_day_without_runs_has_no_file_and_says_so(opened, tmp_path):
    environment, summary = opened((7, counts_batch(COUNT)), (8, counts_batch(COUNT, start_ns=START + 2 * DAY_NS)))
    assert summary.days == 2
    assert environment.days["day"].tolist() == ["20100301", "20100303"]
    found = environment.open(level="1d").load()
    assert found.sizes["time"] == 3
    assert {GAPS[g] for g in found.gap.values[:, 1]} == {"outside_runs"}
    assert np.isnan(found.rate.values[:, 1]).all()
    assert found.n_expected.values.tolist() == [300, 0, 300]
    assert rates_table(environment.open(level="1d"), tmp_path / "t.parquet") == 2 * 900


def test_a_day_of_saturation_is_counted_and_bounded_but_never_averaged(opened, tmp_path):
    """Every frame of the second day is under the veto: a bloom at its height, of which only lower bounds are known."""
    hours = [START + DAY_NS + h * 3600 * 10**9 for h in range(0, 24, 4)]
    bright, veto = np.full((60, 900), 65_535, np.uint32), np.ones((60, 900), np.uint8)
    day = [(8 + i, counts_batch(bright, veto, start)) for i, start in enumerate(hours)]
    environment, summary = opened((7, counts_batch(COUNT)), *day, (20, counts_batch(COUNT, start_ns=START + 2 * DAY_NS)))
    found = environment.open(level="1d", line=1).load()
    assert summary.days == 3 and summary.flashes < 10
    before, saturated, after = (found.isel(time=i) for i in range(3))
    assert (saturated.n_saturated == 360).all() and not saturated.n_valid.any()
    assert (saturated.coverage == 0).all()
    for name in ("rate", "rate_std", "rate_min", "rate_max", "median", "q10", "q90", "baseline", "burst_fraction"):
        assert np.isnan(saturated[name].values).all(), name
    np.testing.assert_allclose(saturated.rate_at_least, 65_535 * HZ)
    # It is no gap: something was measured.
    assert {GAPS[g] for g in saturated.gap.values} == {"data"}
    np.testing.assert_allclose(before.rate, after.rate)
    # Taken home: the flag is "bad", the lower bound is there, the mean is missing.
    with netCDF4.Dataset(
        rates_file(environment.open(level="1d", line=1), Citation(created="2026-01-01T00:00:00Z"), tmp_path / "a.nc")
    ) as file:
        assert np.ma.getmaskarray(file["BLUM"][:, 1]).all()
        assert set(file["BLUM_QC"][:, 1].tolist()) == {4}
        np.testing.assert_allclose(file["BLUM_LOW"][:, 1], 65_535 * HZ, rtol=1e-6)
    rates_table(environment.open(level="1d", line=1), tmp_path / "t.parquet")
    table = pd.read_parquet(tmp_path / "t.parquet")
    own = table[table["time"] == "2010-03-02"]
    assert len(own) == 75 and own["rate"].isna().all() and (own["n_saturated"] == 360).all()


def test_a_leap_second_counts_once_and_shifts_nothing(opened):
    """The last second of 2008 was told twice: frames go on, and the clock goes back by a second."""
    midnight = int(np.datetime64("2009-01-01", "ns").astype(np.int64))
    real = midnight - 10 * 10**9 + np.arange(300) * FRAME
    told = np.where(real >= midnight, real - 10**9, real)
    environment, summary = opened((7, counts_batch(COUNT, utc_ns=told)))
    assert 9 <= summary.left_out["clock"] <= 10
    found = environment.open(level="1s", time=(midnight - 5 * 10**9, midnight + 5 * 10**9), channel=0).load()
    assert set(found.n_valid.values[0].tolist()) <= {9, 10}
    assert found.time.values[5] == np.datetime64("2009-01-01T00:00:00")
    # The day has 86,400 bins, as every day.
    assert environment.open(level="1s", time="2008-12-31/2009-01-01").sizes["time"] == 86_400


@pytest.mark.parametrize("night", ["2010-03-28", "2010-10-31"])
def test_nights_when_clocks_change_have_as_many_hours_as_all(opened, night):
    start = int(np.datetime64(night, "ns").astype(np.int64))
    runs = [(7 + h, counts_batch(COUNT[:50], start_ns=start + h * 3600 * 10**9)) for h in range(24)]
    environment, summary = opened(*runs)
    assert summary.left_out == {"duplicate": 0, "clock": 0, "overlap": 0}
    found = environment.open(level="1h", time=(start, start + DAY_NS), channel=0).load()
    assert found.n_valid.values.tolist() == [[50] * 24]
    assert str(found.time.values[1])[:16] == f"{night}T01:00"
