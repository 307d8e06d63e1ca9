"""Sources by maps: which map fits, what is labelled simulated, what is derived, and what a strict reader refuses."""

from __future__ import annotations

import pickle
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from antdask.errors import AntdaskError, ConfigurationError, CorruptFileError, InputChangedError, UnknownLayoutError, UnknownNameError
from antdask.model.ragged import concatenate, cut
from antdask.simulate import SimulationSpec, simulate
from antdask.simulate.root_blocks import codec
from antdask.simulate.root_file import RootFile, stamp_of
from antdask.simulate.root_tree import Branch, Tree
from antdask.sources import layout_map, recognise
from antdask.sources.antares_raw import SOURCE
from antdask.sources.mapped_root import MappedRoot
from tests.batches import same

HEADER = ((Branch("RunNumber", "u4"), Branch("StartUtcNs", "i8"), Branch("NEvents", "u4")), {"RunNumber": np.array([9], "u4"), "StartUtcNs": np.array([10**18]), "NEvents": np.array([0], "u4")})  # fmt: skip
COUNTS = (Branch("RunNumber", "u4"), Branch("FrameIndex", "u4"), Branch("Count", "u2", 900), Branch("Flags", "u1", 900))


def counts_file(
    path: Path,
    runs: list[int],
    *,
    simulated: bool = False,
    header: bool = True,
    starts: int = 1,
    basket_bytes: int = 32_000,
    **extra: Branch,
) -> str:
    """Counts of frames, one run number for each."""
    n, rng = len(runs), np.random.default_rng(1)
    columns = {"RunNumber": np.array(runs, "u4"), "FrameIndex": np.arange(3, 3 + n, dtype="u4")}
    columns |= {"Count": rng.integers(0, 2**16, (n, 900)).astype("u2"), "Flags": np.zeros((n, 900), "u1")}
    with RootFile(path, codec("zlib"), stamp=stamp_of(0), identity=path.name) as file:
        if simulated:
            file.text("SIMULATED", "yes")
        if header:
            tree = Tree(file, "RunHeader", HEADER[0])
            for _ in range(starts):
                tree.extend(HEADER[1])
            tree.close()
        tree = Tree(file, "SummarySlice", (*COUNTS, *extra.values()), basket_bytes)
        tree.extend(columns | {name: np.zeros(n, b.dtype) for name, b in extra.items()})
        tree.close()
    return str(path)


def test_entries_are_cut_where_the_run_changes(tmp_path: Path) -> None:
    entry = SOURCE.describe(counts_file(tmp_path / "a.root", [9, 9, 9, 4, 4, 9]))
    assert [(s.run.run, s.start, s.stop, s.stream) for s in entry.segments] == [(9, 0, 3, "rates"), (4, 3, 5, "rates"), (9, 5, 6, "rates")]
    assert sum(s.nbytes for s in entry.segments) == pytest.approx(6 * (8 + 2700), rel=0.2)


def test_times_count_from_the_start_of_the_run(tmp_path: Path) -> None:
    entry = SOURCE.describe(counts_file(tmp_path / "a.root", [9, 9]))
    (batch,) = SOURCE.read(entry, "SummarySlice", 0, 2)
    assert batch.tables["slices"]["utc_ns"].tolist() == [10**18 + 3 * 104_857_600, 10**18 + 4 * 104_857_600]
    assert batch.tables["slices"]["count"].dtype == np.uint32
    assert batch.problems() == []


def test_what_says_that_it_is_simulated_is_labelled_so_whatever_the_map_says(tmp_path: Path) -> None:
    source = MappedRoot("antdst_sel", "1")
    columns = {name: np.zeros(1, "?" if b.dtype == "b1" else b.dtype) for name, b in _sel().items()}
    for simulated, label in ((False, "antares"), (True, "antares-simulated")):
        path = tmp_path / f"{label}.root"
        with RootFile(path, codec("zlib"), stamp=stamp_of(0), identity="x") as file:
            if simulated:
                file.text("SIMULATED", "yes")
            tree = Tree(file, "sel", list(_sel().values()))
            tree.extend(columns)
            tree.close()
        assert source.describe(str(path)).segments[0].run.detector == label


def _sel() -> dict[str, Branch]:
    from antdask.simulate.dst import BRANCHES

    return {b.name: b for b in BRANCHES}


def test_branches_and_objects_that_are_left_out_are_named(tmp_path: Path) -> None:
    entry = SOURCE.describe(counts_file(tmp_path / "a.root", [9], simulated=True, Temperature=Branch("Temperature", "f4")))
    notes = "\n".join(entry.notes)
    assert "branch 'Temperature' of tree 'SummarySlice' is not archived" in notes
    assert "'SIMULATED' (TNamed) is not archived" in notes
    assert "assumptions" in notes


def test_a_layout_that_no_map_fits_says_why_for_each(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with RootFile(path, codec("zlib"), stamp=stamp_of(0), identity="x") as file:
        tree = Tree(file, "SummarySlice", COUNTS[:3])
        tree.extend({"RunNumber": np.zeros(1, "u4"), "FrameIndex": np.zeros(1, "u4"), "Count": np.zeros((1, 900), "u2")})
        tree.close()
    assert recognise(str(path)).name == "antares_raw"
    with pytest.raises(UnknownLayoutError, match=r"map 'antares_raw_leaf_1': .*no branch 'Flags'.*map 'antares_raw_packed_1'"):
        SOURCE.describe(str(path))


def test_a_run_header_must_say_one_thing(tmp_path: Path) -> None:
    for name, more in (("none", {"header": False}), ("two", {"starts": 2})):
        entry = SOURCE.describe(counts_file(tmp_path / f"{name}.root", [9], **more))
        with pytest.raises((CorruptFileError, UnknownLayoutError), match=r"RunHeader|one entry"):
            list(SOURCE.read(entry, "SummarySlice", 0, 1))


def test_other_trees_and_entries_are_refused(tmp_path: Path) -> None:
    entry = SOURCE.describe(counts_file(tmp_path / "a.root", [9, 9]))
    with pytest.raises(UnknownNameError, match="Did you mean 'SummarySlice'"):
        list(SOURCE.read(entry, "SummarySlices", 0, 1))
    with pytest.raises(UnknownNameError, match="tree 'RunHeader'"):
        list(SOURCE.read(entry, "RunHeader", 0, 1))
    with pytest.raises(InputChangedError, match="does not hold these entries"):
        list(SOURCE.read(entry, "SummarySlice", 0, 3))
    assert list(SOURCE.read(entry, "SummarySlice", 1, 1)) == []


def test_strict_refuses_assumed_layouts(tmp_path: Path) -> None:
    entry = SOURCE.describe(counts_file(tmp_path / "a.root", [9]))
    with pytest.raises(ConfigurationError, match=r"rests on assumptions.*antares_raw_leaf_1.*SummarySlice/Count"):
        layout_map.refuse_assumed(entry)


def test_a_map_of_ones_own_reads_a_layout_of_ones_own_without_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = tmp_path / "maps"
    maps.mkdir()
    (maps / "lab_rates.toml").write_text(
        """
layout = "lab_rates"
format = "antares_raw"
origin = "antares_raw"
detector = "lab"
provenance = "the notebook of the lab"
status = "verified"

[constants]
frame_ns = { value = 104857600, note = "2^22 ticks of 25 ns" }
first_frame = { value = 1, note = "this laboratory counts from 1" }

[[datasets]]
name = "Start"
stream = "rates"
table = "slices"
columns = [ { source = "t0", dtype = "i8", unit = "ns", note = "start" } ]

[[datasets]]
name = "Rates"
stream = "rates"
table = "slices"
columns = [
  { source = "r", dtype = "i4", target = "run" },
  { source = "f", dtype = "i4", target = "frame_index" },
  { source = "hz", dtype = "f4", width = 900, scale = 0.1048576, whole = true, target = "count", note = "rates, from counts" },
  { source = "q", dtype = "i2", width = 900, target = "count_flags", valid = [0, 7] },
]
derived = [ { target = "utc_ns", sources = ["Start/t0", "f"], note = "start of the run + frames" } ]
"""
    )
    monkeypatch.setenv("ANTDASK_MAPS", str(maps))
    path = tmp_path / "lab.root"
    with RootFile(path, codec("zstd"), stamp=stamp_of(0), identity="x") as file:
        for name, branches, columns in (
            ("Start", [Branch("t0", "i8")], {"t0": np.array([5])}),
            ("Rates", [Branch("r", "i4"), Branch("f", "i4"), Branch("hz", "f4", 900), Branch("q", "i2", 900)], {"r": np.full(2, 3), "f": np.arange(1, 3), "hz": np.zeros((2, 900)), "q": np.full((2, 900), 4)}),
        ):  # fmt: skip
            tree = Tree(file, name, branches)
            tree.extend(columns)
            tree.close()
    source = recognise(str(path))
    entry = source.describe(str(path))
    assert (entry.layout, entry.segments[0].run.path) == ("lab_rates", "lab/00000003")
    (batch,) = source.read(entry, "Rates", 0, 2)
    assert batch.problems() == []
    assert batch.tables["slices"]["utc_ns"].tolist() == [5, 5 + 104_857_600]
    assert (batch.tables["slices"]["count_flags"] == 4).all()


def test_damage_before_the_trees_is_not_taken_for_another_format(tmp_path: Path) -> None:
    path = Path(counts_file(tmp_path / "a.root", [9] * 50))
    cut = tmp_path / "cut.root"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CorruptFileError):
        recognise(str(cut)).describe(str(cut))


def test_the_source_pickles_and_knows_its_own_files_only(tmp_path: Path) -> None:
    copy = pickle.loads(pickle.dumps(SOURCE))
    path = counts_file(tmp_path / "a.root", [9])
    assert copy.describe(path) == SOURCE.describe(path)
    assert SOURCE.sniff(path, b"root" + bytes(60))
    assert not SOURCE.sniff(path, b"\x89HDF" + bytes(60))


def test_damage_in_the_runs_loses_those_entries_only(tmp_path: Path) -> None:
    path = Path(counts_file(tmp_path / "a.root", [9] * 1000, basket_bytes=900))
    data = bytearray(path.read_bytes())
    places = [m.end() for m in re.finditer(rb"\x07TBasket\x09RunNumber", data)]
    assert len(places) > 4
    data[places[2] + 45 : places[2] + 60] = bytes(15)
    path.write_bytes(data)
    entry = SOURCE.describe(str(path))
    assert [(s.run.run, s.start, s.stop) for s in entry.segments] == [(9, 0, 1000)]
    assert any("cannot be read" in note for note in entry.notes)
    with pytest.raises(CorruptFileError) as caught:
        list(SOURCE.read(entry, "SummarySlice", 0, 1000))
    start, stop = caught.value.start, caught.value.stop
    assert start is not None
    assert stop is not None
    assert 0 < start < stop < 1000
    assert sum(b.rows for a, b in ((0, start), (stop, 1000)) for b in SOURCE.read(entry, "SummarySlice", a, b)) == 1000 - stop + start


def checked_bytes(data: bytes) -> np.ndarray:
    """Positions where a change can be noticed: all but the content of baskets that compression did not shrink, where ROOT keeps no checksum."""
    checked = np.ones(len(data) - 4, bool)
    checked[:300] = False
    for match in re.finditer(rb"\x07TBasket", data):
        start = match.start() - 34
        nbytes, _, size, _, keylen = struct.unpack_from(">ihiIh", data, start)
        if nbytes - keylen == size:
            checked[start + keylen - 4 : start + nbytes] = False
    return np.flatnonzero(checked)


@pytest.mark.parametrize("layout", ["leaf", "packed"])
def test_no_mutation_is_believed(layout: str, tmp_path: Path) -> None:
    (path,) = simulate(SimulationSpec(events=40, layout=layout, basket_bytes=1500, dst=False, slow_control=False), tmp_path)
    sound = path.read_bytes()
    whole = {
        s.tree: concatenate(list(SOURCE.read(SOURCE.describe(str(path)), s.tree, s.start, s.stop)))
        for s in SOURCE.describe(str(path)).segments
    }
    rng, mutated, refused = np.random.default_rng(11), tmp_path / "mutated.root", 0
    for place in rng.choice(checked_bytes(sound), 25):
        data = bytearray(sound)
        data[place : place + 4] = (rng.bytes(4), b"\xff\xff\xff\xff", b"\x00\x00\x00\x00")[int(rng.integers(3))]
        mutated.write_bytes(data)
        try:
            entry = SOURCE.describe(str(mutated))
            for segment in entry.segments:
                for a, b in ((0, segment.stop // 2), (segment.stop // 2, segment.stop)):
                    read = concatenate(list(SOURCE.read(entry, segment.tree, a, b)))
                    assert same(read, cut(whole[segment.tree], a, b))
        except AntdaskError:
            refused += 1
    assert 4 < refused < 25
