"""KM3NeT offline files: events, tracks, simulated events and headers of real files, to the last value; damage; and files that are no such."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antdask.errors import AntdaskError, CorruptFileError, InputChangedError, UnknownLayoutError, UnknownNameError
from antdask.model.ragged import Batch, concatenate, cut
from antdask.plan import FileEntry
from antdask.sources import describe_all, recognise
from antdask.sources import km3net_offline as module
from antdask.sources.km3net_offline import SOURCE
from tests.batches import same
from tests.sources import offline_samples as samples

NUMUCC = "offline/numucc.root"
MUPAGE = "mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root"


def streams(name: str) -> dict[str, Batch]:
    """All rows of every stream of a file."""
    entry = SOURCE.describe(samples.path(name))
    return {s.stream: concatenate(list(SOURCE.read(entry, s.tree, s.start, s.stop))) for s in entry.segments}


@functools.cache
def tracks() -> tuple[FileEntry, Batch]:
    """Description and tracks of one file."""
    entry = SOURCE.describe(samples.path(NUMUCC))
    return entry, concatenate(list(SOURCE.read(entry, "E/trks", 0, 407)))


def texts(batch: Batch, table: str, column: str = "byte") -> list[str]:
    data, edges = batch.tables[table][column].tobytes(), batch.offsets[table].tolist()
    return [data[a:b].decode() for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("name", [NUMUCC, "offline/km3net_offline.root", "offline/usr-sample.root", MUPAGE])
def test_every_value_is_the_one_that_uproot_reads(name: str) -> None:
    with samples.Events(samples.path(name)) as events:
        for stream, batch in streams(name).items():
            assert stream == "headers" or events.differences(batch) == []


def test_the_test_would_notice_another_value() -> None:
    batch = streams(NUMUCC)["events"]
    batch.tables["hits"]["charge_pe"][7] += 1
    batch.tables["comment_bytes"]["byte"] = np.zeros(3, np.uint8)
    with samples.Events(samples.path(NUMUCC)) as events:
        assert events.differences(batch) == ["events/hits.charge_pe and hits.a", "events/comment_bytes.byte and comment"]


def test_known_numbers_of_a_real_run() -> None:
    found = streams("offline/km3net_offline.root")
    events, hits = found["events"].tables["events"], found["events"].tables["hits"]
    assert set(events["run"].tolist()) == {5971}
    assert events["frame_index"][:3].tolist() == [182, 183, 202]
    assert events["utc_ns"][0] == 1_567_036_818_200_000_000
    assert events["n_hits"].tolist() == [176, 125, 318, 157, 83, 60, 71, 84, 255, 105]
    assert hits["dom_id"][:2].tolist() == [806451572, 806451572]
    assert found["reco"].rows == 557
    assert (found["reco"].tables["tracks"]["track_index"][56:58] == [0, 1]).all()
    assert (np.diff(found["reco"].offsets["fitinf"])[:2] == [17, 11]).all()
    assert "mc" not in found


def test_names_of_users_stand_beside_their_numbers() -> None:
    events = streams("offline/usr-sample.root")["events"]
    assert texts(events, "usr_name_bytes")[:4] == ["RecoQuality", "RecoNDF", "CoC", "ToT"]
    np.testing.assert_allclose(events.tables["usr"]["value"][:2], [85.45957235835593, 37.0], rtol=1e-15)


def test_headers_are_kept_word_by_word() -> None:
    entry = SOURCE.describe(samples.path("offline/multiHead.root"))
    assert [(s.tree, s.stop) for s in entry.segments if s.stream == "headers"] == [("Head", 18), ("provenance", 1)]
    headers = concatenate(list(SOURCE.read(entry, "Head", 0, 18)))
    assert headers.rows == 18
    first = texts(headers, "line_bytes")[0]
    assert first == "DAQ 0"
    assert headers.tables["headers"]["n_lines"].tolist()[:2] == [15, 21]


def test_simulated_and_measured_runs_are_filed_apart() -> None:
    labels = {n: SOURCE.describe(samples.path(n)).segments[0].run.path for n in (NUMUCC, MUPAGE, "offline/km3net_offline.root")}
    assert labels == {NUMUCC: "km3net-20-simulated/00000001", MUPAGE: "km3net-0-simulated/00000010", "offline/km3net_offline.root": "km3net-44/00005971"}  # fmt: skip


def test_a_file_with_data_of_the_daq_is_read_by_both_sources() -> None:
    entries = describe_all(samples.path(MUPAGE))
    assert {e.format: {s.stream for s in e.segments} for e in entries} == {
        "km3net_offline": {"mc", "headers"},
        "km3net_online": {"events", "rates", "timeslices_l1", "timeslices_sn"},
    }
    assert [e.format for e in describe_all(samples.path(NUMUCC))] == ["km3net_offline"]
    assert any("is read by source 'km3net_online'" in note for note in entries[0].notes)


def test_what_is_not_archived_is_named() -> None:
    notes = " ".join(SOURCE.describe(samples.path(NUMUCC)).notes)
    assert all(f"'{name}'" in notes for name in ("hits.usr", "hits.fBits", "mc_trks.fitinf"))
    assert "META" not in notes


@settings(max_examples=6, deadline=None)
@given(st.data())
def test_any_range_of_tracks_is_a_piece_of_the_whole(data: st.DataObject) -> None:
    entry, whole = tracks()
    start = data.draw(st.integers(0, 406))
    stop = data.draw(st.integers(start + 1, 407))
    piece = concatenate(list(SOURCE.read(entry, "E/trks", start, stop)))
    assert same(piece, cut(whole, start, stop))
    keys = SOURCE.keys(entry, "E/trks", start, stop)
    assert [k.tolist() for k in keys] == [piece.tables["tracks"][n].tolist() for n in ("frame_index", "trigger_counter")]


def test_small_batches_hold_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = streams(NUMUCC)
    monkeypatch.setattr(module, "BATCH_BYTES", 100_000)
    entry = SOURCE.describe(samples.path(NUMUCC))
    assert len(list(SOURCE.read(entry, "E", 0, 10))) > 3
    again = streams(NUMUCC)
    assert all(same(whole[stream], again[stream]) for stream in whole)


def test_unknown_trees_and_entries_are_refused() -> None:
    entry = SOURCE.describe(samples.path(NUMUCC))
    with pytest.raises(UnknownNameError):
        next(SOURCE.read(entry, "F", 0, 1))
    for tree, stop in (("E", 11), ("E/trks", 408), ("Head", 2)):
        with pytest.raises(InputChangedError):
            next(SOURCE.read(entry, tree, 0, stop))


def test_other_root_files_are_left_to_others() -> None:
    for name in (
        "online/km3net_online.root",
        "gseagen/gseagen.root",
        "calib/KM3NeT_00000133_D_1.0.0_00017397_00017496_1.orientations.root",
    ):
        assert not SOURCE.sniff(samples.path(name), b"root")
    with pytest.raises(UnknownLayoutError):
        describe_all(samples.path("acoustics/mechanical_model.root"))


@pytest.mark.parametrize("seed", range(20))
def test_random_damage_gives_an_error_of_ours_or_values(seed: int, tmp_path: Path) -> None:
    rng, data = np.random.default_rng(seed), bytearray(Path(samples.path("offline/usr-sample.root")).read_bytes())
    for place in rng.integers(0, len(data), 8):
        data[place] ^= int(rng.integers(1, 256))
    path = tmp_path / "damaged.root"
    path.write_bytes(data)
    try:
        entry = recognise(str(path)).describe(str(path))
        for s in entry.segments:
            for batch in SOURCE.read(entry, s.tree, s.start, s.stop):
                assert batch.problems() == []
    except CorruptFileError as error:
        assert str(path) in str(error)
    except AntdaskError:
        pass
