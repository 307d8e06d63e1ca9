"""Maps over depth, and coherence of light that spans floors or does not."""

from __future__ import annotations

import numpy as np
import pytest

import antdask
from antdask.environment.maps import depth_map, floor_depth_m, vertical_coherence
from antdask.errors import UsageError


@pytest.fixture(scope="module")
def found(built):
    return antdask.open_archive(built).environment.open(level="10s", time="2010-03-01T23:55/2010-03-02T00:03", line=[1, 2])


def test_a_map_has_the_median_of_each_floor(found):
    column = depth_map(found)
    assert column.dims == ("floor", "time")
    assert column["depth"].values[[0, -1]].tolist() == [2375, 2027]
    rows = found.floor.values == 14
    np.testing.assert_allclose(column.sel(floor=14).values[3], np.median(found.rate.values[rows, 3][~np.isnan(found.rate.values[rows, 3])]))
    assert depth_map(found, statistic="mean").shape == column.shape
    with pytest.raises(UsageError):
        depth_map(found, statistic="maximum")


def test_light_of_water_masses_is_coherent_and_noise_is_not(found):
    column = depth_map(found)
    rng = np.random.default_rng(1)
    noise = column.copy(data=rng.normal(size=column.shape))
    assert vertical_coherence(noise).sel(distance=0).item() == pytest.approx(1)
    assert abs(vertical_coherence(noise).sel(distance=14.5).item()) < 0.15
    swell = noise + 5 * rng.normal(size=column.sizes["time"])
    assert vertical_coherence(swell).sel(distance=14.5 * 20).item() > 0.9


def test_depths_fall_with_floors():
    assert (np.diff(floor_depth_m(np.arange(1, 26))) == -14.5).all()
