"""One rule for what is filed as simulated: every real file falls on its side, whichever of its trees is read."""

from __future__ import annotations

import shutil
from pathlib import Path

import km3net_testdata
import pytest

from antdask.errors import CorruptFileError, InputError, UnknownFormatError
from antdask.model.keys import km3net_label
from antdask.sources import describe_all, km3net_labels
from antdask.sources.km3net_labels import simulated_by
from antdask.sources.root import RootFile, open_root
from antdask.sources.root_keys import Key

DATA = Path(km3net_testdata.__file__).parent / "data"
#: Files with what detectors measured; all others with a KM3NeT detector are simulated, as their names and provenance say.
MEASURED = {
    "dst/orca4_sample.root", "dst/orca6_sample.root", "offline/km3net_offline.root", "offline/usr-sample.root",
    "online/KM3NeT_00000049_00008456.summaryslice-167941.root", "online/KM3NeT_00000267_00025291_JDAQEvent_JDAQSummaryslice.root",
    "online/KM3NeT_00000267_00025291_L1.root", "online/KM3NeT_00000267_00025291_SN.root", "online/events_sample.h5", "online/events_sample.root",
    "online/km3net_online.root", "online/summaryslices.root",
}  # fmt: skip
FILES = sorted(
    str(p.relative_to(DATA))
    for p in DATA.rglob("*")
    if p.suffix in (".root", ".h5") and p.parent.name not in ("seatray", "gseagen", "gibuu")
)
#: Both sides write to one run: the detector is that of a simulation, the run a real one.
CHAIN = "offline/mcv6.0.gsg_muon_highE-CC_50-500GeV.km3sim.jterbr00008357.jorcarec.aanet.905.root"


@pytest.mark.parametrize("file", FILES)
def test_measured_and_simulated_files_never_share_a_label(file: str) -> None:
    try:
        entries = describe_all(str(DATA / file))
    except InputError as error:
        assert not isinstance(error, CorruptFileError | UnknownFormatError) or "hdf5/mcv5.1" in file
        return
    labels = {s.run.detector for e in entries for s in e.segments}
    assert all(label.startswith("km3net") and label.endswith("-simulated") != (file in MEASURED) for label in labels)


def test_the_notes_say_why() -> None:
    notes = {e.format: [n for n in e.notes if n.startswith("filed as")] for e in describe_all(str(DATA / CHAIN))}
    why = ["filed as simulated: its header has 'physics: GENIE 3.0.2'"]
    assert notes == {"km3net_offline": why, "km3net_online": why}


@pytest.mark.parametrize(
    ("file", "evidence"),
    [
        ("online/muon_cc_daqevents.root", "META names mcv8.1.gsg_numu-CCHEDIS_1e2-1e8GeV.sirene.jterbr00013339.47.root"),
        ("dst/mcv5.1.km3_numuCC.ALL.dst.bdt.10events.root", "tree 'E' holds mc_trks"),
        ("offline/multiHead.root", "its header has 'simul: gSeaGen v7.2.0 220306 2011'"),
        ("online/summaryslices.root", ""),
    ],
)
def test_any_of_the_signs_is_enough(file: str, evidence: str) -> None:
    with open_root(str(DATA / file)) as found:
        assert simulated_by(found, []) == evidence


def test_programs_of_a_simulation_are_known_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_root(str(DATA / "online/summaryslices.root")) as file:
        for title, expected in (("JSirene", "META names JSirene"), ("JDataWriter", ""), ("application=x\ncommand=x -f /a/km3net_49.sirene.5.root", "META names km3net_49.sirene.5.root")):  # fmt: skip
            monkeypatch.setattr(km3net_labels, "texts_of", lambda _, title=title: [(Key(0, 0, 0, 1, 0, "TNamed", "JMeta"), title.encode())])
            assert simulated_by(file, []) == expected


def test_provenance_that_cannot_be_read_says_nothing_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(self: RootFile, name: str) -> None:
        raise CorruptFileError("broken")

    notes: list[str] = []
    with open_root(str(DATA / "online/muon_cc_daqevents.root")) as file:
        with monkeypatch.context() as patch:
            patch.setattr(RootFile, "directory", damaged)
            assert simulated_by(file, notes) == ""
        assert notes.pop() == "the provenance in META cannot be read: broken"
        said, named = km3net_labels.texts_of(file.directory("META"))
        monkeypatch.setattr(km3net_labels, "texts_of", lambda _: [(said[0], CorruptFileError("broken")), named])
        assert simulated_by(file, notes) == ""
    assert notes == ["'META/JConvert' cannot be read: broken"]


def test_a_negative_number_is_that_of_a_simulation() -> None:
    assert [km3net_label(d, s) for d, s in ((49, False), (49, True), (-1, False))] == [
        "km3net-49",
        "km3net-49-simulated",
        "km3net--1-simulated",
    ]


def test_the_name_of_a_file_says_nothing(tmp_path: Path) -> None:
    shutil.copy(DATA / "online/km3net_online.root", tmp_path / "mcv8.1.sirene.root")
    (entry,) = describe_all(str(tmp_path / "mcv8.1.sirene.root"))
    assert {s.run.detector for s in entry.segments} == {"km3net-44"}
