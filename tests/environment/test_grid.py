"""The grid: levels divide each other, frames lie in the bin in which they start, leap seconds and summer time move nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.environment.grid import DAY_NS, LEVELS, SECOND_NS, Grid, finest_for, level_named
from antdask.errors import UnknownNameError, UsageError
from antdask.model.time import ANTARES_FRAME_NS, parse_utc

GRID = Grid.starting("2008-01-01")


def test_each_level_divides_the_next_and_the_day():
    for fine, coarse in itertools.pairwise(LEVELS.values()):
        assert coarse.seconds % fine.seconds == 0
    assert all(86_400 % level.seconds == 0 and level.shard_bins % level.chunk[1] == 0 for level in LEVELS.values())


@given(st.integers(0, 20 * 366 * DAY_NS - 1), st.sampled_from(list(LEVELS)))
def test_a_time_lies_in_its_bin(offset, name):
    level, utc = LEVELS[name], GRID.origin_ns + offset
    number = int(GRID.bins(np.array([utc]), level)[0])
    start = int(GRID.starts(number, number + 1, level)[0])
    assert start <= utc < start + level.step_ns


@given(st.integers(0, 10**9), st.sampled_from(list(LEVELS)))
def test_the_bin_of_a_coarser_level_follows_from_the_finer_one(seconds, name):
    level, utc = LEVELS[name], GRID.origin_ns + seconds * SECOND_NS
    fine = int(GRID.bins(np.array([utc]), LEVELS["1s"])[0])
    assert GRID.bins(np.array([utc]), level)[0] == fine // level.seconds


def test_a_frame_belongs_to_the_second_in_which_it_starts():
    starts = GRID.origin_ns + np.arange(20) * ANTARES_FRAME_NS
    # 9 x 104.8576 ms = 0.94 s: frame 9 starts in second 0 and ends in second 1; frame 10 starts at 1.05 s.
    assert GRID.bins(starts, LEVELS["1s"]).tolist() == [0] * 10 + [1] * 10


def test_a_leap_second_shifts_no_bin():
    # 2016-12-31 had 86,401 s; in POSIX time 2017-01-01T00:00:00 is one second after 23:59:59.
    before, after = parse_utc("2016-12-31T23:59:59"), parse_utc("2017-01-01T00:00:00")
    assert after - before == SECOND_NS
    assert GRID.day(after) - GRID.day(before) == 1
    assert GRID.day_start(GRID.day(after)) == after


@pytest.mark.parametrize("date", ["2010-03-28", "2010-10-31"])
def test_days_when_clocks_change_in_france_have_24_hours(date):
    start = parse_utc(date)
    hours = GRID.bins(start + np.arange(24) * 3600 * SECOND_NS, LEVELS["1h"])
    assert np.diff(hours).tolist() == [1] * 23
    assert GRID.day_name(GRID.day(start)) == date.replace("-", "")


def test_a_window_holds_every_bin_it_touches():
    level = LEVELS["1min"]
    start = GRID.origin_ns + 90 * SECOND_NS
    assert GRID.window(start, start + 60 * SECOND_NS, level) == (1, 3)
    assert GRID.window(start - 30 * SECOND_NS, start + 30 * SECOND_NS, level) == (1, 2)
    assert GRID.window(0, 10, level) == (0, 0)


def test_the_finest_level_is_chosen_that_has_few_enough_points():
    assert finest_for(2000 * SECOND_NS, 2000).name == "1s"
    assert finest_for(2001 * SECOND_NS, 2000).name == "10s"
    assert finest_for(10**6 * DAY_NS, 10).name == "1d"


def test_what_is_no_midnight_or_no_level_is_refused():
    with pytest.raises(UsageError):
        Grid(1)
    with pytest.raises(UnknownNameError):
        level_named("2min")
