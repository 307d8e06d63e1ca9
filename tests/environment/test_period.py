"""The coarse levels equal sums over the fine ones, and what the frames give directly."""

from __future__ import annotations

import pytest

from antdask.environment.arrays import read
from antdask.environment.grid import LEVELS
from antdask.environment.moments import BURSTS, coarsen
from tests.environment.sea import START

DAY_NS = 86_400 * 10**9


@pytest.mark.parametrize("name", ["15min", "1h", "1d"])
def test_coarse_statistics_equal_those_of_the_frames(product, truth, name):
    level = LEVELS[name]
    for offset in (0, DAY_NS - level.step_ns, DAY_NS):
        start = START + offset // level.step_ns * level.step_ns
        number = int((start - product.grid.origin_ns) // level.step_ns)
        key = (slice(0, 900), slice(number, number + 1))
        found = {n: read(product.store, product.array(level, n), key)[:, 0] for n in ("n_valid", "n_saturated", "sum", "sum_sq", "minimum")}
        valid, saturated = truth.bin(start, level.seconds)
        assert found["n_valid"].tolist() == [len(v) for v in valid]
        assert found["n_saturated"].tolist() == saturated.tolist()
        assert found["sum"].tolist() == [v.sum() for v in valid]
        assert found["sum_sq"].tolist() == [(v**2).sum() for v in valid]
        assert found["minimum"].tolist() == [v.min() if len(v) else 0 for v in valid]


def test_histograms_of_a_day_are_sums_of_those_of_its_minutes(product):
    minute, day = LEVELS["1min"], LEVELS["1d"]
    number = int((START - product.grid.origin_ns) // DAY_NS)
    fine = read(product.store, product.array(minute, "histogram"), (slice(0, 30), slice(number * 1440, (number + 1) * 1440), slice(0, 64)))
    coarse = read(product.store, product.array(day, "histogram"), (slice(0, 30), slice(number, number + 1), slice(0, 64)))
    assert (coarse[:, 0] == fine.sum(axis=1)).all()


def test_windows_become_bins_of_15_minutes_and_add_up(product):
    quarter, hour = LEVELS["15min"], LEVELS["1h"]
    number = int((START + DAY_NS - 3600 * 10**9 - product.grid.origin_ns) // (3600 * 10**9))
    four = {n: read(product.store, product.array(quarter, n), (slice(0, 900), slice(number * 4, number * 4 + 4))) for n in BURSTS}
    one = {n: read(product.store, product.array(hour, n), (slice(0, 900), slice(number, number + 1))) for n in BURSTS}
    summed = coarsen({"n_valid": four["n_windows"], **four}, 4, hour)
    assert all((one[n] == summed[n]).all() for n in BURSTS)
    assert four["n_windows"][0].tolist() == [0, 0, 0, 1]
