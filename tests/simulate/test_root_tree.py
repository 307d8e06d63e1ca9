"""Trees of our own, read back by uproot: every dtype, fixed and counted arrays, any cut into calls and baskets."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from antdask.errors import UsageError
from antdask.simulate.root_blocks import codec
from antdask.simulate.root_file import RootFile, stamp_of
from antdask.simulate.root_tree import Branch, Tree

CODES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "b1")
BRANCHES = [Branch("n", "i4"), Branch("m", "i4"), *(Branch(c, c) for c in CODES), *(Branch(f"{c}_fixed", c, 5) for c in CODES), *(Branch(f"{c}_list", c, count=n) for c, n in zip(CODES, "nm" * 6, strict=False))]  # fmt: skip


def columns(entries: int, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    made = {"n": rng.poisson(7, entries).astype("i4"), "m": rng.poisson(2, entries).astype("i4")}
    for b in BRANCHES[2:]:
        size = int(made[b.count].sum()) if b.count else entries * b.width
        if b.dtype == "b1":
            values = rng.random(size) < 0.5
        elif b.dtype[0] == "f":
            values = rng.normal(size=size).astype(b.dtype)
        else:
            limits = np.iinfo(b.dtype)
            values = rng.integers(limits.min, limits.max, size, b.dtype, endpoint=True)
        made[b.name] = values.reshape(entries, b.width) if b.width > 1 else values
    return made


@pytest.mark.parametrize("name", ["zlib", "lz4", "zstd", "lzma", "none"])
@pytest.mark.parametrize("basket_bytes", [512, 10_000])
def test_uproot_reads_what_was_put_in(name: str, basket_bytes: int, tmp_path: Path) -> None:
    pieces = [columns(n, seed) for seed, n in enumerate((0, 300, 1, 77))]
    with RootFile(tmp_path / "a.root", codec(name), stamp=stamp_of(0), identity="x") as file:
        tree = Tree(file, "T", BRANCHES, basket_bytes)
        for piece in pieces:
            tree.extend(piece)
        tree.close()
    whole = {b.name: np.concatenate([p[b.name] for p in pieces]) for b in BRANCHES}
    with uproot.open(tmp_path / "a.root") as found:
        read = found["T"].arrays()
        assert found["T"].num_entries == 378
        if basket_bytes == 512:
            assert found["T/f8_list"].num_baskets > 10
        for b in BRANCHES:
            if b.count:
                assert ak.num(read[b.name]).tolist() == whole[b.count].tolist(), b.name
            assert (ak.to_numpy(ak.flatten(read[b.name], axis=None)) == whole[b.name].reshape(-1)).all(), b.name


def test_a_tree_without_entries_opens(tmp_path: Path) -> None:
    with RootFile(tmp_path / "a.root", codec("zlib"), stamp=stamp_of(0), identity="x") as file:
        Tree(file, "T", BRANCHES).close()
    with uproot.open(tmp_path / "a.root") as found:
        assert found["T"].num_entries == 0
        assert found["T"].keys() == [b.name for b in BRANCHES]


def test_an_entry_larger_than_a_basket_gets_one_of_its_own(tmp_path: Path) -> None:
    with RootFile(tmp_path / "a.root", codec("zlib"), stamp=stamp_of(0), identity="x") as file:
        tree = Tree(file, "T", [Branch("n", "i4"), Branch("v", "u4", count="n")], 600)
        tree.extend({"n": np.array([3, 5000, 2, 1], "i4"), "v": np.arange(5006, dtype="u4")})
        tree.close()
    with uproot.open(tmp_path / "a.root") as found:
        assert found["T/v"].entry_offsets == [0, 1, 2, 4]
        assert ak.flatten(found["T/v"].array()).tolist() == list(range(5006))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("u1"), "Columns and branches differ"),
        (lambda c: c.update(u1=c["u1"][:-1]), "does not have the elements"),
        (lambda c: c.update(u1_list=c["u1_list"][:-1]), "does not have the elements"),
    ],
)
def test_columns_that_do_not_fit_are_refused(change, words: str, tmp_path: Path) -> None:
    given = columns(10)
    change(given)
    with pytest.raises(UsageError, match=words), RootFile(tmp_path / "a.root", codec("zlib"), stamp=stamp_of(0), identity="x") as file:
        Tree(file, "T", BRANCHES).extend(given)


@pytest.mark.parametrize("branch", [Branch("a", "f2"), Branch("a", "u1", count="later")])
def test_branches_that_no_tree_can_hold_are_refused(branch: Branch, tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="Not a branch"),
        RootFile(tmp_path / "a.root", codec("zlib"), stamp=stamp_of(0), identity="x") as file,
    ):
        Tree(file, "T", [branch])


def test_a_tree_is_saved_on_the_way_and_its_baskets_are_numbered_as_those_of_root(tmp_path: Path) -> None:
    with RootFile(tmp_path / "a.root", codec("zlib", 1), stamp=0, identity="a") as file:
        tree = Tree(file, "t", [Branch("n", "u4"), Branch("values", "f8", count="n")], 600)
        for _ in range(3):
            n = np.arange(40) % 5
            tree.extend({"n": n, "values": np.arange(n.sum())})
        tree.close()
    with uproot.open(tmp_path / "a.root") as read:
        assert read.keys() == ["t;2", "t;1"]
        assert [read[key].num_entries for key in read] == [120, 25]
        for branch in read["t"].branches:
            assert [branch.basket_key(k).fCycle for k in range(branch.num_baskets)] == list(range(branch.num_baskets))
            # All branches are whole up to these entries, whatever is lost behind them.
            assert {25, 50, 100, 120} <= set(branch.entry_offsets)
            assert branch.array().tolist() == (np.arange(120) % 40 % 5).tolist() or branch.name == "values"
