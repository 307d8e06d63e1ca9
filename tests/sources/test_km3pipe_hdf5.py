"""Files of km3pipe as a source: what it recognises, describes, reads in pieces, tells of itself, refuses and salvages."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from km3net_testdata import data_path

from antdask.errors import CorruptFileError, InputChangedError, UnknownLayoutError, UnknownNameError
from antdask.model.keys import RunKey
from antdask.model.ragged import concatenate, cut
from antdask.sources import recognise
from antdask.sources.km3pipe_hdf5 import SOURCE
from tests.sources import km3pipe_samples as samples
from tests.sources.evt_samples import texts
from tests.sources.seatray_samples import same


@pytest.mark.parametrize("name", samples.FILES)
def test_a_file_is_described_by_its_trees(name: str) -> None:
    label, run, trees, version = samples.FILES[name]
    assert recognise(samples.path(name)) is SOURCE
    entry = SOURCE.describe(samples.path(name))
    assert {s.tree: (s.stream, s.start, s.stop) for s in entry.segments} == {t: (samples.STREAMS[t], 0, n) for t, n in trees.items()}
    assert {s.run for s in entry.segments} == {RunKey(label, run)}
    assert all(s.nbytes > 0 for s in entry.segments)
    assert (entry.format, entry.layout, entry.origin, entry.notes[0]) == (*["km3pipe_hdf5"] * 3, f"format version {version}")
    assert not any("declares" in note or "belong" in note for note in entry.notes), "real files are archived whole"


@pytest.mark.parametrize(
    "name", ["seatray/antares.h5", "hdf5/mcv5.1.genhen_anumuNC.sirene.jte.jchain.aashower.sample.hdf5", "online/km3net_online.root"]
)
def test_other_files_are_left_to_others(name: str) -> None:
    assert not SOURCE.sniff(str(data_path(name)), Path(data_path(name)).read_bytes()[:64])


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_reading_in_two_pieces_equals_reading_at_once(data: st.DataObject) -> None:
    name, tree = data.draw(
        st.sampled_from([(samples.MUONS, "event_info"), (samples.MUONS, "hits"), (samples.FITS, "reco"), (samples.FITS, "headers")])
    )
    entry = SOURCE.describe(samples.path(name))
    a, b, c = sorted(data.draw(st.lists(st.integers(0, entry.entries(samples.STREAMS[tree])), min_size=3, max_size=3)))
    pieces = [*SOURCE.read(entry, tree, a, b), *SOURCE.read(entry, tree, b, c)]
    if a < c:
        same(concatenate(pieces), cut(samples.whole(samples.path(name), tree), a, c))
    else:
        assert pieces == []


def test_small_batches_hold_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {tree: samples.whole(samples.path("hdf5/geamon.h5"), tree) for tree in ("event_info", "reco")}
    monkeypatch.setattr("antdask.sources.km3pipe_hdf5.BATCH_BYTES", 10_000)
    monkeypatch.setattr("antdask.sources.km3pipe_dataset.SLICE_ROWS", 70)
    entry = SOURCE.describe(samples.path("hdf5/geamon.h5"))
    for tree, batch in whole.items():
        batches = list(SOURCE.read(entry, tree, 0, batch.rows))
        assert len(batches) > 1
        same(concatenate(batches), batch)


def test_the_file_tells_of_itself() -> None:
    lines = texts(samples.whole(samples.path(samples.MUONS), "headers"))[0]
    found = {name: (value, note) for name, value, note in lines}
    assert found[b"attribute/km3pipe"] == (b"8.27.12", b"")
    assert found[b"can"] == (b"0 472.7 299.7", b"zmin zmax r\nf4 f4 f4")
    assert found[b"meta/application_name"] == (b"JTriggerEfficiency", b"")
    with h5py.File(samples.path(samples.MUONS)) as file:
        header = file["raw_header"][:]
        assert [tuple(row) for row in header[["parameter", "field_values"]].tolist()] == [
            (n, v) for n, v, note in lines if note and not n.startswith(b"reco/")
        ]
        assert all(found[b"attribute/" + k.encode()][0] in (v, str(v).encode()) for k, v in file.attrs.items())


def test_words_of_the_header_are_numbers_too() -> None:
    batch = samples.whole(samples.path(samples.MUONS), "headers")
    names = [name for name, _, _ in texts(batch)[0]]
    n = names.index(b"cut_in")
    assert batch.tables["numbers"]["value"][slice(*batch.offsets["numbers"][n : n + 2])].tolist() == [1.0, 500000.0, -1.0, -0.087156]


def test_real_data_say_that_they_hold_no_simulation() -> None:
    assert (
        "weights and numbers of simulation in 'event_info' are not archived: the file holds no simulation"
        in SOURCE.describe(samples.path(samples.SMALL)).notes
    )


@pytest.mark.parametrize("version", [b"4.0", b"6.0", b"", b"x"])
def test_a_version_that_is_not_known_is_refused(tmp_path: Path, version: bytes) -> None:
    def age(file: h5py.File) -> None:
        file.attrs["format_version"] = np.bytes_(version) if version else h5py.Empty("S1")

    with pytest.raises(UnknownLayoutError, match=r"format version of km3pipe is not known.*expected one of 4\.1"):
        SOURCE.describe(samples.changed(tmp_path, samples.SMALL, age))


def test_data_sets_that_no_map_declares_are_noted(tmp_path: Path) -> None:
    entry = SOURCE.describe(samples.changed(tmp_path, samples.SMALL, lambda file: file.create_dataset("misc/thing", data=np.zeros(3))))
    assert "data set 'misc/thing' is not archived: no map declares it" in entry.notes


def test_two_runs_in_a_file_are_segments(tmp_path: Path) -> None:
    entry = SOURCE.describe(samples.changed(tmp_path, samples.SMALL, samples.assign("event_info", slice(6, 10), "run_id", 6885)))
    assert [(s.tree, s.run.run, s.start, s.stop) for s in entry.segments] == [
        ("hits", 6884, 0, 6),
        ("hits", 6885, 6, 10),
        ("headers", 6884, 0, 1),
    ]


def test_unknown_trees_and_entries_are_refused() -> None:
    entry = SOURCE.describe(samples.path(samples.SMALL))
    with pytest.raises(UnknownNameError, match="Did you mean 'hits'"):
        next(SOURCE.read(entry, "hit", 0, 1))
    with pytest.raises(InputChangedError, match="expected 0 to 11, found 10 entries"):
        next(SOURCE.read(entry, "hits", 0, 11))


@pytest.mark.parametrize("size", sorted(np.random.default_rng(6884).integers(0, 73_184, 20).tolist()))
def test_a_truncated_file_is_corrupt_at_every_length(tmp_path: Path, size: int) -> None:
    torn = tmp_path / "torn.h5"
    torn.write_bytes(Path(samples.path(samples.SMALL)).read_bytes()[:size])
    with pytest.raises(CorruptFileError, match=r"torn\.h5"):
        SOURCE.describe(str(torn))


@pytest.mark.parametrize("seed", range(32))
def test_random_damage_gives_intact_values_or_an_error(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    name = [samples.SMALL, samples.MUONS, "hdf5/numu_cc_test.h5", samples.FITS][seed % 4]
    data = bytearray(Path(samples.path(name)).read_bytes())
    for place in rng.integers(0, len(data), 6):
        data[place] = rng.integers(256)
    path = tmp_path / "damaged.h5"
    path.write_bytes(bytes(data))
    try:
        entry = SOURCE.describe(str(path))
        trees = {s.tree for s in entry.segments} - {"headers"}
        found = {tree: samples.salvage(entry, tree) for tree in trees}
    except (CorruptFileError, UnknownLayoutError):
        return
    for tree, (batches, lost) in found.items():
        assert sum(b.rows for b in batches) + sum(b - a for a, b in lost) == entry.entries(samples.STREAMS[tree])
        if name == "hdf5/numu_cc_test.h5":
            continue  # event_info and mc_hits of this file have no checksum: their numbers may be others
        for batch in batches:
            first = int(batch.tables[batch.schema.rows.name]["source_entry"][0])
            same(batch, cut(samples.whole(samples.path(name), tree), first, first + batch.rows))
