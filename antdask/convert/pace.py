"""How fast a campaign goes, from when its parts ended: throughput, cost, and the time that remains. Pure."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

#: The rate is that of the parts that ended in so much time before the last one [s].
WINDOW_S = 3600.0
#: Somebody is at work where a part ended so recently, or as recently as three parts take [s].
AWAKE_S = 900.0


@dataclasses.dataclass(frozen=True)
class Pace:
    """The speed of a campaign.

    Parameters
    ----------
    running : bool
        Whether parts have ended so recently that somebody seems to be at work.
    parts_per_second, bytes_per_second : float
        Recently: parts, and uncompressed bytes of the input [1/s], [byte/s].
    at_work : float
        Number of parts that were worked on at the same time, recently.
    mb_per_second_core : float
        Uncompressed input for each second of CPU time, over all parts [MB/s].
    cpu_hours : float
        CPU time of all parts [h].
    part_seconds : float
        Time that half of the parts did not exceed [s].
    seconds_left : float or None
        Estimate of the time that remains at this pace [s]; ``None`` where nothing remains or nobody is at work.
    """

    running: bool = False
    parts_per_second: float = 0.0
    bytes_per_second: float = 0.0
    at_work: float = 0.0
    mb_per_second_core: float = 0.0
    cpu_hours: float = 0.0
    part_seconds: float = 0.0
    seconds_left: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return dataclasses.asdict(self)


def measure(
    ended: np.ndarray, seconds: np.ndarray, cpu_seconds: np.ndarray, nbytes: np.ndarray, weight: np.ndarray, left: int, now: float
) -> Pace:
    """The pace from the parts that are done.

    Parameters
    ----------
    ended, seconds, cpu_seconds, nbytes : float64 arrays, one value per part
        When it ended [s since 1970], how long it took [s], CPU time [s], uncompressed input [byte].
    weight : float64 array
        Number of parts that each stands for: 1, or more where only a sample was read.
    left : int
        Uncompressed bytes of the parts that are not done [byte].
    now : float
        [s since 1970].

    Examples
    --------
    >>> one = np.ones(4)
    >>> pace = measure(np.arange(4.0), one, one, one * 5e6, one, left=10_000_000, now=4.0)
    >>> pace.running, pace.parts_per_second, pace.mb_per_second_core, pace.seconds_left
    (True, 1.0, 5.0, 2.0)
    """
    if not len(ended):
        return Pace()
    last = float(ended.max())
    recent = ended > last - WINDOW_S
    # From when the first of them began, so that a single part has a rate too.
    begin = max(last - WINDOW_S, float((ended - seconds)[recent].min()))
    span = max(last - begin, 1e-3)
    rate = float((nbytes * weight)[recent].sum()) / span
    usual = float(np.median(seconds))
    running = now - last < max(AWAKE_S, 3 * usual)
    cpu, volume = float((cpu_seconds * weight).sum()), float((nbytes * weight).sum())
    return Pace(
        running=running,
        parts_per_second=float(weight[recent].sum()) / span,
        bytes_per_second=rate,
        at_work=float((seconds * weight)[recent].sum()) / span,
        mb_per_second_core=volume / 1e6 / cpu if cpu else 0.0,
        cpu_hours=cpu / 3600,
        part_seconds=usual,
        seconds_left=left / rate if running and left and rate else None,
    )


def cost(cpu_hours: float) -> str:
    """CPU time for people: in hours, as it is accounted, where it comes to some.

    Examples
    --------
    >>> cost(1234.5), cost(0.004)
    ('1,234.50 CPU hours', '14.4 CPU seconds')
    """
    return f"{cpu_hours:,.2f} CPU hours" if cpu_hours >= 0.1 else f"{cpu_hours * 3600:.1f} CPU seconds"
