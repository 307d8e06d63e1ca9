"""The number of entries of a tree, from its first bytes, equals that of the parsed tree."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import uproot

from antdask.errors import CorruptFileError
from antdask.sources.root import open_root
from antdask.sources.root_entries import entries_of
from tests.sources.online_samples import DATA, ONLINE, TREES


def tree(entries: int = 12, version: int = 20, bases: int = 4) -> np.ndarray:
    base = struct.pack(">IH6x", 0x40000008, 2)
    return np.frombuffer(struct.pack(">IH", 0x40000100, version) + base * bases + struct.pack(">q", entries), np.uint8)


@pytest.mark.parametrize("name", sorted({t[0] for t in TREES}))
def test_every_tree_of_a_real_file_has_the_entries_that_uproot_finds(name: str) -> None:
    with uproot.open(ONLINE / name) as theirs, open_root(str(ONLINE / name)) as file:
        trees = [n for n, kind in file.objects.items() if kind == "TTree"]
        assert len(trees) >= 7
        assert {n: file.entries(n) for n in trees} == {n: theirs[n].num_entries for n in trees}


def test_a_tree_of_real_root_of_the_highest_cycle() -> None:
    with open_root(str(DATA / "embedded.root")) as file:
        assert file.entries("t") == 300


def test_other_class_versions_are_left_to_the_parser() -> None:
    assert entries_of(tree(12)) == 12
    assert entries_of(tree(12, version=15)) is None


def test_a_tree_that_ends_early_or_counts_below_zero_is_damage() -> None:
    good = tree()
    for size in range(len(good)):
        with pytest.raises(CorruptFileError):
            entries_of(good[:size])
    with pytest.raises(CorruptFileError, match="below zero"):
        entries_of(tree(-1))
    with pytest.raises(CorruptFileError, match="base classes"):
        entries_of(tree(bases=3))
    far = good.copy()
    far[6:10] = (0x7F, 0xFF, 0xFF, 0xFF)
    with pytest.raises(CorruptFileError, match="ends inside"):
        entries_of(far)
