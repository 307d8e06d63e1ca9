"""A spring in little: runs every six hours, one table without pause, the same for the same seed."""

from __future__ import annotations

import pandas as pd

from antdask.simulate.season import simulate_spring
from antdask.simulate.slow_control import PREAMBLE


def test_a_day_has_four_runs_and_all_readings_of_its_platform(tmp_path):
    paths = simulate_spring(tmp_path / "a", 1)
    assert [p.name for p in paths] == [
        *(f"antares_sim_04{n}_raw.root" for n in (3428, 3431, 3434, 3437)),
        "antares_sim_043428_043439_slow.csv",
    ]
    table = pd.read_csv(paths[-1], skiprows=PREAMBLE.count("\n"))
    assert set(table["sensor"].str.partition("/")[0]) == {"IL07"}
    times = pd.to_datetime(table["time"], format="ISO8601")
    assert times.is_monotonic_increasing
    assert str(times.iloc[0])[:10] == "2011-03-10" and str(times.iloc[-1])[:13] == "2011-03-10 23"
    again = simulate_spring(tmp_path / "b", 1)
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in paths]
