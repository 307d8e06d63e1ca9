"""Files of generators that know of no detector, archived and read back: every number of the file is in the archive, in its unit or as the page on its format tells."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from km3net_testdata import data_path

import antdask
from antdask.cluster import make_cluster
from antdask.convert import campaign, scan
from antdask.convert.verify import verify
from tests.sources import corsika_samples

GIBUU = str(data_path("gibuu/EventOutput.Pert.00000001.root"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bare") / "archive"
    with make_cluster("serial") as cluster:
        campaign.convert(scan.make_plan([corsika_samples.FILE, GIBUU], str(place)), cluster)
    return place


def test_every_value_is_that_of_its_source(place: Path) -> None:
    with make_cluster("serial") as cluster:
        report = verify(str(place), "source", cluster)
    assert (report.problems, report.parts, report.rows) == ([], 3, 10 + 2 + 4755)


def test_every_word_of_a_shower_comes_out_of_the_archive(place: Path) -> None:
    columns = [
        f"particles.{c}"
        for c in (
            "kind",
            "particle_type",
            "description",
            "px",
            "py",
            "pz",
            "x",
            "y",
            "z",
            "time_ns",
            "word_fifth",
            "word_sixth",
            "word_seventh",
        )
    ]
    showers = (
        antdask.open_archive(str(place))
        .stream("mc")
        .select(detector="corsika-simulated")
        .to_awkward([*columns, "evth.value", "evte.value"])
    )
    events = corsika_samples.events()
    found = corsika_samples.words_behind({name: ak.to_numpy(ak.flatten(showers.particles[name])) for name in showers.particles.fields})
    np.testing.assert_array_equal(found.view("u4"), np.concatenate([e.particles.view("f4").reshape(-1, 7) for e in events]).view("u4"))
    for name in ("evth", "evte"):
        theirs = b"".join((e.header if name == "evth" else e.end).tobytes() for e in events)
        assert ak.to_numpy(ak.flatten(showers[name].value)).astype(np.float32).tobytes() == theirs


def test_a_query_finds_the_muons_of_a_shower(place: Path) -> None:
    mc = antdask.open_archive(str(place)).stream("mc")
    showers = mc.select(detector="corsika-simulated", where="n_particles > 400").to_awkward(
        ["event_number", "particles.pdg_type", "particles.observation_level"]
    )
    muons = (abs(showers.particles.pdg_type) == 13) & (showers.particles.observation_level == 1)
    stated = {int(e.header["event_number"]): int(e.end.tolist()[5]) for e in corsika_samples.events()}
    assert len(showers) == 3
    assert ak.sum(muons, axis=1).tolist() == [stated[n] for n in showers.event_number.tolist()]


def test_a_query_sums_the_cross_section_of_an_interaction(place: Path) -> None:
    mc = antdask.open_archive(str(place)).stream("mc")
    found = mc.select(detector="gibuu-simulated", where="interaction_type == 34").to_awkward(["perturbative_weight"]).perturbative_weight
    with uproot.open(GIBUU) as file:
        tree = file["RootTuple"].arrays(["weight", "evType"], library="np")
    np.testing.assert_array_equal(ak.to_numpy(found), tree["weight"][tree["evType"] == 34])
