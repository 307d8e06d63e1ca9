"""What files say of their classes is what uproot reads of it, is read once, and not believed of a file that says something else."""

from __future__ import annotations

from pathlib import Path

import pytest
import uproot
from km3net_testdata import data_path

from antdask.errors import CorruptFileError
from antdask.sources import root_classes
from antdask.sources.root import RootFile, open_root

FILE = data_path("online/km3net_online.root")
SETTINGS = "JTRIGGER::JTriggerParameters"


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known from other tests."""
    monkeypatch.setattr(root_classes, "_known", type(root_classes._known)())


def test_every_class_has_the_members_that_uproot_reads() -> None:
    with uproot.open(FILE) as file, open_root(FILE) as ours:
        for kind, versions in file.file.streamers.items():
            for version, streamer in versions.items():
                expected = [(e.member("fName"), e.member("fTypeName"), e.member("fType")) for e in streamer.member("fElements")]
                assert [(m.name, m.type_name, m.code) for m in ours.members(kind, version)] == expected


def test_files_that_say_the_same_are_read_once() -> None:
    for name in (FILE, data_path("online/events_sample.root"), FILE):
        with open_root(name) as file:
            assert len(file.members(SETTINGS, 11)) == 20
    assert len(root_classes._known) == 1


def test_a_damaged_copy_is_no_file_that_is_known(tmp_path: Path) -> None:
    with open_root(FILE) as sound, uproot.open(FILE) as file:
        assert sound.members(SETTINGS, 11)
        place = file.file.fSeekInfo + file.file.fNbytesInfo // 2
    data = bytearray(Path(FILE).read_bytes())
    data[place] ^= 1
    (tmp_path / "x.root").write_bytes(data)
    with open_root(str(tmp_path / "x.root")) as damaged, pytest.raises(CorruptFileError, match="description of its classes"):
        damaged.members(SETTINGS, 11)


def test_only_some_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_classes, "_KEPT", 1)
    for name in (FILE, data_path("mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root")):
        with open_root(name) as file:
            assert isinstance(file, RootFile)
            assert file.members("TObject", 1)
        assert len(root_classes._known) == 1
