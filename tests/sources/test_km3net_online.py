"""Values of every real DAQ file against an independent decode, and what happens to files that are not as they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antdask.errors import InputChangedError, UnknownFormatError, UnknownLayoutError, UnknownNameError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch, concatenate
from antdask.sources import km3net_online, recognise
from antdask.sources.km3net_online import SOURCE
from tests.sources.online_samples import DATA, EVENTS_AND_SUMMARY, L1, ONLINE, SN, SUMMARYSLICE, TREES, decode


def read(path: Path, tree: str, start: int, stop: int) -> Batch:
    return concatenate(list(SOURCE.read(SOURCE.describe(str(path)), tree, start, stop)))


@pytest.mark.parametrize(("name", "tree", "entries", "detector", "run"), TREES, ids=[f"{t[0]}-{t[1]}" for t in TREES])
def test_every_value_of_a_real_file_equals_an_independent_decode(name: str, tree: str, entries: int, detector: int, run: int) -> None:
    batch = read(ONLINE / name, tree, 0, entries)
    assert batch.problems() == []
    tables, counts = decode(ONLINE / name, tree)
    assert {t: set(c) for t, c in batch.tables.items()} == {t: set(c) for t, c in tables.items()}
    for table, columns in tables.items():
        for column, values in columns.items():
            found = batch.tables[table][column]
            expected = np.array(values, found.dtype).reshape(found.shape)
            np.testing.assert_array_equal(found, expected, err_msg=f"{table}/{column}")
    for table, number in counts.items():
        np.testing.assert_array_equal(np.diff(batch.offsets[table]), number, err_msg=table)
    assert set(batch.tables[batch.schema.rows.name]["detector_id"]) == {detector}
    assert set(batch.tables[batch.schema.rows.name]["run"]) == {run}


def test_a_description_names_every_tree_with_entries_as_one_segment_of_its_run() -> None:
    for name in {t[0] for t in TREES}:
        entry = SOURCE.describe(str(ONLINE / name))
        expected = {(t[1], 0, t[2], RunKey(f"km3net-{t[3]}{'-simulated' * (t[3] == 133)}", t[4])) for t in TREES if t[0] == name}
        *data, told = entry.segments
        assert {(s.tree, s.start, s.stop, s.run) for s in data} == expected
        assert (told.stream, told.tree, told.run) == ("headers", "provenance", data[0].run)
        assert entry.nbytes == (ONLINE / name).stat().st_size
        assert entry.format == entry.origin == "km3net_online"


def test_the_first_l1_slice_has_453_frames_and_167499_hits() -> None:
    batch = read(ONLINE / L1, "KM3NET_TIMESLICE_L1", 0, 1)
    assert batch.length("frames") == 453
    assert batch.length("hits") == 167_499


def test_an_empty_vector_of_frames_is_a_slice_without_frames() -> None:
    batch = read(ONLINE / SN, "KM3NET_TIMESLICE_SN", 0, 2)
    assert batch.tables["slices"]["n_frames"].tolist() == [0, 453]


def test_the_clock_status_of_frames_is_their_own() -> None:
    batch = read(ONLINE / L1, "KM3NET_TIMESLICE_L1", 0, 1)
    assert batch.tables["slices"]["clock_status"].tolist() == [0]
    assert batch.tables["frames"]["clock_status"].sum() == 9


def test_every_triggered_hit_of_the_real_files_stands_in_the_snapshot() -> None:
    batch = read(ONLINE / "muon_cc_daqevents.root", "KM3NET_EVENT", 0, 250)
    assert batch.tables["triggered_hits"]["hit_index"].min() == 0
    assert batch.tables["hits"]["triggered"].sum() == batch.length("triggered_hits") == 141_244


def test_nbytes_of_segments_add_up_to_the_uncompressed_size() -> None:
    segment, _ = SOURCE.describe(str(ONLINE / L1)).segments
    assert 3_117_900 <= segment.nbytes <= 3_125_000


def test_notes_tell_what_is_empty_and_what_is_not_archived() -> None:
    notes = SOURCE.describe(str(ONLINE / "km3net_online.root")).notes
    assert "tree 'KM3NET_TIMESLICE_L0' is empty" in notes
    assert "tree 'E' is empty" in notes
    assert not any("META" in note or "JTriggerParameters" in note for note in notes)


def test_the_layout_tells_split_headers_from_unsplit_ones() -> None:
    assert SOURCE.describe(str(ONLINE / "km3net_online.root")).layout == "split+unsplit"
    assert SOURCE.describe(str(ONLINE / SUMMARYSLICE)).layout == "unsplit"


def test_batches_do_not_change_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SOURCE.describe(str(ONLINE / EVENTS_AND_SUMMARY))
    whole = read(ONLINE / EVENTS_AND_SUMMARY, "KM3NET_SUMMARYSLICE", 0, 13)
    monkeypatch.setattr(km3net_online, "BATCH_BYTES", 60_000)
    batches = list(SOURCE.read(entry, "KM3NET_SUMMARYSLICE", 0, 13))
    assert len(batches) > 3
    again = concatenate(batches)
    for table, columns in whole.tables.items():
        for column, values in columns.items():
            np.testing.assert_array_equal(values, again.tables[table][column])


def test_frames_that_root_streamed_object_by_object_are_read() -> None:
    batch = read(DATA / "object_wise.root", "KM3NET_TIMESLICE_L1", 0, 6)
    frames = [(entry, k) for entry in range(6) for k in range(entry)]
    hits = [(entry, i) for entry, k in frames for i in range(3 * k)]
    slices = batch.tables["slices"]
    assert slices["n_frames"].tolist() == [0, 1, 2, 3, 4, 5]
    assert slices["frame_index"].tolist() == [100, 101, 102, 103, 104, 105]
    assert slices["utc_ns"].tolist() == [(1_600_000_000 + e) * 10**9 + 100_000_000 * e for e in range(6)]
    assert batch.tables["frames"]["dom_id"].tolist() == [808_000_000 + k for _, k in frames]
    assert batch.tables["frames"]["status"].tolist() == [2**31 + k for _, k in frames]
    assert batch.tables["frames"]["clock_status"].tolist() == [int(k == 1) for _, k in frames]
    assert batch.tables["frames"]["frame_length"].tolist() == [56 + 18 * k for _, k in frames]
    assert np.diff(batch.offsets["hits"]).tolist() == [3 * k for _, k in frames]
    assert batch.tables["hits"]["channel_id"].tolist() == [i % 31 for _, i in hits]
    assert batch.tables["hits"]["tdc"].tolist() == [1_000_000 * entry + 17 * i for entry, i in hits]
    assert batch.tables["hits"]["tot"].tolist() == [20 + i for _, i in hits]


def test_only_the_signature_of_root_is_recognised(tmp_path: Path) -> None:
    assert recognise(str(ONLINE / L1)) is SOURCE
    other = tmp_path / "x.root"
    other.write_bytes(b"ROOT but not quite" * 10)
    with pytest.raises(UnknownFormatError, match="first bytes"):
        recognise(str(other))


def test_a_root_file_without_daq_trees_is_an_unknown_layout_that_lists_its_trees() -> None:
    with pytest.raises(UnknownLayoutError, match="found t"):
        SOURCE.describe(str(DATA / "codec_zlib.root"))


def test_a_tree_that_is_not_archived_cannot_be_read() -> None:
    entry = SOURCE.describe(str(ONLINE / "km3net_online.root"))
    with pytest.raises(UnknownNameError, match="KM3NET_EVENT"):
        list(SOURCE.read(entry, "E", 0, 0))


def test_more_entries_than_the_tree_has_mean_that_the_file_changed() -> None:
    entry = SOURCE.describe(str(ONLINE / L1))
    with pytest.raises(InputChangedError, match="3 entries"):
        list(SOURCE.read(entry, "KM3NET_TIMESLICE_L1", 0, 4))


def test_an_empty_range_gives_no_batch() -> None:
    entry = SOURCE.describe(str(ONLINE / L1))
    assert list(SOURCE.read(entry, "KM3NET_TIMESLICE_L1", 2, 2)) == []
