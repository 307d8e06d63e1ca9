"""The histogram: edges that never change, sums of histograms, and quantiles that keep their stated error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.environment.histogram import BINS, keep_twelve_bits
from antdask.environment.quantity import COUNTS, RATES

VALUES = st.lists(st.integers(0, 100_000), min_size=1, max_size=60)


@pytest.mark.parametrize("scale", [COUNTS.scale, RATES.scale])
def test_edges_ascend_and_every_value_has_its_bin(scale):
    assert len(scale.edges) == BINS
    assert (np.diff(scale.edges) > 0).all()
    assert (scale.table[scale.edges] == np.arange(BINS)).all()
    assert (scale.table[scale.edges[1:] - 1] == np.arange(BINS - 1)).all()


def test_the_fine_stretch_is_three_percent_wide_where_baselines_lie():
    edges = COUNTS.scale.edges
    hz = edges * COUNTS.hz_per_value
    inside = (hz[:-1] > 30e3) & (hz[1:] < 130e3)
    assert (edges[1:] / np.maximum(edges[:-1], 1) - 1)[inside].max() < 0.0315


@settings(max_examples=200, deadline=None)
@given(VALUES, st.sampled_from([0.1, 0.5, 0.9]))
def test_a_quantile_is_off_by_less_than_its_bin(values, fraction):
    scale, v = COUNTS.scale, np.sort(np.array(values))
    histogram = np.bincount(scale.table[np.minimum(v, len(scale.table) - 1)], minlength=BINS)
    found = float(scale.quantiles(histogram, v.min(), v.max(), (fraction,))[0])
    true = v[max(0, int(np.ceil(fraction * len(v))) - 1)]
    k = scale.table[min(true, len(scale.table) - 1)]
    upper = scale.edges[k + 1] if k + 1 < BINS else v.max() + 1
    assert max(scale.edges[k], v.min()) - 1 <= found <= min(upper, v.max())


def test_the_median_of_counts_is_right_to_half_a_percent():
    values = np.random.default_rng(1).poisson(6300, 572)
    histogram = np.bincount(COUNTS.scale.table[values], minlength=BINS)
    median = COUNTS.scale.quantiles(histogram, values.min(), values.max(), (0.5,))[0]
    assert abs(median / np.median(values) - 1) < 0.005


def test_an_empty_histogram_has_no_quantile():
    assert np.isnan(COUNTS.scale.quantiles(np.zeros((2, BINS), int), np.zeros(2), np.zeros(2), (0.5,))).all()


def test_several_quantiles_at_once_are_those_one_by_one():
    rng = np.random.default_rng(4)
    values = [rng.integers(0, 90_000, n) for n in (1, 2, 9, 100, 5000)]
    histogram = np.array([np.bincount(COUNTS.scale.table[np.minimum(v, 65_536)], minlength=BINS) for v in values])
    low, high = (np.array([getattr(v, side)() for v in values]) for side in ("min", "max"))
    together = COUNTS.scale.quantiles(histogram, low, high, (0.1, 0.5, 0.9))
    for found, fraction in zip(together, (0.1, 0.5, 0.9), strict=True):
        assert (found == COUNTS.scale.quantiles(histogram, low, high, (fraction,))[0]).all()


def test_twelve_bits_are_right_to_a_quarter_of_a_thousandth():
    values = np.geomspace(1, 1e6, 1000)
    kept = values.astype(np.float32)
    keep_twelve_bits(kept)
    assert np.abs(kept / values - 1).max() < 2.5e-4
    assert not (kept.view(np.uint32) & 0xFFF).any()
