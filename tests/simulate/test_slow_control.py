"""Readings of sensors as CSV: in time, with names and units, some missing."""

from __future__ import annotations

import csv
import io

from antdask.model.time import parse_utc
from antdask.simulate.slow_control import HEADER, PREAMBLE, sensors, slow_control_table
from antdask.simulate.spec import NOTICE, SimulationSpec, run_start_ns


def lines_of(spec: SimulationSpec) -> io.StringIO:
    """The table below its comments, which say that it is simulated."""
    text = slow_control_table(spec, 45_001)
    assert NOTICE in PREAMBLE
    assert text.startswith(PREAMBLE)
    return io.StringIO(text.removeprefix(PREAMBLE))


def test_readings_stand_in_time_inside_their_run() -> None:
    rows = list(csv.reader(lines_of(SimulationSpec())))
    assert tuple(rows[0]) == HEADER
    times = [parse_utc(row[0]) for row in rows[1:]]
    assert times == sorted(times)
    assert run_start_ns(45_001) <= times[0]
    assert times[-1] < run_start_ns(45_002)
    assert all(t % 10**6 == 0 for t in times)


def test_every_sensor_reads_its_quantity_and_misses_a_reading_now_and_then() -> None:
    rows = list(csv.DictReader(lines_of(SimulationSpec())))
    assert {row["sensor"] for row in rows} == {name for name, *_ in sensors()}
    warm = [float(row["value"]) for row in rows if row["sensor"] == "IL07/CTD/temperature"]
    assert 13.1 < min(warm) < max(warm) < 13.3
    asked = sum(7200 // seconds for *_, seconds in sensors())
    assert 0.95 * asked < len(rows) < asked


def test_the_table_is_that_of_seed_and_run() -> None:
    spec = SimulationSpec(seed=4)
    assert slow_control_table(spec, 45_001) == slow_control_table(spec, 45_001)
    assert slow_control_table(spec, 45_001) != slow_control_table(spec, 45_002)
