"""Every value of every fit comes back, from a column or by the name of its parameter."""

from __future__ import annotations

import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from antdask.errors import UnknownLayoutError
from antdask.model.ragged import concatenate, cut
from antdask.sources.km3pipe_hdf5 import SOURCE
from tests.sources import km3pipe_samples as samples
from tests.sources.evt_samples import texts
from tests.sources.seatray_samples import same

COLUMNS = {
    "pos_x": "x", "pos_y": "y", "pos_z": "z", "dir_x": "dx", "dir_y": "dy", "dir_z": "dz", "time": "time_ns", "t": "time_ns", "energy": "energy", "E": "energy",
    "length": "length", "likelihood": "lik", "lik": "lik", "id": "track_id", "idx": "track_index", "group_id": "group_id", "event_id": "group_id",
}  # fmt: skip
PLAIN = [n for n in samples.FILES if "reco" in samples.FILES[n][2] and n != "hdf5/numu_cc_test.h5"]


@pytest.mark.parametrize("name", PLAIN)
def test_every_value_of_every_fit_comes_back(name: str) -> None:
    batch = samples.whole(samples.path(name), "reco")
    assert batch.problems() == []
    tracks, parameters, first = batch.tables["tracks"], batch.tables["parameters"], batch.offsets["parameters"]
    names = {key: value.split() for key, value, _ in texts(samples.whole(samples.path(name), "headers"))[0]}
    at = 0
    with h5py.File(samples.path(name)) as file:
        for table in sorted(n for n in file["reco"] if isinstance(file[f"reco/{n}"], h5py.Dataset) and n != "rec_stages"):
            rows = file[f"reco/{table}"][:]
            mine = slice(at, at + len(rows))
            assert {bytes(n).rstrip(b"\0").decode() for n in tracks["fit_name"][mine]} == {table}
            others = [n for n in rows.dtype.names if n not in COLUMNS]
            assert [n.decode() for n in names[f"reco/{table}".encode()]] == others
            long = slice(first[at], first[at + len(rows)])
            ids, values = (parameters[c][long].reshape(len(rows), len(others)) for c in ("parameter_id", "value"))
            for n, column in enumerate(others):
                assert set(ids[:, n].tolist()) == {zlib.crc32(column.encode())}
                np.testing.assert_array_equal(values[:, n], rows[column].astype("f8"), err_msg=column)
            for column in set(rows.dtype.names) - set(others):
                np.testing.assert_array_equal(tracks[COLUMNS[column]][mine], rows[column], err_msg=column)
            at += len(rows)
    assert at == batch.rows


@pytest.mark.parametrize("name", PLAIN)
def test_fits_carry_the_key_of_their_event(name: str) -> None:
    tracks, events = (
        samples.whole(samples.path(name), "reco").tables["tracks"],
        samples.whole(samples.path(name), "event_info").tables["events"],
    )
    place = {int(g): n for n, g in enumerate(events["group_id"])}
    for column in ("run", "frame_index", "trigger_counter"):
        assert tracks[column].tolist() == [int(events[column][place[int(g)]]) for g in tracks["group_id"]]
    assert set(tracks["exists"].tolist()) == {1} and set(tracks["algorithm"].tolist()) == {0}


@pytest.mark.parametrize("name", ["hdf5/geamon.h5", "hdf5/mupage_ARCA.h5"])
def test_stages_hang_on_their_fit(name: str) -> None:
    batch = samples.whole(samples.path(name), "reco")
    keys = list(zip(batch.tables["tracks"]["group_id"].tolist(), batch.tables["tracks"]["track_index"].tolist(), strict=True))
    expected: dict[tuple[int, int], list[int]] = {}
    with h5py.File(samples.path(name)) as file:
        for idx, stage, group in file["reco/rec_stages"][:].tolist():
            expected.setdefault((group, idx), []).append(stage)
    for n, key in enumerate(keys):
        assert batch.tables["stages"]["rec_stage"][slice(*batch.offsets["stages"][n : n + 2])].tolist() == expected.get(key, [])
    assert batch.length("stages") == sum(map(len, expected.values()))


def test_an_identifier_that_is_a_real_number_is_a_parameter() -> None:
    """``gandalf`` of version 4.1 keeps ``id`` as a real number."""
    name = "hdf5/numu_cc_test.h5"
    names = {key: value.split() for key, value, _ in texts(samples.whole(samples.path(name), "headers"))[0]}
    assert b"id" in names[b"reco/gandalf"]


def test_stages_of_no_fit_are_noted(tmp_path: Path) -> None:
    entry = SOURCE.describe(samples.changed(tmp_path, "hdf5/geamon.h5", samples.assign("reco/rec_stages", 3, "idx", 999)))
    assert "1 stages of fits belong to no fit, and are not archived" in entry.notes


def test_text_in_a_fit_is_noted(tmp_path: Path) -> None:
    def add(file: h5py.File) -> None:
        rows = file["reco/jmuonprefit"][:]
        wide = np.zeros(len(rows), [*rows.dtype.descr, ("comment", "S8")])
        for n in rows.dtype.names:
            wide[n] = rows[n]
        samples.retable(file, "reco/jmuonprefit", wide)

    url = samples.changed(tmp_path, samples.FITS, add)
    assert "column 'reco/jmuonprefit/comment' is not archived: it holds text" in SOURCE.describe(url).notes
    same(samples.whole(url, "reco"), samples.whole(samples.path(samples.FITS), "reco"))


def test_a_fit_of_no_event_is_lost(tmp_path: Path) -> None:
    entry = SOURCE.describe(samples.changed(tmp_path, samples.FITS, samples.assign("reco/jmuonprefit", 5, "group_id", 77)))
    batches, lost = samples.salvage(entry, "reco")
    assert lost == [(65, 66)]
    whole = samples.whole(samples.path(samples.FITS), "reco")
    same(concatenate(batches), concatenate([cut(whole, 0, 65), cut(whole, 66, 180)]))


def test_a_spoilt_chunk_loses_its_fits_alone(tmp_path: Path) -> None:
    url = samples.changed(tmp_path, samples.OLD, lambda _: None)
    low, high = samples.spoil(url, "reco/gandalf", 2)
    entry = SOURCE.describe(url)
    batches, lost = samples.salvage(entry, "reco")
    assert lost == [(low, high)]
    whole = samples.whole(samples.path(samples.OLD), "reco")
    same(concatenate(batches), concatenate([cut(whole, 0, low), cut(whole, high, 3484)]))
    same(samples.whole(url, "event_info"), samples.whole(samples.path(samples.OLD), "event_info"))


def test_stages_that_cannot_be_read_lose_the_fits(tmp_path: Path) -> None:
    url = samples.changed(tmp_path, "hdf5/geamon.h5", lambda _: None)
    samples.spoil(url, "reco/rec_stages", 0)
    entry = SOURCE.describe(url)
    assert any("stages of fits cannot be told" in note for note in entry.notes)
    assert samples.salvage(entry, "reco") == ([], [(0, 95)])


def test_a_fit_with_a_name_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownLayoutError, match="name of a fit is too long"):
        SOURCE.describe(samples.changed(tmp_path, samples.FITS, lambda file: file.move("reco/jmuonprefit", "reco/" + "j" * 33)))
