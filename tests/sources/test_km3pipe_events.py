"""Every value of the events of real files equals what h5py reads; contradictions lose the events that they touch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.mc_fields import NO_NUMBER
from antdask.model.ragged import Batch, concatenate, cut
from antdask.sources.km3net_online import SOURCE as ONLINE
from antdask.sources.km3pipe_hdf5 import SOURCE
from tests.sources import km3pipe_samples as samples
from tests.sources.seatray_samples import same

INFO = {
    "run_id": "run", "frame_index": "frame_index", "trigger_counter": "trigger_counter", "event_id": "event_number", "group_id": "group_id", "mc_id": "mc_id",
    "mc_run_id": "mc_run", "mc_time": "mc_time_ns", "mc_t": "mc_time_ns", "det_id": "detector_id", "timestamp": "timestamp_s", "utc_seconds": "timestamp_s",
    "nanoseconds": "nanoseconds", "utc_nanoseconds": "nanoseconds", "trigger_mask": "trigger_mask", "overlays": "overlays", "weight_w1": "w1", "weight_w2": "w2",
    "weight_w3": "w3", "weight_w4": "w4", "n_events_gen": "n_events_generated", "n_files_gen": "n_files_generated", "livetime_sec": "livetime_s",
}  # fmt: skip
TRACKS = {
    "id": "particle_id", "type": "particle_type", "pdgid": "particle_type", "pos_x": "x", "pos_y": "y", "pos_z": "z", "dir_x": "dx", "dir_y": "dy", "dir_z": "dz",
    "time": "time_ns", "energy": "energy", "length": "length", "bx": "bjorken_x", "by": "bjorken_y", "bjorkeny": "bjorken_y", "ichan": "interaction_channel",
    "interaction_channel": "interaction_channel", "cc": "current", "is_cc": "current", "energy_lost_in_can": "energy_lost_in_can",
}  # fmt: skip
MC_HITS = {"a": "n_pe", "origin": "particle_id", "pmt_id": "pmt_id", "time": "time_ns"}
HITS = {"dom_id": "dom_id", "channel_id": "channel_id", "time": "frame_time_ns", "tot": "tot", "triggered": "trigger_mask"}
JOIN = {"group_id", "event_id"}
#: h5py reads all but the file that PyTables packed with Blosc; that one stands in tests/realkm3pipe.
PLAIN = [n for n in samples.FILES if "event_info" in samples.FILES[n][2] and n != "hdf5/numu_cc_test.h5"]


def assert_equal(found: np.ndarray, expected: np.ndarray, name: str) -> None:
    np.testing.assert_array_equal(found.astype("f8"), expected.astype("f8"), err_msg=name)


def check(batch: Batch, file: h5py.File, table: str, name: str, names: dict[str, str], key: np.ndarray) -> None:
    """All rows of all columns of a data set, event by event."""
    if name not in file:
        assert batch.length(table) == 0
        return
    theirs = samples.columns(file, name)
    assert set(theirs) - set(names) <= JOIN, "a column that nobody checks"
    for n, number in enumerate(key):
        rows = slice(*batch.offsets[table][n : n + 2])
        for column, values in samples.of_event(theirs, number).items():
            if column in names:
                assert_equal(batch.tables[table][names[column]][rows], values, f"{name}/{column} of event {n}")


@pytest.mark.parametrize("name", PLAIN)
def test_simulated_events_hold_every_value(name: str) -> None:
    batch = samples.whole(samples.path(name), "event_info")
    assert batch.problems() == []
    with h5py.File(samples.path(name)) as file:
        info = samples.columns(file, "event_info")
        assert set(info) <= set(INFO)
        for column, values in info.items():
            assert_equal(batch.tables["events"][INFO[column]], values, column)
        key = info["group_id"] if "group_id" in info else info["event_id"]
        few = key[:: max(1, len(key) // 150)]
        part = concatenate([cut(batch, n, n + 1) for n in np.flatnonzero(np.isin(key, few))])
        check(part, file, "particles", "mc_tracks", TRACKS, few)
        check(part, file, "hits", "mc_hits", MC_HITS, few)
        assert batch.length("particles") == len(samples.columns(file, "mc_tracks")["id"])
    assert batch.tables["events"]["n_hits"].tolist() == np.diff(batch.offsets["hits"]).tolist()
    assert batch.tables["events"]["n_particles"].tolist() == np.diff(batch.offsets["particles"]).tolist()


@pytest.mark.parametrize("name", [n for n in samples.FILES if "hits" in samples.FILES[n][2] and n != "hdf5/numu_cc_test.h5"])
def test_events_hold_every_hit(name: str) -> None:
    batch = samples.whole(samples.path(name), "hits")
    assert batch.problems() == []
    with h5py.File(samples.path(name)) as file:
        info, hits = samples.columns(file, "event_info"), samples.columns(file, "hits")
        for column, field in HITS.items():
            assert_equal(batch.tables["hits"][field], hits[column], column)
        starts = file["hits/_indices"][:]
        assert batch.offsets["hits"].tolist() == [*starts["index"].tolist(), len(hits["time"])]
        assert batch.tables["events"]["utc_ns"].tolist() == [
            int(s) * 10**9 + int(n) for s, n in zip(info["timestamp"], info["nanoseconds"], strict=True)
        ]
        for column in ("run_id", "frame_index", "trigger_counter", "det_id", "trigger_mask", "overlays"):
            if column in info:
                assert batch.tables["events"][INFO[column]].tolist() == info[column].tolist()
    assert batch.tables["hits"]["triggered"].tolist() == (hits["triggered"] != 0).astype(int).tolist()
    sums = [int(batch.tables["hits"]["triggered"][slice(*batch.offsets["hits"][n : n + 2])].sum()) for n in range(batch.rows)]
    assert batch.tables["events"]["n_triggered"].tolist() == sums


def test_the_events_are_those_of_the_root_file_that_km3pipe_read() -> None:
    """Written by other people's code from a file that another source of ours reads: the same events, hit by hit."""
    url = samples.path("online/events_sample.root")
    root = next(ONLINE.read(ONLINE.describe(url), "KM3NET_EVENT", 0, 10))
    ours = samples.whole(samples.path(samples.SMALL), "hits")
    for name in ("run", "frame_index", "trigger_counter", "detector_id", "utc_ns", "trigger_mask", "overlays", "n_hits", "n_triggered"):
        np.testing.assert_array_equal(ours.tables["events"][name], root.tables["events"][name], err_msg=name)
    for name, theirs in (
        ("dom_id", "dom_id"),
        ("channel_id", "channel_id"),
        ("frame_time_ns", "tdc"),
        ("tot", "tot"),
        ("trigger_mask", "trigger_mask"),
    ):
        np.testing.assert_array_equal(ours.tables["hits"][name], root.tables["hits"][theirs], err_msg=name)


def test_what_a_version_does_not_have_is_marked_and_no_zero() -> None:
    rows = samples.whole(samples.path("hdf5/test_event_info.h5"), "event_info").tables["events"]
    assert (rows["detector_id"] == NO_NUMBER).all() and (rows["timestamp_s"] == NO_NUMBER).all() and (rows["trigger_counter"] == -1).all()
    assert np.isnan(rows["mc_time_ns"]).all()
    row = samples.whole(samples.path("hdf5/atmospheric_muons_sample.h5"), "hits").tables["events"]
    assert (row["overlays"] == 2**32 - 1).all() and (row["detector_id"] == NO_NUMBER).all() and not row["frame_index"].any()


def test_the_numbering_is_known_where_the_column_says_it() -> None:
    numbering = {
        n: set(samples.whole(samples.path(n), "event_info").tables["particles"]["numbering"].tolist())
        for n in ("hdf5/geamon.h5", samples.MUONS)
    }
    assert numbering == {"hdf5/geamon.h5": {2}, samples.MUONS: {0}}


def test_columns_of_calibrated_hits_have_a_table_beside_them(tmp_path: Path) -> None:
    def calibrate(file: h5py.File) -> None:
        count = len(file["hits/time"])
        for n, column in enumerate(("pos_x", "pos_y", "pos_z", "dir_x", "dir_y", "dir_z", "t0", "du", "floor")):
            file.create_dataset(f"hits/{column}", data=np.arange(count) % 100 + n / 8 * (column not in ("du", "floor")))

    batch = samples.whole(samples.changed(tmp_path, samples.SMALL, calibrate), "hits")
    assert batch.problems() == []
    assert batch.offsets["calibrations"].tolist() == batch.offsets["hits"].tolist()
    found = batch.tables["calibrations"]
    assert (found["x"][5], found["dz"][5], found["t0_ns"][5], found["line"][5], found["floor"][7]) == (5.0, 5.625, 5.75, 5, 7)
    assert (found["pmt_id"] == NO_NUMBER).all()


# --- other layouts ---------------------------------------------------------------------------------------------------


def test_a_column_that_every_version_has_must_be_there(tmp_path: Path) -> None:
    def remove(file: h5py.File) -> None:
        del file["hits/tot"]

    with pytest.raises(UnknownLayoutError, match="Column 'tot' of 'hits' is missing"):
        SOURCE.describe(samples.changed(tmp_path, samples.SMALL, remove))


def test_a_column_that_no_map_declares_is_noted(tmp_path: Path) -> None:
    entry = SOURCE.describe(samples.changed(tmp_path, samples.SMALL, lambda file: file.create_dataset("hits/colour", data=np.zeros(1078))))
    assert "column 'colour' of 'hits' is not archived: no map declares it" in entry.notes


def test_hits_without_events_are_refused(tmp_path: Path) -> None:
    def remove(file: h5py.File) -> None:
        del file["event_info"]

    with pytest.raises(UnknownLayoutError, match="Data sets without 'event_info' belong to no event"):
        SOURCE.describe(samples.changed(tmp_path, samples.SMALL, remove))


def test_a_data_set_without_key_is_refused(tmp_path: Path) -> None:
    def remove(file: h5py.File) -> None:
        rows = file["mc_tracks"][:]
        samples.retable(
            file,
            "mc_tracks",
            rows[[n for n in rows.dtype.names if n != "group_id"]].astype([(n, "f8") for n in rows.dtype.names if n != "group_id"]),
        )

    with pytest.raises(UnknownLayoutError, match="no column that joins it"):
        SOURCE.describe(samples.changed(tmp_path, samples.MUONS, remove))


# --- damage ----------------------------------------------------------------------------------------------------------


def test_a_spoilt_chunk_of_hits_loses_the_events_that_own_a_row_of_it(tmp_path: Path) -> None:
    name = "hdf5/atmospheric_muons_sample.h5"
    url = samples.changed(tmp_path, name, lambda _: None)
    low, high = samples.spoil(url, "hits/tot", 100)
    with h5py.File(samples.path(name)) as file:
        index = file["hits/_indices"][:]
    touched = np.flatnonzero((index["index"] < high) & (index["index"] + index["n_items"] > low))
    entry = SOURCE.describe(url)
    batches, lost = samples.salvage(entry, "hits")
    assert lost == [(touched[0], touched[-1] + 1)]
    whole = samples.whole(samples.path(name), "hits")
    same(concatenate(batches), concatenate([cut(whole, 0, touched[0]), cut(whole, touched[-1] + 1, 500)]))


def test_a_spoilt_chunk_of_particles_loses_the_events_that_may_have_lost_some(tmp_path: Path) -> None:
    url = samples.changed(tmp_path, samples.OLD, lambda _: None)
    low, high = samples.spoil(url, "mc_tracks", 3)
    with h5py.File(samples.path(samples.OLD)) as file:
        keys = file["mc_tracks"]["event_id"]
    # The events on either side of the gap may go on in it.
    touched = np.unique(keys[low - 1 : high + 1])
    batches, lost = samples.salvage(SOURCE.describe(url), "event_info")
    assert lost == [(touched[0], touched[-1] + 1)]
    whole = samples.whole(samples.path(samples.OLD), "event_info")
    same(concatenate(batches), concatenate([cut(whole, 0, touched[0]), cut(whole, touched[-1] + 1, 3484)]))


def indices(row: int, column: str, value: int) -> Callable[[h5py.File], None]:
    return samples.assign("hits/_indices", row, column, value)


def put(name: str, row: int | slice, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[name][row] = value

    return change


CONTRADICTIONS = {
    "rows outside the columns": (indices(9, "n_items", 5000), "hits", (9, 10), "not known which rows"),
    "a negative number of rows": (indices(3, "n_items", -1), "hits", (3, 4), "not known which rows"),
    "a first row before the columns": (indices(3, "index", -5), "hits", (3, 4), "not known which rows"),
    "overlapping events": (indices(3, "index", 200), "hits", (3, 4), "row of 'hits' is of another event"),
    "a hit of another event": (put("hits/group_id", 110, 7), "hits", (1, 2), "row of 'hits' is of another event"),
    "a channel beyond a byte": (put("hits/channel_id", 300, 256), "hits", (3, 4), "value of 'hits' does not fit"),
    "a negative time over threshold": (put("hits/tot", slice(300, 302), -1), "hits", (3, 4), "value of 'hits' does not fit"),
    "a negative mask": (put("hits/triggered", 0, -1), "hits", (0, 1), "value of 'hits' does not fit"),
    "a negative frame": (samples.assign("event_info", 6, "frame_index", -1), "hits", (6, 7), "value of event_info does not fit"),
    "a second of a billion nanoseconds": (samples.assign("event_info", 2, "nanoseconds", 10**9), "hits", (2, 3), "time is none"),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_a_contradiction_loses_the_events_that_it_touches(tmp_path: Path, what: str) -> None:
    change, tree, lost, words = CONTRADICTIONS[what]
    entry = SOURCE.describe(samples.changed(tmp_path, samples.SMALL, change))
    with pytest.raises(CorruptFileError, match=words) as caught:
        list(SOURCE.read(entry, tree, 0, 10))
    assert (caught.value.tree, caught.value.start, caught.value.stop) == (tree, *lost)
    batches, all_lost = samples.salvage(entry, tree)
    assert all_lost == [lost]
    whole = samples.whole(samples.path(samples.SMALL), tree)
    kept = [cut(whole, a, b) for a, b in ((0, lost[0]), (lost[1], 10)) if a < b]
    same(concatenate(batches), concatenate(kept))


def test_particles_of_one_event_in_two_places_are_not_believed(tmp_path: Path) -> None:
    entry = SOURCE.describe(samples.changed(tmp_path, samples.MUONS, samples.assign("mc_tracks", 13, "group_id", 2)))
    _, lost = samples.salvage(entry, "event_info")
    assert lost == [(2, 3)]


def test_rows_of_nobody_are_noted(tmp_path: Path) -> None:
    entry = SOURCE.describe(samples.changed(tmp_path, samples.SMALL, indices(9, "n_items", 60)))
    assert "4 rows of 'hits' belong to no event, and are not archived" in entry.notes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (samples.assign("event_info", 4, "group_id", 3), "Two rows of event_info have the same group_id"),
        (samples.assign("event_info", 4, "run_id", -3), "run number does not fit"),
        (lambda file: file["hits/tot"].resize((1000,)), "Columns of a group differ in length"),
    ],
)
def test_flaws_of_the_whole_file_are_reported_at_once(tmp_path: Path, change: Callable[[h5py.File], None], words: str) -> None:
    with pytest.raises(CorruptFileError, match=words):
        SOURCE.describe(samples.changed(tmp_path, samples.SMALL, change))


def test_a_subset_of_groups_is_joined_by_their_numbers(tmp_path: Path) -> None:
    def keep(file: h5py.File) -> None:
        samples.retable(file, "event_info", file["event_info"][:][[7, 2, 5]])

    url = samples.changed(tmp_path, samples.SMALL, keep)
    whole = samples.whole(samples.path(samples.SMALL), "hits")
    expected = concatenate([cut(whole, n, n + 1) for n in (7, 2, 5)])
    expected.tables["events"]["source_entry"][:] = [0, 1, 2]
    same(samples.whole(url, "hits"), expected)
