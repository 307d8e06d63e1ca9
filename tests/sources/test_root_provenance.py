"""What programs left in files: every text of every real file as uproot gives it, the order of programs, and what damage costs."""

from __future__ import annotations

from pathlib import Path

import km3net_testdata
import numpy as np
import pytest
import uproot

from antdask.errors import CorruptFileError
from antdask.model.ragged import Batch, concatenate
from antdask.plan import FileEntry
from antdask.sources import SOURCES, describe_all
from antdask.sources.root import open_root
from antdask.sources.root_provenance import TREE, Provenance

DATA = Path(km3net_testdata.__file__).parent / "data"
FOLDERS = ("META", "dst_history", "HeadDir")
DST = "dst/mcv6.gsg_numu-CCHEDIS_1e2-1e8GeV.sirene.jte.jchain.aashower.dst.bdt_trk.bdt_casc.10events.root"
MUPAGE, ONLINE = "mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root", "online/km3net_online.root"
#: Files of which a source archives something, with provenance.
FILES = sorted(str(p.relative_to(DATA)) for folder in ("dst", "mupage", "offline", "online") for p in (DATA / folder).glob("*.root"))


def texts(path: Path) -> dict[bytes, bytes]:
    """Texts in the folders of a file, by name and cycle, from uproot: the title of the key, which ROOT makes the same as the text."""
    with uproot.open(path) as file:
        there = [name for name in FOLDERS if name in file.keys(cycle=False)]
        found = {f"{name}/{k.fName};{k.fCycle}".encode(): (file[name], k) for name in there for k in file[name]._keys}
        for folder, key in found.values():
            assert key.fClassName == "TKey" or folder[f"{key.fName};{key.fCycle}"].member("fTitle") == key.fTitle
        return {name: key.fTitle.encode() for name, (_, key) in found.items()}


def archived(path: Path) -> tuple[list[FileEntry], list[list[tuple[bytes, bytes, bytes]]]]:
    """Inputs with rows of provenance, and the lines of each row."""
    entries = [entry for entry in describe_all(str(path)) if any(s.tree == TREE for s in entry.segments)]
    rows = []
    for entry in entries:
        (segment,) = (s for s in entry.segments if s.tree == TREE)
        assert segment.stream == "headers"
        rows += lines(concatenate(list(SOURCES.get(entry.format).read(entry, TREE, segment.start, segment.stop))))
    return entries, rows


def lines(batch: Batch) -> list[list[tuple[bytes, bytes, bytes]]]:
    assert batch.problems() == []
    columns, data = batch.tables["lines"], batch.tables["line_bytes"]["byte"].tobytes()
    sizes = np.stack([columns[n] for n in ("name_bytes", "value_bytes", "note_bytes")], axis=1).astype(int)
    found = []
    for start, (a, b, c) in zip(batch.offsets["line_bytes"][:-1], sizes, strict=True):
        found.append((data[start : start + a], data[start + a : start + a + b], data[start + a + b : start + a + b + c]))
    return [found[a:b] for a, b in zip(batch.offsets["lines"][:-1], batch.offsets["lines"][1:], strict=True)]


@pytest.mark.parametrize("file", FILES)
def test_every_text_of_a_file_is_archived_once_and_byte_by_byte(file: str) -> None:
    entries, rows = archived(DATA / file)
    expected = texts(DATA / file)
    assert {name: value for row in rows for name, value, _ in row if b"/" in name.split(b".")[0]} == expected
    assert len(entries) == (1 if expected else 0)
    assert sum(len(row) for row in rows if b"/" in row[0][0].split(b".")[0]) == len(expected)


def test_a_chain_of_programs_is_told_in_its_order() -> None:
    _, (row,) = archived(DATA / "offline/empty_events.root")
    programs = [value.decode() for name, value, _ in row if name.startswith(b"META/JMeta;")]
    assert programs == [
        "JTriggerEfficiency",
        "JMuonPrefit",
        "JMuonSimplex",
        "JMuonStart",
        "JMuonGandalf",
        "JMuonStart",
        "JMuonEnergy",
        "JConvertEvt",
    ]
    said = {name: (value, note) for name, value, note in row}
    assert said[b"META/JConvertEvt;1"][0].startswith(
        b"GIT=16.0.3\nROOT=6.22/06\napplication=JConvertEvt\ncommand=/Jpp/out//Linux/bin//JConvertEvt -f "
    )
    assert said[b"META/JConvertEvt;1"][1].startswith(b"TNamed\n2023-") or said[b"META/JConvertEvt;1"][1].startswith(b"TNamed\n2022-")
    assert said[b"META/JMuonStart;1"] != said[b"META/JMuonStart;2"]


def test_the_settings_of_the_trigger_stand_beside_the_programs() -> None:
    (entry,), rows = archived(DATA / ONLINE)
    assert entry.format == "km3net_online"
    assert [row[0][0] for row in rows] == [b"META/JDataWriter;1", b"JTRIGGER::JTriggerParameters.trigger3DShower.enabled"]
    assert (b"JTRIGGER::JTriggerParameters.writeL1.prescale", b"20", b"long long") in rows[1]


def test_a_key_that_stands_for_its_text_is_read() -> None:
    _, (row,) = archived(DATA / DST)
    assert [(name, len(value), note.split(b"\n")[0]) for name, value, note in row] == [(b"dst_history/command_line;1", 23729, b"TKey"), (b"dst_history/input_files;1", 23460, b"TKey")]  # fmt: skip


def test_a_file_of_two_sources_has_its_provenance_in_one() -> None:
    entries, _ = archived(DATA / MUPAGE)
    assert [e.format for e in entries] == ["km3net_offline"]
    (online,) = (e for e in describe_all(str(DATA / MUPAGE)) if e.format == "km3net_online")
    assert "'META' (TDirectory) is read by source 'km3net_offline'" in online.notes


def test_rows_are_filed_under_the_first_run_and_keys_agree() -> None:
    (entry,), _ = archived(DATA / "online/summaryslices.root")
    (segment,) = (s for s in entry.segments if s.tree == TREE)
    source = SOURCES.get(entry.format)
    (batch,) = source.read(entry, TREE, 0, 1)
    assert segment.run == entry.segments[0].run
    assert batch.tables["headers"]["run"].tolist() == [segment.run.run] == source.keys(entry, TREE, 0, 1)[0].tolist()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("file", "lost"), [(ONLINE, 0), (ONLINE, 1)])
def test_a_damaged_row_is_lost_alone(file: str, lost: int, tmp_path: Path) -> None:
    path, data = tmp_path / "x.root", bytearray((DATA / file).read_bytes())
    with open_root(str(DATA / file)) as sound:
        folder = sound.directory("META" if lost == 0 else "")
        key = next(k for k in folder.keys if k.name in ("JDataWriter", "JTRIGGER::JTriggerParameters"))
    data[key.seek + key.nbytes - 8] ^= 1
    path.write_bytes(data)
    (entry,) = describe_all(str(path))
    source = SOURCES.get(entry.format)
    with pytest.raises(CorruptFileError) as caught:
        list(source.read(entry, TREE, 0, 2))
    assert (caught.value.tree, caught.value.start, caught.value.stop) == (TREE, lost, lost + 1)
    (kept,) = source.read(entry, TREE, 1 - lost, 2 - lost)
    (expected,) = source.read(describe_all(str(DATA / file))[0], TREE, 1 - lost, 2 - lost)
    assert lines(kept) == lines(expected)


def test_a_damaged_folder_and_what_is_no_text_are_named(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "x.root") as file:
        file["notes/first"] = "made by hand"
        file["notes/histogram"] = np.histogram([1.0, 2.0])
        file["top"] = "at the top"
    with open_root(str(tmp_path / "x.root")) as file:
        provenance = Provenance(file)
        (notes, top) = provenance.rows
        assert isinstance(notes, list)
        assert isinstance(top, list)
        assert [(name, value) for name, value, _ in (*notes, *top)] == [(b"notes/first;1", b"made by hand"), (b"top;1", b"at the top")]
        assert provenance.notes() == ["'notes/histogram' (TH1D) is not archived"]
        assert provenance.told == {"notes", "top"}
