"""One compiled pass against NumPy, statistic by statistic."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.environment.accumulate import LARGEST, Window
from antdask.environment.moments import QUANTILES
from antdask.environment.quantity import COUNTS
from antdask.model.time import ANTARES_FRAME_NS

CHANNELS = 6


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(3)
    values = rng.poisson(6300, (8583, CHANNELS)).astype(np.uint32)
    values[rng.random(values.shape) < 0.01] = 70_000
    values[5, 2] = LARGEST + 1
    flags = rng.choice(np.array([0, 1, 2, 3, 4, 5], np.uint8), values.shape, p=[0.9, 0.02, 0.02, 0.02, 0.02, 0.02])
    flags[5, 2] = 0
    flags[:, 5] = 4
    return values, flags, np.arange(8583) * ANTARES_FRAME_NS // 10**9


@pytest.fixture(scope="module")
def window(frames):
    values, flags, second = frames
    window = Window(CHANNELS, COUNTS)
    window.fill(np.ascontiguousarray(values.T), np.ascontiguousarray(flags.T), second)
    return window


@pytest.mark.parametrize(("level", "seconds"), [("1s", 1), ("10s", 10), ("1min", 60)])
def test_statistics_equal_those_of_numpy(frames, window, level, seconds):
    values, flags, second = frames
    found = window.levels()[level]
    values = np.minimum(values.astype(np.int64), LARGEST)
    absent = (flags & 4) > 0
    saturated = ~absent & (((flags & 3) > 0) | (frames[0] > LARGEST))
    valid = ~absent & ~saturated
    for b in (0, 1, 7, 900 // seconds - 1):
        rows = second // seconds == b
        for c in range(CHANNELS):
            good = values[rows, c][valid[rows, c]]
            assert found["n_valid"][c, b] == len(good)
            assert found["n_saturated"][c, b] == saturated[rows, c].sum()
            assert found["sum"][c, b] == good.sum()
            assert found["sum_sq"][c, b] == (good**2).sum()
            assert found["sum_saturated"][c, b] == values[rows, c][saturated[rows, c]].sum()
            assert found["minimum"][c, b] == (good.min() if len(good) else 0)
            assert found["maximum"][c, b] == (good.max() if len(good) else 0)
            if level == "1min":
                expected = np.bincount(COUNTS.scale.table[np.minimum(good, 65_536)], minlength=64)
                assert (found["histogram"][c, b] == expected).all()


def test_values_beyond_what_a_counter_can_say_are_saturated(window):
    assert window.levels()["1s"]["sum_saturated"][2, 0] >= LARGEST


def test_the_narrow_histogram_counts_valid_frames(frames, window):
    values, flags, _ = frames
    good = values[:, 0][flags[:, 0] == 0]
    assert (window.narrow[0] == np.bincount(np.minimum(good >> 4, 4095), minlength=4096)).all()
    assert not window.narrow[5].any()


def test_a_window_forgets_what_was_in_it(frames):
    window = Window(CHANNELS, COUNTS)
    values, flags, second = frames
    window.fill(np.ascontiguousarray(values.T), np.ascontiguousarray(flags.T), second)
    window.fill(np.zeros((CHANNELS, 0), np.uint32), np.zeros((CHANNELS, 0), np.uint8), second[:0])
    for level in window.levels().values():
        assert all(np.isnan(a).all() if n in QUANTILES else not a.any() for n, a in level.items())
    assert not window.narrow.any()
    assert not window.n_saturated.any()


def test_quantiles_of_a_second_are_those_of_its_frames(frames, window):
    values, flags, second = frames
    found = window.levels()["1s"]
    for s in (*range(40), 899):
        for c in range(CHANNELS):
            good = values[(second == s) & (flags[:, c] == 0) & (values[:, c] <= LARGEST), c]
            for name, fraction in QUANTILES.items():
                expected = np.quantile(good, fraction) * COUNTS.hz_per_value if len(good) else np.nan
                np.testing.assert_allclose(found[name][c, s], expected, rtol=2**-12)


@pytest.mark.parametrize(("level", "seconds"), [("10s", 10), ("1min", 60)])
def test_quantiles_of_longer_bins_are_off_by_less_than_a_bin_of_the_histogram(frames, window, level, seconds):
    values, flags, second = frames
    found = window.levels()[level]
    for b in range(900 // seconds):
        for c in range(CHANNELS - 1):
            good = values[(second // seconds == b) & (flags[:, c] == 0) & (values[:, c] <= LARGEST), c]
            for name, fraction in QUANTILES.items():
                low, high = np.quantile(good, fraction, method="lower"), np.quantile(good, fraction, method="higher")
                assert low / 1.032 <= found[name][c, b] / COUNTS.hz_per_value <= high * 1.032
    assert np.isnan(found["median"][5]).all()


def test_a_second_may_hold_any_number_of_frames():
    values = np.random.default_rng(1).integers(0, 60_000, (1, 200)).astype(np.uint32)
    window = Window(1, COUNTS)
    window.fill(values, np.zeros((1, 200), np.uint8), np.full(200, 7))
    found = window.levels()["1s"]
    assert (found["n_valid"][0, 7], found["minimum"][0, 7], found["maximum"][0, 7]) == (200, values.min(), values.max())
    np.testing.assert_allclose(found["q90"][0, 7], np.quantile(values, 0.9) * COUNTS.hz_per_value, rtol=2**-12)
