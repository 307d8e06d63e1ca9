"""Damages that the soak found to be met wrongly, each as it was found."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from unittest.mock import Mock

import pytest

from antdask.sources import controlhost, corsika, corsika_blocks, evt_ascii, evt_blocks
from tests.contracts.fuzzing import Damage, Sound, read
from tests.contracts.test_source_contract import path_of

pytestmark = pytest.mark.filterwarnings("error")

FOUND = [
    # Counts of tracks are lost: without them nothing tells that the events are empty, and they are archived.
    ("mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root", Damage("flip", 8318, seed=1907845921), "salvaged"),
    # Without tree E what programs left is told by the other source of the file, under its run.
    ("mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root", Damage("flip", 35834, seed=2404710606), "salvaged"),
    ("mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root", Damage("zero", 32510, 4096), "salvaged"),
    # The tree that holds the start of the run has another name; a leaf is of another class.
    ("simulated/raw", Damage("flip", 5860, seed=1604918342), "salvaged"),
    ("simulated/raw", Damage("flip", 90491, seed=2736284532), "refused"),
    # A directory of another name or class than the top one lists.
    ("online/KM3NeT_00000049_00008456.summaryslice-167941.root", Damage("extreme", 260, 4, 785107576), "salvaged"),
    ("online/KM3NeT_00000133_JDAQEvent.root", Damage("flip", 287, seed=3820182134), "salvaged"),
    # A table that ends with a line is a whole one: nobody can know of the lines that came behind.
    ("simulated/slow", Damage("cut", 341622), "other"),
    ("simulated/slow", Damage("cut", 341621), "salvaged"),
    # All numbers of a column were zero: HDF5 takes a chunk at byte 0 for one that was never written.
    ("online/events_sample.h5", Damage("zero", 8914, 64), "salvaged"),
    # The byte order of a column.
    ("online/events_sample.h5", Damage("flip", 1781, seed=3150733844), "refused"),
    # A sector of zeros in hits that are not compressed.
    ("online/KM3NeT_00000133_JDAQEvent.root", Damage("zero", 80964, 512), "salvaged"),
    ("daq/IO_EVT.dat", Damage("zero", 2781, 512), "salvaged"),
    # An identifier that is there twice, a length that no direction has.
    ("datx/KM3NeT_00000133_20221025.datx", Damage("zero", 512532, 2), "refused"),
    ("datx/KM3NeT_00000133_20221025.datx", Damage("extreme", 31006, 4, seed=1), "refused"),
]


@pytest.mark.parametrize(("file", "damage", "outcome"), FOUND)
def test_what_was_wrong_once_is_met(file: str, damage: Damage, outcome: str, tmp_path: Path) -> None:
    sound = Sound(path_of(file))
    found = sound.judge(damage, sound.place(tmp_path))
    assert (found.outcome, found.why) == (outcome, "")


@pytest.mark.parametrize(
    ("modules", "file", "head", "broken"),
    [
        ((evt_ascii, evt_blocks), "evt/KM3Sim.evt", b"start_event:", b"start_evemt:"),
        ((controlhost,), "daq/IO_TSSN.dat", b"", b""),
        ((corsika, corsika_blocks), "corsika/DAT000001", b"EVTE", b"EVTX"),
    ],
)
def test_a_file_is_looked_through_once_however_many_of_its_entries_are_lost(
    modules: tuple[ModuleType, ...], file: str, head: bytes, broken: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path(path_of(file)).read_bytes() * 8
    # Every third mark is gone; of records on the wire, which have none, some bytes here and there.
    pieces = data.split(head) if head else [data[n : n + 700] for n in range(0, len(data), 700)]
    damaged = b"".join(
        p + (b"" if n + 1 == len(pieces) else (head, head, broken)[n % 3] if head else b"\xff") for n, p in enumerate(pieces)
    )
    path = tmp_path / f"many{Path(file).suffix}"
    path.write_bytes(damaged)
    scan = Mock(side_effect=modules[-1].scan)
    for module in modules:
        monkeypatch.setattr(module, "scan", scan)
    found, lost, _ = read(str(path))
    assert len(lost) > 5 and sum(batch.rows for batch in found.values()) > 5
    # To describe it, and to read it.
    assert scan.call_count == 2
