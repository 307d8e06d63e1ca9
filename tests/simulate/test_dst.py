"""The simulated DST: every branch of the real tree, its traps, and fits that follow the truth."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.model.time import ANTARES_FRAME_NS
from antdask.simulate.dst import BRANCHES, Origin, dst_columns
from antdask.simulate.spec import SimulationSpec, run_start_ns
from tests.simulate.sample import Sample


@pytest.fixture(scope="module")
def columns(sample: Sample, spec: SimulationSpec) -> dict[str, np.ndarray]:
    return dst_columns(spec.random(1), spec, 45_001, [Origin.of(e) for e in sample.pieces], 1500)


def test_there_are_the_139_branches_of_the_real_tree() -> None:
    kinds = {b.name: b.dtype for b in BRANCHES}
    assert len(kinds) == 139
    assert {k: kinds[k] for k in ("frame_index", "event_id", "run", "Scan", "RatioActive", "aafit_flag")} == {
        "frame_index": "f8", "event_id": "u8", "run": "i4", "Scan": "i4", "RatioActive": "f4", "aafit_flag": "b1",
    }  # fmt: skip


def test_rows_are_the_events_with_a_muon(columns: dict[str, np.ndarray], sample: Sample) -> None:
    muon = np.concatenate([e.frame_index[e.muon] for e in sample.pieces])
    assert (columns["frame_index"] == muon).all()
    flagged = np.concatenate([np.add.reduceat(e.hits.triggered.astype(int), e.offsets[:-1])[e.muon] for e in sample.pieces])
    with_fit = columns["aafit_flag"]
    assert (columns["aafit_nhits"][with_fit] == flagged[with_fit]).all()


def test_a_fit_that_is_not_there_keeps_the_values_of_the_event_before(columns: dict[str, np.ndarray]) -> None:
    without = np.flatnonzero(~columns["bbfit_flag"])
    without = without[without > np.argmax(columns["bbfit_flag"])]
    assert len(without) > 100
    for name in ("bbfit_quality", "bbfit_pos_x", "bbfit_nusedhits", "bbfit_nhits"):
        assert (columns[name][without] == columns[name][without - 1]).all(), name


def test_angles_of_the_bright_point_repeat_bbfit_and_some_columns_stay_empty(columns: dict[str, np.ndarray]) -> None:
    assert (columns["bbfit_shower_zenith_deg"] == columns["bbfit_zenith_deg"]).all()
    assert (columns["bbfit_shower_quality"] != columns["bbfit_quality"]).any()
    for name in ("aafit_bjy", "gridfit_totalamp", "showerdusj_totalamp"):
        assert (columns[name] == 0).all(), name


def test_aafit_finds_the_muon_within_degrees(columns: dict[str, np.ndarray]) -> None:
    fit = columns["aafit_flag"]
    off = columns["aafit_zenith_deg"][fit] - np.degrees(np.arccos(columns["cos_zenith_true"][fit]))
    assert np.median(np.abs(off)) < 2
    assert columns["aafit_cos_zenith"] == pytest.approx(np.cos(np.radians(columns["aafit_zenith_deg"])), abs=1e-12) or not fit[0]
    assert (columns["azimuthdeg_true"] < 2 * np.pi).all()


def test_dates_follow_the_frames(columns: dict[str, np.ndarray]) -> None:
    utc_ns = run_start_ns(45_001) + columns["frame_index"].astype(np.int64) * ANTARES_FRAME_NS
    assert (columns["MJD"] - 40_587) * 86_400 == pytest.approx(utc_ns / 1e9, abs=1e-3)
    days = {str(np.datetime64(int(t), "ns").astype("M8[D]"))[2:].replace("-", "") for t in utc_ns}
    assert {str(d).zfill(6) for d in columns["Date"]} == days
    assert columns["run_duration"][0] == pytest.approx(1500 * 0.1048576)


def test_data_carry_no_truth(sample: Sample) -> None:
    spec = SimulationSpec(mc=False)
    columns = dst_columns(spec.random(1), spec, 45_001, [Origin.of(e) for e in sample.pieces], 1500)
    assert not columns["energy_true"].any()
    assert columns["is_neutrino"].all()
    assert not columns["is_cc"].any()


def test_a_run_without_muons_gives_empty_branches() -> None:
    spec = SimulationSpec()
    assert {len(c) for c in dst_columns(spec.random(1), spec, 45_001, [], 0).values()} == {0}
