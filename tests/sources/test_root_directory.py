"""Directories: what they list is what stands in front of the objects, all of it, and damage to either is noticed."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import uproot
from km3net_testdata import data_path

from antdask.errors import CorruptFileError, UnknownNameError
from antdask.sources.root import open_root
from antdask.sources.root_baskets import numbers
from antdask.sources.root_leaf import leaf_of

CHAIN = data_path("offline/empty_events.root")
DATA = Path(__file__).parent / "data"


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


def test_trees_in_directories_are_found_by_their_path(tmp_path: Path) -> None:
    path = tmp_path / "deep.root"
    with uproot.recreate(path) as file:
        for n, name in enumerate(("top", "a/one", "a/b/c/two")):
            file.mktree(name, {"x": "i4"})
            file[name].extend({"x": np.arange(5, dtype="i4") + n})
    with open_root(str(path)) as ours:
        assert ours.trees == {"top": "TTree", "a/one": "TTree", "a/b/c/two": "TTree"}
        assert [numbers(ours.tree(n).branch("x").read(0, 5), "i4").tolist()[0] for n in ours.trees] == [0, 1, 2]
        assert ours.entries("a/b/c/two") == 5
        assert (ours.has_tree("a/one"), ours.has_tree("a"), ours.has_tree("a/two"), ours.has_tree("b/c/two")) == (True, False, False, False)
        with pytest.raises(UnknownNameError, match="a/one"):
            ours.tree("a/on")


def test_ntuples_of_root_are_trees() -> None:
    with open_root(str(DATA / "ntuple.root")) as ours, uproot.open(DATA / "ntuple.root") as theirs:
        assert ours.trees == {"nt": "TNtuple", "ntd": "TNtupleD", "sub/inside": "TNtuple"}
        for name in ours.trees:
            tree = ours.tree(name)
            assert tree.entries == theirs[name].num_entries
            for branch in tree.branches:
                found = numbers(branch.read(0, tree.entries), leaf_of(branch).dtype)
                assert found.tolist() == theirs[name][branch.name].array().tolist()


def test_a_directory_that_lies_in_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loop.root"
    with uproot.recreate(path) as file:
        file.mkdir("a/a")
    with uproot.open(path) as file:
        outer, inner = (int(file[name]._fSeekKeys).to_bytes(4, "big") for name in ("a", "a/a"))
    # The inner directory says that its list is that of the outer one.
    path.write_bytes(path.read_bytes().replace(inner, outer))
    with open_root(str(path)) as ours, pytest.raises(CorruptFileError, match=r"disagree|without end|fewer objects"):
        ours.tree("a/a/a/x")
