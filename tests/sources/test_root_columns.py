"""Columns of trees by their map: branches that differ are refused, values that cannot be are named with their entries."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antdask.errors import ConfigurationError, CorruptFileError, UnknownLayoutError
from antdask.simulate.root_blocks import codec
from antdask.simulate.root_file import RootFile, stamp_of
from antdask.simulate.root_tree import Branch, Tree
from antdask.sources import layout_map
from antdask.sources.root import open_root
from antdask.sources.root_columns import TreeColumns
from tests.sources.mapped_samples import write_trees

DOCUMENT = tomllib.loads(files("antdask.sources").joinpath("maps", "antares_raw_leaf_1.toml").read_text())
BRANCHES = {
    "RunNumber": Branch("RunNumber", "u4"), "FrameIndex": Branch("FrameIndex", "u4"), "TriggerCounter": Branch("TriggerCounter", "i4"),
    "NParticles": Branch("NParticles", "i4"), "PdgType": Branch("PdgType", "i4", count="NParticles"),
    **{n: Branch(n, "f8", count="NParticles") for n in ("X", "Y", "Z", "Dx", "Dy", "Dz", "Time", "Energy")},
}  # fmt: skip


def values(counts: list[int]) -> dict[str, np.ndarray]:
    n, total = len(counts), sum(counts)
    rng = np.random.default_rng(1)
    made = {"RunNumber": np.full(n, 7, "u4"), "FrameIndex": np.arange(n, dtype="u4"), "TriggerCounter": np.arange(n, dtype="i4")}
    made |= {"NParticles": np.array(counts, "i4"), "PdgType": rng.integers(-20, 20, total).astype("i4")}
    return made | {name: rng.normal(size=total) for name, b in BRANCHES.items() if b.dtype == "f8"}


def columns(path: Path, counts: list[int], change: Callable[[dict[str, Any]], Any] | None = None, branches: dict[str, Branch] | None = None, **given: np.ndarray):  # fmt: skip
    """Entries of ``McTruth`` and their columns, with the map changed."""
    document = copy.deepcopy(DOCUMENT)
    if change is not None:
        change({c["source"]: c for d in document["datasets"] if d["name"] == "McTruth" for c in d["columns"]})
    kinds = BRANCHES if branches is None else branches
    made = {name: v for name, v in (values(counts) | given).items() if name in kinds}
    file = open_root(write_trees(path, {"McTruth": (list(kinds.values()), made)}, basket_bytes=600))
    found = layout_map.parse(document, where="m")
    return TreeColumns(file.tree("McTruth"), found.dataset("McTruth"), found.origin), made


def test_ranges_of_entries_give_their_elements(tmp_path: Path) -> None:
    counts = [0, 3, 1, 0, 0, 5, 2] * 30
    found, made = columns(tmp_path / "a.root", counts)
    ends = np.concatenate([[0], np.cumsum(counts)])
    for start, stop in ((0, 210), (5, 6), (33, 181), (209, 210)):
        read = found.read(start, stop)
        assert (read.columns["X"] == made["X"][ends[start] : ends[stop]]).all()
        assert read.counts["X"].tolist() == counts[start:stop]
        fields = found.fields(read, start)
        assert (fields["particles.pdg_type"] == made["PdgType"][ends[start] : ends[stop]]).all()
        assert fields["events.n_particles"].dtype == np.uint32
        assert fields["events.trigger_counter"].dtype == np.int64


def test_only_what_is_asked_for_is_read_with_its_counter(tmp_path: Path) -> None:
    found, _ = columns(tmp_path / "a.root", [1, 2])
    assert set(found.read(0, 2, {"Energy"}).columns) == {"Energy", "NParticles"}


def test_scale_and_offset_turn_columns_into_fields(tmp_path: Path) -> None:
    found, made = columns(tmp_path / "a.root", [1, 2], lambda c: (c["X"].update(scale=0.01, offset=5.0), c["FrameIndex"].update(offset=-0, scale=1), c["NParticles"].update(offset=1)))  # fmt: skip
    fields = found.fields(found.read(0, 2), 0)
    assert fields["particles.x"] == pytest.approx(0.01 * made["X"] + 5)
    assert fields["events.n_particles"].tolist() == [2, 3]


def test_what_stands_for_no_value_becomes_nan(tmp_path: Path) -> None:
    given = np.array([1.5, -999.0, 0.0])
    found, _ = columns(tmp_path / "a.root", [1, 2], lambda c: c["Energy"].update(fill=-999, valid=[0, 10], scale=2), Energy=given)
    assert found.fields(found.read(0, 2), 0)["particles.energy"] == pytest.approx([3.0, np.nan, 0.0], nan_ok=True)
    assert found.read(0, 2).columns["Energy"].tolist() == given.tolist()


def test_whole_numbers_have_no_value_that_means_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Only a real number"):
        columns(tmp_path / "a.root", [1, 2], lambda c: c["PdgType"].update(fill=-999))


BRANCHES_THAT_DIFFER: dict[str, tuple[dict[str, Branch], str]] = {
    "one is missing": ({k: v for k, v in BRANCHES.items() if k != "Dz"}, "has no branch 'Dz'"),
    "another dtype": ({**BRANCHES, "PdgType": Branch("PdgType", "u4", count="NParticles")}, r"'PdgType' holds something else.*expected i4\[NParticles\], found u4\[NParticles\]"),
    "not counted": ({**BRANCHES, "Time": Branch("Time", "f8")}, r"'Time' holds something else.*found f8\b"),
    "fixed": ({**BRANCHES, "RunNumber": Branch("RunNumber", "u4", 2)}, r"expected u4, found u4\[2\]"),
}  # fmt: skip


@pytest.mark.parametrize("what", BRANCHES_THAT_DIFFER)
def test_branches_that_differ_from_the_map_are_refused(what: str, tmp_path: Path) -> None:
    branches, words = BRANCHES_THAT_DIFFER[what]
    given = {"Time": np.zeros(2)} if what == "not counted" else {"RunNumber": np.zeros((2, 2), "u4")} if what == "fixed" else {}
    if what == "another dtype":
        given["PdgType"] = np.zeros(3, "u4")
    with pytest.raises(UnknownLayoutError, match=words):
        columns(tmp_path / "a.root", [1, 2], branches=branches, **given)


def test_branches_that_the_map_does_not_know_are_named(tmp_path: Path) -> None:
    found, _ = columns(tmp_path / "a.root", [1, 2], branches={**BRANCHES, "Extra": Branch("Extra", "u1")}, Extra=np.zeros(2, "u1"))
    assert found.unmapped == ["Extra"]


def test_values_that_cannot_be_are_named_with_their_entries(tmp_path: Path) -> None:
    kinds = np.full(6, 13, "i4")
    kinds[4] = 99
    found, _ = columns(tmp_path / "a.root", [1, 2, 0, 3], lambda c: c["PdgType"].update(valid=[-20, 20]), PdgType=kinds)
    with pytest.raises(CorruptFileError, match=r"'PdgType' holds a value that cannot be.*expected -20 to 20") as caught:
        found.fields(found.read(1, 4), 1)
    assert (caught.value.start, caught.value.stop, caught.value.branch) == (3, 4, "PdgType")


def test_numbers_that_do_not_fit_or_are_not_whole_are_damage(tmp_path: Path) -> None:
    found, _ = columns(tmp_path / "a.root", [1, 1, 1], TriggerCounter=np.array([1, 2, -5], "i4"))
    assert found.fields(found.read(0, 3), 0)["events.trigger_counter"].tolist() == [1, 2, -5]
    negative, _ = columns(tmp_path / "b.root", [1, 1, 1], lambda c: c["NParticles"].pop("valid"), NParticles=np.array([1, 1, 1], "i4"))
    assert negative.fields(negative.read(0, 3), 0)["events.n_particles"].tolist() == [1, 1, 1]
    whole = {**BRANCHES, "FrameIndex": Branch("FrameIndex", "f8")}
    for name, last, words in (
        ("c", 2.5, "not whole"),
        ("d", -1.0, "cannot hold"),
        ("e", 2.0**33, "cannot hold"),
        ("f", np.nan, "not whole"),
    ):
        made, _ = columns(tmp_path / f"{name}.root", [1, 1, 1], lambda c: c["FrameIndex"].update(dtype="f8", whole=True), whole, FrameIndex=np.array([0.0, 1.0, last]))  # fmt: skip
        with pytest.raises(CorruptFileError, match=words) as caught:
            made.fields(made.read(0, 3), 0)
        assert (caught.value.start, caught.value.stop) == (2, 3)


def test_a_counter_that_disagrees_with_its_branch_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    branches, made = list(BRANCHES.values()), values([2, 5, 3])
    with RootFile(path, codec("none"), stamp=stamp_of(0), identity="x") as file:
        tree = Tree(file, "McTruth", branches)
        tree.extend(made)
        tree.close()
    data = path.read_bytes()
    assert data.count(made["NParticles"].astype(">i4").tobytes()) == 1
    path.write_bytes(data.replace(made["NParticles"].astype(">i4").tobytes(), np.array([2, 6, 3], ">i4").tobytes()))
    found = layout_map.load("antares_raw_leaf_1")
    with open_root(str(path)) as opened:
        columns = TreeColumns(opened.tree("McTruth"), found.dataset("McTruth"), found.origin)
        with pytest.raises(CorruptFileError, match="as many elements as it should") as caught:
            columns.read(0, 3)
        assert (caught.value.start, caught.value.stop, caught.value.branch) == (1, 2, "PdgType")
        assert columns.read(2, 3).columns["PdgType"].tolist() == made["PdgType"][-3:].tolist()
