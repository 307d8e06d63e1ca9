"""An archive with readings of sensors whose truth is known: six weeks over the end of a month, a spike, a gap, duplicates, a strange unit, a sensor of no known kind."""

from __future__ import annotations

import numpy as np
import pandas as pd

from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan

#: 2010-03-01T00:00:00 UTC.
START = 1_267_401_600 * 10**9
STEP, N = 360 * 10**9, 10_080
TEMPERATURE, SPEED, DIRECTION, COLOUR = "IL07/CTD/temperature", "IL07/ADCP/current_speed", "IL07/ADCP/current_direction", "IL07/colour"
#: Places of the spike, of the gap, and of the readings that stand twice.
SPIKE, GAP, TWICE = 100, slice(2000, 2300), slice(7430, 7450)


def truth() -> pd.DataFrame:
    """Times and values, in degrees Celsius, m/s and degrees; the readings are in other units."""
    t = np.arange(N)
    frame = pd.DataFrame(
        {
            "utc_ns": START + t * STEP,
            TEMPERATURE: 13.2 + 0.02 * np.sin(t / 700),
            SPEED: 0.06 + 0.03 * np.sin(t / 28),
            DIRECTION: (t * 0.7) % 360,
        }
    )
    frame.loc[SPIKE, TEMPERATURE] = 19.0
    return frame.drop(index=frame.index[GAP]).reset_index(drop=True)


def lines() -> list[str]:
    """The lines of a table, in time."""
    found = []
    known = truth()
    times = known["utc_ns"].to_numpy().astype("datetime64[ns]").astype("datetime64[s]").astype(str)
    for i, row in enumerate(known.itertuples(index=False)):
        own = [f"{TEMPERATURE},{row[1]:.6f},degC", f"{SPEED},{row[2] * 100:.6f},cm/s", f"{DIRECTION},{row[3]:.3f},deg"]
        if i % 240 == 0:
            own += [f"{COLOUR},3,1", f"{TEMPERATURE.replace('CTD', 'MII')},56,F"]
        found += [f"{times[i]}Z,{words}" for words in own]
    return found


def archive_of_readings(folder) -> str:
    """The archive."""
    head, rows = "# site: antares\ntime,sensor,value,unit\n", lines()
    times = [f"{t}Z," for t in (START + np.arange(N)[TWICE] * STEP).astype("datetime64[ns]").astype("datetime64[s]").astype(str)]
    twice = [row for row in rows if row.startswith(tuple(times))]
    (folder / "first.csv").write_text(head + "\n".join(rows) + "\n")
    (folder / "twice.csv").write_text(head + "\n".join(twice) + "\n")
    with make_cluster("serial") as cluster:
        convert(make_plan([str(folder / "first.csv"), str(folder / "twice.csv")], str(folder / "archive")), cluster)
    return str(folder / "archive")
