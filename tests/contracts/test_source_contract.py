"""What every registered source keeps to, whoever wrote it, on real files of its format."""

from __future__ import annotations

import atexit
import dataclasses
import functools
import pickle
import random
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from km3net_testdata import data_path

from antdask.cluster import make_cluster
from antdask.convert import campaign, scan
from antdask.errors import CorruptFileError, InputError, InputMissingError, UnknownFormatError
from antdask.model.ragged import Batch, concatenate
from antdask.plan import FileEntry, Segment
from antdask.protocols import Source
from antdask.simulate import SimulationSpec, simulate
from antdask.sources import SOURCES, files, recognise

#: Files of each source, small ones first: real ones of km3net-testdata, or of a simulation where no real file is public.
FILES: dict[str, tuple[str, ...]] = {
    "antares_raw": ("simulated/raw",),
    "antdst_sel": ("simulated/dst",),
    "gibuu_root": ("gibuu/EventOutput.Pert.00000001.root",),
    "gseagen_root": ("gseagen/gseagen.root",),
    "km3net_online": (
        "online/KM3NeT_00000049_00008456.summaryslice-167941.root",
        "online/KM3NeT_00000133_JDAQEvent.root",
        "online/KM3NeT_00000267_00025291_JDAQEvent_JDAQSummaryslice.root",
        "online/KM3NeT_00000267_00025291_SN.root",
        "online/km3net_online.root",
        "online/KM3NeT_00000267_00025291_L1.root",
        "online/events_sample.root",
        "online/muon_cc_daqevents.root",
        "online/summaryslices.root",
    ),
    "km3net_dst": (
        "dst/mcv5.1.km3_numuCC.ALL.dst.bdt.10events.root",
        "dst/mcv6.gsg_numu-CCHEDIS_1e2-1e8GeV.sirene.jte.jchain.aashower.dst.bdt_trk.bdt_casc.10events.root",
        "dst/orca6_sample.root",
    ),
    "km3net_offline": (
        "offline/usr-sample.root",
        "offline/km3net_offline.root",
        "offline/numucc.root",
        "offline/multiHead.root",
        "mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root",
    ),
    "seatray_hdf5": ("seatray/antares.h5",),
    "detector_file": ("detx/detx_v5.detx", "detx/detx_v1.detx", "datx/KM3NeT_00000133_20221025.datx"),
    "km3pipe_hdf5": (
        "online/events_sample.h5",
        "hdf5/mcv5.40.mupage_10G.sirene.jterbr00006060.962.root.h5",
        "hdf5/raw_header.h5",
        "hdf5/test_event_info.h5",
        "hdf5/numu_cc_test.h5",
        "hdf5/geamon.h5",
        "hdf5/basic_analysis_sample.h5",
        "hdf5/mupage_ARCA.h5",
    ),
    "corsika": ("corsika/DAT000001",),
    "astro_hdf5": ("hdf5/mcv5.1.genhen_anumuNC.sirene.jte.jchain.aashower.sample.hdf5",),
    "evt_ascii": (
        "evt/KM3Sim.evt",
        "mupage/mcv5.0.mupage_1G.5.evt",
        "evt/corant_5.1.9.evt",
        "evt/example_corant_propa.evt",
        "evt/example_numuNC.evt",
        "gseagen/gseagen_v7.0.0_numuCC_diffuse.evt",
        "evt/example_numuCC.evt",
    ),
    "clb_packets": ("daq/clb.dqd", "daq/IO_MONIT.dat"),
    "sensor_table": ("simulated/slow",),
    "archive_part": ("archived/rates", "archived/events"),
    "controlhost": tuple(
        f"daq/{name}.dat"
        for name in ("IO_EVT", "IO_SUM_legacy", "IO_TSSN", "IO_EVT_legacy", "IO_SUM", "IO_TSL0_legacy", "IO_TSL1_1003", "IO_TSL1_legacy")
    ),
}
CASES = [(name, file) for name in SOURCES.names() for file in FILES.get(name, ())]
SMALL = [(name, file) for name, file in CASES if file in FILES[name][:2]]
CUTS = 24

pytestmark = pytest.mark.filterwarnings("error")


def path_of(file: str) -> str:
    if file.startswith("archived/"):
        return archived()[file]
    return simulated()[file] if file.startswith("simulated/") else str(data_path(file))


@functools.cache
def simulated() -> dict[str, str]:
    folder = Path(tempfile.mkdtemp(prefix="antdask-contract-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    raw, dst, slow = simulate(SimulationSpec(events=60, seed=3, basket_bytes=2000), folder)
    return {"simulated/raw": str(raw), "simulated/dst": str(dst), "simulated/slow": str(slow)}


@functools.cache
def archived() -> dict[str, str]:
    folder = Path(tempfile.mkdtemp(prefix="antdask-contract-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    names = ("online/KM3NeT_00000049_00008456.summaryslice-167941.root", "seatray/antares.h5")
    with make_cluster("serial") as cluster:
        campaign.convert(scan.make_plan([path_of(name) for name in names], str(folder / "a")), cluster)
    return {f"archived/{s}": str(next((folder / "a" / "parts").glob(f"*/{s}/**/*.zarr.zip"))) for s in ("rates", "events")}


@functools.cache
def described(name: str, file: str) -> FileEntry:
    return SOURCES.get(name).describe(path_of(file))


def read(source: Source, entry: FileEntry, segment: Segment, start: int, stop: int) -> list[Batch]:
    return list(source.read(entry, segment.tree, start, stop))


def assert_same(a: list[Batch], b: list[Batch]) -> None:
    """The same rows, however they are cut into batches."""
    assert bool(a) == bool(b)
    if not a:
        return
    left, right = concatenate(a), concatenate(b)
    assert (left.stream, left.origin) == (right.stream, right.origin)
    for table, columns in left.tables.items():
        for column, values in columns.items():
            assert values.dtype == right.tables[table][column].dtype
            np.testing.assert_array_equal(values, right.tables[table][column], err_msg=f"{table}/{column}")
    for table, offsets in left.offsets.items():
        np.testing.assert_array_equal(offsets, right.offsets[table], err_msg=table)


@pytest.mark.parametrize("name", SOURCES.names())
def test_every_source_is_held_to_the_contract(name: str) -> None:
    assert FILES.get(name), f"list files of source '{name}' in {Path(__file__).name}"
    source = SOURCES.get(name)
    assert isinstance(source, Source)
    assert source.name == name
    assert source.version


@pytest.mark.parametrize(("name", "file"), CASES)
class TestSource:
    """Every test on every real file."""

    def test_it_alone_recognises_its_files(self, name: str, file: str) -> None:
        assert recognise(path_of(file)) is SOURCES.get(name)

    def test_a_description_is_complete_and_repeats(self, name: str, file: str) -> None:
        entry = SOURCES.get(name).describe(path_of(file))
        identity = files.identify(path_of(file))
        assert (entry.nbytes, entry.mtime_ns, entry.fingerprint) == (identity.nbytes, identity.mtime_ns, identity.fingerprint)
        assert (entry.url, entry.format) == (path_of(file), name)
        assert entry == SOURCES.get(name).describe(path_of(file))
        assert entry.segments
        assert all(s.start < s.stop and s.nbytes > 0 for s in entry.segments)

    def test_description_and_data_agree(self, name: str, file: str) -> None:
        source = SOURCES.get(name)
        entry = described(name, file)
        for segment in entry.segments:
            batches = read(source, entry, segment, segment.start, segment.stop)
            assert [b.problems() for b in batches] == [[]] * len(batches)
            assert {(b.stream, b.origin) for b in batches} == {(segment.stream, entry.origin)}
            batch = concatenate(batches)
            # Two trees may give rows of one stream: headers, and how the file was made.
            assert batch.rows == segment.stop - segment.start == sum(s.stop - s.start for s in entry.segments if s.tree == segment.tree)
            columns = batch.tables[batch.schema.rows.name]
            np.testing.assert_array_equal(columns["source_entry"], np.arange(segment.start, segment.stop))
            assert not columns["source_input"].any()
            assert set(columns.get("run", [segment.run.run])) == {segment.run.run}

    def test_reading_in_pieces_gives_the_same(self, name: str, file: str) -> None:
        source = SOURCES.get(name)
        entry = described(name, file)
        rng = random.Random(1)
        for segment in entry.segments:
            whole = read(source, entry, segment, segment.start, segment.stop)
            for cut in sorted({rng.randint(segment.start, segment.stop) for _ in range(2)} | {segment.start, segment.stop}):
                pieces = read(source, entry, segment, segment.start, cut) + read(source, entry, segment, cut, segment.stop)
                assert_same(whole, pieces)

    def test_source_and_description_survive_pickling(self, name: str, file: str) -> None:
        source = SOURCES.get(name)
        entry = described(name, file)
        again, copy = pickle.loads(pickle.dumps((source, entry)))
        assert copy == entry
        segment = entry.segments[0]
        assert_same(read(again, copy, segment, segment.start, segment.stop), read(source, entry, segment, segment.start, segment.stop))


@pytest.mark.parametrize(("name", "file"), SMALL)
def test_a_file_cut_anywhere_gives_the_sound_values_or_says_that_it_is_damaged(name: str, file: str, tmp_path: Path) -> None:
    source, data = SOURCES.get(name), Path(path_of(file)).read_bytes()
    entry = described(name, file)
    sound = {s: read(source, entry, s, s.start, s.stop) for s in entry.segments}
    rng = random.Random(2)
    refused = 0
    for size in [1, 3, 4, 63, len(data) - 1, *(rng.randrange(len(data)) for _ in range(CUTS))]:
        path = tmp_path / Path(file).name
        path.write_bytes(data[:size])
        try:
            cut = source.describe(str(path))
            for segment, batches in sound.items():
                assert_same(read(source, cut, segment, segment.start, segment.stop), batches)
            assert cut.segments == entry.segments
        except CorruptFileError as error:
            refused += 1
            assert str(path) in str(error)
        except InputError:
            refused += 1
    assert refused


@pytest.mark.parametrize("name", SOURCES.names())
def test_what_is_not_there_is_an_input_error(name: str, tmp_path: Path) -> None:
    source = SOURCES.get(name)
    with pytest.raises(InputMissingError):
        source.describe(str(tmp_path / "nothing"))
    with pytest.raises(InputError):
        source.describe(str(tmp_path))


def test_an_empty_file_has_no_source(tmp_path: Path) -> None:
    (tmp_path / "empty.root").touch()
    with pytest.raises(UnknownFormatError, match="empty"):
        recognise(str(tmp_path / "empty.root"))


def test_a_batch_of_another_schema_would_be_noticed() -> None:
    source = SOURCES.get("km3net_online")
    entry = source.describe(path_of(FILES["km3net_online"][0]))
    segment = entry.segments[0]
    batch = concatenate(read(source, entry, segment, segment.start, segment.stop))
    less = dataclasses.replace(batch, tables={k: v for k, v in batch.tables.items() if k != "frames"})
    assert less.problems()
