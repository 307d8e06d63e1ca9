"""The regular UTC grid: levels, bins and days, all in int64 nanoseconds of POSIX time (no daylight saving, a leap second shares the bin of the one before).

::

    1d      |------------------------------- day -------------------------------|
    1h      |---------|---------| ...
    1min    |.|.|.|.|.|     each level divides the next, so that coarser bins are whole sums of finer ones
    frames  ' ' ' ' '       a frame belongs to the bin in which it starts, wherever it ends
"""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.errors import UnknownNameError, UsageError
from antdask.model.time import parse_utc

SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
#: Days in a shard of the coarse levels, and in the piece of work that makes them: one of 15 min and 64 days holds 6144 bins.
PERIOD_DAYS = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """One resolution of the grid.

    Parameters
    ----------
    name : str
    seconds : int
        Width of a bin [s].
    shard_days : int
        Days in one shard; each shard has one owner.
    chunk : (int, int)
        Channels and bins of an inner chunk, the unit of reading.
    """

    name: str
    seconds: int
    shard_days: int
    chunk: tuple[int, int]

    @property
    def step_ns(self) -> int:
        """Width of a bin [ns]."""
        return self.seconds * SECOND_NS

    @property
    def per_day(self) -> int:
        """Bins in a day."""
        return 86_400 // self.seconds

    @property
    def shard_bins(self) -> int:
        """Bins in a shard."""
        return self.per_day * self.shard_days

    @property
    def histograms(self) -> bool:
        """Whether the level keeps histograms: below a minute a histogram would be as large as the counts themselves."""
        return self.seconds >= 60

    @property
    def bursts(self) -> bool:
        """Whether the level keeps baseline and bursts, whose windows are 15 minutes."""
        return self.seconds >= 900

    @property
    def labelled(self) -> bool:
        """Whether the times of the bins are written out: 15 years of seconds would be 4 GB of them."""
        return self.seconds >= 60


#: From fine to coarse. How the chunks were chosen: docs/decisions.
LEVELS: dict[str, Level] = {
    level.name: level
    for level in (
        Level("1s", 1, 1, (150, 900)),
        Level("10s", 10, 1, (150, 540)),
        Level("1min", 60, 1, (75, 360)),
        Level("15min", 900, PERIOD_DAYS, (15, 6144)),
        Level("1h", 3600, PERIOD_DAYS, (75, 1536)),
        Level("1d", 86_400, PERIOD_DAYS, (75, 64)),
    )
}
#: Levels that a day makes from frames, and those that a period makes from the minutes of its days.
FINE = tuple(level for level in LEVELS.values() if level.shard_days == 1)
COARSE = tuple(level for level in LEVELS.values() if level.shard_days > 1)


def level_named(name: str) -> Level:
    """The level of this name.

    Raises
    ------
    UnknownNameError
        No such level.
    """
    if name not in LEVELS:
        raise UnknownNameError.of("level", name, LEVELS)
    return LEVELS[name]


def finest_for(span_ns: int, max_points: int) -> Level:
    """The finest level that shows a span with at most so many bins; the coarsest if none does.

    Examples
    --------
    >>> finest_for(15 * 365 * DAY_NS, 2000).name, finest_for(DAY_NS, 2000).name, finest_for(600 * SECOND_NS, 2000).name
    ('1d', '1min', '1s')
    """
    for level in LEVELS.values():
        if -(-span_ns // level.step_ns) <= max_points:
            return level
    return LEVELS["1d"]


@dataclasses.dataclass(frozen=True, slots=True)
class Grid:
    """Where bin 0 of every level begins.

    Parameters
    ----------
    origin_ns : int
        Midnight UTC of the first day of the grid [ns since 1970].

    Raises
    ------
    UsageError
        Not a midnight.

    Examples
    --------
    >>> grid = Grid.starting("2010-01-01")
    >>> grid.bins(np.array([grid.origin_ns + 61 * SECOND_NS]), LEVELS["1min"]).tolist()
    [1]
    >>> grid.day_name(grid.day(grid.origin_ns + 2 * DAY_NS - 1)), grid.day(grid.origin_ns - 1)
    ('20100102', -1)
    """

    origin_ns: int

    def __post_init__(self) -> None:
        if self.origin_ns % DAY_NS:
            raise UsageError("A grid starts at midnight UTC", found=self.origin_ns)

    @classmethod
    def starting(cls, date: str) -> Grid:
        """The grid that starts at this date.

        Raises
        ------
        UsageError
            Not a date.
        """
        return cls(parse_utc(date))

    def bins(self, utc_ns: np.ndarray, level: Level) -> np.ndarray:
        """Number of the bin in which each time lies, int64; negative before the grid."""
        numbers: np.ndarray = (np.asarray(utc_ns, np.int64) - self.origin_ns) // level.step_ns
        return numbers

    def starts(self, first: int, stop: int, level: Level) -> np.ndarray:
        """Start of the bins ``first:stop``, int64 [ns since 1970]."""
        return self.origin_ns + np.arange(first, stop, dtype=np.int64) * level.step_ns

    def day(self, utc_ns: int) -> int:
        """Number of the day in which a time lies."""
        return (utc_ns - self.origin_ns) // DAY_NS

    def day_start(self, day: int) -> int:
        """Start of a day [ns since 1970]."""
        return self.origin_ns + day * DAY_NS

    def day_name(self, day: int) -> str:
        """A day as ``YYYYMMDD``."""
        return str(np.datetime64(self.day_start(day) // DAY_NS, "D")).replace("-", "")

    def window(self, start_ns: int, stop_ns: int, level: Level) -> tuple[int, int]:
        """Half-open range of the bins that overlap a half-open interval; none before the grid."""
        first = max(0, (start_ns - self.origin_ns) // level.step_ns)
        stop = max(first, -((self.origin_ns - stop_ns) // level.step_ns))
        return first, stop
