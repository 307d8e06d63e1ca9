"""Directories: what they list is what stands in front of the objects, all of it, and damage to either is noticed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import uproot
from km3net_testdata import data_path

from antdask.errors import CorruptFileError, UnknownNameError
from antdask.sources.root import open_root

CHAIN = data_path("offline/empty_events.root")


@pytest.mark.parametrize("name", ["", "META"])
def test_a_directory_lists_what_uproot_lists(name: str) -> None:
    with uproot.open(CHAIN) as file, open_root(CHAIN) as ours:
        theirs = file[name]._keys if name else file._keys
        expected = [(k.fClassName, k.fName, k.fCycle, k.fTitle.encode(), k.fSeekKey, k.fNbytes, k.fObjlen) for k in theirs]
        keys = ours.directory(name).keys
    assert [(k.kind, k.name, k.cycle, k.title, k.seek, k.nbytes, k.objlen) for k in keys] == expected


def test_contents_are_the_bytes_of_the_objects() -> None:
    with open_root(CHAIN) as ours:
        directory = ours.directory("META")
        keys = [key for key in directory.keys if key.name == "JMuonStart"]
        found = [data for data in directory.contents(keys) if isinstance(data, bytes)]
    with uproot.open(CHAIN) as file:
        for key, data in zip(keys, found, strict=True):
            title = file["META"][f"JMuonStart;{key.cycle}"].member("fTitle").encode()
            assert data.endswith(title)
            assert len(data) == key.objlen
            assert key.written == uproot._util.code_to_datetime(key.date).isoformat()


def test_what_uproot_writes_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "x.root"
    with uproot.recreate(path) as file:
        file["notes/first"] = "made by hand"
        file["notes/second"] = "twice"
    with open_root(str(path)) as ours:
        assert [(k.kind, k.name) for k in ours.directory("notes").keys] == [("TObjString", "first"), ("TObjString", "second")]


def test_no_such_directory() -> None:
    with open_root(CHAIN) as ours, pytest.raises(UnknownNameError, match="Unknown directory"):
        ours.directory("E")


def test_any_flipped_byte_of_the_list_is_noticed(tmp_path: Path) -> None:
    data, path = Path(CHAIN).read_bytes(), tmp_path / "x.root"
    with open_root(CHAIN) as ours:
        sound = ours.directory("META").keys
    with uproot.open(CHAIN) as file:
        begin, nbytes = file["META"]._fSeekKeys, file["META"]._fNbytesKeys
        place = file._keys[[k.fName for k in file._keys].index("META")].fSeekKey
    rng = random.Random(3)
    noticed = 0
    for at in [*range(begin, begin + 130), *(rng.randrange(begin, begin + nbytes) for _ in range(60)), *range(place, place + 107)]:
        bad = bytearray(data)
        bad[at] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
        try:
            with open_root(str(path)) as ours:
                # A list that is damaged may be made anew, in another order.
                assert sorted(ours.directory("META").keys, key=str) == sorted(sound, key=str), at
        except (CorruptFileError, UnknownNameError):
            noticed += 1
    assert noticed > 150


def test_a_damaged_object_costs_itself_alone(tmp_path: Path) -> None:
    with open_root(CHAIN) as ours:
        keys = ours.directory("META").keys
    data = bytearray(Path(CHAIN).read_bytes())
    data[keys[9].seek + keys[9].nbytes - 5] ^= 1
    (tmp_path / "x.root").write_bytes(data)
    with open_root(str(tmp_path / "x.root")) as ours:
        found = ours.directory("META").contents(keys)
    assert [n for n, content in enumerate(found) if isinstance(content, CorruptFileError)] == [9]
