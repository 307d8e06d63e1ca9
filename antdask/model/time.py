"""Time: int64 nanoseconds of UTC since 1970-01-01 (POSIX: every day has 86,400 s, leap seconds are not counted).

int64 nanoseconds reach from 1677 to 2262 and are exact where the source is: DAQ stamps are whole multiples of 16 ns, ANTARES frames 104,857,600 ns.
"""

from __future__ import annotations

import datetime
import re
from typing import Any

import numpy as np

from antdask.errors import UsageError

#: Length of an ANTARES frame [ns]: 2**22 x 25 ns (formats reference, section 1.1).
ANTARES_FRAME_NS = 104_857_600
#: Length of a KM3NeT frame [ns].
KM3NET_FRAME_NS = 100_000_000
#: Stands for no time: what NumPy takes for "not a time" [ns].
NO_TIME = -(2**63)

#: Julian date of 1970-01-01T00:00:00 [d].
_JULIAN_1970 = 2_440_587.5
_DAY_NS = 86_400 * 10**9
#: More days than this do not fit int64 ns [d].
_MOST_DAYS = 106_000

_NUMBER = re.compile(r"[+-]?\d+")
_EXAMPLE = "Example: 2010-03-01T00:00:00."


def parse_utc(text: str | int | np.datetime64) -> int:
    """UTC time as int64 ns since 1970.

    Parameters
    ----------
    text : str, int or numpy.datetime64
        ISO 8601 (``2019-12-10T12:00:00.5``, a trailing ``Z`` is allowed, any other offset is not), or ns since 1970 as an integer.

    Raises
    ------
    UsageError
        Not a time, a time with an offset other than UTC, or one that int64 ns cannot hold.

    Examples
    --------
    >>> parse_utc("1970-01-01T00:00:01Z")
    1000000000
    >>> parse_utc("1576000000000000000")
    1576000000000000000
    """
    # NumPy wraps silently where nanoseconds overflow int64, so everything passes through integers of any size or through seconds.
    bare = str(text).strip()
    if isinstance(text, int | np.integer) or (_NUMBER.fullmatch(bare) and len(bare) > 4):
        return _within_int64(int(bare), text)
    bare = bare.removesuffix("Z")
    if "+" in bare or bare.count("-") > 2 or not bare[:4].isdigit():
        raise UsageError("A time is ISO 8601 in UTC or an integer of ns since 1970", found=repr(text), hint=_EXAMPLE)
    try:
        seconds, time_ns = np.datetime64(bare, "s"), np.datetime64(bare, "ns")
    except ValueError as error:
        raise UsageError("A time is ISO 8601 in UTC or an integer of ns since 1970", found=repr(text), hint=_EXAMPLE) from error
    _within_int64(int(seconds.astype("i8")) * 10**9, text)
    return int(time_ns.astype("i8"))


def parse_time(time: Any) -> int | None:
    """UTC time as int64 ns since 1970 of whatever stands for one; ``None`` of nothing, or of an empty text.

    Parameters
    ----------
    time : str, int, numpy.datetime64, datetime.datetime or None
        As `parse_utc`; a datetime (of pandas, too) without a zone is UTC, and one with a zone is what it is in UTC.

    Raises
    ------
    UsageError
        As `parse_utc`; or none of these.

    Examples
    --------
    >>> zone = datetime.timezone(datetime.timedelta(hours=1))
    >>> parse_time(datetime.datetime(1970, 1, 1, 1, 0, 1, tzinfo=zone))
    1000000000
    """
    if time is None or (isinstance(time, str) and not time.strip()):
        return None
    if isinstance(time, datetime.datetime):
        # Microseconds are all that it can hold; that of pandas holds nanoseconds beside.
        aware = time if time.tzinfo else time.replace(tzinfo=datetime.UTC)
        extra = int(getattr(time, "nanosecond", 0))
        return (aware - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(microseconds=1) * 1000 + extra
    if isinstance(time, int | np.integer) and not isinstance(time, bool):
        return parse_utc(int(time))
    if isinstance(time, str | np.datetime64):
        return parse_utc(time)
    raise UsageError("A time is ISO 8601 in UTC, a datetime, or an integer of ns since 1970", found=repr(time)[:80])


def _within_int64(time_ns: int, text: object) -> int:
    if abs(time_ns) > 2**63 - 10**9:
        raise UsageError("A time lies between the years 1678 and 2262", found=repr(text))
    return time_ns


def julian_to_ns(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """UTC ns of Julian dates in two parts, rounded, and which of them int64 ns cannot hold.

    Parameters
    ----------
    first, second : ndarray of float64 [d]
        Parts whose sum is the date; as astropy keeps them, the first is whole and the second within half a day, which resolves 0.005 ns; a second part beyond a day is none. Days are of 86,400 s, as for time in its format
        ``unix``; so a time on a day with a leap second is up to a second from what a clock says.

    Returns
    -------
    ndarray of int64 [ns]
        Within 0.52 ns of the sum; `NO_TIME` where a part is NaN.
    ndarray of bool

    Examples
    --------
    >>> julian_to_ns(np.array([2440588.0, np.nan]), np.array([-0.5, 0.0]))
    (array([                   0, -9223372036854775808]), array([False, False]))
    """
    days = first - _JULIAN_1970
    none = np.isnan(first) | np.isnan(second)
    # Also false for NaN.
    good = (np.abs(days) <= _MOST_DAYS) & (np.abs(second) <= 1)
    days, second = np.where(good, days, 0.0), np.where(good, second, 0.0)
    whole = np.floor(days)
    # The fraction of the day by itself: a double holds it to 0.02 ns, and whole days in ns only to 256 ns.
    found = whole.astype(np.int64) * _DAY_NS + np.rint((days - whole + second) * _DAY_NS).astype(np.int64)
    return np.where(none, NO_TIME, found), ~good & ~none


def parse_interval(text: str) -> tuple[int | None, int | None]:
    """Half-open interval ``T0/T1`` of UTC ns; an empty side is open.

    Raises
    ------
    UsageError
        No slash, not times, or an interval that ends before it begins.

    Examples
    --------
    >>> parse_interval("1970-01-01T00:00:01/")
    (1000000000, None)
    """
    sides = text.split("/")
    if len(sides) != 2:
        raise UsageError("A time interval is T0/T1", found=repr(text), hint="Example: 2010-03-01/2010-03-02, or /2010-03-02.")
    first, last = (parse_utc(s) if s.strip() else None for s in sides)
    if first is not None and last is not None and last < first:
        raise UsageError("The interval ends before it begins", found=repr(text))
    return first, last


def format_utc(time_ns: int | None) -> str:
    """ISO 8601 with as many digits as it needs, ending in Z; empty for ``None``.

    Examples
    --------
    >>> format_utc(1_500_000_000), format_utc(0), format_utc(None)
    ('1970-01-01T00:00:01.500Z', '1970-01-01T00:00:00Z', '')
    """
    if time_ns is None:
        return ""
    unit = next(u for u, step in (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)) if time_ns % step == 0)
    return f"{np.datetime64(int(time_ns), 'ns').astype(f'datetime64[{unit}]')}Z"
