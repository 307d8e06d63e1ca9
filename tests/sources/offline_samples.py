"""KM3NeT offline files and DSTs decoded a second time, by uproot, for tests: which column must equal which branch is written down here again."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import uproot
from km3net_testdata import data_path

from antdask.model.ragged import Batch

_VECTOR = {"x": "pos.x", "y": "pos.y", "z": "pos.z", "dx": "dir.x", "dy": "dir.y", "dz": "dir.z"}
_HIT = {**_VECTOR, "dom_id": "dom_id", "channel_id": "channel_id", "tdc": "tdc", "tot": "tot", "trigger_mask": "trig", "pmt_id": "pmt_id", "hit_id": "id",
        "hit_type": "type", "particle_id": "origin", "pattern_flags": "pattern_flags", "pure_time_ns": "pure_t", "pure_amplitude": "pure_a"}  # fmt: skip
_TRACK = {**_VECTOR, "time_ns": "t", "energy": "E", "length": "len", "lik": "lik", "rec_type": "rec_type", "particle_type": "type", "status": "status", "mother": "mother_id", "counter": "counter"}  # fmt: skip
_EVENT = {"frame_index": "frame_index", "trigger_counter": "trigger_counter", "detector_id": "det_id", "trigger_mask": "trigger_mask", "overlays": "overlays", "event_number": "id", "event_index": "index", "event_flags": "flags"}  # fmt: skip

#: Branches by column, of each stream and table.
COLUMNS: dict[str, dict[str, dict[str, str]]] = {
    "events": {
        "events": _EVENT,
        "hits": {k: f"hits.{v}" for k, v in {**_HIT, "frame_time_ns": "t", "charge_pe": "a"}.items()},
        "usr": {"value": "usr"},
        "usr_name_bytes": {"byte": "usr_names"},
        "comment_bytes": {"byte": "comment"},
    },
    "reco": {
        "tracks": {k: f"trks.{v}" for k, v in {**_TRACK, "track_id": "id"}.items()},
        "stages": {"rec_stage": "trks.rec_stages"},
        "fitinf": {"value": "trks.fitinf"},
        "hit_ids": {"hit_id": "trks.hit_ids"},
        "error_matrix": {"value": "trks.error_matrix"},
        "usr": {"value": "trks.usr"},
        "usr_name_bytes": {"byte": "trks.usr_names"},
        "comment_bytes": {"byte": "trks.comment"},
    },
    "mc": {
        "events": {
            **_EVENT, "mc_id": "mc_id", "mc_run": "mc_run_id", "mc_time_ns": "mc_t", "timestamp_s": "t.fSec", "nanoseconds": "t.fNanoSec",
            "mc_event_time_s": "mc_event_time.fSec", "mc_event_time_ns": "mc_event_time.fNanoSec",
        },
        "hits": {k: f"mc_hits.{v}" for k, v in {**_HIT, "time_ns": "t", "n_pe": "a"}.items()},
        "particles": {k: f"mc_trks.{v}" for k, v in {**_TRACK, "particle_id": "id", "pdg_type": "type"}.items()},
        "w": {"value": "w"},
        "w2list": {"value": "w2list"},
        "w3list": {"value": "w3list"},
        "usr": {"value": "usr"},
        "usr_name_bytes": {"byte": "usr_names"},
        "comment_bytes": {"byte": "comment"},
        "particle_usr": {"value": "mc_trks.usr"},
        "particle_usr_name_bytes": {"byte": "mc_trks.usr_names"},
        "particle_comment_bytes": {"byte": "mc_trks.comment"},
    },
}  # fmt: skip


def path(name: str) -> str:
    """Where a sample lies."""
    return str(data_path(name))


class Events:
    """Tree E of a file, as uproot reads it."""

    def __init__(self, url: str) -> None:
        self._file = uproot.open(url)
        self._paths: dict[str, str] = {}
        for key in list(self._file["E"].keys()):
            self._paths.setdefault(key.rpartition("/")[2].partition("[")[0], key)

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def array(self, branch: str) -> Any:
        """Values of a branch; ``None`` where the file does not have it."""
        return self._file["E"][self._paths[branch]].array() if branch in self._paths else None

    def differences(self, batch: Batch, skip: tuple[str, ...] = ()) -> list[str]:
        """Columns of a batch of all rows of a stream that differ from their branches, value by value; `skip` says which uproot is not right about."""
        wrong = []
        for table, columns in COLUMNS[batch.stream].items():
            for column, branch in columns.items():
                expected = None if branch in skip else self.array(branch)
                if expected is not None and not same(batch.tables[table][column], expected):
                    wrong.append(f"{batch.stream}/{table}.{column} and {branch}")
        return wrong


def same(found: np.ndarray, expected: Any) -> bool:
    """Whether the flat values, or bytes of texts, are equal; NaN equals NaN."""
    flat = ak.flatten(expected, axis=None) if expected.ndim > 1 else expected
    if "string" in str(ak.type(expected)):
        texts = ak.flatten(expected, axis=1) if expected.ndim > 2 else expected
        texts = ak.flatten(texts, axis=1) if texts.ndim > 2 else texts
        return bool("".join(ak.to_list(ak.ravel(texts))).encode() == found.tobytes()) if len(texts) else found.size == 0
    values = ak.to_numpy(flat)
    return bool(len(values) == len(found) and np.array_equal(found.astype(values.dtype), values, equal_nan=values.dtype.kind == "f"))
