"""Baseline, burst fraction and flashes of the simulated sea come out as they were put in, from quiet water to a bloom."""

from __future__ import annotations

import pytest

from tests.environment.sea_truth import compare


@pytest.mark.parametrize(
    ("per_second", "baseline", "burst", "flashes", "matched"),
    [(0.05, 0.001, 0.03, 0.25, 0.97), (0.3, 0.001, 0.02, 0.25, 0.95), (1.0, 0.002, 0.02, 0.2, 0.93), (8.0, 0.01, 0.05, 0.3, 0.6)],
)
def test_truth_is_recovered(per_second, baseline, burst, flashes, matched):
    found = compare(per_second)
    assert abs(found.baseline_off.mean()) < baseline
    assert abs(found.burst_found / found.burst_true - 1) < burst
    assert abs(found.flashes_found / found.flashes_true - 1) < flashes
    assert found.flashes_matched > matched * found.flashes_true


def test_rates_are_of_the_size_that_was_published():
    # 16.59 flashes per hour and module were predicted for the site; 1.4 bursts a second in 300 storeys are as many per storey.
    found = compare(16.59 / 3600 * 300)
    per_hour = found.flashes_found / 0.25 / 300
    assert 10 < per_hour < 20
