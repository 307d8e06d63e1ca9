"""What we read of offline files and DSTs equals what km3io reads, number by number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from antdask.model.ragged import concatenate
from antdask.sources.km3net_offline import SOURCE
from tests.realkm3pipe.conftest import OFFLINE
from tests.sources import evt_samples

_PLACE = {f"{a}_{b}": b if a == "pos" else f"d{b}" for a in ("pos", "dir") for b in "xyz"}
#: Stream and table of each part of km3io, and its members by ours.
PARTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "hits": ("events", "hits", {**_PLACE, "id": "hit_id", "dom_id": "dom_id", "channel_id": "channel_id", "tdc": "tdc", "tot": "tot", "t": "frame_time_ns", "a": "charge_pe", "trig": "trigger_mask"}),
    "tracks": ("reco", "tracks", {**_PLACE, "id": "track_id", "t": "time_ns", "E": "energy", "len": "length", "lik": "lik", "rec_type": "rec_type"}),
    "mc_hits": ("mc", "hits", {"id": "hit_id", "pmt_id": "pmt_id", "t": "time_ns", "a": "n_pe", "origin": "particle_id", "pure_t": "pure_time_ns", "pure_a": "pure_amplitude", "type": "hit_type"}),
    "mc_tracks": ("mc", "particles", {**_PLACE, "id": "particle_id", "E": "energy", "t": "time_ns", "len": "length", "pdgid": "particle_type"}),
}  # fmt: skip
EVENT = {"id": "event_number", "det_id": "detector_id", "frame_index": "frame_index", "trigger_counter": "trigger_counter", "trigger_mask": "trigger_mask", "overlays": "overlays"}  # fmt: skip
TRUTH = {**EVENT, "mc_id": "mc_id", "mc_run_id": "mc_run", "t_sec": "timestamp_s", "t_ns": "nanoseconds"}
#: Tables that hang below tracks, with the members that they hold.
BELOW = {
    "fitinf": ("fitinf", "value"),
    "rec_stages": ("stages", "rec_stage"),
    "hit_ids": ("hit_ids", "hit_id"),
    "error_matrix": ("error_matrix", "value"),
}


@pytest.mark.parametrize("name", OFFLINE)
def test_members_of_offline_files(read: dict[str, Any], name: str) -> None:
    theirs = read[name]
    entry = SOURCE.describe(evt_samples.path(name))
    ours = {
        s.stream: concatenate([b for t in entry.segments if t.stream == s.stream for b in SOURCE.read(entry, t.tree, t.start, t.stop)])
        for s in entry.segments
    }
    compared = 0
    for part, (stream, table, members) in PARTS.items():
        if stream not in ours:
            assert theirs.get(f"{part}/#", np.zeros(1)).sum() == 0
            continue
        for member, column in members.items():
            if f"{part}/{member}" in theirs:
                values = theirs[f"{part}/{member}"]
                np.testing.assert_array_equal(ours[stream].tables[table][column], values, err_msg=f"{part}/{member}")
                compared += len(values)
        if stream != "reco":
            np.testing.assert_array_equal(np.diff(ours[stream].offsets[table]), theirs[f"{part}/#"])
    if "reco" in ours:
        np.testing.assert_array_equal(np.bincount(ours["reco"].tables["tracks"]["event_entry"].astype(int), minlength=len(theirs["tracks/#"])), theirs["tracks/#"])  # fmt: skip
        for member, (table, column) in BELOW.items():
            if f"tracks/{member}" in theirs:
                np.testing.assert_array_equal(ours["reco"].tables[table][column], theirs[f"tracks/{member}"], err_msg=member)
                compared += len(theirs[f"tracks/{member}"])
    for stream, members in (("events", EVENT), ("mc", TRUTH)):
        for member, column in members.items() if stream in ours else ():
            np.testing.assert_array_equal(ours[stream].tables["events"][column], theirs[f"events/{member}"], err_msg=member)
            compared += len(theirs[f"events/{member}"])
    for member in ("w", "w2list", "w3list"):
        if "mc" in ours:
            np.testing.assert_array_equal(ours["mc"].tables[member]["value"], theirs[f"events/{member}"])
    assert compared > 100
