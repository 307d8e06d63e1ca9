"""Thinned series keep peaks, ends and gaps."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.environment.display import thin
from antdask.errors import UsageError

TIMES = np.datetime64("2010-01-01", "ns") + np.arange(50_000) * np.timedelta64(60, "s")


def test_peaks_and_ends_stay():
    values = np.random.default_rng(1).normal(60, 1, len(TIMES))
    values[33_333] = 900
    times, thinned = thin(TIMES, values, 500)
    assert len(times) <= 510
    assert (times[0], times[-1], thinned.max()) == (TIMES[0], TIMES[-1], 900)
    assert np.isin(times, TIMES).all()


def test_gaps_stay_gaps_and_only_their_number_is_reduced():
    values = np.ones(len(TIMES))
    for start in (100, 20_000, 40_000):
        values[start : start + 5000] = np.nan
    times, thinned = thin(TIMES, values, 400)
    assert np.isnan(thinned).sum() == 3
    inside = (times > TIMES[20_000]) & (times < TIMES[24_999])
    assert not inside.any()


def test_short_series_stay_as_they_are_and_empty_ones_have_nothing_to_show():
    values = np.full(len(TIMES), np.nan)
    assert len(thin(TIMES, values, 100)[0]) == 1
    assert len(thin(TIMES[:90], values[:90], 100)[0]) == 90
    with pytest.raises(UsageError):
        thin(TIMES, values, 2)
