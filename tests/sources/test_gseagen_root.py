"""gSeaGen's own trees: every number of the real file against uproot, and what is refused."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from km3net_testdata import data_path

from antdask.errors import CorruptFileError, InputChangedError, UnknownLayoutError, UnknownNameError
from antdask.model.mc_fields import NO_NUMBER
from antdask.model.ragged import Batch, concatenate
from antdask.sources.gseagen_root import SOURCE
from tests.sources.test_km3net_dst import lines

FILE = str(data_path("gseagen/gseagen.root"))
SCALARS = {
    "event_number": "iEvt", "p_scale": "PScale", "target_a": "TargetA", "target_z": "TargetZ", "interaction_id": "InterId", "scattering_id": "ScattId",
    "bjorken_x_of_event": "Bx", "bjorken_y_of_event": "By", "vertex_in_can": "VerInCan", "water_cross_section": "WaterXSec",
    "water_interaction_length": "WaterIntLen", "p_earth": "PEarth", "column_depth": "ColumnDepth", "cross_section_mean": "XSecMean",
    "generation_area": "Agen", "w2": "WGen", "w3": "WEvt",
}  # fmt: skip
PARTICLES = {"particle_type": "Pdg", "pdg_type": "Pdg", "x": "Vx", "y": "Vy", "z": "Vz", "dx": "Dx", "dy": "Dy", "dz": "Dz", "time_ns": "T", "energy": "E"}  # fmt: skip


@pytest.fixture(scope="module")
def batches() -> dict[str, Batch]:
    entry = SOURCE.describe(FILE)
    return {s.stream: concatenate(list(SOURCE.read(entry, s.tree, s.start, s.stop))) for s in entry.segments}


def test_every_number_of_the_events_is_that_of_the_file(batches: dict[str, Batch]) -> None:
    mc = batches["mc"]
    with uproot.open(FILE) as file:
        events = file["Events"].arrays()
    for column, branch in SCALARS.items():
        np.testing.assert_array_equal(mc.tables["events"][column], ak.to_numpy(events[branch]), err_msg=column)
    assert (len(events), int(ak.sum(events.NTracks))) == (258, 1508)
    np.testing.assert_array_equal(np.diff(mc.offsets["particles"]), ak.to_numpy(events.NTracks) + 2)
    for column, branch in PARTICLES.items():
        whole = ak.concatenate([events[[f"{branch}_nu"]][f"{branch}_nu"][:, None], events[f"{branch}_pl"][:, None], events[f"{branch}_tr"]], axis=1)  # fmt: skip
        np.testing.assert_array_equal(mc.tables["particles"][column], ak.to_numpy(ak.flatten(whole)), err_msg=column)


def test_a_particle_says_what_it_is(batches: dict[str, Batch]) -> None:
    mc = batches["mc"]
    particles, first = mc.tables["particles"], mc.offsets["particles"][:-1]
    kind = np.full(len(particles["kind"]), 3)
    kind[first], kind[first + 1] = 1, 2
    np.testing.assert_array_equal(particles["kind"], kind)
    assert set(particles["numbering"]) == {2}
    with uproot.open(FILE) as file:
        identifiers = ak.to_numpy(ak.flatten(file["Events"]["Id_tr"].array()))
    np.testing.assert_array_equal(particles["particle_id"][kind == 3], identifiers)
    assert set(particles["particle_id"][kind < 3]) == {NO_NUMBER}


def test_the_header_stands_branch_by_branch(batches: dict[str, Batch]) -> None:
    found = {name: (value, kind) for name, value, kind in lines_of(batches["headers"])}
    with uproot.open(FILE) as file:
        header = file["Header"]
        branches = [b.name for b in header.branches if b.typename != "TGraph"]
        for name in branches:
            value, kind = found[name]
            if kind != "string":
                np.testing.assert_array_equal(np.array(value.split()) == "True" if kind == "b1" else np.array(value.split(), kind), np.atleast_1d(header[name].array()[0]))  # fmt: skip
    assert sorted(found) == sorted(branches)
    assert found["gSeaGenVer"] == ("v6r1", "string")
    assert found["RunTime"] == ("Thu Mar 26 16:36:28 2020\n", "string")
    assert found["Flux1"][0] == "14 FUNC1 1E-5*pow(x,-2) "
    assert found["NuList"] == ("-14 14", "i4")
    assert found["GenieVer"] == ("", "string")


def lines_of(batch: Batch) -> list[tuple[str, str, str]]:
    # Two texts of this file are memory that the program never set: no text in any encoding.
    batch.tables["line_bytes"]["byte"] = np.where(batch.tables["line_bytes"]["byte"] > 126, ord("?"), batch.tables["line_bytes"]["byte"])
    return lines(batch, 0)


def test_the_units_that_the_file_does_not_state_follow_from_its_values(batches: dict[str, Batch]) -> None:
    event, avogadro = batches["mc"].tables["events"], 6.02214e23
    np.testing.assert_allclose(event["water_interaction_length"] * event["water_cross_section"] * avogadro * 1e6, 1, rtol=1e-4)
    passing = np.exp(-event["cross_section_mean"] * event["column_depth"] * avogadro)
    np.testing.assert_allclose(1 - event["p_earth"], 1 - passing, rtol=1e-3, atol=1e-12)


def test_what_it_does_not_keep_it_names() -> None:
    entry = SOURCE.describe(FILE)
    assert [note for note in entry.notes if "not archived" in note] == [
        "branch 'RangeSW' of tree 'Header' is not archived: it holds an object",
        "branch 'RangeSR' of tree 'Header' is not archived: it holds an object",
    ]
    assert [(s.run.detector, s.run.run) for s in entry.segments] == [("gseagen-simulated", 1)] * 2


def test_a_header_without_a_run_is_damage(tmp_path: Path) -> None:
    data = bytearray(Path(FILE).read_bytes())
    data[636:638] = b"\xff\xff"  # found by damaging the file at random: the branch of the run is no number any more
    (tmp_path / "x.root").write_bytes(data)
    with pytest.raises(CorruptFileError, match="no number of a run"):
        SOURCE.describe(str(tmp_path / "x.root"))


def test_what_is_not_there_is_refused() -> None:
    entry = SOURCE.describe(FILE)
    with pytest.raises(UnknownNameError, match="Known: Events, Header"):
        list(SOURCE.read(entry, "Event", 0, 1))
    with pytest.raises(InputChangedError):
        list(SOURCE.read(entry, "Events", 0, 259))
    with pytest.raises(UnknownLayoutError, match="none for source 'gseagen_root'"):
        SOURCE.describe(str(data_path("offline/numucc.root")))
