"""The baseline is found where it was put, whatever bursts lie on top; the table of docs/explanation/bioluminescence.md comes from here."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.environment.baseline import FRACTION, BaselineSpec, find_baselines
from antdask.environment.quantity import COUNTS, RATES


def narrow(values, measure=COUNTS):
    return np.array([np.bincount(np.minimum(v >> measure.narrow_shift, 4095), minlength=4096) for v in values]).astype(np.uint16)


def windows(mean, bright, n=8583, channels=40, seed=1):
    """Poisson counts; a share of the frames is brighter, by an exponential of 60 % of the baseline on average."""
    rng = np.random.default_rng(seed)
    light = np.where(rng.random((channels, n)) < bright, mean * (1 + rng.exponential(0.6, (channels, n))), mean)
    return rng.poisson(light), light


@pytest.mark.parametrize("mean", [3200, 6300, 10_500])
@pytest.mark.parametrize(("bright", "error"), [(0.0, 0.0015), (0.1, 0.002), (0.3, 0.006), (0.6, 0.02)])
def test_baselines_are_found_below_bursts(mean, bright, error):
    values, _ = windows(mean, bright)
    found, _, n = find_baselines(narrow(values), COUNTS)
    off = found / FRACTION / mean - 1
    assert (n == 8583).all()
    assert abs(off.mean()) < error
    assert off.std() < error


@pytest.mark.parametrize("bright", [0.1, 0.3])
def test_the_burst_fraction_is_that_of_frames_with_more_light_than_the_threshold(bright):
    values, light = windows(6300, bright)
    _, burst, n = find_baselines(narrow(values), COUNTS)
    true = (light >= 1.2 * 6300).mean()
    assert abs((burst / n).mean() / true - 1) < 0.02


def test_bursts_are_counted_from_an_edge_of_the_narrow_histogram():
    values, _ = windows(6300, 0.2, channels=1)
    found, burst, _ = find_baselines(narrow(values), COUNTS, BaselineSpec(factor=1.3))
    edge = int(np.ceil(1.3 * found[0] / FRACTION / 16)) * 16
    assert burst[0] == (values[0] >= edge).sum()


def test_few_frames_have_no_baseline():
    values, _ = windows(6300, 0.0, n=199, channels=2)
    assert find_baselines(narrow(values), COUNTS)[0].tolist() == [0, 0]
    assert find_baselines(narrow(values), COUNTS, BaselineSpec(least_frames=100))[0].min() > 0


def test_a_dark_module_has_a_baseline_near_nothing():
    found, _, n = find_baselines(narrow(np.zeros((1, 1000), int)), COUNTS)
    assert found[0] <= 32 * FRACTION
    assert n[0] == 1000


def test_rates_in_steps_of_a_byte_have_a_baseline_within_a_step():
    rng = np.random.default_rng(2)
    rate = rng.poisson(700, (20, 9000)) * 10.0
    code = np.rint(np.log(rate / 2000) / (np.log(1000) / 255))
    values = np.rint(2000 * np.exp(code * np.log(1000) / 255)).astype(int)
    found, _, _ = find_baselines(narrow(values, RATES), RATES)
    assert np.abs(found / FRACTION / 7000 - 1).max() < 0.0275
