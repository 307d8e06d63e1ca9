"""Every number of real events comes back from the columns; what fits no column comes back as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antdask.errors import CorruptFileError
from antdask.model.mc_fields import NO_NUMBER, PARTICLE_KINDS
from antdask.model.ragged import Batch
from antdask.sources.evt_event import SHAPES
from antdask.sources.evt_header import CORSIKA, GEANT3, PDG
from tests.sources import evt_samples as samples

HEADER = b"start_run: 1\nsimul: GENHEN 7\nend_event:\n"
TRACK = b"1 2 3 4 .1 .2 .3 5E+02 -1.5"
LARGE = "evt/example_numuCC.evt"


def decode(folder: Path, *lines: bytes, header: bytes = HEADER) -> Batch:
    """One event with these lines."""
    path = folder / "some.evt"
    path.write_bytes(header + b"start_event: 7 1\n" + b"".join(line + b"\n" for line in lines) + b"end_event:\n")
    batch = samples.whole(str(path))
    assert batch.problems() == []
    return batch


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n == LARGE else n for n in samples.FILES])
def test_every_number_of_a_real_file_comes_back(name: str) -> None:
    batch = samples.whole(samples.path(name))
    assert batch.problems() == []
    expected, found = samples.slow_file(name), samples.rebuilt(batch)
    assert len(expected) == len(found) == samples.FILES[name][2]
    for theirs, ours in zip(expected, found, strict=True):
        for tags in (SHAPES["particles"], ("hit",), ("hit_raw",), ("w2list",), ("w3list",)):
            assert ours.of(*tags) == theirs.of(*tags)
        columns = {*(tag for table in SHAPES.values() for tag in table), "w2list", "w3list"}
        assert len(ours.texts) == len(theirs.texts) + sum(tag not in columns for tag, _ in theirs.lines)
        assert set(theirs.texts) <= set(ours.texts)


@pytest.mark.parametrize("name", samples.FILES)
def test_numbers_of_an_event_are_its_columns(name: str) -> None:
    rows = samples.whole(samples.path(name)).tables["events"]
    columns = {
        "start_event": ("event_number", "event_type"),
        "weights": ("w1", "w2", "w3"),
        "total_hits": ("total_hits",),
        "corsika_evno": ("corsika_event",),
        "eventtime": ("event_time_s", "event_time_ns"),
    }
    for n, event in enumerate(samples.slow_file(name)):
        for tag, names in columns.items():
            found = [float(rows[c][n]) for c in names]
            lines = event.of(tag)
            assert found == lines[0][1] if lines else all(np.isnan(v) or v == NO_NUMBER for v in found)


def test_counts_are_those_of_the_lines() -> None:
    batch = samples.whole(samples.path(LARGE))
    for n, event in enumerate(samples.slow_file(LARGE)):
        row = {name: int(batch.tables["events"][name][n]) for name in ("n_particles", "n_hits", "n_raw_hits", "n_overflow")}
        assert row == {
            "n_particles": len(event.of(*SHAPES["particles"])),
            "n_hits": 0,
            "n_raw_hits": len(event.of("hit_raw")),
            "n_overflow": 0,
        }
    assert batch.hits == 0 and batch.length("raw_hits") == 416_696


# --- particles -------------------------------------------------------------------------------------------------------


def test_particles_of_all_kinds_keep_the_order_of_their_lines(tmp_path: Path) -> None:
    batch = decode(tmp_path, b"track_aux: " + TRACK + b" 3", b"track_in: " + TRACK + b" 5 2.5", b"track_aux: " + TRACK + b" 6")
    particles = batch.tables["particles"]
    assert [PARTICLE_KINDS[k] for k in particles["kind"]] == ["track_aux", "track_in", "track_aux"]
    assert particles["particle_type"].tolist() == [3, 5, 6]
    assert particles["pdg_type"].tolist() == [11, -13, 13]
    assert particles["length"].tolist()[1] == 2.5 and np.isnan(particles["length"][[0, 2]]).all()


@pytest.mark.parametrize(
    ("program", "line", "numbering", "pdg"),
    [
        (b"simul: MUPAGE 3", b"track_in: " + TRACK + b" 5", GEANT3, -13),
        (b"physics: GENHEN 7", b"track_in: " + TRACK + b" 4", GEANT3, 0),
        (b"physics: GENHEN 7", b"track_in: " + TRACK + b" 99", GEANT3, 0),
        (b"physics: gSeaGen 4.1", b"neutrino: " + TRACK + b" .1 .2 1 -14 2", PDG, -14),
        (b"physics: Corant 4.2.5", b"track_seaneutrino: " + TRACK + b" 69 0 -51 -12", CORSIKA, -14),
        (b"physics: Corant 4.2.5", b"neutrino: " + TRACK + b" -14 0 -51 -12", PDG, -14),
        (b"physics: Corant v5.1.9", b"track_sealepton: " + TRACK + b" -13 0 -1 321 321", PDG, -13),
        (b"physics: other 1", b"track_in: " + TRACK + b" 5", 0, 0),
    ],
)
def test_the_numbering_of_particles_is_recorded(tmp_path: Path, program: bytes, line: bytes, numbering: int, pdg: int) -> None:
    particles = decode(tmp_path, line, header=b"start_run: 1\n" + program + b"\nend_event:\n").tables["particles"]
    assert (particles["numbering"].tolist(), particles["pdg_type"].tolist()) == ([numbering], [pdg])


def test_mothers_of_corsika_lines_have_columns(tmp_path: Path) -> None:
    particles = decode(tmp_path, b"track_seamuon: " + TRACK + b" 6 0 -17 -26", b"track_sealepton: " + TRACK + b" 6 1 -1 321 211").tables[
        "particles"
    ]
    assert [particles[c].tolist() for c in ("charm", "corsika_code", "mother", "grandmother")] == [
        [0, 1],
        [NO_NUMBER, -1],
        [-17, 321],
        [-26, 211],
    ]


def test_a_bundle_has_no_type_and_no_time(tmp_path: Path) -> None:
    particles = decode(tmp_path, b"track_bundle: 2 1 2 3 .1 .2 .3 40.5").tables["particles"]
    assert (particles["particle_id"][0], particles["energy"][0], particles["particle_type"][0], particles["numbering"][0]) == (
        2,
        40.5,
        NO_NUMBER,
        0,
    )
    assert np.isnan(particles["time_ns"][0])


# --- what fits no column ---------------------------------------------------------------------------------------------


def test_overflow_is_missing_and_counted(tmp_path: Path) -> None:
    batch = decode(tmp_path, b"hit: 1 34618 0.8756E+00******** -3 2 *** 261.10", b"hit_raw: 1 17 20 2944.37")
    hits = batch.tables["hits"]
    assert np.isnan(hits["time_ns"][0]) and hits["particle_id"][0] == NO_NUMBER
    assert (hits["n_pe"][0], hits["true_time_ns"][0]) == (0.8756, 261.1)
    assert batch.tables["events"]["n_overflow"].tolist() == [2]


def test_glued_columns_are_told_apart(tmp_path: Path) -> None:
    particles = decode(tmp_path, b"track_in: 1 -12.5-100.25 30.5 0.1-0.892170-0.336810 0.5E+03-0.1E+01 5").tables["particles"]
    assert [particles[c][0] for c in ("x", "y", "dy", "dz", "energy", "time_ns")] == [-12.5, -100.25, -0.89217, -0.33681, 500.0, -1.0]


LEFT = [
    b"target: O16       14.890",
    b"vertex: 1 1",
    b"weights: 1 2",
    b"weights: 1 2 3 4",
    b"hit_raw: 1 17 20",
    b"hit_raw: 1 17 20.5 2944.37",
    b"hit_raw: 1 17 99999999999 2944.37",
    b"hit_raw: 1 17 x 2944.37",
    b"hit_raw: 1 17 nan 2944.37",
    b"track_in: " + TRACK,
    b"track_in: " + TRACK + b" 5 0 -17 -26 3 3",
    b"w2list: 1 two 3",
    b"  hit_raw: 1 17 20 2944.37",
    b"no colon at all",
    b"value: with: colons:",
    b"new_tag:\t1\t2",
]


@pytest.mark.parametrize("line", LEFT)
def test_a_line_of_another_shape_is_kept_as_text(tmp_path: Path, line: bytes) -> None:
    batch = decode(tmp_path, b"hit_raw: 1 2 3 4", line, b"hit_raw: 5 6 7 8")
    assert samples.rebuilt(batch)[0].texts == [line]
    assert batch.tables["raw_hits"]["hit_id"].tolist() == [1, 5]


def test_a_second_line_of_a_tag_that_comes_once_is_kept_as_text(tmp_path: Path) -> None:
    batch = decode(tmp_path, b"weights: 1 2 3", b"weights: 4 5 6", b"w2list: 1", b"w2list: 2", b"start_event_: 3")
    assert batch.tables["events"]["w1"].tolist() == [1.0]
    assert batch.tables["w2list"]["value"].tolist() == [1.0]
    assert samples.rebuilt(batch)[0].texts == [b"weights: 4 5 6", b"w2list: 2", b"start_event_: 3"]


def test_line_ends_of_other_systems_and_blank_lines_say_nothing(tmp_path: Path) -> None:
    batch = decode(tmp_path, b"weights: 1 2 3\r", b"", b" \t\r", b"target: 8 16\r")
    assert batch.tables["events"]["w3"].tolist() == [3.0]
    assert samples.rebuilt(batch)[0].texts == [b"target: 8 16"]


def test_lists_may_be_empty_and_of_any_length(tmp_path: Path) -> None:
    batch = decode(tmp_path, b"w2list:", b"w3list: 1 2 3 4 5 6 7 8 9 ***")
    assert batch.length("w2list") == 0
    assert np.isnan(batch.tables["w3list"]["value"][9])
    assert batch.tables["w3list"]["value"][:9].tolist() == list(range(1, 10))


@pytest.mark.parametrize("line", [b"hit_raw: 1 2 3 \xff", b"\0", b"target: \x1b[0m"])
def test_bytes_that_are_no_text_lose_the_event(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(CorruptFileError, match="no text") as caught:
        decode(tmp_path, line)
    assert (caught.value.tree, caught.value.start, caught.value.stop) == ("events", 0, 1)


@pytest.mark.parametrize("first", [b"start_event: x 1", b"start_event:", b"start_event: 1.5 1", b"start_event: 1 2 3"])
def test_an_event_without_number_is_lost(tmp_path: Path, first: bytes) -> None:
    path = tmp_path / "some.evt"
    path.write_bytes(HEADER + b"start_event: 1 1\nend_event:\n" + first + b"\nend_event:\n")
    with pytest.raises(CorruptFileError, match="does not begin with its number") as caught:
        samples.whole(str(path))
    assert (caught.value.start, caught.value.stop) == (1, 2)
