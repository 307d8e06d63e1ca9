"""Pictures show what they are given."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
import xarray as xr

import antdask
from antdask.environment.lazy import DEAD_CHANNEL, FRAMES_MISSING, OUTSIDE_RUNS
from antdask.environment.maps import depth_map, vertical_coherence
from antdask.environment.plots import draw_curve, draw_depth, draw_scalogram, draw_series, draw_spectrogram, gap_bands
from antdask.environment.spectra import inertial_period_s, lag_correlation, scalogram, spectrogram
from antdask.errors import UnknownNameError

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def found(built):
    return antdask.open_archive(built).environment.open(level="1s", time="2010-03-01T23:50/2010-03-02T00:03", line=1, floor=[1, 14]).load()


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


def test_gaps_are_bands_with_their_reason(found):
    bands = gap_bands(found.gap.isel(channel=0))
    assert [reason for *_, reason in bands] == [OUTSIDE_RUNS, FRAMES_MISSING]
    assert bands[0][0] == np.datetime64("2010-03-01T23:50")
    assert bands[0][1] == np.datetime64("2010-03-01T23:55")
    dead = gap_bands(found.gap.isel(channel=4))
    assert DEAD_CHANNEL in [reason for *_, reason in dead]


def test_a_series_is_drawn_in_khz_with_a_line_per_channel(found):
    axes = draw_series(found)
    assert len(axes.lines) == found.sizes["channel"]
    assert np.nanmedian(axes.lines[0].get_ydata()) == pytest.approx(60.1, abs=1)
    assert "kHz" in axes.get_ylabel()
    assert len(axes.patches) == 2


def test_one_module_is_a_series_too_and_unknown_names_are_told(found):
    axes = draw_series(found.isel(channel=0))
    assert len(axes.lines) == 1 and len(axes.patches) == 2
    assert len(draw_series(found[["rate"]].isel(channel=0).rename(rate="TEMP"), "TEMP").lines) == 1
    with pytest.raises(UnknownNameError, match="Did you mean 'rate'"):
        draw_series(found, "rates")


def test_maps_and_spectrograms_are_drawn(found):
    assert draw_depth(depth_map(found)).get_ylabel() == "depth [m]"
    assert draw_spectrogram(spectrogram(found.rate.isel(channel=0), 60)).get_yscale() == "log"


def test_rhythms_are_drawn_by_period_with_the_inertial_one_marked():
    hours = np.arange("2010-03-01", "2010-04-10", dtype="datetime64[h]").astype("datetime64[ns]")
    t = np.arange(len(hours)) * 3600.0
    rate = 60e3 + 2e3 * np.sin(2 * np.pi * t / inertial_period_s())
    series = xr.DataArray(rate, {"time": hours}, ("time",), attrs={"units": "s-1"})
    axes = draw_scalogram(scalogram(series, np.geomspace(6, 72, 25) * 3600))
    (mesh,) = axes.collections
    strongest = np.nanmax(np.asarray(mesh.get_array()).reshape(25, -1), axis=1)
    assert np.geomspace(6, 72, 25)[np.nanargmax(strongest)] == pytest.approx(17.6, rel=0.06)
    # Amplitudes are in kHz, as what they were put in with.
    assert strongest.max() == pytest.approx(2.0, rel=0.05)
    assert axes.lines[0].get_ydata()[0] == pytest.approx(17.61, abs=0.01)
    lags = lag_correlation(series, series.shift(time=5), 12 * 3600)
    axes = draw_curve(lags)
    x, y = axes.lines[0].get_data()
    assert x[np.nanargmax(y)] == 5 and "h" in axes.get_xlabel()


def test_coherence_is_drawn_by_distance(found):
    axes = draw_curve(vertical_coherence(depth_map(found), least=5))
    assert axes.get_xlabel() == "distance [m]"


def test_xarray_and_hvplot_draw_what_is_opened(found):
    import hvplot.xarray  # noqa: F401 - adds .hvplot

    series = found["rate"].isel(channel=0)
    (line,) = series.plot()
    np.testing.assert_array_equal(line.get_ydata(), series.values)
    curve = series.hvplot()
    np.testing.assert_array_equal(curve.data["rate"], series.values)
