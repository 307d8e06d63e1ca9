"""Times are exact integers of ns, or refused."""

from __future__ import annotations

import datetime
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.errors import UsageError
from antdask.model.time import ANTARES_FRAME_NS, NO_TIME, format_utc, julian_to_ns, parse_interval, parse_time, parse_utc


@given(st.integers(-(2**63) + 2 * 10**9, 2**63 - 2 * 10**9))
def test_what_is_formatted_is_parsed_again_exactly(time_ns: int) -> None:
    assert parse_utc(format_utc(time_ns)) == time_ns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2010-03-01", 1_267_401_600 * 10**9),
        ("2010-03-01T00:00:00.000000001Z", 1_267_401_600 * 10**9 + 1),
        (" 2010 ", 1_262_304_000 * 10**9),
        (np.datetime64("2010-03-01", "D"), 1_267_401_600 * 10**9),
        (np.int64(5), 5),
        ("12345", 12345),
    ],
)
def test_a_time_is_iso_utc_or_an_integer(text: str | int | np.datetime64, expected: int) -> None:
    assert parse_utc(text) == expected


@pytest.mark.parametrize(
    "text", ["", "now", "12:00", "2010-13-01", "2010-03-01T00:00+01:00", "2010-03-01T00:00-01:00", "NaT", np.datetime64("NaT", "ns")]
)
def test_what_is_not_a_utc_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="ISO 8601"):
        parse_utc(text)


@pytest.mark.parametrize("text", ["3000-01-01", np.datetime64("3000-01-01", "s"), "0001-01-01", 10**19, "-99999999999999999999"])
def test_a_time_that_int64_cannot_hold_is_refused_and_not_wrapped(text: str) -> None:
    with pytest.raises(UsageError, match="1678"):
        parse_utc(text)


@pytest.mark.parametrize("time", ["yesterday", True, 1.5, [], object()])
def test_what_stands_for_no_time_is_refused(time: object) -> None:
    with pytest.raises(UsageError, match="A time is"):
        parse_time(time)


def test_datetimes_are_what_they_are_in_utc_to_the_last_digit() -> None:
    summer = datetime.timezone(datetime.timedelta(hours=2))
    assert parse_time(datetime.datetime(2011, 3, 27, 3, 0, 0, 1, tzinfo=summer)) == parse_utc("2011-03-27T01:00:00.000001")
    assert parse_time(datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999)) == -1000
    assert parse_time(None) is parse_time(" ") is None


def test_an_interval_is_half_open_and_may_have_open_sides() -> None:
    assert parse_interval("2010-03-01/2010-03-02") == (1_267_401_600 * 10**9, 1_267_488_000 * 10**9)
    assert parse_interval("/") == (None, None)


@pytest.mark.parametrize("text", ["2010", "2010/2011/2012", "2011/2010", "a/b"])
def test_what_is_not_an_interval_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_interval(text)


def test_the_antares_frame_is_a_whole_number_of_clock_cycles() -> None:
    assert ANTARES_FRAME_NS == 2**22 * 25 == 2**21 * 50


@given(st.integers(-100_000, 100_000), st.floats(-0.5, 0.5), st.sampled_from([0.0, 0.5]))
def test_julian_dates_become_ns_within_half_a_nanosecond(days: int, second: float, half: float) -> None:
    first = 2_440_588 + days + half
    found, bad = julian_to_ns(np.array([first]), np.array([second]))
    exact = (Fraction(first) + Fraction(second) - Fraction(2_440_587.5)) * 86_400 * 10**9
    assert not bad[0] and abs(int(found[0]) - exact) < Fraction("0.52")


def test_no_time_is_told_from_one_that_cannot_be() -> None:
    found, bad = julian_to_ns(np.array([np.nan, 2440588.0, np.inf, 1e300, 0.0]), np.array([0.0, np.nan, 0.0, 0.0, 0.0]))
    assert bad.tolist() == [False, False, True, True, True]
    assert found[:2].tolist() == [NO_TIME] * 2
    assert np.isnat(found[:2].view("datetime64[ns]")).all()
