"""Joins against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.environment.joins import as_of, windowed
from antdask.errors import UsageError

TIMES = st.lists(st.integers(0, 50), max_size=12).map(lambda t: np.array(sorted(t), np.int64))


@settings(max_examples=200, deadline=None)
@given(TIMES, st.lists(st.integers(-5, 55), min_size=1, max_size=6), st.one_of(st.none(), st.integers(0, 10)))
def test_the_last_value_before_is_taken(times, at, tolerance):
    values = np.arange(len(times), dtype=float)
    for direction in ("backward", "forward", "nearest"):
        found = as_of(np.array(at), times, values, tolerance, direction)
        for t, value in zip(at, found, strict=True):
            allowed = [i for i, u in enumerate(times) if {"backward": u <= t, "forward": u >= t, "nearest": True}[direction]]
            near = [i for i in allowed if abs(times[i] - t) == min(abs(times[j] - t) for j in allowed)]
            if not near or (tolerance is not None and abs(times[near[0]] - t) > tolerance):
                assert np.isnan(value)
            else:
                assert times[int(value)] == min(times[i] for i in near) or direction != "nearest"
                assert int(value) in near


@settings(max_examples=100, deadline=None)
@given(TIMES, st.integers(0, 50), st.integers(1, 20))
def test_windows_hold_the_mean_of_what_lies_in_them(times, start, width):
    values = np.where(np.arange(len(times)) % 3 == 2, np.nan, np.arange(len(times), dtype=float))
    mean, n = windowed(np.array([start]), np.array([start + width]), times, values)
    inside = values[(times >= start) & (times < start + width)]
    inside = inside[~np.isnan(inside)]
    assert n[0] == len(inside)
    assert (np.isnan(mean[0]) and not len(inside)) or mean[0] == pytest.approx(inside.mean())


def test_times_that_do_not_ascend_are_refused():
    with pytest.raises(UsageError):
        as_of(np.array([1]), np.array([2, 1]), np.array([0.0, 0.0]))
