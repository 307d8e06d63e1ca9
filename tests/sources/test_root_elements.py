"""Vectors of numbers, arrays that a class points to, leaves side by side: equal to what uproot reads; what contradicts itself is named with its entries."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.ragged import offsets_of
from antdask.sources.layout_record import Record, parse_record
from antdask.sources.root import Tree, open_root
from antdask.sources.root_baskets import Basket, numbers
from antdask.sources.root_elements import check_leaves, check_vector, is_vector, read_leaves, read_pointed, read_vector
from antdask.sources.root_leaf import leaf_of
from antdask.sources.root_nested import nested_of

FOLDER = Path(str(importlib.resources.files("skhep_testdata").joinpath("data")))
FULL, LEAVES = FOLDER / "uproot-small-evnt-tree-fullsplit.root", FOLDER / "uproot-leaflist.root"
DTYPES = {"I16": "i2", "I32": "i4", "I64": "i8", "U16": "u2", "U32": "u4", "U64": "u8", "F32": "f4", "F64": "f8"}


@pytest.fixture
def tree() -> Iterator[Tree]:
    """A tree with vectors and pointers of every kind."""
    with open_root(str(FULL)) as file:
        yield file.tree("tree")


def leaves(*names: str, dtypes: tuple[str, ...] = ("f8", "i4", "i1")) -> Record:
    fields = [{"name": n, "dtype": d, "note": "a test"} for n, d in zip(names, dtypes, strict=True)]
    return parse_record({"name": "leaflist", "kind": "leaves", "fields": fields}, {"provenance": "", "status": "assumed"})


def expected(name: str) -> ak.Array:
    with uproot.open(FULL) as file:
        return file["tree"][name].array()


@pytest.mark.parametrize(("suffix", "dtype"), DTYPES.items())
def test_vectors_are_those_of_uproot(tree: Tree, suffix: str, dtype: str) -> None:
    branch, theirs = tree.branch(f"StlVec{suffix}"), expected(f"StlVec{suffix}")
    check_vector(branch, dtype)
    for start, stop in ((0, 100), (0, 0), (7, 8), (33, 90)):
        values, counts = read_vector(branch, dtype, start, stop)
        assert values.dtype == dtype
        assert counts.tolist() == ak.num(theirs)[start:stop].tolist()
        assert values.tolist() == ak.flatten(theirs[start:stop]).tolist()


def test_other_vectors_are_refused(tree: Tree) -> None:
    for name, dtype in (("StlVecI16", "u2"), ("StlVecStr", "u1"), ("StdStr", "u1")):
        with pytest.raises(UnknownLayoutError, match="something else than the map says"):
            check_vector(tree.branch(name), dtype)
    assert not is_vector(nested_of(tree.branch("StlVecStr")))


@pytest.mark.parametrize(("suffix", "dtype"), DTYPES.items())
def test_arrays_that_are_pointed_to_are_those_of_uproot(tree: Tree, suffix: str, dtype: str) -> None:
    branch, theirs = tree.branch(f"Slice{suffix}"), expected(f"Slice{suffix}")
    leaf = leaf_of(branch)
    assert (leaf.dtype, leaf.count, leaf.flag) == (dtype, "N", True)
    for start, stop in ((0, 100), (7, 8), (33, 90)):
        counts = expected("N").to_numpy()[start:stop].astype(np.int64)
        found = read_pointed(branch, branch.read(start, stop), counts, np.dtype(dtype).itemsize)
        assert found.sizes.tolist() == (counts * np.dtype(dtype).itemsize).tolist()
        assert numbers(found, dtype).tolist() == ak.flatten(theirs[start:stop]).tolist()


@pytest.mark.parametrize(
    ("entries", "counts", "what", "lost"),
    [
        ([b"\1\0\5", b"\0", b"\1\0\6"], [1, 1, 1], "nothing points to", (1, 2)),
        ([b"\1\0\5", b"\2\0\7", b"\1\0\6"], [1, 1, 1], "nothing points to", (1, 2)),
        ([b"\1\0\5", b"\1\0\7\0\7", b"\1\0\6"], [1, 1, 1], "as many elements", (1, 2)),
        ([b"\1\0\5", b"\1\0\7", b""], [1, 1, 0], "without the byte", (2, 3)),
    ],
)
def test_pointers_that_contradict_their_counter_are_named(tree: Tree, entries: list[bytes], counts: list[int], what: str, lost: tuple[int, int]) -> None:  # fmt: skip
    basket = Basket(0, 3, np.frombuffer(b"".join(entries), np.uint8), offsets_of(np.array([len(e) for e in entries])))
    with pytest.raises(CorruptFileError, match=what) as failure:
        read_pointed(tree.branch("SliceI16"), basket, np.array(counts), 2)
    assert (failure.value.start, failure.value.stop) == lost


def test_a_pointer_to_nothing_and_one_to_no_elements_are_both_empty(tree: Tree) -> None:
    basket = Basket(0, 3, np.frombuffer(b"\0\1\1\0\7", np.uint8), offsets_of(np.array([1, 1, 3])))
    found = read_pointed(tree.branch("SliceI16"), basket, np.array([0, 0, 1]), 2)
    assert (found.sizes.tolist(), numbers(found, "i2").tolist()) == ([0, 0, 2], [7])


def test_leaves_side_by_side_are_those_of_uproot() -> None:
    record = leaves("x", "y", "z")
    with open_root(str(LEAVES)) as file, uproot.open(LEAVES) as theirs:
        branch = file.tree("tree").branch("leaflist")
        check_leaves(branch, record)
        for start, stop in ((0, 5), (2, 4), (3, 3)):
            found = read_leaves(branch, record, start, stop)
            assert {n: v.tolist() for n, v in found.items()} == {n: theirs["tree/leaflist"].array()[n][start:stop].tolist() for n in "xyz"}
            assert [v.dtype for v in found.values()] == ["f8", "i4", "i1"]


def test_other_leaves_are_refused() -> None:
    with open_root(str(LEAVES)) as file:
        branch = file.tree("tree").branch("leaflist")
        for record in (leaves("x", "z", "y"), leaves("x", "y", "z", dtypes=("f8", "u4", "i1")), leaves("x", "y", dtypes=("f8", "i4"))):
            with pytest.raises(UnknownLayoutError, match=r"other leaves than in the map.*found x f8, y i4, z i1"):
                check_leaves(branch, record)
