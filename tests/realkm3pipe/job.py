"""Runs in the environment of km3pipe and km3io: reads files with their own readers and keeps what they give.

The job is a JSON file: ``evt`` (paths; a JSON file beside the job for each: for every event, tag to lists of numbers), ``daq`` (path, whether the old DAQ wrote it; likewise),
``hdf5`` (paths; an ``.npz`` for each, every data set as PyTables reads it, compound columns as ``table/column``),
``clb`` (paths of raw packets of boards, and whether they are of the monitoring channel; a JSON file for each: for every packet what km3pipe gives),
``offline`` (paths; an ``.npz`` for each, every member that km3io gives of events, hits, tracks and simulated ones, flat, as ``part/member``, and how many each event has as ``part/#``).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import awkward as ak
import km3io
import numpy as np
import tables
from km3pipe.io.clb import CLBPump
from km3pipe.io.daq import DAQEvent, DAQPreamble, DAQSummaryslice, TimesliceParser, TMCHRepump
from km3pipe.io.evt import EvtPump

EVENT = ("id", "det_id", "run_id", "mc_id", "mc_run_id", "frame_index", "trigger_counter", "trigger_mask", "overlays", "t_sec", "t_ns")
TEXTS = ("comment", "usr_names")


def events(path: str) -> list[dict[str, Any]]:
    """Every event of an .evt file: what stands behind each tag."""
    return [{tag: value for tag, value in blob.items() if tag != "raw_header"} for blob in EvtPump(filename=path, parsers=[])]


def records(path: str, legacy: bool) -> list[dict[str, Any]]:
    """Every record of a DAQ dump."""
    found = []
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        while file.tell() < size:
            start = file.tell()
            preamble = DAQPreamble(file_obj=file)
            code, stop = preamble.data_type, start + preamble.length
            if code == 10001:
                event = DAQEvent(file, legacy=legacy)
                hits = [np.asarray(h).tolist() for h in (event.snapshot_hits, event.triggered_hits)]
                found.append({"run": event.header.run, "counter": event.trigger_counter, "hits": hits[0], "triggered": hits[1]})
            elif code == 2001:
                summary = DAQSummaryslice(file, legacy=legacy)
                found.append({"run": summary.header.run, "doms": list(summary.summary_frames)})
            else:
                file.seek(start)
                info, _, hits = TimesliceParser(legacy=legacy)._parse_timeslice(file)
                columns = [np.asarray(hits[c]).tolist() for c in ("dom_id", "channel_id", "time", "tot")]
                found.append({"frame": int(info["frame_index"][0]), "hits": list(zip(*columns, strict=True))})
            file.seek(stop)
    return found


def packets(path: str, monitoring: bool) -> list[dict[str, Any]]:
    """Every packet of a dump of boards."""
    if monitoring:
        return [vars(blob["TMCHData"]) for blob in TMCHRepump(filename=path)]
    found = []
    for blob in CLBPump(file=path):
        info, hits = blob["PacketInfo"], blob["Hits"]
        columns = [np.asarray(hits[c]).tolist() for c in ("channel_id", "time", "tot")]
        names = ("run", "udp_sequence", "timestamp", "ns_ticks", "dom_id", "dom_status")
        found.append({**{name: int(info[name][0]) for name in names}, "hits": list(zip(*columns, strict=True))})
    return found


def columns(path: str) -> dict[str, np.ndarray]:
    """Every column of an HDF5 file, through PyTables."""
    found = {}
    with tables.open_file(path) as file:
        for node in file.walk_nodes("/", "Leaf"):
            name = node._v_pathname[1:]
            if "_i_" not in name:
                rows = node.read()
                found |= {name: rows} if rows.dtype.names is None else {f"{name}/{c}": rows[c] for c in rows.dtype.names}
    return found


def members(path: str) -> dict[str, np.ndarray]:
    """Every member of an offline file that km3io gives."""
    file = km3io.OfflineReader(path)
    found = {f"events/{name}": ak.to_numpy(getattr(file, name)) for name in EVENT}
    for part in ("hits", "tracks", "mc_hits", "mc_tracks"):
        branch = getattr(file, part)
        for name in branch.fields:
            if name not in TEXTS:
                values = getattr(branch, name)
                found[f"{part}/{name}"] = ak.to_numpy(ak.flatten(values, axis=None))
                found[f"{part}/#"] = ak.to_numpy(ak.num(values, axis=1))
    for name in ("w", "w2list", "w3list"):
        found[f"events/{name}"] = ak.to_numpy(ak.flatten(getattr(file, name), axis=None))
    return found


def main(job: dict[str, Any], folder: Path) -> None:
    for n, path in enumerate(job.get("evt", ())):
        (folder / f"evt{n}.json").write_text(json.dumps(events(path)))
    for n, (path, legacy) in enumerate(job.get("daq", ())):
        (folder / f"daq{n}.json").write_text(json.dumps(records(path, legacy), default=int))
    for n, (path, monitoring) in enumerate(job.get("clb", ())):
        (folder / f"clb{n}.json").write_text(json.dumps(packets(path, monitoring)))
    for n, path in enumerate(job.get("hdf5", ())):
        np.savez(folder / f"hdf5{n}.npz", **{k.replace("/", "|"): v for k, v in columns(path).items()})
    for n, path in enumerate(job.get("offline", ())):
        np.savez(folder / f"offline{n}.npz", **{k.replace("/", "|"): v for k, v in members(path).items()})


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[1]).parent)
