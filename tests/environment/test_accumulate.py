"""One compiled pass against NumPy, statistic by statistic."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.environment.accumulate import LARGEST, Window
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
    window = Window(CHANNELS, COUNTS)
    for half in (slice(0, 4000), slice(4000, None)):
        window.add(*(column[half] for column in frames))
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


def test_a_cleared_window_is_like_a_new_one(frames):
    window = Window(CHANNELS, COUNTS)
    window.add(*frames)
    window.clear()
    assert all(not array.any() for level in window.levels().values() for array in level.values())
    assert not window.narrow.any()
    assert not window.n_saturated.any()
