"""Excursions: where they begin and end, across windows, gaps and saturation."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.environment.baseline import FRACTION
from antdask.environment.excursions import Excursions, FlashSpec
from antdask.environment.quantity import COUNTS

FRAME = COUNTS.frame_ns


def follow(values, flags=None, times=None, cuts=(), baseline=6400, spec=None):
    """Excursions of the channels of `values`, shape (frames, channels), given in pieces."""
    values = np.atleast_2d(np.asarray(values, np.uint32).T).T
    flags = np.zeros(values.shape, np.uint8) if flags is None else np.asarray(flags, np.uint8).reshape(values.shape)
    times = np.arange(len(values)) * FRAME if times is None else np.asarray(times) * FRAME
    found = Excursions(values.shape[1], COUNTS, spec or FlashSpec())
    for piece in np.split(np.arange(len(values)), list(cuts)):
        found.follow(
            np.ascontiguousarray(values[piece].T),
            np.ascontiguousarray(flags[piece].T),
            times[piece],
            np.full(values.shape[1], baseline * FRACTION),
        )
    return found.close()


# The deviation of counting at 6400 is 80: it rises from 6800 on and has settled below 6560.
FLASH = [6400, 6790, 6800, 9000, 7000, 6600, 6559, 6700, *[6400] * 5, 9000]


def test_an_excursion_begins_and_ends_at_its_two_thresholds():
    x, after = follow(FLASH)
    assert (x["first"], x["last"], x["peak"], x["peak_value"]) == (2 * FRAME, 7 * FRAME, 3 * FRAME, 9000)
    assert x["excess"] == 400 + 2600 + 600 + 200 + 300
    assert (x["baseline"], x["n_saturated"]) == (6400, 0)
    assert after["first"] == 13 * FRAME


def test_windows_cut_no_excursion():
    whole = follow(FLASH)
    for cut in range(1, len(FLASH)):
        assert (follow(FLASH, cuts=[cut]) == whole).all()


@pytest.mark.parametrize(("value", "flag"), [(0, 4), (6400, 0)])
def test_frames_that_are_missing_or_low_end_an_excursion_when_there_are_many(value, flag):
    for n, found in ((4, 1), (5, 2)):
        assert len(follow([6400, 9000, *[value] * n, 9000, 6400], [0, 0, *[flag] * n, 0, 0])) == found
    assert len(follow([6400, 9000, 9000, 6400], times=[0, 1, 6, 7])) == 1
    assert len(follow([6400, 9000, 9000, 6400], times=[0, 1, 7, 8])) == 2


def test_saturated_frames_are_high_and_counted():
    (x,) = follow([6400, 0, 65_535, 6400], [0, 1, 1, 0])
    assert (x["first"], x["last"], x["n_saturated"], x["peak_value"]) == (FRAME, 2 * FRAME, 2, 65_535)


def test_what_has_not_ended_counts_at_the_end():
    (x,) = follow([6400, 9000])
    assert x["last"] == FRAME


def test_modules_without_baseline_rest_even_if_saturated():
    assert not len(follow([0, 9000, 0], baseline=0))
    assert not len(follow([0, 9000, 0], [0, 1, 0], baseline=0))


def test_modules_are_followed_apart_and_ordered_in_time():
    values = np.full((10, 3), 6400)
    values[5, 0] = values[2, 2] = values[2, 1] = 9000
    found = follow(values)
    assert found["channel"].tolist() == [1, 2, 0]
    assert found["first"].tolist() == [2 * FRAME, 2 * FRAME, 5 * FRAME]


def test_quiet_modules_rise_by_chance_less_than_once_in_a_million_frames():
    values = np.random.default_rng(5).poisson(6400, (4000, 500))
    assert len(follow(values)) < 8
