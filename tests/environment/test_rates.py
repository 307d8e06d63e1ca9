"""The dataset of a level: which variables it has, and that labels are refused where nobody could hold them."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.environment.grid import LEVELS
from antdask.environment.rates import MOST_BINS, rates_dataset
from antdask.errors import UsageError


def test_quantiles_come_at_every_level_and_baselines_with_quarters(product):
    seconds, minutes, quarters = (set(rates_dataset(product, LEVELS[n], (0, 4)).data_vars) for n in ("1s", "1min", "15min"))
    assert minutes == seconds >= {"median", "q10", "q90"}
    assert quarters - minutes == {"baseline", "burst_fraction"}


def test_no_rate_carries_a_standard_name(product):
    found = rates_dataset(product, LEVELS["15min"], (0, 4))
    rates = [v for v in found.data_vars.values() if v.attrs.get("units") == "s-1"]
    assert len(rates) == 9
    assert not [v.name for v in rates if "standard_name" in v.attrs]
    assert found.time.values[1] - found.time.values[0] == np.timedelta64(900, "s")


def test_more_bins_than_can_be_labelled_are_refused(product):
    with pytest.raises(UsageError, match="coarser"):
        rates_dataset(product, LEVELS["1s"], (0, MOST_BINS + 1))
