"""Detector files as a source: one file, one entry, one row, whatever it was written in."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import pytest
from km3net_testdata import data_path

from antdask.errors import CorruptFileError, InputMissingError, UnknownFormatError, UnknownLayoutError, UnknownNameError, UsageError
from antdask.model.keys import RunKey, km3net_label
from antdask.plan import FileEntry
from antdask.protocols import Source
from antdask.sources import files, recognise
from antdask.sources.detector_file import SOURCE
from tests.sources import detector_samples as samples
from tests.sources.seatray_samples import same

TEXT, BINARY = "detx/KM3NeT_00000133_20221025.detx", "datx/KM3NeT_00000133_20221025.datx"
DETECTORS = {
    "detx/detx_v1.detx": (1, "DETX version 1"),
    "detx/detx_v2.detx": (23, "DETX version 2"),
    "detx/detx_v3.detx": (23, "DETX version 3"),
    "detx/detx_v4.detx": (44, "DETX version 4"),
    samples.MULTILINE: (49, "DETX version 5"),
    "detx/orca_115strings_av23min20mhorizontal_18OMs_alt9mvertical_v1.detx": (-1, "DETX version 1"),
    TEXT: (133, "DETX version 5"),
    BINARY: (133, "DATX version 5"),
}


def written(folder: Path, data: bytes) -> str:
    path = folder / "some.file"
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize("name", [*samples.DETX, samples.MULTILINE, *samples.DATX])
def test_every_real_file_is_recognised(name: str) -> None:
    assert recognise(samples.path(name)) is SOURCE


@pytest.mark.parametrize("name", DETECTORS)
def test_a_file_is_one_entry_of_run_0_of_its_detector(name: str) -> None:
    entry = SOURCE.describe(samples.path(name))
    (segment,) = entry.segments
    assert (segment.stream, segment.tree, segment.start, segment.stop) == ("detector", "detector", 0, 1)
    assert (segment.run, entry.notes) == (RunKey(km3net_label(DETECTORS[name][0], False), 0), (DETECTORS[name][1],))
    assert (entry.format, entry.layout, entry.origin) == ("detector_file", "detector_file", "detector_file")
    (batch,) = SOURCE.read(entry, "detector", 0, 1)
    assert segment.nbytes == batch.nbytes


@pytest.mark.parametrize(
    "name",
    [
        "detector_geometry/KM3NeT_00000232.hydrophone.txt",
        "detector_geometry/KM3NeT_00000232.transmitter.txt",
        "detector_geometry/KM3NeT_00000232.tripod.txt",
        "detector_geometry/KM3NeT_00000232.waveform.txt",
        "detector_geometry/README.md",
        "seatray/antares.h5",
        "online/km3net_online.root",
        "evt/example_numuNC.evt",
        "astro/antares_coordinate_systems_benchmark.csv",
        "daq/IO_EVT.dat",
    ],
)
def test_other_files_are_left_to_others(name: str) -> None:
    url = str(data_path(name))
    assert not SOURCE.sniff(url, files.head(url, 1024))
    with pytest.raises(UnknownFormatError, match="Neither DETX nor DATX"):
        SOURCE.describe(url)


def test_it_is_a_source_that_survives_pickling() -> None:
    assert isinstance(SOURCE, Source)
    entry = SOURCE.describe(samples.path(BINARY))
    same(next(pickle.loads(pickle.dumps(SOURCE)).read(entry, "detector", 0, 1)), next(SOURCE.read(entry, "detector", 0, 1)))


def test_reading_in_pieces_equals_reading_at_once() -> None:
    entry = SOURCE.describe(samples.path(BINARY))
    assert [b.rows for b in SOURCE.read(entry, "detector", 0, 1)] == [1]
    assert list(SOURCE.read(entry, "detector", 0, 0)) == list(SOURCE.read(entry, "detector", 1, 1)) == []


def test_unknown_trees_and_entries_are_refused() -> None:
    entry = SOURCE.describe(samples.path(BINARY))
    with pytest.raises(UnknownNameError, match="Did you mean 'detector'"):
        next(SOURCE.read(entry, "detectors", 0, 1))
    with pytest.raises(UsageError, match=r"expected 0:1, found 0:2"):
        next(SOURCE.read(entry, "detector", 0, 2))


@pytest.mark.parametrize(("name", "kind"), [(TEXT, "DETX"), (BINARY, "DATX")])
def test_the_lost_entry_of_a_torn_file_is_the_file(name: str, kind: str, tmp_path: Path) -> None:
    whole = SOURCE.describe(samples.path(name))
    url = written(tmp_path, Path(samples.path(name)).read_bytes()[:-70])
    for call in (lambda: SOURCE.describe(url), lambda: next(SOURCE.read(whole_at(whole, url), "detector", 0, 1))):
        with pytest.raises(CorruptFileError, match=rf"does not follow the format {kind} \(in .*some\.file\)") as caught:
            call()
        assert (caught.value.tree, caught.value.start, caught.value.stop) == ("detector", 0, 1)


def whole_at(entry: FileEntry, url: str) -> FileEntry:
    """The entry of a whole file, of which `url` is a torn copy."""
    return dataclasses.replace(entry, url=url)


def test_unknown_versions_name_the_file(tmp_path: Path) -> None:
    data = Path(samples.path("detx/detx_v3.detx")).read_bytes().replace(b"23 v3", b"23 v6")
    with pytest.raises(UnknownLayoutError, match=r"DETX is not known \(in .*some\.file\): expected 1 to 5, found 6"):
        SOURCE.describe(written(tmp_path, data))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match="nowhere"):
        SOURCE.describe(str(tmp_path / "nowhere"))
