"""A specification refuses what cannot be simulated, and names its random numbers by purpose and run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import uproot

from antdask.errors import UnknownNameError, UsageError
from antdask.model.time import format_utc
from antdask.simulate import simulate
from antdask.simulate.spec import FRAME_TICKS, LAST_RUN, REFERENCE_RUN, SimulationSpec, run_start_ns


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"events": -1}, "'events'.*expected 0 to"),
        ({"events": 10**6}, "Ask for more runs"),
        ({"runs": 0}, "'runs'"),
        ({"first_run": 3}, "'first_run'"),
        ({"first_run": 2**31 - 2, "runs": 2}, "'first_run'.*expected 25416 to 999998"),
        ({"basket_bytes": 10}, "'basket_bytes'"),
        ({"level": 11}, "Level of codec 'zlib'"),
        ({"codec": "none", "level": 1}, "Level of codec 'none'"),
        ({"dead_lines": (13,)}, "from 1 to 12"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        SimulationSpec(**wrong)


def test_unknown_names_are_told_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'packed'"):
        SimulationSpec(layout="pack")
    with pytest.raises(UnknownNameError, match="Did you mean 'zstd'"):
        SimulationSpec(codec="zsdt")


def test_the_size_can_be_told_beforehand(tmp_path: Path) -> None:
    for spec in (SimulationSpec(events=2000, dst=False, slow_control=False, mc=False), SimulationSpec(events=2000, layout="packed", rates=False, dst=False, slow_control=False, mc=False, runs=2)):  # fmt: skip
        found = 0
        for path in simulate(spec, tmp_path / spec.layout):
            with uproot.open(path) as file:
                found += sum(b.uncompressed_bytes for name in ("PhysicsEvent", "SummarySlice") for b in file[name].branches)
        assert spec.payload_bytes == pytest.approx(found, rel=0.1)


def test_random_numbers_of_runs_and_purposes_are_independent_and_repeat() -> None:
    spec = SimulationSpec(seed=5)
    draws = {(run, what): tuple(spec.random(run, what).integers(0, 2**60, 3)) for run in (1, 2) for what in (1, 2)}
    assert len(set(draws.values())) == 4
    assert draws[1, 2] == tuple(SimulationSpec(seed=5, events=7).random(1, 2).integers(0, 2**60, 3))


def test_runs_start_two_hours_apart_from_the_first_real_ones_on() -> None:
    assert format_utc(run_start_ns(REFERENCE_RUN)) == "2007-01-29T00:00:00Z"
    assert run_start_ns(45_002) - run_start_ns(45_001) == 7200 * 10**9
    assert FRAME_TICKS == 2**22


def test_a_file_says_that_it_is_simulated_and_how_whichever_runs_were_asked_for() -> None:
    text = SimulationSpec(runs=3, seed=8).describe(45_002)
    assert text == SimulationSpec(first_run=45_002, seed=8).describe(45_002)
    document = json.loads(text)
    assert document["notice"].startswith("SIMULATED")
    assert (document["run"], document["specification"]["seed"]) == (45_002, 8)


def test_the_last_run_can_be_written(tmp_path: Path) -> None:
    files = simulate(SimulationSpec(events=3, first_run=LAST_RUN - 1), tmp_path)
    assert files and format_utc(run_start_ns(LAST_RUN)).startswith("2229-")
