"""Damaged copies of real DAQ files: each read gives the sound values, or an error that names what is lost, and never anything else."""

from __future__ import annotations

import random
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import uproot

from antdask.errors import AntdaskError, CorruptFileError, InputError
from antdask.model.ragged import Batch, concatenate
from antdask.sources.km3net_online import SOURCE
from tests.sources.online_samples import EVENTS_AND_SUMMARY, L1, ONLINE, SUMMARYSLICE, TREES, find

#: Columns that come from bytes which a flip can reach in an uncompressed basket.
Values = dict[tuple[str, str, str], bytes]


def values(path: Path) -> Values:
    """Every column of every segment, as bytes."""
    entry = SOURCE.describe(str(path))
    found: Values = {}
    for s in entry.segments:
        batch = concatenate(list(SOURCE.read(entry, s.tree, s.start, s.stop)))
        assert batch.problems() == []
        found |= {(s.tree, t, c): v.tobytes() for t, columns in batch.tables.items() for c, v in columns.items()}
        found |= {(s.tree, t, "offsets"): o.tobytes() for t, o in batch.offsets.items()}
    return found


def unprotected(name: str) -> list[tuple[int, int]]:
    """Ranges of the payload of uncompressed baskets: ROOT keeps no checksum of them."""
    ranges = []
    with uproot.open(ONLINE / name) as file:
        for tree in (t[1] for t in TREES if t[0] == name):
            branches = [file[tree][key] for key in file[tree].keys(recursive=True, full_paths=True)]
            for branch in branches:
                for k in range(branch.num_baskets):
                    key = branch.basket_key(k)
                    if key.fNbytes - key.fKeylen == key.fObjlen:
                        ranges.append((key.fSeekKey + key.fKeylen, key.fSeekKey + key.fNbytes))
    return ranges


def flip(data: bytes, rng: random.Random) -> tuple[bytes, int]:
    place = rng.randrange(len(data))
    out = bytearray(data)
    out[place] ^= rng.randrange(1, 256)
    return bytes(out), place


def flips(name: str, seed: int, n: int, path: Path) -> None:
    """Flip one byte, `n` times: sound values, damage, or other values only where nothing protects the byte."""
    data, sound, open_ranges = (ONLINE / name).read_bytes(), values(ONLINE / name), unprotected(name)
    rng = random.Random(seed)
    outcomes = {"sound": 0, "damage": 0, "unprotected": 0}
    for _ in range(n):
        bad, place = flip(data, rng)
        path.write_bytes(bad)
        begin = time.monotonic()
        try:
            found = values(path)
        except AntdaskError as error:
            assert isinstance(error, InputError)
            outcomes["damage"] += 1
        else:
            same = found == sound
            assert same or any(a <= place < b for a, b in open_ranges), f"byte {place} changed values without a word"
            outcomes["sound" if same else "unprotected"] += 1
        assert time.monotonic() - begin < 10
    assert outcomes["damage"]
    # Of some files nearly every byte is archived.
    assert outcomes["sound"] + outcomes["unprotected"]


def test_any_flipped_byte_is_noticed_or_harmless_or_in_an_uncompressed_payload(tmp_path: Path) -> None:
    flips(SUMMARYSLICE, 11, 50, tmp_path / "x.root")


@pytest.mark.slow
@pytest.mark.parametrize("name", [SUMMARYSLICE, "KM3NeT_00000133_JDAQEvent.root", "km3net_online.root"])
def test_many_flipped_bytes_in_several_files(name: str, tmp_path: Path) -> None:
    flips(name, 12, 200, tmp_path / "x.root")


def test_damage_never_takes_more_memory_than_the_file_accounts_for(tmp_path: Path) -> None:
    """A large block of 0xFF makes every length as large as it can be."""
    data, rng = (ONLINE / SUMMARYSLICE).read_bytes(), random.Random(13)
    path = tmp_path / "x.root"
    for _ in range(12):
        bad, place = bytearray(data), rng.randrange(len(data))
        bad[place : place + 40] = b"\x7f\xff" * 20
        path.write_bytes(bad)
        tracemalloc.start()
        try:
            values(path)
        except InputError:
            assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
        else:
            assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("name", [SUMMARYSLICE, EVENTS_AND_SUMMARY, L1, "km3net_online.root"])
def test_a_file_cut_anywhere_gives_the_sound_values_or_damage(name: str, tmp_path: Path) -> None:
    data, rng = (ONLINE / name).read_bytes(), random.Random(14)
    sound, path = values(ONLINE / name), tmp_path / "x.root"
    damaged = 0
    for size in [4, 62, 63, 403, len(data) - 1, len(data) - 60, *(rng.randrange(4, len(data)) for _ in range(34))]:
        path.write_bytes(data[:size])
        try:
            found = values(path)
        except CorruptFileError:
            damaged += 1
            continue
        if found != sound:
            # Whole trees, and it is said that there may have been more. Settings of the trigger need what the file says of their class at its end.
            assert all(sound[name] == value for name, value in found.items() if name[0] != "provenance")
            assert any("cannot be read" in note for note in SOURCE.describe(str(path)).notes)
            damaged += 1
    assert damaged >= 20


def place_of(name: str, tree: str, branch: str, entry: int) -> int:
    """Where an entry begins in the file; its basket must not be compressed."""
    with uproot.open(ONLINE / name) as file:
        column = find(file[tree], branch)
        k = int(np.searchsorted(column.entry_offsets, entry, "right")) - 1
        key, basket = column.basket_key(k), column.basket(k)
        assert key.fNbytes - key.fKeylen == key.fObjlen, "compressed"
        return int(key.fSeekKey + key.fKeylen + basket.byte_offsets[entry - column.entry_offsets[k]])


def without(name: str, tree: str, change: Callable[[bytearray], None], path: Path) -> tuple[CorruptFileError, Batch, Batch]:
    """The error of a changed copy, and the sound entries around the lost ones."""
    data = bytearray((ONLINE / name).read_bytes())
    change(data)
    path.write_bytes(data)
    entry = SOURCE.describe(str(path))
    (segment,) = (s for s in entry.segments if s.tree == tree)
    with pytest.raises(CorruptFileError) as caught:
        list(SOURCE.read(entry, tree, 0, segment.stop))
    error = caught.value
    assert error.start is not None
    assert error.stop is not None
    pieces = [b for a, z in ((0, error.start), (error.stop, segment.stop)) for b in SOURCE.read(entry, tree, a, z)]
    original = SOURCE.describe(str(ONLINE / name))
    expected = [b for a, z in ((0, error.start), (error.stop, segment.stop)) for b in SOURCE.read(original, tree, a, z)]
    return error, concatenate(pieces), concatenate(expected)


MUON = "muon_cc_daqevents.root"


@pytest.mark.parametrize(
    ("branch", "at", "what"),
    [
        ("KM3NETDAQ::JDAQPreamble", 7, "another type of data"),
        ("KM3NETDAQ::JDAQEventHeader", 3, "another object inside"),
        ("snapshotHits", 9, "does not hold the records"),
        ("snapshotHits", 3, "another byte count"),
        ("triggeredHits", 9, "does not hold the records"),
        ("triggeredHits", 10 + 10 + 3, "another object inside"),
    ],
)
def test_one_damaged_event_is_lost_alone_and_all_others_are_read(branch: str, at: int, what: str, tmp_path: Path) -> None:
    def change(data: bytearray) -> None:
        data[place_of(MUON, "KM3NET_EVENT", branch, 100) + at] ^= 1

    error, found, expected = without(MUON, "KM3NET_EVENT", change, tmp_path / "x.root")
    assert what in str(error)
    assert (error.tree, error.branch, error.start, error.stop) == ("KM3NET_EVENT", branch, 100, 101)
    assert found.rows == 249
    for table, columns in expected.tables.items():
        for column, numbers in columns.items():
            np.testing.assert_array_equal(found.tables[table][column], numbers)


@pytest.mark.parametrize("block", [bytes(64), b"\xff" * 64, random.Random(1).randbytes(64)], ids=["zeros", "ones", "random"])
@pytest.mark.parametrize("branch", ["snapshotHits", "triggeredHits"])
def test_a_block_that_is_no_hits_is_noticed_though_no_checksum_covers_it(branch: str, block: bytes, tmp_path: Path) -> None:
    def change(data: bytearray) -> None:
        place = place_of(MUON, "KM3NET_EVENT", branch, 100) + 10 + 300
        data[place : place + len(block)] = block

    error, found, expected = without(MUON, "KM3NET_EVENT", change, tmp_path / "x.root")
    assert (error.start, error.stop, found.rows) == (100, 101, 249)
    assert found.hits == expected.hits


def test_a_damaged_header_leaves_its_event_to_the_run_around_it(tmp_path: Path) -> None:
    data = bytearray((ONLINE / MUON).read_bytes())
    for entry in (0, 5, 6):
        struct.pack_into(">i", data, place_of(MUON, "KM3NET_EVENT", "KM3NETDAQ::JDAQEventHeader", entry) + 22, -1)
    (tmp_path / "x.root").write_bytes(data)
    entry = SOURCE.describe(str(tmp_path / "x.root"))
    assert [(s.start, s.stop, s.run.run) for s in entry.segments if s.tree == "KM3NET_EVENT"] == [(0, 250, 13339)]
    assert [n.partition(" of tree")[0] for n in entry.notes if "headers" in n] == ["headers of entries 0 to 1", "headers of entries 5 to 7"]
    for low, high in ((0, 1), (5, 7)):
        with pytest.raises(CorruptFileError, match="run is negative") as caught:
            list(SOURCE.read(entry, "KM3NET_EVENT", low, 250))
        assert (caught.value.start, caught.value.stop) == (low, high)


def test_runs_of_one_file_become_segments(tmp_path: Path) -> None:
    data = bytearray((ONLINE / MUON).read_bytes())
    for entry in (*range(100, 150), 200):
        struct.pack_into(">i", data, place_of(MUON, "KM3NET_EVENT", "KM3NETDAQ::JDAQEventHeader", entry) + 22, 13340)
    (tmp_path / "x.root").write_bytes(data)
    entry = SOURCE.describe(str(tmp_path / "x.root"))
    events = [s for s in entry.segments if s.tree == "KM3NET_EVENT"]
    found = [(s.start, s.stop, s.run.run) for s in events]
    assert found == [(0, 100, 13339), (100, 150, 13340), (150, 200, 13339), (200, 201, 13340), (201, 250, 13339)]
    total = sum(s.nbytes for s in events)
    assert abs(total - SOURCE.describe(str(ONLINE / MUON)).segments[0].nbytes) <= 20


def test_a_frame_of_another_slice_is_named_by_its_entry(tmp_path: Path) -> None:
    name, tree = "events_sample.root", "KM3NET_TIMESLICE"

    def change(data: bytearray) -> None:
        data[place_of(name, tree, "vector<KM3NETDAQ::JDAQSuperFrame>", 4) + 12 + 8 + 10 + 3] ^= 1  # detector_id of the only frame

    error, found, expected = without(name, tree, change, tmp_path / "x.root")
    assert "disagrees with its slice in 'detector_id'" in str(error)
    assert (error.start, error.stop) == (4, 5)
    assert found.hits == expected.hits
