"""A spring of the sea in little: short runs every six hours, and the sensors of the site all the time; enough to see a bloom come and go."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from antdask.archive.store import destination_errors
from antdask.simulate.simulation import simulate
from antdask.simulate.slow_control import PREAMBLE, slow_control_table
from antdask.simulate.spec import SimulationSpec

#: Run that starts on 10 March 2011; runs start two hours apart.
FIRST_RUN, RUNS_A_DAY = 43_428, 12
#: Nine events at this rate: a run of three quarters of a minute, which is what a baseline needs.
_SHORT = SimulationSpec(events=9, event_rate_hz=0.2, mc=False, dst=False, slow_control=False, spring=True)


def simulate_spring(directory: str | os.PathLike[str], days: int = 30, *, first_run: int = FIRST_RUN, seed: int = 1, every: int = 3, platform: str = "IL07") -> list[Path]:  # fmt: skip
    """Write the files of a spring, to be converted like any other.

    Parameters
    ----------
    directory : path
    days : int
        1 MB and some seconds each.
    first_run, seed : int
    every : int
        Runs from one that is recorded to the next; 3 is six hours.
    platform : str
        Sensors whose names begin so are read, without pause.

    Returns
    -------
    list of Path
        Raw files, and one table of readings.

    Raises
    ------
    DestinationError
    """
    folder, spec = Path(directory), dataclasses.replace(_SHORT, seed=seed)
    runs = range(first_run, first_run + RUNS_A_DAY * days)
    paths = [path for run in runs[::every] for path in simulate(dataclasses.replace(spec, first_run=run), folder)]
    table = folder / f"antares_sim_{runs[0]:06d}_{runs[-1]:06d}_slow.csv"
    with destination_errors(str(table)), table.open("w", encoding="utf-8", newline="\n") as file:
        head, _, _ = slow_control_table(spec, runs[0]).removeprefix(PREAMBLE).partition("\n")
        file.write(f"{PREAMBLE}{head}\n")
        for run in runs:
            lines = slow_control_table(spec, run).splitlines(keepends=True)
            file.writelines(line for line in lines if f",{platform}/" in line)
    return [*paths, table]
