"""Channels and values of the two origins."""

from __future__ import annotations

import numpy as np

from antdask.environment.quantity import COUNTS, RATES, ChannelRates, ModuleCounts, describe, quantity_of


def test_slots_run_over_lines_then_floors_then_modules():
    labels = ModuleCounts().labels
    line, floor, om = (labels[n].astype(int) for n in ("line", "floor", "om"))
    assert ((line - 1) * 75 + (floor - 1) * 3 + om == np.arange(900)).all()


def test_a_quantity_survives_its_description():
    for quantity in (ModuleCounts(), ChannelRates((5, 9))):
        assert quantity_of(describe(quantity)) == quantity
        assert quantity_of(describe(quantity)).measure is (COUNTS if isinstance(quantity, ModuleCounts) else RATES)


def test_channels_of_km3net_are_labelled_by_module_and_channel():
    labels = ChannelRates((5, 9)).labels
    assert labels["dom_id"].tolist() == [5] * 31 + [9] * 31
    assert labels["channel_id"][:32].tolist() == [*range(31), 0]


def test_a_count_stands_for_the_rate_of_its_frame():
    assert abs(6291 * COUNTS.hz_per_value / 60_000 - 1) < 1e-3
