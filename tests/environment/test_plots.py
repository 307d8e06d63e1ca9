"""Pictures show what they are given."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

import antdask
from antdask.environment.lazy import DEAD_CHANNEL, FRAMES_MISSING, OUTSIDE_RUNS
from antdask.environment.maps import depth_map
from antdask.environment.plots import draw_depth, draw_series, draw_spectrogram, gap_bands
from antdask.environment.spectra import spectrogram

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


def test_maps_and_spectrograms_are_drawn(found):
    assert draw_depth(depth_map(found)).get_ylabel() == "depth [m]"
    assert draw_spectrogram(spectrogram(found.rate.isel(channel=0), 60)).get_yscale() == "log"
