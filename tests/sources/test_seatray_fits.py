"""Every value of the real fits and their used hits against a decode with h5py, fit by fit."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from antdask.model.ragged import concatenate
from antdask.sources.seatray_fits import ALGORITHM
from antdask.sources.seatray_hdf5 import SOURCE
from tests.sources.seatray_samples import FITS, INDEX, PULSES, REAL, USED, changed, retable, salvage, same, whole

BATCH = whole(REAL, FITS)
TRACKS, HITS, OFFSETS = BATCH.tables["tracks"], BATCH.tables["used_hits"], BATCH.offsets["used_hits"]

TRACK_COLUMNS = {
    "run": "Run", "frame_index": "Event", "trigger_counter": "TriggerCounter", "exists": "exists",
    "x": "x", "y": "y", "z": "z", "time_ns": "time", "zenith": "zenith", "azimuth": "azimuth", "energy": "energy", "speed": "speed",
    "length": "length", "type": "type", "shape": "shape", "location": "location", "fit_status": "fit_status", "strategy": "strategy",
    "step": "step", "minimiser": "minimiser", "quality": "quality", "lik": "lik", "chi2": "chi2", "line": "line",
    "n_used_lines": "nUsedLines", "dist_to_line": "distToLine", "n_hits": "nHits", "n_used_hits": "nUsedHits",
    "total_amplitude": "totalAmplitude", "n_l1_hits": "nL1Hits", "energy_error": "energyError", "z_min": "zMin", "z_max": "zMax",
    "is_best_fit": "isBestFit", "is_special_event": "isSpecialEvent", "is_neutrino": "isNeutrino", "is_bright": "isBright",
}  # fmt: skip


def test_every_fit_equals_the_file() -> None:
    with h5py.File(REAL) as file:
        rows = file[FITS][:]
    assert set(TRACK_COLUMNS.values()) == set(rows.dtype.names)
    assert set(TRACKS) - set(TRACK_COLUMNS) == {"algorithm", "source_input", "source_entry"}
    for field, source in TRACK_COLUMNS.items():
        np.testing.assert_array_equal(TRACKS[field], rows[source])
    assert TRACKS["algorithm"].tolist() == [ALGORITHM] * 23 == [1] * 23
    assert TRACKS["source_entry"].tolist() == list(range(23))


def test_every_used_hit_equals_the_file_and_stands_with_its_fit() -> None:
    with h5py.File(REAL) as file:
        rows = file[USED][:]
    for number in range(23):
        run, frame, counter = (TRACKS[k][number] for k in ("run", "frame_index", "trigger_counter"))
        own = rows[(rows["Run"] == run) & (rows["Event"] == frame) & (rows["TriggerCounter"] == counter)]
        hits = slice(OFFSETS[number], OFFSETS[number + 1])
        sources = ("string", "om", "vector_index", "time", "width", "charge", "id", "isTriggered")
        for field, source in zip(
            ("line", "om", "vector_index", "time_ns", "width_ns", "charge_pe", "hit_id", "triggered"), sources, strict=True
        ):
            np.testing.assert_array_equal(HITS[field][hits], own[source])
        assert HITS["floor"][hits].tolist() == [1 + (int(om) - 1) // 3 for om in own["om"]]


def test_the_numbers_of_run_45978() -> None:
    assert BATCH.rows == 23
    assert int(TRACKS["exists"].sum()) == 19
    assert BATCH.length("used_hits") == 618
    quality = TRACKS["quality"][TRACKS["exists"] == 1]
    assert (round(float(quality.max()), 1), round(float(quality.min()), 1)) == (-5.4, -7.3)


def test_placeholders_keep_their_frame_and_own_no_hit() -> None:
    void = np.flatnonzero(TRACKS["exists"] == 0)
    assert TRACKS["frame_index"][void].tolist() == [2, 3, 10, 12]
    assert TRACKS["trigger_counter"][void].tolist() == [-1] * 4
    assert np.diff(OFFSETS)[void].tolist() == [0] * 4


def test_used_hits_are_pulses_of_the_event_but_carry_their_own_index_and_flag() -> None:
    pulses = whole(REAL, PULSES)
    events, hits = pulses.tables["events"], pulses.tables["hits"]
    number = {k: n for n, k in enumerate(zip(events["frame_index"].tolist(), events["trigger_counter"].tolist(), strict=True))}
    found, same_index, same_flag = 0, 0, 0
    for fit in np.flatnonzero(TRACKS["exists"]):
        event = number[TRACKS["frame_index"][fit], TRACKS["trigger_counter"][fit]]
        low, high = pulses.offsets["hits"][event : event + 2]
        of_event = {(hits["line"][n], hits["om"][n], hits["time_ns"][n]): n for n in range(low, high)}
        for n in range(OFFSETS[fit], OFFSETS[fit + 1]):
            pulse = of_event[HITS["line"][n], HITS["om"][n], HITS["time_ns"][n]]
            found += 1
            assert HITS["charge_pe"][n] == hits["charge_pe"][pulse]
            assert HITS["hit_id"][n] == hits["hit_id"][pulse]
            same_index += HITS["vector_index"][n] == hits["vector_index"][pulse]
            same_flag += HITS["triggered"][n] == hits["triggered"][pulse]
    assert (found, same_index, same_flag) == (618, 495, 398)


def test_lists_in_another_order_or_number_than_the_fits_find_their_fit(tmp_path: Path) -> None:
    def shuffle(file: h5py.File) -> None:
        lists = file[INDEX + USED][:]
        retable(file, INDEX + USED, lists[lists["exists"] == 1][::-1])

    same(whole(changed(tmp_path, shuffle), FITS), BATCH)


def test_a_fit_without_a_list_has_no_used_hits(tmp_path: Path) -> None:
    def drop(file: h5py.File) -> None:
        lists, rows = file[INDEX + USED][:], file[USED][:]
        lists = lists[:22]
        retable(file, INDEX + USED, lists)
        retable(file, USED, rows[:590])

    batch = whole(changed(tmp_path, drop), FITS)
    assert np.diff(batch.offsets["used_hits"]).tolist() == [*np.diff(OFFSETS).tolist()[:22], 0]


def test_equal_keys_meet_in_their_order(tmp_path: Path) -> None:
    """Two fits of one key, as from two sub-events: the first gets the first list."""

    def double(file: h5py.File) -> None:
        for name in (FITS, USED):
            rows = file[name][:]
            rows["TriggerCounter"][(rows["Event"] == 7)] = 58724
            file[name][:] = rows

    batch = whole(changed(tmp_path, double), FITS)
    np.testing.assert_array_equal(batch.offsets["used_hits"], OFFSETS)
    np.testing.assert_array_equal(batch.tables["used_hits"]["time_ns"], HITS["time_ns"])
    url = str(tmp_path / "changed.h5")
    pieces = [next(SOURCE.read(SOURCE.describe(url), FITS, n, n + 1)) for n in range(23)]
    same(concatenate(pieces), batch)


@pytest.mark.parametrize("start", [0, 4, 6, 22])
def test_a_fit_read_alone_has_its_own_hits(start: int) -> None:
    (batch,) = SOURCE.read(SOURCE.describe(REAL), FITS, start, start + 1)
    assert batch.tables["used_hits"]["time_ns"].tolist() == HITS["time_ns"][OFFSETS[start] : OFFSETS[start + 1]].tolist()
    assert batch.offsets["used_hits"].tolist() == [0, OFFSETS[start + 1] - OFFSETS[start]]


def test_a_list_that_lost_its_fit_loses_the_fits_without_list(tmp_path: Path) -> None:
    def misname(file: h5py.File) -> None:
        lists, rows = file[INDEX + USED][:], file[USED][:]
        lists["Event"][22] = 99
        rows["Event"][590:] = 99
        file[INDEX + USED][:], file[USED][:] = lists, rows

    batches, lost = salvage(SOURCE.describe(changed(tmp_path, misname)), FITS)
    assert lost == [(22, 23)]
    assert concatenate(batches).rows == 22
