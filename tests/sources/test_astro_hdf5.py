"""Tables for astronomy as a source: every value as h5py reads it, what it means by the ROOT file of the same events, and what is refused and salvaged."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from km3net_testdata import data_path

from antdask.errors import CorruptFileError, InputChangedError, UnknownLayoutError, UnknownNameError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch, concatenate, cut
from antdask.sources import layout_map, recognise
from antdask.sources.astro_hdf5 import HEADER, ID, MC, RECO, SOURCE, STREAMS
from tests.sources import astro_samples as samples
from tests.sources.evt_samples import texts
from tests.sources.seatray_samples import same

#: What the Time of a double of seconds, and a double of half a day, may round away [ns].
ROUNDING_NS = 1


def test_the_real_file_is_described_by_its_tables() -> None:
    assert recognise(samples.FILE) is SOURCE
    entry = SOURCE.describe(samples.FILE)
    assert [(s.stream, s.tree, s.start, s.stop) for s in entry.segments] == [
        ("dst", ID, 0, 10),
        ("mc", MC, 0, 10),
        ("reco", RECO, 0, 10),
        ("headers", HEADER, 0, 1),
    ]
    assert {s.run for s in entry.segments} == {RunKey("km3net-simulated", 1)}
    assert (entry.format, entry.origin, entry.layout) == ("astro_hdf5",) * 3
    assert entry.notes == (
        "filed as simulated: its header has 'physics: physics(program='GENHEN', version='7.2-220514', date=181206, time=2015)'",
        "the file does not name its detector",
    )


@pytest.mark.parametrize("name", ["seatray/antares.h5", "hdf5/geamon.h5", "hdf5/raw_header.h5", "online/km3net_online.root"])
def test_other_files_are_left_to_others(name: str) -> None:
    assert not SOURCE.sniff(str(data_path(name)), Path(data_path(name)).read_bytes()[:64])


@pytest.mark.parametrize(
    ("tree", "table", "columns"),
    [
        (ID, "events", {"event_number": "event_id", "utc_jd1": "timeslice_utc_time.jd1", "utc_jd2": "timeslice_utc_time.jd2"}),
        (MC, "events", {"event_number": "event_id", "normalized_weight": "normalized_weight"}),
        (
            MC,
            "particles",
            {"particle_type": "pdg_id", "pdg_type": "pdg_id", "energy": "energy", "theta": "theta_detectorframe", "phi": "phi_detectorframe"}
            | {c: f"pos_{c}" for c in "xyz"},
        ),
        (
            RECO,
            "tracks",
            {"event_number": "event_id", "rec_type": "rec_type", "rec_stage": "rec_stage", "time_ns": "tracktime_ns", "energy": "energy"}
            | {"utc_jd1": "tracktime_utc.jd1", "utc_jd2": "tracktime_utc.jd2", "lik": "likelihood"}
            | {"theta": "theta_detectorframe", "phi": "phi_detectorframe"}
            | {c: f"pos_{c}" for c in "xyz"},
        ),
    ],
)  # fmt: skip
def test_every_number_of_the_file_is_archived_as_it_stands(tree: str, table: str, columns: dict[str, str]) -> None:
    rows, batch = samples.table(tree), samples.whole(samples.FILE, tree)
    for field, column in columns.items():
        np.testing.assert_array_equal(batch.tables[table][field], rows[column], err_msg=field)
    assert batch.problems() == []


def test_no_column_of_the_file_is_left_out() -> None:
    for tree in (ID, MC, RECO):
        declared = {c.source for c in layout_map.load("astro_hdf5").dataset(tree).columns}
        assert declared == set(samples.columns(tree))


def test_the_header_and_the_descriptions_stand_word_by_word() -> None:
    (lines,) = texts(samples.whole(samples.FILE, HEADER))
    assert lines[:31] == [(name, value, b"") for name, value in samples.table(HEADER).tolist()]
    assert [name.decode() for name, _, _ in lines[31:]] == [name + samples.META for name in (HEADER, ID, MC, RECO)]
    for name, value, _ in lines[31:]:
        assert value.decode().split("\n") == samples.words(name.decode().removesuffix(samples.META))


class TestTheRootFileOfTheSameEvents:
    """What the numbers mean, by value, from an independent file and reader."""

    def test_the_time_of_an_event_is_that_of_its_frame_exactly(self) -> None:
        seconds, rest = samples.offline("t.fSec", "t.fNanoSec")
        exact = [s * 10**9 + ns for s, ns in zip(seconds, rest, strict=True)]
        assert samples.whole(samples.FILE, ID).tables["events"]["utc_ns"].tolist() == exact

    def test_a_particle_is_the_first_of_its_event(self) -> None:
        names = ("E", "type", "pos.x", "pos.y", "pos.z")
        expected = samples.offline(*(f"mc_trks/mc_trks.{n}" for n in names))
        particles = samples.whole(samples.FILE, MC).tables["particles"]
        for name, values in zip(("energy", "pdg_type", "x", "y", "z"), expected, strict=True):
            assert particles[name].tolist() == [event[0] for event in values], name

    def test_angles_of_particles_are_those_of_the_flight_and_not_of_the_origin(self) -> None:
        along = np.array([[event[0] for event in values] for values in samples.offline(*(f"mc_trks/mc_trks.dir.{c}" for c in "xyz"))])
        particles = samples.whole(samples.FILE, MC).tables["particles"]
        self.assert_along(particles["theta"], particles["phi"], along)

    def test_the_weight_is_the_generation_weight_over_the_number_of_generated_events(self) -> None:
        (weights,) = samples.offline("w")
        found = samples.whole(samples.FILE, MC).tables["events"]["normalized_weight"]
        np.testing.assert_array_equal(found, np.array([w[1] for w in weights]) / 100_000)

    def test_a_fit_is_one_of_its_event_in_every_number(self) -> None:
        names = ("lik", "E", "t", "pos.x", "pos.y", "pos.z", "dir.x", "dir.y", "dir.z", "rec_type", "rec_stages")
        fits = samples.offline(*(f"trks/trks.{n}" for n in names))
        tracks = samples.whole(samples.FILE, RECO).tables["tracks"]
        own = np.stack([tracks[n] for n in ("lik", "energy", "time_ns", "x", "y", "z")], axis=1).tolist()
        kinds, along = [], []
        for event, wanted in enumerate(own):
            (place,) = [n for n, found in enumerate(zip(*(values[event] for values in fits[:6]), strict=True)) if list(found) == wanted]
            along.append([fits[n][event][place] for n in (6, 7, 8)])
            kinds.append((fits[9][event][place], max(fits[10][event][place])))
        self.assert_along(tracks["theta"], tracks["phi"], np.array(along).T)
        # What the file calls them is wrong for the three of aanet, and stands in the other column for those of Jpp.
        assert kinds == [*[(4000, 5)] * 2, *[(101, 4)] * 3, *[(4000, 5)] * 5]
        assert set(zip(tracks["rec_type"].tolist(), tracks["rec_stage"].tolist(), strict=True)) == {(0, 4000)}

    def test_the_time_of_a_fit_is_that_of_its_frame_and_the_time_in_it(self) -> None:
        tracks, events = samples.whole(samples.FILE, RECO).tables["tracks"], samples.whole(samples.FILE, ID).tables["events"]
        assert tracks["event_number"].tolist() == events["event_number"].tolist()
        assert np.abs(tracks["utc_ns"] - events["utc_ns"] - tracks["time_ns"]).max() < ROUNDING_NS

    @staticmethod
    def assert_along(theta: np.ndarray, phi: np.ndarray, along: np.ndarray) -> None:
        x, y, z = along
        np.testing.assert_allclose(theta, np.arccos(z), rtol=0, atol=1e-14)
        np.testing.assert_allclose(phi, np.arctan2(y, x) % (2 * np.pi), rtol=0, atol=1e-14)
        unit = np.array([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])
        np.testing.assert_allclose(unit, along, rtol=0, atol=1e-5)
        assert (np.abs(unit + along).max(axis=0) > 0.1).all()


@pytest.mark.parametrize("tree", STREAMS)
def test_reading_in_pieces_equals_reading_at_once(monkeypatch: pytest.MonkeyPatch, tree: str) -> None:
    whole, entry = samples.whole(samples.FILE, tree), SOURCE.describe(samples.FILE)
    middle = whole.rows // 2
    same(concatenate([*SOURCE.read(entry, tree, 0, middle), *SOURCE.read(entry, tree, middle, whole.rows)]), whole)
    assert list(SOURCE.read(entry, tree, middle, middle)) == []
    monkeypatch.setattr("antdask.sources.astro_hdf5.BATCH_BYTES", 1)
    batches = list(SOURCE.read(entry, tree, 0, whole.rows))
    assert len(batches) == whole.rows
    same(concatenate(batches), whole)


def test_unknown_trees_and_entries_are_refused() -> None:
    entry = SOURCE.describe(samples.FILE)
    with pytest.raises(UnknownNameError, match="tree 'RECO'"):
        next(SOURCE.read(entry, "RECO", 0, 1))
    with pytest.raises(InputChangedError, match="expected 0 to 11, found 10 entries"):
        next(SOURCE.read(entry, MC, 0, 11))


def measured(file: h5py.File) -> None:
    """What the program writes of measured data: no particles, and a header without a simulation."""
    del file["MC"]
    columns = samples.columns(HEADER)
    keep = ~np.isin(columns["Parameter"], [b"physics", b"simul", b"start_run"])
    samples.rewrite(file, HEADER, {n: c[keep] for n, c in columns.items()}, samples.words(HEADER))


def test_measured_events_keep_their_times_without_particles(tmp_path: Path) -> None:
    path = samples.changed(tmp_path, measured)
    entry = SOURCE.describe(path)
    assert [(s.stream, s.run) for s in entry.segments] == [(stream, RunKey("km3net", 0)) for stream in ("dst", "reco", "headers")]
    assert entry.notes == ("the file does not name its detector", "the file does not name its run: filed under 0")
    same(samples.whole(path, ID), relabelled(samples.whole(samples.FILE, ID)))
    with pytest.raises(InputChangedError):
        next(SOURCE.read(entry, MC, 0, 1))


def relabelled(batch: Batch) -> Batch:
    events = batch.tables["events"] | {"run": np.zeros(batch.rows, np.uint32)}
    return Batch(batch.stream, batch.origin, {**batch.tables, "events": events}, batch.offsets)


@pytest.mark.parametrize(("value", "run"), [(b"start_run(run_id=8357)", 8357), (b"42", 42), (b"start_run(run_id=x)", None), (b"9999999999", None)])  # fmt: skip
def test_the_run_is_that_of_the_header_or_refused(tmp_path: Path, value: bytes, run: int | None) -> None:
    def rename(file: h5py.File) -> None:
        rows = file[HEADER][:]
        rows["Value"][rows["Parameter"] == b"start_run"] = value
        file[HEADER][:] = rows

    path = samples.changed(tmp_path, rename)
    if run is None:
        with pytest.raises(UnknownLayoutError, match="no number of a run"):
            SOURCE.describe(path)
    else:
        assert {s.run.run for s in SOURCE.describe(path).segments} == {run}
        assert set(samples.whole(path, RECO).tables["tracks"]["run"].tolist()) == {run}


def test_events_without_counterpart_or_twice_are_noted(tmp_path: Path) -> None:
    def renumber(file: h5py.File) -> None:
        for name, values in ((ID, [0, 1, 2, 3, 4, 5, 6, 7, 7, 9]), (RECO, [0, 1, 2, 3, 4, 5, 6, 7, 77, 78])):
            rows = file[name][:]
            rows["event_id"] = values
            file[name][:] = rows

    notes = SOURCE.describe(samples.changed(tmp_path, renumber)).notes
    assert notes[2:] == (
        "1 numbers of events stand twice in 'ID'",
        "1 rows of 'MC/MC_EVENTS' belong to no event of 'ID'",
        "2 rows of 'RECO/RECO_EVENTS' belong to no event of 'ID'",
    )


def test_data_sets_that_no_map_declares_are_noted(tmp_path: Path) -> None:
    entry = SOURCE.describe(samples.changed(tmp_path, lambda file: file.create_dataset("AUX/thing", data=np.zeros(3))))
    assert "data set 'AUX/thing' is not archived: no map declares it" in entry.notes


def test_what_is_lost_of_a_table_is_its_chunks(tmp_path: Path) -> None:
    def pack(file: h5py.File) -> None:
        storage = {"chunks": (4,), "compression": "gzip", "fletcher32": True}
        samples.rewrite(file, RECO, samples.columns(RECO), samples.words(RECO), **storage)

    path = samples.changed(tmp_path, pack)
    with h5py.File(path) as file:
        info = file[RECO].id.get_chunk_info(1)
    with Path(path).open("r+b") as raw:
        raw.seek(info.byte_offset + info.size // 2)
        raw.write(b"\xff" * 20)
    entry = SOURCE.describe(path)
    assert "rows of 'RECO" not in " ".join(entry.notes)
    batches, lost = samples.salvage(entry, RECO)
    assert lost == [(4, 8)]
    whole = samples.whole(samples.FILE, RECO)
    for batch, (a, b) in zip(batches, [(0, 4), (8, 10)], strict=True):
        same(batch, cut(whole, a, b))


def test_a_file_without_numbers_of_events_is_refused(tmp_path: Path) -> None:
    path = samples.changed(tmp_path, lambda file: file.pop(ID))
    assert not SOURCE.sniff(path, Path(path).read_bytes()[:64])
    with pytest.raises(UnknownLayoutError, match="'ID' is missing"):
        SOURCE.describe(path)


@pytest.mark.parametrize("seed", range(24))
def test_random_damage_gives_values_or_an_error(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(Path(samples.FILE).read_bytes())
    for place in rng.integers(0, len(data), 6):
        data[place] = rng.integers(256)
    path = tmp_path / "damaged.hdf5"
    path.write_bytes(bytes(data))
    try:
        entry = SOURCE.describe(str(path))
        found = {s.tree: samples.salvage(entry, s.tree) for s in entry.segments if s.tree != HEADER}
    except (CorruptFileError, UnknownLayoutError):
        return
    for tree, (batches, lost) in found.items():
        assert sum(b.rows for b in batches) + sum(b - a for a, b in lost) == entry.entries(STREAMS[tree])
