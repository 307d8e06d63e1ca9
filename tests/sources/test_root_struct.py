"""Vectors of structures: real ones of ROOT in tests/realroot; here what is refused, and damage inside of them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.simulate.root_tree import Branch
from antdask.sources import root_struct
from antdask.sources.layout_record import Record, parse_record
from antdask.sources.root import open_root
from antdask.sources.root_struct import check_struct, read_struct
from tests.sources.mapped_samples import write_trees

WORDS = {"provenance": "test", "status": "assumed"}
RECORD: Record = parse_record(
    {
        "name": "Hit",
        "kind": "struct",
        "fields": [{"name": "Line", "dtype": "u1", "note": "-"}, {"name": "Time", "dtype": "u4", "note": "-"}],
    },
    WORDS,
)


def vector(
    lines: list[int], times: list[int], *, version: int = 0x400A, own_version: int = 0, count: int | None = None, n: int | None = None
) -> bytes:
    """An entry as ROOT streams it member by member."""
    body = struct.pack(">HH", version, own_version) + (b"" if own_version else b"\x01\x02\x03\x04")
    body += struct.pack(">I", len(lines) if n is None else n) + bytes(lines) + np.array(times, ">u4").tobytes()
    return struct.pack(">I", (len(body) if count is None else count) | 0x4000_0000) + body


def objects(lines: list[int], times: list[int], *, own_version: int = 0) -> bytes:
    """An entry as ROOT streams it object by object."""
    head = struct.pack(">H", own_version) + (b"" if own_version else b"\x01\x02\x03\x04")
    body = struct.pack(">HI", 0x000A, len(lines))
    for line, time in zip(lines, times, strict=True):
        body += struct.pack(">I", (len(head) + 5) | 0x4000_0000) + head + struct.pack(">BI", line, time)
    return struct.pack(">I", len(body) | 0x4000_0000) + body


def tree_of(path: Path, *entries: bytes) -> str:
    """Entries in a branch of counted bytes: the same payload that a vector of structures has."""
    columns = {"n": np.array([len(e) for e in entries], "i4"), "Hits": np.frombuffer(b"".join(entries), np.uint8)}
    return write_trees(path, {"T": ([Branch("n", "i4"), Branch("Hits", "u1", count="n")], columns)})


def read(path: Path, *entries: bytes) -> tuple[dict[str, list[int]], list[int]]:
    with open_root(tree_of(path, *entries)) as file:
        columns, counts = read_struct(file.tree("T").branch("Hits"), RECORD, 0, len(entries))
    return {k: v.tolist() for k, v in columns.items()}, counts.tolist()


def test_members_stand_one_after_the_other_whatever_the_length_of_the_header(tmp_path: Path) -> None:
    entries = (vector([1, 2, 3], [10, 20, 2**31]), vector([], []), vector([7], [70], own_version=3), vector([9, 8], [90, 80]))
    columns, counts = read(tmp_path / "a.root", *entries)
    assert columns == {"Line": [1, 2, 3, 7, 9, 8], "Time": [10, 20, 2**31, 70, 90, 80]}
    assert counts == [3, 0, 1, 2]


def test_a_single_entry_and_equal_entries_are_read(tmp_path: Path) -> None:
    assert read(tmp_path / "a.root", vector([5], [6])) == ({"Line": [5], "Time": [6]}, [1])
    assert read(tmp_path / "b.root", vector([5], [6]), vector([7], [8]))[1] == [1, 1]


def test_objects_one_by_one_are_told_from_members(tmp_path: Path) -> None:
    entries = (vector([1], [2]), objects([5, 6], [7, 8]), objects([], []), vector([3, 4], [30, 40]), objects([9], [90]))
    expected = {"Line": [1, 5, 6, 3, 4, 9], "Time": [2, 7, 8, 30, 40, 90]}
    assert read(tmp_path / "a.root", *entries) == (expected, [1, 2, 0, 2, 1])
    assert read(tmp_path / "b.root", objects([1], [2], own_version=3)) == ({"Line": [1], "Time": [2]}, [1])


@pytest.mark.parametrize("place", [0, 3, 6, 9, 10, 13, 14, 15, 16])
def test_every_header_of_an_object_is_checked(place: int, tmp_path: Path) -> None:
    wrong = bytearray(objects([5, 6], [7, 8]))
    wrong[place] ^= 0x20
    sound = objects([1], [2])
    with pytest.raises(CorruptFileError) as caught:
        read(tmp_path / "a.root", sound, bytes(wrong), sound)
    assert (caught.value.start, caught.value.stop) == (1, 2)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (b"\x40\x00\x00\x02\x40\x0a", "shorter than the header"),
        (vector([1], [2], count=5), "byte count"),
        (vector([1], [2], n=2), "not as long as its structures"),
        (vector([1], [2], n=2**31), "not as long as its structures"),
        (vector([1, 2], [2], n=1), "not as long as its structures"),
    ],
)
def test_damage_names_the_entry_that_is_lost(wrong: bytes, words: str, tmp_path: Path) -> None:
    sound = vector([1], [2])
    with pytest.raises(CorruptFileError, match=words) as caught:
        read(tmp_path / "a.root", sound, sound, wrong, sound)
    assert (caught.value.start, caught.value.stop) == (2, 3)


def test_a_branch_of_numbers_is_no_vector_of_structures(tmp_path: Path) -> None:
    with open_root(tree_of(tmp_path / "a.root", vector([1], [2]))) as file, pytest.raises(UnknownLayoutError, match="no structures"):
        check_struct(file.tree("T").branch("Hits"), RECORD)


def test_entries_are_the_same_in_pieces_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    lines = [rng.integers(0, 256, n).tolist() for n in rng.integers(0, 9, 300)]
    wise = tuple(vector(found, [7 * k for k in found], own_version=k % 2) for k, found in enumerate(lines))
    mixed = tuple(
        entry if k % 50 else objects(found, [7 * k for k in found]) for k, (entry, found) in enumerate(zip(wise, lines, strict=True))
    )
    expected = {"Line": [k for found in lines for k in found], "Time": [7 * k for found in lines for k in found]}
    for room in (0, 2**20):
        monkeypatch.setattr(root_struct, "_ROOM", room)
        for piece in (1, 500, 2**20):
            monkeypatch.setattr(root_struct, "_PIECE", piece)
            for form, entries in (("wise", wise), ("mixed", mixed)):
                assert read(tmp_path / f"{form}{room}_{piece}.root", *entries) == (expected, [len(found) for found in lines])


def test_damage_is_named_with_its_entry_in_whatever_piece_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_struct, "_PIECE", 200)
    entries = [vector([k], [k]) for k in range(100)]
    entries[70] = vector([1], [1], count=3)
    with pytest.raises(CorruptFileError, match="byte count") as caught:
        read(tmp_path / "x.root", *entries)
    assert (caught.value.start, caught.value.stop) == (70, 71)
