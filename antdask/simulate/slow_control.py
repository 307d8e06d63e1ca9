"""Simulated slow control: readings of sensors as a table of text, like an export of a data base.

Names and tables of the real data base are not public. What is measured follows the published instruments: currents and voltages of the lines, compass and
tilt of storeys every two minutes; temperature, salinity, sound velocity, sea current and oxygen of the instrumentation line every six.
"""

from __future__ import annotations

import csv
import io

import numpy as np

from antdask.model.time import format_utc
from antdask.simulate.spec import NOTICE, RUN_SPACING_NS, SimulationSpec, run_start_ns
from antdask.simulate.water import Water

HEADER = ("time", "sensor", "value", "unit")
#: Comments above the header: the site becomes part of the label under which readings are archived.
PREAMBLE = f"# {NOTICE}\n# site: antares-simulated\n"

# Name, unit, mean, spread of the sensor, spread of a reading, seconds between readings.
_SITE = (
    ("IL07/CTD/temperature", "degC", 13.2, 0.0, 0.004, 360),
    ("IL07/CTD/salinity", "PSU", 38.47, 0.0, 0.003, 360),
    ("IL07/sound_velocity", "m/s", 1545.6, 0.0, 0.05, 360),
    ("IL07/ADCP/current_speed", "cm/s", 6.0, 0.0, 1.5, 360),
    ("IL07/ADCP/current_direction", "deg", 260.0, 0.0, 15.0, 360),
    ("L12/IODA/oxygen", "umol/kg", 200.0, 0.0, 0.8, 360),
)
_LINE = (("voltage", "V", 380.0, 2.0, 0.5, 120), ("current", "A", 2.1, 0.05, 0.02, 120))
_STOREY = (("heading", "deg", 180.0, 90.0, 0.3, 120), ("pitch", "deg", 0.0, 1.0, 0.05, 120), ("roll", "deg", 0.0, 1.0, 0.05, 120))


def sensors() -> list[tuple[str, str, float, float, float, int]]:
    """Every sensor: name, unit, mean, spread between sensors, spread of readings, seconds between readings."""
    lines = [(f"L{line:02d}/{name}", *rest) for line in range(1, 13) for name, *rest in _LINE]
    storeys = [(f"L{line:02d}/S{floor:02d}/{name}", *rest) for line in range(1, 13) for floor in (1, 13, 25) for name, *rest in _STOREY]
    return [*_SITE, *lines, *storeys]  # type: ignore[list-item]


def _water(spec: SimulationSpec, name: str, t: np.ndarray) -> np.ndarray:
    """What the water adds to the mean of a sensor."""
    water, what = Water(spec.spring), name.rpartition("/")[2]
    changes = {"temperature": water.temperature, "salinity": water.salinity}
    if what in changes:
        return changes[what](t)
    if spec.spring and what == "current_speed":
        return water.speed(t) - 6.0
    return water.direction(t) - 260.0 if spec.spring and what == "current_direction" else np.zeros(len(t))


def slow_control_table(spec: SimulationSpec, run: int) -> str:
    """The readings from the start of a run to the start of the next, in time, as CSV with comments and a header."""
    rng = spec.random(run, 6)
    start = run_start_ns(run)
    rows: list[tuple[int, str, str, str]] = []
    for name, unit, mean, between, spread, seconds in sensors():
        step = seconds * 10**9
        times = start + int(rng.integers(0, step)) + np.arange(RUN_SPACING_NS // step) * step
        mean_at = mean + _water(spec, name, times * 1e-9)
        # A sensor misses a reading now and then.
        there = rng.random(len(times)) > 0.02
        times, mean_at = times[there], mean_at[there]
        values = mean_at + between * rng.normal() + spread * rng.normal(size=len(times))
        if unit == "deg" and not name.endswith(("pitch", "roll")):
            values %= 360
        rows += [(int(t), name, f"{v:.6g}", unit) for t, v in zip(times, values, strict=True)]
    rows.sort()
    text = io.StringIO(PREAMBLE)
    text.seek(len(PREAMBLE))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows((format_utc(t // 10**6 * 10**6), *rest) for t, *rest in rows)
    return text.getvalue()
