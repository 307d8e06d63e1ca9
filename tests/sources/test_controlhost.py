"""Dumps of DAQ records as a source: what it recognises and describes, and what it salvages from damage."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from km3net_testdata import data_path

from antdask.errors import CorruptFileError, InputChangedError, UnknownLayoutError, UnknownNameError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch, concatenate, cut
from antdask.plan import FileEntry
from antdask.sources import recognise
from antdask.sources.controlhost import SOURCE
from tests.sources import controlhost_samples as samples
from tests.sources.seatray_samples import same


def written(folder: Path, data: bytes) -> str:
    path = folder / "some.dat"
    path.write_bytes(data)
    return str(path)


def data_of(name: str) -> bytes:
    return Path(samples.path(name)).read_bytes()


def salvage(entry: FileEntry, tree: str) -> tuple[list[Batch], list[tuple[int, int]]]:
    """Intact batches in order and the stretches that are lost, read the way the pipeline reads."""
    stop = sum(s.stop - s.start for s in entry.segments if s.tree == tree)
    batches, lost, position = [], [], 0
    while position < stop:
        try:
            for batch in SOURCE.read(entry, tree, position, stop):
                batches.append(batch)
                position += batch.rows
        except CorruptFileError as error:
            assert error.start == position and error.stop is not None
            lost.append((error.start, error.stop))
            position = error.stop
    return batches, lost


@pytest.mark.parametrize("name", samples.FILES)
def test_a_file_is_described_by_its_records(name: str) -> None:
    legacy, tree, stream, records, detector, run = samples.FILES[name]
    assert recognise(samples.path(name)) is SOURCE
    entry = SOURCE.describe(samples.path(name))
    (segment,) = entry.segments
    assert (segment.stream, segment.tree, segment.run) == (stream, tree, RunKey(f"km3net-{detector}", run))
    assert (segment.start, segment.stop, segment.nbytes, entry.notes) == (0, records, entry.nbytes, ())
    assert entry.layout == ("controlhost_legacy" if legacy else "controlhost")
    assert entry.origin == ("controlhost_legacy" if name == "IO_SUM_legacy" else "controlhost")


@pytest.mark.parametrize("name", ["daq/IO_MONIT.dat", "daq/clb.dqd", "evt/KM3Sim.evt", "online/km3net_online.root", "gibuu/neutrino_initialized_energyFlux.dat"])  # fmt: skip
def test_other_files_are_left_to_others(name: str) -> None:
    assert not SOURCE.sniff(name, Path(data_path(name)).read_bytes()[:1024])


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_reading_in_two_pieces_equals_reading_at_once(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["IO_EVT_legacy", "IO_SUM_legacy", "IO_TSL1_1003"]))
    _, tree, _, records, *_ = samples.FILES[name]
    entry = SOURCE.describe(samples.path(name))
    a, b, c = sorted(data.draw(st.lists(st.integers(0, records), min_size=3, max_size=3)))
    pieces = [*SOURCE.read(entry, tree, a, b), *SOURCE.read(entry, tree, b, c)]
    if a < c:
        same(concatenate(pieces), cut(next(SOURCE.read(entry, tree, 0, records)), a, c))
    else:
        assert pieces == []


def test_small_batches_hold_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antdask.sources.controlhost.BATCH_BYTES", 3000)
    entry = SOURCE.describe(samples.path("IO_EVT_legacy"))
    batches = list(SOURCE.read(entry, "IO_EVT", 0, 38))
    monkeypatch.undo()
    assert len(batches) > 3
    same(concatenate(batches), next(SOURCE.read(entry, "IO_EVT", 0, 38)))


def test_records_of_several_types_in_one_file_are_told_apart(tmp_path: Path) -> None:
    events, slices, sums = (data_of(n) for n in ("IO_EVT", "IO_TSSN", "IO_SUM"))
    first = struct.unpack_from("<i", events)[0]
    entry = SOURCE.describe(written(tmp_path, events[:first] + slices + events[first:] + sums))
    assert {s.tree: (s.start, s.stop) for s in entry.segments} == {"IO_EVT": (0, 3), "IO_SUM": (0, 3), "IO_TSSN": (0, 3)}
    for name, tree in (("IO_EVT", "IO_EVT"), ("IO_TSSN", "IO_TSSN"), ("IO_SUM", "IO_SUM")):
        same(next(SOURCE.read(entry, tree, 0, 3)), next(SOURCE.read(SOURCE.describe(samples.path(name)), tree, 0, 3)))


def test_runs_in_one_file_are_segments(tmp_path: Path) -> None:
    data = bytearray(data_of("IO_EVT"))
    start = struct.unpack_from("<i", data)[0]
    data[start + 14 : start + 18] = (6761).to_bytes(4, "little")
    entry = SOURCE.describe(written(tmp_path, bytes(data)))
    assert [(s.run.run, s.start, s.stop) for s in entry.segments] == [(6760, 0, 1), (6761, 1, 2), (6760, 2, 3)]


def test_old_summary_slices_beside_other_records_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownLayoutError, match=r"expected IO_SUM alone, found IO_SUM, IO_EVT|found .*IO_EVT"):
        SOURCE.describe(written(tmp_path, data_of("IO_SUM_legacy") + data_of("IO_EVT_legacy")))


def test_unknown_trees_and_records_are_refused() -> None:
    entry = SOURCE.describe(samples.path("IO_EVT"))
    with pytest.raises(UnknownNameError, match="Did you mean 'IO_EVT'"):
        next(SOURCE.read(entry, "IO_EVTS", 0, 1))
    with pytest.raises(InputChangedError, match="expected 0 to 4, found 3 records"):
        next(SOURCE.read(entry, "IO_EVT", 0, 4))


# --- damage ----------------------------------------------------------------------------------------------------------


def test_a_torn_end_loses_the_last_record_and_says_so(tmp_path: Path) -> None:
    entry = SOURCE.describe(written(tmp_path, data_of("IO_EVT_legacy")[:-5]))
    assert entry.notes == ("407 bytes from byte 14360 on are no record",)
    batches, lost = salvage(entry, "IO_EVT")
    assert lost == [(37, 38)]
    same(concatenate(batches), cut(next(SOURCE.read(SOURCE.describe(samples.path("IO_EVT_legacy")), "IO_EVT", 0, 38)), 0, 37))


def test_a_broken_length_loses_the_records_that_cannot_be_found(tmp_path: Path) -> None:
    data = bytearray(data_of("IO_EVT_legacy"))
    starts = [start for start, _ in samples.walk(bytes(data), True)]
    data[starts[7] + 3] = 0xFF
    entry = SOURCE.describe(written(tmp_path, bytes(data)))
    assert entry.notes == (f"{starts[8] - starts[7]} bytes from byte {starts[7]} on are no record",)
    batches, lost = salvage(entry, "IO_EVT")
    assert lost == [(7, 8)]
    whole = next(SOURCE.read(SOURCE.describe(samples.path("IO_EVT_legacy")), "IO_EVT", 0, 38))
    same(concatenate(batches), concatenate([cut(whole, 0, 7), cut(whole, 8, 38)]))


def test_a_run_below_zero_is_damage_and_no_run_of_its_own(tmp_path: Path) -> None:
    data = bytearray(data_of("IO_SUM"))
    data[struct.unpack_from("<i", data)[0] + 17] = 0x80
    entry = SOURCE.describe(written(tmp_path, bytes(data)))
    assert [(s.run.run, s.start, s.stop) for s in entry.segments] == [(6760, 0, 3)]
    assert salvage(entry, "IO_SUM")[1] == [(1, 2)]


def test_the_next_record_is_found_across_the_end_of_a_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(data_of("IO_SUM_legacy"))
    data[656 + 3] = 0xFF
    url = written(tmp_path, bytes(data))
    for window in range(600, 700, 7):
        monkeypatch.setattr("antdask.sources.controlhost._WINDOW", window)
        assert SOURCE.describe(url).notes == ("656 bytes from byte 656 on are no record",)


def test_a_broken_first_record_is_reported_at_once(tmp_path: Path) -> None:
    data = bytearray(data_of("IO_EVT"))
    data[52] = 0xFF
    with pytest.raises(CorruptFileError, match="first record does not follow the format"):
        SOURCE.describe(written(tmp_path, bytes(data)))


@pytest.mark.parametrize("seed", range(60))
def test_random_damage_gives_intact_values_or_an_error(tmp_path: Path, seed: int) -> None:
    """A flip in a hit or a mask cannot be noticed: such a record must differ from the true one in values only, all others not at all."""
    rng = np.random.default_rng(seed)
    name = list(samples.FILES)[seed % len(samples.FILES)]
    tree, records = samples.FILES[name][1], samples.FILES[name][3]
    data = bytearray(data_of(name))
    places = rng.integers(0, len(data), 3)
    data[places[0]] ^= 1 << int(rng.integers(8))
    for place in places[1:]:
        data[place] = int(rng.integers(256))
    starts = np.array([start for start, _ in samples.walk(data_of(name), samples.FILES[name][0])])
    touched = set((np.searchsorted(starts, places, "right") - 1).tolist())
    try:
        entry = SOURCE.describe(written(tmp_path, bytes(data)))
        whole = next(SOURCE.read(SOURCE.describe(samples.path(name)), tree, 0, records))
        found = [salvage(entry, t) for t in sorted({s.tree for s in entry.segments})]
    except (CorruptFileError, UnknownLayoutError):
        return
    rows = sum(b.rows for batches, _ in found for b in batches) + sum(b - a for _, lost in found for a, b in lost)
    assert rows == sum(s.stop - s.start for s in entry.segments)
    intact = [cut(whole, n, n + 1) for n in range(records) if n not in touched]
    kept = [cut(b, n, n + 1) for batches, _ in found for b in batches for n in range(b.rows) if b.stream == whole.stream]
    key = {tuple(b.tables[b.schema.rows.name][c][0] for c in ("frame_index", "utc_ns", "preamble_length")): b for b in kept}
    for record in intact:
        columns = record.tables[record.schema.rows.name]
        other = key.get(tuple(columns[c][0] for c in ("frame_index", "utc_ns", "preamble_length")))
        if other is not None:
            other.tables[record.schema.rows.name]["source_entry"][:] = columns["source_entry"]
            same(other, record)
