"""The source as a whole: what it recognises, describes, reads, refuses and salvages."""

from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from km3net_testdata import data_path

from antdask.errors import CorruptFileError, InputMissingError, UnknownLayoutError, UnknownNameError, UsageError
from antdask.model.keys import RunKey
from antdask.model.ragged import concatenate, cut
from antdask.plan import FileEntry
from antdask.protocols import Source
from antdask.sources.seatray_hdf5 import SOURCE
from tests.sources.seatray_samples import FITS, INDEX, PULSES, REAL, USED, assign, changed, retable, salvage, same, spoil, whole

ENTRY = SOURCE.describe(REAL)
ENTRIES = {PULSES: 81, FITS: 23}
WHOLE = {tree: whole(REAL, tree) for tree in ENTRIES}


def test_it_is_a_source_that_survives_pickling() -> None:
    assert isinstance(SOURCE, Source)
    copy = pickle.loads(pickle.dumps(SOURCE))
    same(next(copy.read(ENTRY, PULSES, 0, 81)), WHOLE[PULSES])


def test_it_recognises_hdf5_with_a_seatray_index_only(tmp_path: Path) -> None:
    other = data_path("hdf5/raw_header.h5")
    for url, answer in ((REAL, True), (other, False), (data_path("online/km3net_online.root"), False)):
        assert SOURCE.sniff(url, Path(url).read_bytes()[:64]) is answer
    torn = tmp_path / "torn.h5"
    torn.write_bytes(Path(REAL).read_bytes()[:5000])
    assert SOURCE.sniff(str(torn), torn.read_bytes()[:64]), "so that the user hears of the damage, not of an unknown format"


def test_the_real_file_is_described_by_its_run_and_entries() -> None:
    assert [(s.stream, s.tree, s.run, s.start, s.stop) for s in ENTRY.segments] == [
        ("events", PULSES, RunKey("antares", 45978), 0, 81),
        ("reco", FITS, RunKey("antares", 45978), 0, 23),
    ]
    assert (ENTRY.format, ENTRY.layout, ENTRY.origin, ENTRY.nbytes, ENTRY.notes) == (
        "seatray_hdf5",
        "seatray_hdf5_3",
        "seatray",
        305_514,
        (),
    )
    # Records without padding: 52 bytes a pulse, 29 an index row, 201 a fit.
    assert [s.nbytes for s in ENTRY.segments] == [13_556 * 52 + 81 * 29, 23 * 201 + 618 * 52]


@pytest.mark.parametrize("tree", ENTRIES)
def test_batches_are_sound_and_of_the_real_length(tree: str) -> None:
    assert WHOLE[tree].problems() == []
    assert WHOLE[tree].rows == ENTRIES[tree]


@given(st.data())
def test_reading_in_two_pieces_equals_reading_at_once(data: st.DataObject) -> None:
    tree = data.draw(st.sampled_from(sorted(ENTRIES)))
    a, b, c = sorted(data.draw(st.lists(st.integers(0, ENTRIES[tree]), min_size=3, max_size=3)))
    pieces = [*SOURCE.read(ENTRY, tree, a, b), *SOURCE.read(ENTRY, tree, b, c)]
    if a == c:
        assert pieces == []
    else:
        same(concatenate(pieces), cut(WHOLE[tree], a, c))


def test_small_batches_hold_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antdask.sources.seatray_hdf5.BATCH_ROWS", 300)
    monkeypatch.setattr("antdask.sources.hdf5_table.SLICE_ROWS", 70)
    for tree, entries in ENTRIES.items():
        batches = list(SOURCE.read(ENTRY, tree, 0, entries))
        assert len(batches) > 3
        same(concatenate(batches), WHOLE[tree])


def test_a_file_url_reads_like_a_path() -> None:
    entry = SOURCE.describe(f"file://{REAL}")
    assert entry.segments == ENTRY.segments
    same(next(SOURCE.read(entry, FITS, 0, 23)), WHOLE[FITS])


def test_unknown_trees_and_entries_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'CalibratedPulses'"):
        next(SOURCE.read(ENTRY, "CalibratedPulse", 0, 1))
    with pytest.raises(UsageError, match=r"expected 0:81, found 80:90"):
        next(SOURCE.read(ENTRY, PULSES, 80, 90))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match=r"nowhere\.h5"):
        SOURCE.describe(str(tmp_path / "nowhere.h5"))


# --- other layouts ---------------------------------------------------------------------------------------------------


def test_data_sets_that_no_map_declares_are_noted(tmp_path: Path) -> None:
    def add_fit(file: h5py.File) -> None:
        file.create_dataset("BBFitTrack", data=file[FITS][:])
        file.create_dataset(INDEX + "BBFitTrack", data=file[INDEX + FITS][:])

    entry = SOURCE.describe(changed(tmp_path, add_fit))
    assert entry.segments == ENTRY.segments
    assert entry.notes == tuple(f"data set '{n}' is not archived: no map declares it" for n in ("BBFitTrack", INDEX + "BBFitTrack"))


def test_a_file_without_a_known_table_says_what_it_holds(tmp_path: Path) -> None:
    def rename(file: h5py.File) -> None:
        for name in (PULSES, FITS):
            file.move(name, f"My{name}")

    with pytest.raises(UnknownLayoutError, match=f"expected CalibratedPulses or AafitFinalFit, found .*My{FITS}, My{PULSES}"):
        SOURCE.describe(changed(tmp_path, rename))


def test_a_file_with_pulses_alone_is_archived(tmp_path: Path) -> None:
    def remove(file: h5py.File) -> None:
        del file[FITS]

    entry = SOURCE.describe(changed(tmp_path, remove))
    assert [s.tree for s in entry.segments] == [PULSES]


@pytest.mark.parametrize("name", [USED, INDEX + USED, INDEX + PULSES])
def test_a_table_without_its_companions_is_refused(tmp_path: Path, name: str) -> None:
    def remove(file: h5py.File) -> None:
        del file[name]

    with pytest.raises(UnknownLayoutError, match=f"'{name}' is missing"):
        SOURCE.describe(changed(tmp_path, remove))


def test_other_columns_are_named(tmp_path: Path) -> None:
    def rename(file: h5py.File) -> None:
        rows = file[PULSES][:]
        rows.dtype.names = tuple({"charge": "amplitude", "width": "duration"}.get(n, n) for n in rows.dtype.names)
        retable(file, PULSES, rows)

    with pytest.raises(UnknownLayoutError, match="missing: charge, width; extra: amplitude, duration"):
        SOURCE.describe(changed(tmp_path, rename))


def test_another_dtype_is_refused(tmp_path: Path) -> None:
    def narrow(file: h5py.File) -> None:
        rows = file[PULSES][:]
        dtype = [(n, "f4" if n == "time" else rows.dtype[n]) for n in rows.dtype.names]
        retable(file, PULSES, rows.astype(dtype))

    with pytest.raises(UnknownLayoutError, match=r"'time' has another dtype than in the map.*expected float64, found float32"):
        SOURCE.describe(changed(tmp_path, narrow))


def test_another_unit_is_refused(tmp_path: Path) -> None:
    def micro(file: h5py.File) -> None:
        file[PULSES].attrs["FIELD_7_UNIT"] = b"us"

    with pytest.raises(UnknownLayoutError, match=r"unit of column 'time' differs from the map.*expected 'ns', found 'us'"):
        SOURCE.describe(changed(tmp_path, micro))


def test_another_table_version_is_refused(tmp_path: Path) -> None:
    def age(file: h5py.File) -> None:
        file[FITS].attrs["VERSION"] = b"2.0"

    with pytest.raises(UnknownLayoutError, match=r"Attribute 'VERSION' differs from the map.*expected 3\.0, found 2\.0"):
        SOURCE.describe(changed(tmp_path, age))


def test_big_endian_tables_give_the_same_values(tmp_path: Path) -> None:
    def swap(file: h5py.File) -> None:
        for name in (PULSES, FITS, USED, INDEX + PULSES, INDEX + FITS, INDEX + USED):
            rows = file[name][:]
            retable(file, name, rows.astype([(n, rows.dtype[n].newbyteorder(">")) for n in rows.dtype.names]))

    url = changed(tmp_path, swap)
    for tree, batch in WHOLE.items():
        same(whole(url, tree), batch)


def test_empty_tables_give_no_segment_and_a_note(tmp_path: Path) -> None:
    def empty(file: h5py.File) -> None:
        for name in (PULSES, FITS, USED, INDEX + PULSES, INDEX + FITS, INDEX + USED):
            retable(file, name, file[name][:0])

    entry = SOURCE.describe(changed(tmp_path, empty))
    assert entry.segments == ()
    assert entry.notes == (f"table '{PULSES}' is empty", f"table '{FITS}' is empty")


def test_two_runs_give_a_segment_each(tmp_path: Path) -> None:
    def split(file: h5py.File) -> None:
        index = file[INDEX + PULSES][:]
        rows = file[PULSES][:]
        index["Run"][50:] = 45979
        rows["Run"][int(index["start"][50]) :] = 45979
        file[PULSES][:], file[INDEX + PULSES][:] = rows, index

    url = changed(tmp_path, split)
    assert [(s.run.run, s.start, s.stop) for s in SOURCE.describe(url).segments if s.tree == PULSES] == [(45978, 0, 50), (45979, 50, 81)]
    assert np.unique(whole(url, PULSES).tables["events"]["run"]).tolist() == [45978, 45979]


# --- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", sorted(np.random.default_rng(45978).integers(0, 305_513, 30).tolist()))
def test_a_truncated_file_is_corrupt_at_every_length(tmp_path: Path, size: int) -> None:
    torn = tmp_path / "torn.h5"
    torn.write_bytes(Path(REAL).read_bytes()[:size])
    with pytest.raises(CorruptFileError, match=r"torn\.h5"):
        SOURCE.describe(str(torn))


@pytest.mark.parametrize("chunk", [0, 4, 10])
def test_a_spoilt_chunk_of_pulses_loses_the_events_that_it_touches_and_no_other(tmp_path: Path, chunk: int) -> None:
    url = changed(tmp_path, lambda _: None)
    low, high = spoil(url, PULSES, chunk)
    with h5py.File(REAL) as file:
        index = file[INDEX + PULSES][:]
    touched = np.flatnonzero((index["start"] < high) & (index["stop"] > low))
    batches, lost = salvage(SOURCE.describe(url), PULSES)
    assert lost == [(touched[0], touched[-1] + 1)]
    kept = [cut(WHOLE[PULSES], a, b) for a, b in ((0, touched[0]), (touched[-1] + 1, 81)) if a < b]
    same(concatenate(batches), concatenate(kept))


def test_a_spoilt_chunk_says_which_rows_and_why(tmp_path: Path) -> None:
    url = changed(tmp_path, lambda _: None)
    low, high = spoil(url, PULSES, 4)
    with pytest.raises(
        CorruptFileError, match=f"Rows cannot be read.*Rows {low}:{high} of 'CalibratedPulses' cannot be read: .*filter returned failure"
    ) as caught:
        list(SOURCE.read(SOURCE.describe(url), PULSES, 0, 81))
    assert isinstance(caught.value.__cause__, CorruptFileError)


def test_spoilt_fits_leave_the_events_alone(tmp_path: Path) -> None:
    url = changed(tmp_path, lambda _: None)
    spoil(url, FITS, 0)
    entry = SOURCE.describe(url)
    assert salvage(entry, FITS) == ([], [(0, 23)])
    same(concatenate(salvage(entry, PULSES)[0]), WHOLE[PULSES])


def test_spoilt_used_hits_lose_the_fits_that_have_some(tmp_path: Path) -> None:
    url = changed(tmp_path, lambda _: None)
    spoil(url, USED, 0)
    batches, lost = salvage(SOURCE.describe(url), FITS)
    present = WHOLE[FITS].tables["tracks"]["exists"]
    assert [n for a, b in lost for n in range(a, b)] == np.flatnonzero(present).tolist()
    assert concatenate(batches).tables["tracks"]["frame_index"].tolist() == [2, 3, 10, 12]


def test_a_spoilt_index_is_reported_at_once(tmp_path: Path) -> None:
    url = changed(tmp_path, lambda _: None)
    spoil(url, INDEX + PULSES, 0)
    with pytest.raises(CorruptFileError, match="row index is lost"):
        SOURCE.describe(url)


def test_a_chunk_that_the_file_does_not_hold_is_not_read_as_zeros(tmp_path: Path) -> None:
    def lengthen(file: h5py.File) -> None:
        file[PULSES].resize((13_556 + 5_000,))
        index = file[INDEX + PULSES][:]
        index["stop"][80] += 5_000
        file[INDEX + PULSES][:] = index

    batches, lost = salvage(SOURCE.describe(changed(tmp_path, lengthen)), PULSES)
    assert lost == [(80, 81)]
    same(concatenate(batches), cut(WHOLE[PULSES], 0, 80))


@pytest.mark.parametrize("seed", range(25))
def test_random_damage_gives_intact_values_or_an_error(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(Path(REAL).read_bytes())
    for place in rng.integers(0, len(data), 6):
        data[place] = rng.integers(256)
    path = tmp_path / "damaged.h5"
    path.write_bytes(bytes(data))
    try:
        entry = SOURCE.describe(str(path))
    except (CorruptFileError, UnknownLayoutError):
        return
    for tree in {s.tree for s in entry.segments}:
        _salvaged_equals_the_real_file(entry, tree)


def _salvaged_equals_the_real_file(entry: FileEntry, tree: str) -> None:
    batches, lost = salvage(entry, tree)
    assert sum(b.rows for b in batches) + sum(b - a for a, b in lost) == entry.entries(WHOLE[tree].stream)
    for batch in batches:
        first = int(batch.tables[batch.schema.rows.name]["source_entry"][0])
        same(batch, cut(WHOLE[tree], first, first + batch.rows))


# --- contradictions --------------------------------------------------------------------------------------------------

CONTRADICTIONS = {
    "rows outside the table": (assign(INDEX + PULSES, 80, "stop", 20_000), PULSES, (80, 81), "rows outside the table"),
    "rows backwards": (assign(INDEX + PULSES, 5, "start", 20_000), PULSES, (5, 6), "rows outside the table, or backwards"),
    "overlapping events": (assign(INDEX + PULSES, 7, "start", 1000), PULSES, (6, 8), "same rows to two events"),
    "rows of nobody": (assign(INDEX + PULSES, 7, "stop", 1200), PULSES, (7, 9), "leaves out rows"),
    "another run in the data": (assign(PULSES, slice(200, 290), "Run", 45979), PULSES, (1, 2), "another run or event"),
    "another event in the data": (assign(PULSES, 0, "Event", 3), PULSES, (0, 1), "another run or event"),
    "another run in the index": (assign(INDEX + PULSES, 80, "Run", 1), PULSES, (80, 81), "another run or event"),
    "a pulse that does not exist": (assign(PULSES, 300, "exists", 0), PULSES, (2, 3), "another run or event"),
    "two counters in one event": (assign(PULSES, 150, "TriggerCounter", 57188), PULSES, (1, 2), "changes inside one event"),
    "another counter in the index": (assign(INDEX + PULSES, 3, "TriggerCounter", 57188), PULSES, (3, 4), "changes inside one event"),
    "a negative line": (assign(PULSES, 140, "string", -1), PULSES, (1, 2), "does not fit the field"),
    "an event with rows that does not exist": (assign(INDEX + PULSES, 9, "exists", 0), PULSES, (9, 10), "does not exist"),
    "a fit at another row": (assign(INDEX + FITS, 2, "start", 1), FITS, (2, 3), "row of its own number"),
    "a fit of another event": (assign(FITS, 3, "Event", 6), FITS, (3, 4), "another run or event"),
    "a fit that does not exist": (assign(FITS, 3, "exists", 0), FITS, (3, 4), "another run or event"),
    "a fit of another counter than its hits": (assign(FITS, 2, "TriggerCounter", 1), FITS, (2, 3), "do not match"),
    "used hits of two counters": (assign(USED, 5, "TriggerCounter", 1), FITS, (2, 3), "changes inside one event"),
    "used hits of another event": (assign(USED, 5, "Event", 9), FITS, (2, 3), "another run or event"),
    "overlapping used hits": (assign(INDEX + USED, 3, "start", 17), FITS, (2, 4), "same rows to two events"),
    "used hits in a frame without fits": (assign(INDEX + USED, 2, "Event", 99), FITS, (2, 3), "do not match"),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_a_contradiction_loses_the_entries_that_it_touches(tmp_path: Path, what: str) -> None:
    change, tree, lost, words = CONTRADICTIONS[what]
    entry = SOURCE.describe(changed(tmp_path, change))
    with pytest.raises(CorruptFileError, match=words) as caught:
        list(SOURCE.read(entry, tree, 0, ENTRIES[tree]))
    assert (caught.value.tree, caught.value.start, caught.value.stop) == (tree, *lost)
    batches, all_lost = salvage(entry, tree)
    assert all_lost == [lost]
    kept = [cut(WHOLE[tree], a, b) for a, b in ((0, lost[0]), (lost[1], ENTRIES[tree])) if a < b]
    same(concatenate(batches), concatenate(kept))


def test_fits_and_index_of_different_length_lose_the_rows_too_many(tmp_path: Path) -> None:
    entry = SOURCE.describe(changed(tmp_path, lambda file: retable(file, INDEX + FITS, file[INDEX + FITS][:20])))
    assert entry.entries("reco") == 23
    batches, lost = salvage(entry, FITS)
    assert lost[-1] == (20, 23) or lost == [(19, 23)]
    assert concatenate(batches).rows == 23 - sum(b - a for a, b in lost)


def test_an_empty_index_beside_a_full_table_is_corrupt(tmp_path: Path) -> None:
    for name in (PULSES, FITS, USED):
        url = changed(tmp_path, lambda file, name=name: retable(file, INDEX + name, file[INDEX + name][:0]))
        with pytest.raises(CorruptFileError, match="row index is empty"):
            SOURCE.describe(url)
