"""Known oscillations are found where they were put."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from antdask.environment.spectra import inertial_band, inertial_period_s, lag_correlation, scalogram, spectrogram
from antdask.errors import UsageError

HOUR = 3600.0


def hourly(values):
    times = np.datetime64("2010-01-01", "ns") + np.arange(len(values)) * np.timedelta64(3600, "s")
    return xr.DataArray(np.asarray(values, float), {"time": times}, ("time",))


T = np.arange(4000) * HOUR
INERTIAL = 3.0 * np.sin(2 * np.pi * T / inertial_period_s())


def test_a_spectrogram_keeps_the_variance_and_shows_the_period():
    noise = np.random.default_rng(1).normal(0, 2, len(T))
    power = spectrogram(hourly(noise), 10 * 24 * HOUR)
    assert power.mean("time").sum().item() * float(power.frequency[1]) == pytest.approx(4.0, rel=0.08)
    peak = spectrogram(hourly(INERTIAL), 30 * 24 * HOUR).mean("time").idxmax().item()
    assert 1 / peak == pytest.approx(inertial_period_s(), rel=0.03)


def test_windows_with_large_gaps_have_no_spectrum():
    values = INERTIAL.copy()
    values[1000:1100] = np.nan
    power = spectrogram(hourly(values), 5 * 24 * HOUR)
    empty = power.isnull().all("frequency").values
    assert empty.any()
    assert not empty.all()
    assert (power.time.values[empty] > hourly(values).time.values[950]).all()


def test_a_scalogram_gives_the_amplitude_at_the_period():
    found = scalogram(hourly(INERTIAL), np.array([6, 17.61, 48]) * HOUR)
    middle = found.isel(time=slice(1000, 3000)).mean("time").values
    assert middle[1] == pytest.approx(3.0, rel=0.02)
    assert middle[0] < 0.05
    assert middle[2] < 0.3
    assert found.isel(time=0, period=2).isnull()


def test_the_inertial_band_takes_the_oscillation_and_leaves_the_rest():
    slow = 50 * np.sin(2 * np.pi * T / (20 * 24 * HOUR))
    band = inertial_band(hourly(INERTIAL + slow + 60_000))
    inside = slice(200, -200)
    assert np.abs(band.values[inside] - INERTIAL[inside]).max() < 0.45
    with pytest.raises(UsageError, match="too far apart"):
        inertial_band(hourly(INERTIAL)[::12])
    with pytest.raises(UsageError, match="missing"):
        inertial_band(hourly(np.where(T[2000] > T, np.nan, INERTIAL)))


def test_the_lag_of_a_series_that_follows_is_found():
    rng = np.random.default_rng(2)
    first = np.convolve(rng.normal(size=len(T)), np.ones(6), "same")
    second = np.roll(first, 5)
    first[300:340] = np.nan
    found = lag_correlation(hourly(first), hourly(second), 24 * HOUR)
    assert found.idxmax().item() == 5 * HOUR
    assert found.max().item() == pytest.approx(1, abs=1e-9)


def test_uneven_series_are_refused():
    with pytest.raises(UsageError, match="evenly"):
        spectrogram(hourly(INERTIAL)[[0, 1, 3, 4, 5, 9]], 4 * HOUR)
