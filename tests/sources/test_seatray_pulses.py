"""Every value of the real events against a decode with h5py, event by event."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from antdask.sources.seatray_hdf5 import SOURCE
from tests.sources.seatray_samples import INDEX, PULSES, REAL, assign, changed, retable, salvage, whole

BATCH = whole(REAL, PULSES)
EVENTS, HITS, OFFSETS = BATCH.tables["events"], BATCH.tables["hits"], BATCH.offsets["hits"]

HIT_COLUMNS = {
    "line": "string",
    "om": "om",
    "vector_index": "vector_index",
    "time_ns": "time",
    "width_ns": "width",
    "charge_pe": "charge",
    "hit_id": "id",
    "triggered": "isTriggered",
}


def decoded() -> Iterator[tuple[int, Any, np.ndarray]]:
    """Number, index row and pulses of every event."""
    with h5py.File(REAL) as file:
        pulses = file[PULSES][:]
        for number, row in enumerate(file[INDEX + PULSES][:]):
            yield number, row, pulses[row["start"] : row["stop"]]


def plain_sum(values: list[float]) -> float:
    """One after the other; Python's own sum compensates for rounding."""
    total = 0.0
    for value in values:
        total += value
    return total


def test_every_pulse_equals_the_file() -> None:
    for number, _, pulses in decoded():
        rows = slice(OFFSETS[number], OFFSETS[number + 1])
        for field, source in HIT_COLUMNS.items():
            np.testing.assert_array_equal(HITS[field][rows], pulses[source])
        assert HITS["floor"][rows].tolist() == [1 + (int(om) - 1) // 3 for om in pulses["om"]]


def test_every_event_equals_the_file() -> None:
    for number, index, pulses in decoded():
        event = {name: column[number] for name, column in EVENTS.items()}
        assert event["run"] == index["Run"] == 45978
        assert event["frame_index"] == index["Event"]
        assert {event["trigger_counter"]} == set(pulses["TriggerCounter"].tolist()), "the index holds -1"
        assert event["exists"] == 1
        assert event["n_hits"] == len(pulses)
        assert event["n_triggered"] == sum(int(flag) for flag in pulses["isTriggered"])
        assert event["charge_sum_pe"] == plain_sum(pulses["charge"].tolist())
        assert (event["source_input"], event["source_entry"]) == (0, number)


def test_the_numbers_of_run_45978() -> None:
    assert (BATCH.rows, BATCH.hits) == (81, 13_556)
    assert int((EVENTS["n_triggered"] > 0).sum()) == 9
    assert set(EVENTS["frame_index"].tolist()) == set(range(2, 18)) - {13}
    assert sorted(set(range(1, 13)) - set(HITS["line"].tolist())) == [6, 9]
    assert len(set(zip(HITS["line"].tolist(), HITS["om"].tolist(), strict=True))) == 636
    assert np.isnan(HITS["width_ns"]).all()
    assert round(float(HITS["charge_pe"].max()), 2) == 35.57


def test_only_the_whole_key_is_unique() -> None:
    frame, counter = EVENTS["frame_index"].tolist(), EVENTS["trigger_counter"].tolist()
    assert len(set(zip(frame, counter, strict=True))) == 81
    assert len(set(frame)) == 15
    both = {c for f, c in zip(frame, counter, strict=True) if f == 8} & {c for f, c in zip(frame, counter, strict=True) if f == 16}
    assert both == {58654, 58656, 58657, 58658, 58661, 58662}


def test_the_file_has_no_time_and_so_has_the_batch() -> None:
    assert "utc_ns" not in EVENTS
    assert "trigger_mask" not in EVENTS


def test_a_charge_that_is_not_a_number_makes_the_sum_unknown(tmp_path: Path) -> None:
    events = whole(changed(tmp_path, assign(PULSES, 200, "charge", np.nan)), PULSES).tables["events"]
    assert np.flatnonzero(np.isnan(events["charge_sum_pe"])).tolist() == [1]


def test_an_event_without_pulses_keeps_its_row(tmp_path: Path) -> None:
    def empty(file: h5py.File) -> None:
        index = file[INDEX + PULSES][:]
        absent = np.array([(45978, 3, 0, -1, 0, 0)], index.dtype)
        silent = np.array([(45978, 3, 1, -1, 586, 586)], index.dtype)
        retable(file, INDEX + PULSES, np.concatenate([index[:4], absent, silent, index[4:]]))

    batch = whole(changed(tmp_path, empty), PULSES)
    events = batch.tables["events"]
    assert (batch.rows, batch.hits, batch.problems()) == (83, 13_556, [])
    assert events["exists"][3:7].tolist() == [1, 0, 1, 1]
    assert events["n_hits"][3:7].tolist() == [158, 0, 0, 155]
    assert events["trigger_counter"][3:7].tolist() == [57192, -1, -1, 60594]
    assert math.isnan(events["charge_sum_pe"][4]), "nothing was measured"
    assert events["charge_sum_pe"][5] == 0, "nothing was seen"


def test_a_file_of_absent_events_has_rows_and_no_pulse(tmp_path: Path) -> None:
    def clear(file: h5py.File) -> None:
        index = file[INDEX + PULSES][:]
        index["exists"], index["start"], index["stop"] = 0, 0, 0
        file[INDEX + PULSES][:] = index
        retable(file, PULSES, file[PULSES][:0])

    batch = whole(changed(tmp_path, clear), PULSES)
    assert (batch.rows, batch.hits, batch.problems()) == (81, 0, [])
    assert np.isnan(batch.tables["events"]["charge_sum_pe"]).all()


def test_rows_in_another_order_than_the_events_are_followed(tmp_path: Path) -> None:
    def reverse(file: h5py.File) -> None:
        file[INDEX + PULSES][:] = file[INDEX + PULSES][:][::-1]

    batch = whole(changed(tmp_path, reverse), PULSES)
    for name in ("frame_index", "trigger_counter", "charge_sum_pe", "n_triggered"):
        assert batch.tables["events"][name].tolist() == EVENTS[name][::-1].tolist()
    assert batch.tables["hits"]["time_ns"][-139:].tolist() == HITS["time_ns"][:139].tolist()


@pytest.mark.parametrize(("om", "floor"), [(0, 0), (1, 1), (3, 1), (4, 2), (75, 25), (255, 85)])
def test_the_storey_does_not_wrap_for_any_module_number(tmp_path: Path, om: int, floor: int) -> None:
    hits = whole(changed(tmp_path, assign(PULSES, 0, "om", om)), PULSES).tables["hits"]
    assert (hits["om"][0], hits["floor"][0]) == (om, floor)


def test_two_losses_are_told_one_after_the_other(tmp_path: Path) -> None:
    def harm(file: h5py.File) -> None:
        assign(PULSES, 0, "Run", 7)(file)
        assign(INDEX + PULSES, 40, "Event", 7777)(file)

    batches, lost = salvage(SOURCE.describe(changed(tmp_path, harm)), PULSES)
    assert lost == [(0, 1), (40, 41)]
    assert sum(b.rows for b in batches) == 79
