"""What we read equals what km3pipe and PyTables read, number by number."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

from antdask.model.ragged import Batch
from antdask.sources.clb_packets import SOURCE as CLB
from antdask.sources.controlhost import SOURCE as CONTROLHOST
from tests.realkm3pipe.conftest import DUMPS, HDF5
from tests.sources import clb_samples, controlhost_samples, evt_samples, km3pipe_samples
from tests.sources.test_km3pipe_events import HITS, INFO, MC_HITS, TRACKS
from tests.sources.test_km3pipe_fits import COLUMNS

#: Tags of which km3pipe gives numbers.
TAGS = ("neutrino", "primarylepton", "track_in", "track_aux", "track_primary", "track_earthlepton", "track_sealepton", "track_seamuon", "track_seaneutrino", "track_bundle", "center_on_can", "hit", "hit_raw", "w2list", "w3list")  # fmt: skip


@pytest.mark.parametrize("name", evt_samples.FILES)
def test_events_in_text(read: dict[str, Any], name: str) -> None:
    theirs, batch = read[name], evt_samples.whole(evt_samples.path(name))
    ours = evt_samples.rebuilt(batch)
    assert len(theirs) == len(ours)
    for n, (blob, event) in enumerate(zip(theirs, ours, strict=True)):
        for tag in TAGS:
            assert [values for _, values in event.of(tag)] == blob.get(tag, [])
        rows = batch.tables["events"]
        assert [rows["event_number"][n], rows["event_type"][n]] == blob["start_event"]
        if "weights" in blob:
            assert [rows[w][n] for w in ("w1", "w2", "w3")] == blob["weights"][0]


@pytest.mark.parametrize("name", DUMPS)
def test_records_of_the_daq(read: dict[str, Any], name: str) -> None:
    entry = CONTROLHOST.describe(controlhost_samples.path(name))
    (batch,) = CONTROLHOST.read(entry, entry.segments[0].tree, 0, entry.segments[0].stop)
    records = read[name]
    assert len(records) == batch.rows
    if "EVT" in name:
        assert _rows(batch, "hits", "dom_id", "channel_id", "tdc", "tot") == [h for r in records for h in r["hits"]]
        assert _rows(batch, "triggered_hits", "dom_id", "channel_id", "tdc", "tot", "trigger_mask") == [
            h for r in records for h in r["triggered"]
        ]
        assert batch.tables["events"]["trigger_counter"].tolist() == [r["counter"] for r in records]
    elif "SUM" in name:
        assert batch.tables["frames"]["dom_id"].tolist() == [d for r in records for d in r["doms"]]
    else:
        dom = np.repeat(batch.tables["frames"]["dom_id"], np.diff(batch.offsets["hits"]))
        assert [[int(d), *h] for d, h in zip(dom, _rows(batch, "hits", "channel_id", "tdc", "tot"), strict=True)] == [
            h for r in records for h in r["hits"]
        ]
        assert batch.tables["slices"]["frame_index"].tolist() == [r["frame"] for r in records]


def test_hits_of_single_modules(read: dict[str, Any]) -> None:
    packets, columns, batch = read["clb.dqd"], *_packets("clb.dqd")
    assert _rows(batch, "hits", "channel_id", "tdc", "tot") == [h for p in packets for h in p["hits"]]
    assert columns["n_hits"].tolist() == [len(p["hits"]) for p in packets]
    assert columns["utc_ns"].tolist() == [p["timestamp"] * 10**9 + 16 * p["ns_ticks"] for p in packets]
    for ours, theirs in (("run", "run"), ("udp_sequence", "udp_sequence"), ("dom_id", "dom_id"), ("status", "dom_status")):
        assert columns[ours].tolist() == [p[theirs] for p in packets], ours


def test_packets_of_the_monitoring_channel(read: dict[str, Any]) -> None:
    """km3pipe gives rates in Hz, and temperature and humidity in their units."""
    packets, columns, _ = read["IO_MONIT.dat"], *_packets("IO_MONIT.dat")
    assert columns["utc_ns"].tolist() == [p["utc_seconds"] * 10**9 + p["nanoseconds"] for p in packets]
    status = {"status": "dom_status_0", "fifo": "dom_status_1", "status3": "dom_status_2", "status4": "dom_status_3"}
    words = {"udp_sequence": "udp_sequence_number", "high_rate_veto": "hrvbmp", "packet_flags": "flags", "tdc_full": "tdcfull", "acoustics_full": "aesfull", "flushes": "flushc", "slice_duration": "ts_duration_ms"}  # fmt: skip
    board = {"acceleration": "A", "turning_rate": "G", "magnetic_field": "H"}
    for name, theirs in {**{n: n for n in ("run", "dom_id", "yaw", "pitch", "roll")}, **status, **words, **board}.items():
        assert columns[name].tolist() == [p[theirs] for p in packets], name
    assert (columns["rate"] * 10.0).tolist() == [p["pmt_rates"] for p in packets]
    assert (columns["temperature"] / 100).tolist() == [p["temp"] for p in packets]
    assert (columns["humidity"] / 100).tolist() == [p["humidity"] for p in packets]


def _packets(name: str) -> tuple[dict[str, np.ndarray], Batch]:
    tree, _, count, *_ = clb_samples.FILES[name]
    (batch,) = CLB.read(CLB.describe(clb_samples.path(name)), tree, 0, count)
    return dict(batch.tables["packets"]), batch


def _rows(batch: Batch, table: str, *columns: str) -> list[list[int]]:
    return [list(row) for row in zip(*(batch.tables[table][c].tolist() for c in columns), strict=True)]


@pytest.mark.parametrize("name", HDF5)
def test_columns_of_hdf5(read: dict[str, Any], name: str) -> None:
    """The tables of these files hold the events in order, so whole columns can be compared."""
    tables = read[name]
    mc = km3pipe_samples.whole(km3pipe_samples.path(name), "event_info")
    for prefix, names, columns in (
        ("event_info", INFO, mc.tables["events"]),
        ("mc_tracks", TRACKS, mc.tables["particles"]),
        ("mc_hits", MC_HITS, mc.tables["hits"]),
    ):
        _compare(tables, prefix, names, columns)
    if "hits/time" in tables:
        hits = km3pipe_samples.whole(km3pipe_samples.path(name), "hits")
        _compare(tables, "hits", HITS, hits.tables["hits"])
        if hits.length("calibrations"):
            _compare(
                tables,
                "hits",
                {"pos_x": "x", "dir_z": "dz", "t0": "t0_ns", "pmt_id": "pmt_id", "id": "hit_id"},
                hits.tables["calibrations"],
            )
    if mc.length("calibrations"):
        _compare(tables, "mc_hits", {"id": "hit_id", "pmt_id": "pmt_id", "tot": "tot", "dom_id": "dom_id", "triggered": "triggered"}, mc.tables["calibrations"])  # fmt: skip
    reco = km3pipe_samples.whole(km3pipe_samples.path(name), "reco")
    fits = [bytes(n).rstrip(b"\0").decode() for n in reco.tables["tracks"]["fit_name"]]
    for fit in dict.fromkeys(fits):
        rows = [n for n, f in enumerate(fits) if f == fit]
        for column in (k.removeprefix(f"reco/{fit}/") for k in tables if k.startswith(f"reco/{fit}/")):
            theirs, number = tables[f"reco/{fit}/{column}"].astype("f8"), zlib.crc32(column.encode())
            spans = [slice(*reco.offsets["parameters"][n : n + 2]) for n in rows]
            parameters = reco.tables["parameters"]
            ours = [parameters["value"][s][parameters["parameter_id"][s] == number].tolist() for s in spans]
            single = [values[0] for values in ours] if ours[0] else reco.tables["tracks"][COLUMNS[column]][rows]
            np.testing.assert_array_equal(np.array(single, "f8"), theirs, err_msg=f"{fit}/{column}")


def _compare(tables: dict[str, np.ndarray], prefix: str, names: dict[str, str], columns: dict[str, np.ndarray]) -> None:
    for key, theirs in tables.items():
        column = key.removeprefix(f"{prefix}/")
        if key.startswith(f"{prefix}/") and column in names:
            np.testing.assert_array_equal(columns[names[column]].astype("f8"), theirs.astype("f8"), err_msg=key)
