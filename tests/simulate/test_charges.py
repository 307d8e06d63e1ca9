"""The table of charges ascends, and its shape has a threshold, a peak and a tail."""

from __future__ import annotations

import numpy as np

from antdask.simulate.charges import CHARGES, charge_index


def test_the_table_ascends_and_has_threshold_peak_and_tail() -> None:
    assert (np.diff(CHARGES) > 0).all()
    assert 0.01 < (CHARGES < 0.3).mean() < 0.03
    assert 0.95 < np.median(CHARGES) < 1.1
    assert (CHARGES > 5).mean() > 0.003


def test_indices_cover_the_table_and_can_favour_large_charges() -> None:
    rng = np.random.default_rng(1)
    plain, bright = charge_index(rng, 20_000), charge_index(rng, 20_000, 0.5)
    assert plain.dtype == bright.dtype == np.uint64
    assert 0 <= plain.min() < 5
    assert plain.max() > 4090
    assert CHARGES[bright].mean() > 2 * CHARGES[plain].mean()
