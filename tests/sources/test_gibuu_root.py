"""Interactions of GiBUU: every number of the real file against uproot, what it leaves unsaid against physics, and what is refused."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from km3net_testdata import data_path

from antdask.errors import CorruptFileError, InputChangedError, UnknownLayoutError, UnknownNameError
from antdask.model.mc_fields import FURTHER_KINDS, NO_NUMBER, PARTICLE_KINDS
from antdask.model.ragged import Batch, concatenate
from antdask.model.tables import schema
from antdask.sources import describe_all, gibuu_root
from antdask.sources.gibuu_root import SOURCE
from antdask.sources.root import open_root
from antdask.sources.root_nested import Nested

FILE = str(data_path("gibuu/EventOutput.Pert.00000001.root"))
SCALARS = {
    "perturbative_weight": "weight", "n_ensembles": "numEnsembles", "n_calculations": "numRuns", "target_a": "nucleus_A", "target_z": "nucleus_Z",
    "flavor_id": "flavor_ID", "process_id": "process_ID", "interaction_type": "evType", "nucleon_charge": "nuc_charge",
}  # fmt: skip
MASSES = {11: 0.00051, 12: 0.0, 22: 0.0, 111: 0.138, 211: 0.138, 2112: 0.938, 2212: 0.938}
KINDS = (*PARTICLE_KINDS, *FURTHER_KINDS)


@pytest.fixture(scope="module")
def mc() -> Batch:
    entry = SOURCE.describe(FILE)
    (segment,) = entry.segments
    return concatenate(list(SOURCE.read(entry, segment.tree, segment.start, segment.stop)))


@pytest.fixture(scope="module")
def tree() -> ak.Array:
    with uproot.open(FILE) as file:
        return file["RootTuple"].arrays()


def leading(mc: Batch, place: int, column: str) -> np.ndarray:
    """Of the particle at this place of every event."""
    found: np.ndarray = mc.tables["particles"][column][mc.offsets["particles"][:-1] + place]
    return found


def hadrons(mc: Batch, column: str) -> np.ndarray:
    kept = np.ones(mc.length("particles"), bool)
    for place in range(3):
        kept[mc.offsets["particles"][:-1] + place] = False
    found: np.ndarray = mc.tables["particles"][column][kept]
    return found


def test_every_number_is_that_of_the_file(mc: Batch, tree: ak.Array) -> None:
    assert (mc.rows, len(hadrons(mc, "px"))) == (4755, 19669)
    for column, branch in SCALARS.items():
        np.testing.assert_array_equal(mc.tables["events"][column], ak.to_numpy(tree[branch]), err_msg=column)
    for place, name in enumerate(("lepIn", "nuc", "lepOut")):
        for column, branch in {"energy": "E", "px": "Px", "py": "Py", "pz": "Pz"}.items():
            np.testing.assert_array_equal(leading(mc, place, column), ak.to_numpy(tree[f"{name}_{branch}"]), err_msg=f"{name} {column}")
    np.testing.assert_array_equal(np.diff(mc.offsets["particles"]), ak.to_numpy(ak.num(tree.barcode)) + 3)
    for column, branch in {"energy": "E", "px": "Px", "py": "Py", "pz": "Pz", "nucleus_x": "x", "nucleus_y": "y", "nucleus_z": "z", "particle_type": "barcode", "pdg_type": "barcode"}.items():  # fmt: skip
        np.testing.assert_array_equal(hadrons(mc, column), ak.to_numpy(ak.flatten(tree[branch])), err_msg=column)


def test_no_branch_is_left_out(tree: ak.Array) -> None:
    vectors = {"E", "Px", "Py", "Pz", "x", "y", "z", "barcode"}
    leptons = {f"{name}_{c}" for name in ("lepIn", "nuc", "lepOut") for c in ("E", "Px", "Py", "Pz")}
    assert set(tree.fields) == {*SCALARS.values(), *vectors, *leptons}
    assert SOURCE.describe(FILE).notes == ()


def test_a_particle_says_what_it_is(mc: Batch) -> None:
    assert {KINDS[k] for k in leading(mc, 0, "kind")} == {"neutrino"}
    assert {KINDS[k] for k in leading(mc, 1, "kind")} == {"struck_nucleon"}
    assert {KINDS[k] for k in leading(mc, 2, "kind")} == {"primarylepton"}
    assert {KINDS[k] for k in hadrons(mc, "kind")} == {"particle"}
    assert set(hadrons(mc, "numbering")) == {2}
    for place in range(3):
        assert set(leading(mc, place, "numbering")) == {0}
        assert set(leading(mc, place, "particle_type")) == {NO_NUMBER}
        assert np.isnan(leading(mc, place, "nucleus_x")).all()


def test_derived_types_have_the_masses_of_their_momenta(mc: Batch) -> None:
    particles = mc.tables["particles"]
    square = particles["energy"] ** 2 - sum(particles[c] ** 2 for c in ("px", "py", "pz"))
    mass = np.sqrt(np.maximum(square, 0))
    assert (set(leading(mc, 0, "pdg_type")), set(leading(mc, 2, "pdg_type"))) == ({12}, {11})
    for pdg in (11, 12, 111, 211):
        np.testing.assert_allclose(mass[np.abs(particles["pdg_type"]) == pdg], MASSES[pdg], atol=1e-3)
    charge = mc.tables["events"]["nucleon_charge"]
    np.testing.assert_array_equal(leading(mc, 1, "pdg_type"), np.where(charge == 1, 2212, 2112))
    # Bound: lighter than free ones.
    bound = mass[mc.offsets["particles"][:-1] + 1]
    assert 0.85 < bound.min() < bound.max() < 0.938


def test_the_sum_of_the_weights_is_the_cross_section_beside_the_file(mc: Batch) -> None:
    row = np.loadtxt(data_path("gibuu/neutrino_absorption_cross_section_ALL.dat"))  # var sum QE Delta highRES 1pi DIS 2p2h-QE …
    weight, kind = (mc.tables["events"][c] for c in ("perturbative_weight", "interaction_type"))
    # GiBUU writes what becomes of a sample of these interactions.
    assert weight.sum() == pytest.approx(row[1], rel=0.01)
    assert weight[kind == 1].sum() == pytest.approx(row[2], rel=0.05)
    assert weight[kind == 2].sum() == pytest.approx(row[3], rel=0.05)
    assert weight[kind == 34].sum() == pytest.approx(row[6], rel=0.01)
    # The file states all of it, so that a sum over n files, which all are filed under one run, is n times as large: the column says so.
    assert "over n files of the same settings n times that" in schema("mc").rows.columns("gibuu")["perturbative_weight"].description


@pytest.mark.parametrize(
    ("flavor", "process", "expected"),
    [(2, 2, (14, 13)), (2, -2, (-14, -13)), (3, 3, (16, 16)), (1, -3, (-12, -12)), (1, 1, (11, 11)), (4, 2, (0, 0)), (1, 0, (0, 0)), (1, 7, (0, 0))],
)  # fmt: skip
def test_leptons_follow_from_flavour_and_process(flavor: int, process: int, expected: tuple[int, int]) -> None:
    before, behind = gibuu_root._leptons(np.array([flavor], np.int32), np.array([process], np.int32))
    assert (before[0], behind[0]) == expected


def test_it_is_filed_as_simulated_and_has_one_reader() -> None:
    (entry,) = describe_all(FILE)
    (segment,) = entry.segments
    assert (entry.format, segment.stream, segment.run.detector, segment.run.run) == ("gibuu_root", "mc", "gibuu-simulated", 0)


def test_a_damaged_basket_costs_its_entries(tmp_path: Path) -> None:
    with uproot.open(FILE) as file:
        branch = file["RootTuple"]["Px"]
        seek, size = int(branch.member("fBasketSeek")[3]), int(branch.member("fBasketBytes")[3])
        start, stop = (int(e) for e in branch.member("fBasketEntry")[3:5])
    data = bytearray(Path(FILE).read_bytes())
    data[seek + size // 2] ^= 0xFF
    (tmp_path / "x.root").write_bytes(data)
    entry = SOURCE.describe(str(tmp_path / "x.root"))
    with pytest.raises(CorruptFileError, match="'Px'") as caught:
        list(SOURCE.read(entry, "RootTuple", 0, 4755))
    assert (caught.value.start, caught.value.stop) == (start, stop)
    assert sum(b.rows for b in SOURCE.read(entry, "RootTuple", stop, 4755)) == 4755 - stop


def test_vectors_of_one_event_are_of_one_length() -> None:
    with open_root(FILE) as file:
        columns = gibuu_root._columns(file)
        parts = columns.read(10, 15)
        counts = parts["Py"].levels[0].copy()
        counts[3] -= 1
        parts["Py"] = Nested(parts["Py"].values[:-1], (counts,))
        with pytest.raises(CorruptFileError, match="another number of hadrons") as caught:
            gibuu_root._batch(columns, parts, 10, 15)
    assert (caught.value.branch, caught.value.start, caught.value.stop) == ("Py", 13, 14)


def test_what_is_not_there_is_refused() -> None:
    entry = SOURCE.describe(FILE)
    with pytest.raises(UnknownNameError, match="Known: RootTuple"):
        list(SOURCE.read(entry, "Events", 0, 1))
    with pytest.raises(InputChangedError):
        list(SOURCE.read(entry, "RootTuple", 0, 4756))
    with pytest.raises(UnknownLayoutError, match="none for source 'gibuu_root'"):
        SOURCE.describe(str(data_path("gseagen/gseagen.root")))
