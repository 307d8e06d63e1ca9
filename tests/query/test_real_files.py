"""Queries on the archive of all real files, against independent reads of the same bytes: h5py for ANTARES, plain zarr for KM3NeT."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import h5py
import numpy as np
import pytest
import zarr
from zarr.storage import ZipStore

import antdask


@pytest.fixture(scope="module")
def opened(archive):
    return antdask.open_archive(archive)


@pytest.fixture(scope="module")
def pulses(real_files):
    with h5py.File(real_files["antares.h5"]) as file:
        table = file["CalibratedPulses"]
        return {name: table[name] for name in ("Event", "TriggerCounter", "string", "om", "time", "charge", "isTriggered")}


def part(archive, detector, stream, run):
    """A part as plain zarr reads it."""
    (path,) = Path(archive).glob(f"parts/{detector}/{stream}/*/{run:08d}/*.zarr.zip")
    return zarr.open_group(ZipStore(path, mode="r"), mode="r")


def test_the_real_antares_events_are_those_of_the_file(opened, pulses):
    stream = opened.stream("events").select(detector="antares", run=45978)
    assert stream.count() == (81, 13_556)
    rows = stream.to_awkward(["n_hits", "hits.line", "hits.om", "hits.time_ns", "hits.charge_pe", "hits.triggered"])
    assert rows.n_hits.tolist() == ak.num(rows.hits).tolist()
    keys = np.unique(np.stack([pulses["Event"], pulses["TriggerCounter"]], axis=1), axis=0)
    assert np.stack([rows.frame_index, rows.trigger_counter], axis=1).tolist() == keys.tolist()
    for (frame, counter), row in zip(keys.tolist(), rows, strict=True):
        own = (pulses["Event"] == frame) & (pulses["TriggerCounter"] == counter)
        for name, source in (("line", "string"), ("om", "om"), ("time_ns", "time"), ("charge_pe", "charge"), ("triggered", "isTriggered")):
            assert row.hits[name].tolist() == pulses[source][own].tolist()


def test_conditions_on_real_charges_select_what_the_file_holds(opened, pulses):
    stream = opened.stream("events").select(run=45978)
    big = stream.select(where="hits.charge_pe > 20").to_pandas("hits", ["hits.charge_pe", "hits.line"])
    assert sorted(big["charge_pe"]) == sorted(pulses["charge"][pulses["charge"] > 20])
    pairs = {(int(e), int(t)) for e, t, c in zip(pulses["Event"], pulses["TriggerCounter"], pulses["charge"], strict=True) if c > 20}
    rows = stream.select(where="max(hits.charge_pe) > 20").to_awkward(["frame_index"])
    assert set(zip(rows.frame_index.tolist(), rows.trigger_counter.tolist(), strict=True)) == pairs
    flagged = stream.select(where="count(hits.triggered == 1) > 0").count()
    assert (
        flagged.rows == 9 == len(np.unique(np.stack([pulses["Event"], pulses["TriggerCounter"]])[:, pulses["isTriggered"] == 1], axis=1).T)
    )


def test_a_trigger_counter_that_stands_in_two_frames_needs_its_whole_key(opened, pulses):
    stream = opened.stream("events")
    row = stream.select(key=(45978, 16, 58654)).to_awkward(["n_hits", "hits.om"])
    own = (pulses["Event"] == 16) & (pulses["TriggerCounter"] == 58654)
    assert row.n_hits.tolist() == [own.sum()] and row.hits.om.tolist() == [pulses["om"][own].tolist()]
    assert stream.select(run=45978, where="trigger_counter == 58654").count().rows == 2


def test_placeholders_of_fits_can_be_told_from_fits(opened):
    fits = opened.stream("reco")
    assert fits.count().rows == 23
    assert fits.select(where="exists == 1").count().rows == 19
    assert fits.select(where="exists == 1 and quality < -7").to_awkward(["quality"]).quality.tolist() < [-7.0]
    assert fits.select(where="count(used_hits.charge_pe > 0) > 0").count().rows == 19


def test_the_first_real_l1_slice_has_453_frames_and_167_499_hits(opened, archive):
    stream = opened.stream("timeslices_l1").select(detector="km3net-267")
    rows = stream.to_awkward(["frames.dom_id", "hits.tot"])
    assert len(rows.frames[0]) == 453 and ak.sum(ak.num(rows.frames.hits[0], axis=1)) == 167_499
    raw = part(archive, "km3net-267", "timeslices_l1", 25291)
    frame = np.repeat(np.arange(raw["frames/dom_id"].shape[0]), np.diff(raw["hits/offsets"][:]))
    tot, dom = raw["hits/tot"][:], raw["frames/dom_id"][:][frame]
    chosen = dom[tot > 200][0]
    left = stream.select(where=f"hits.tot > 200 and frames.dom_id == {chosen}").to_pandas("hits", ["frames.dom_id", "hits"])
    mask = (tot > 200) & (dom == chosen)
    assert left["tot"].tolist() == tot[mask].tolist() and left["tdc"].tolist() == raw["hits/tdc"][:][mask].tolist()
    assert set(left["frames.dom_id"]) == {chosen}


def test_real_rates_are_selected_by_time_frame_and_flags(opened, archive):
    raw = part(archive, "km3net-29", "rates", 3246)
    utc, codes, offsets = raw["slices/utc_ns"][:], raw["frames/rate_code"][:], raw["frames/offsets"][:]
    stream = opened.stream("rates").select(run=3246)
    middle = stream.select(time=(int(utc[100]), int(utc[300])))
    assert middle.explain().exact is False and middle.count().rows == 200
    rows = middle.to_awkward(["utc_ns", "frames.rate_code"])
    assert rows.utc_ns.tolist() == utc[100:300].tolist()
    assert (ak.to_numpy(ak.flatten(rows.frames.rate_code)) == codes[offsets[100] : offsets[300]]).all()
    high = stream.select(where="frames.rate_code[3] > 60").to_pandas("frames", "frames.rate_code")
    assert high["rate_code[3]"].tolist() == codes[:, 3][codes[:, 3] > 60].tolist() != []


def test_all_streams_open_in_every_form(opened):
    for name in opened.streams:
        stream = opened.stream(name)
        count = stream.count()
        assert len(stream.to_awkward()) == len(stream.to_arrow()) == len(stream.to_pandas()) == count.rows
        assert sum(stream.to_dask(columns=["run"]).map(len).compute(scheduler="sync")) == count.rows
        data = stream.to_xarray()
        assert data.sizes[stream.index.schema.rows.row] == count.rows
        assert data.sizes.get("hit", 0) == count.hits
