"""What branches hold: plain numbers, fixed and counted arrays, by their leaves; other things are refused by name."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from km3net_testdata import data_path

from antdask.errors import UnknownLayoutError
from antdask.simulate.root_tree import Branch
from antdask.sources.root import open_root
from antdask.sources.root_leaf import COLLECTION, MEMBER, Leaf, leaf_of
from tests.sources.mapped_samples import write_trees

CODES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "b1")


def test_every_dtype_and_shape_is_recognised(tmp_path: Path) -> None:
    branches = [
        Branch("n", "i4"),
        *(Branch(c, c) for c in CODES),
        *(Branch(f"{c}3", c, 3) for c in CODES),
        *(Branch(f"{c}n", c, count="n") for c in CODES),
    ]
    columns = {b.name: np.zeros(0 if b.count else b.width, "?" if b.dtype == "b1" else b.dtype) for b in branches}
    with open_root(write_trees(tmp_path / "a.root", {"T": (branches, columns)})) as file:
        found = {b.name: leaf_of(b) for b in file.tree("T").branches}
    assert found == {b.name: Leaf(b.dtype, b.width, b.count, 0) for b in branches}
    assert found["u4"].big == np.dtype(">u4")


def test_members_of_objects_that_root_split_are_recognised() -> None:
    with open_root(str(data_path("offline/km3net_offline.root"))) as file:
        found = {b.name: b for b in file.tree("E").walk()}
        assert leaf_of(found["id"]) == Leaf("i4", 1, "", 0)
        assert leaf_of(found["trigger_counter"]) == Leaf("u8", 1, "", 0)
        assert leaf_of(found["hits"]) == Leaf("V", 1, "", COLLECTION)
        assert leaf_of(found["hits.tdc"]) == Leaf("u4", 1, "hits", MEMBER)
        assert leaf_of(found["trks.E"]) == Leaf("f8", 1, "trks", MEMBER)
        with pytest.raises(UnknownLayoutError, match="member of this type"):
            leaf_of(found["trks.rec_stages"])
        with pytest.raises(UnknownLayoutError, match="several leaves"):
            leaf_of(found["t"])


def test_strings_are_refused_by_name(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("T", {"text": "string"}).extend({"text": ak.Array(["a", "bc"])})
    with open_root(str(tmp_path / "a.root")) as file, pytest.raises(UnknownLayoutError, match="TLeafC"):
        leaf_of(file.tree("T").branch("text"))
