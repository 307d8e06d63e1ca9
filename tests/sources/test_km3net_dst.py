"""KM3NeT DSTs: every number of tree T under its name, and those of the run, as uproot reads them."""

from __future__ import annotations

import itertools
import zlib

import awkward as ak
import numpy as np
import pytest
import uproot

from antdask.errors import InputChangedError, UnknownLayoutError, UnknownNameError
from antdask.model.ragged import Batch, concatenate
from antdask.sources import describe_all
from antdask.sources.km3net_dst import SOURCE
from tests.sources import offline_samples as samples

MC = "dst/mcv6.gsg_numu-CCHEDIS_1e2-1e8GeV.sirene.jte.jchain.aashower.dst.bdt_trk.bdt_casc.10events.root"
FILES = ("dst/mcv5.1.km3_numuCC.ALL.dst.bdt.10events.root", MC, "dst/orca4_sample.root", "dst/orca6_sample.root")


def streams(name: str) -> dict[str, Batch]:
    entry = SOURCE.describe(samples.path(name))
    return {s.stream: concatenate(list(SOURCE.read(entry, s.tree, s.start, s.stop))) for s in entry.segments}


def lines(batch: Batch, row: int) -> list[tuple[str, str, str]]:
    """Lines of a header."""
    columns, data = batch.tables["lines"], batch.tables["line_bytes"]["byte"].tobytes()
    first = batch.offsets["line_bytes"]
    found = []
    for n in range(*batch.offsets["lines"][row : row + 2].tolist()):
        ends = np.cumsum([first[n], *(columns[f"{part}_bytes"][n] for part in ("name", "value", "note"))]).tolist()
        name, value, note = (data[a:b].decode() for a, b in itertools.pairwise(ends))
        found.append((name, value, note))
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_number_stands_under_its_name(name: str) -> None:
    found = streams(name)
    dst, table = found["dst"], found["dst"].tables["summary"]
    entry = np.repeat(np.arange(dst.rows), np.diff(dst.offsets["summary"]))
    seen = 0
    with uproot.open(samples.path(name)) as file:
        for key, number, dtype in lines(found["headers"], 0):
            assert int(number) == zlib.crc32(key.encode())
            mine = table["name_id"] == int(number)
            array = file["T"][key].array()
            counts = (
                np.ones(len(array), int) if array.ndim == 1 else ak.to_numpy(ak.num(ak.flatten(array, axis=2) if array.ndim > 2 else array))
            )
            values = ak.to_numpy(ak.flatten(array, axis=None))
            np.testing.assert_array_equal(table["value"][mine], values.astype(float), err_msg=key)
            np.testing.assert_array_equal(entry[mine], np.repeat(np.arange(len(array)), counts))
            assert np.dtype(dtype) == values.dtype.newbyteorder("=")
            seen += len(values)
        events = file["E"]["Evt"]
        for column, branch in (("frame_index", "frame_index"), ("trigger_counter", "trigger_counter"), ("run", "run_id")):
            np.testing.assert_array_equal(dst.tables["events"][column], events[branch].array(library="np"))
    assert seen == len(table["value"])


def test_places_count_the_numbers_of_a_branch() -> None:
    found = streams(MC)["dst"]
    table = found.tables["summary"]
    mine = table["name_id"] == zlib.crc32(b"sum_casc/inertia_tensor_eigenvalues")
    assert table["place"][mine].tolist() == [0, 1, 2] * 9  # one event has no cascade
    np.testing.assert_allclose(table["value"][mine][:3], [66435.2414180908, 62301.63817600472, 37386.824546248296], rtol=1e-15)


def test_the_run_has_its_numbers_and_its_header() -> None:
    headers = streams("dst/orca6_sample.root")["headers"]
    found = {name: (value, note) for name, value, note in lines(headers, 1)}
    assert found["detid"] == ("D_ORCA006", "string")
    assert found["runNumber"] == ("9505", "i4")
    with uproot.open(samples.path("dst/orca6_sample.root")) as file:
        assert float(found["livetime_s"][0]) == file["headerTree"]["livetime_s"].array()[0]
        names = file["headerTree"]["Head/map<string,string>/map<string,string>.first"].array()[0].tolist()
        values = file["headerTree"]["Head/map<string,string>/map<string,string>.second"].array()[0].tolist()
    assert [(n, v) for n, v, note in lines(headers, 1) if note == "Head"] == list(zip(names, values, strict=True))


def test_the_events_of_the_file_are_read_beside() -> None:
    assert [e.format for e in describe_all(samples.path(MC))] == ["km3net_dst", "km3net_offline"]


def test_what_is_no_number_is_named() -> None:
    notes = " ".join(SOURCE.describe(samples.path(MC)).notes)
    assert all(name in notes for name in ("tmuon.comment", "tmuon.AAObject/tmuon.usr_names", "tmuon.any"))


def test_other_files_unknown_trees_and_entries_are_refused() -> None:
    with pytest.raises(UnknownLayoutError, match="none for source 'km3net_dst'"):
        SOURCE.describe(samples.path("offline/numucc.root"))
    entry = SOURCE.describe(samples.path(MC))
    with pytest.raises(UnknownNameError):
        next(SOURCE.read(entry, "E", 0, 1))
    for tree, stop in (("T", 11), ("headers", 3)):
        with pytest.raises(InputChangedError):
            next(SOURCE.read(entry, tree, 0, stop))
