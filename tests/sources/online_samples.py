"""The real KM3NeT DAQ files, what stands in them, and an independent decode: `struct` and loops over the bytes that uproot gives, entry by entry."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import uproot
from km3net_testdata import data_path

ONLINE = Path(data_path("online/km3net_online.root")).parent
DATA = Path(__file__).parent / "data"
SUMMARYSLICE = "KM3NeT_00000049_00008456.summaryslice-167941.root"
L1 = "KM3NeT_00000267_00025291_L1.root"
SN = "KM3NeT_00000267_00025291_SN.root"
EVENTS_AND_SUMMARY = "KM3NeT_00000267_00025291_JDAQEvent_JDAQSummaryslice.root"

#: Every tree with entries in every real file: file, tree, entries, detector, run.
TREES: list[tuple[str, str, int, int, int]] = [
    (SUMMARYSLICE, "KM3NET_SUMMARYSLICE", 1, 49, 8456),
    ("KM3NeT_00000133_JDAQEvent.root", "KM3NET_EVENT", 10, 133, 13340),
    (EVENTS_AND_SUMMARY, "KM3NET_EVENT", 13, 267, 25291),
    (EVENTS_AND_SUMMARY, "KM3NET_SUMMARYSLICE", 13, 267, 25291),
    (L1, "KM3NET_TIMESLICE_L1", 3, 267, 25291),
    (SN, "KM3NET_TIMESLICE_SN", 100, 267, 25291),
    ("events_sample.root", "KM3NET_EVENT", 10, 44, 6884),
    ("events_sample.root", "KM3NET_SUMMARYSLICE", 10, 44, 6884),
    ("events_sample.root", "KM3NET_TIMESLICE", 10, 44, 6884),
    ("events_sample.root", "KM3NET_TIMESLICE_L1", 10, 44, 6884),
    ("events_sample.root", "KM3NET_TIMESLICE_SN", 10, 44, 6884),
    ("km3net_online.root", "KM3NET_EVENT", 3, 44, 6633),
    ("km3net_online.root", "KM3NET_SUMMARYSLICE", 3, 44, 6633),
    ("km3net_online.root", "KM3NET_TIMESLICE", 3, 44, 6633),
    ("km3net_online.root", "KM3NET_TIMESLICE_L1", 3, 44, 6633),
    ("km3net_online.root", "KM3NET_TIMESLICE_SN", 3, 44, 6633),
    ("muon_cc_daqevents.root", "KM3NET_EVENT", 250, 133, 13339),
    ("summaryslices.root", "KM3NET_SUMMARYSLICE", 1000, 29, 3246),
]

_HIT = struct.Struct("<BIB")
_WORDS = ("daq", "status", "fifo", "status3", "status4")

Table = dict[str, list[Any]]


def entries(branch: Any) -> list[bytes]:
    """Bytes of every entry of a branch, as uproot cuts them."""
    found: list[bytes] = []
    for number in range(branch.num_baskets):
        basket = branch.basket(number)
        data, offsets, n = bytes(np.asarray(basket.data)), basket.byte_offsets, basket.num_entries
        cuts = [i * len(data) // n for i in range(n + 1)] if offsets is None else offsets.tolist()
        found += [data[a:b] for a, b in itertools.pairwise(cuts)]
    return found


def find(parent: Any, name: str) -> Any:
    """The first branch of this name, depth first."""
    for branch in parent.branches:
        if branch.name == name:
            return branch
        below = find(branch, name)
        if below is not None:
            return below
    return None


def decode(path: str | Path, tree: str) -> tuple[dict[str, Table], dict[str, list[int]]]:
    """All columns and the counts of all ragged tables of a tree, as lists."""
    with uproot.open(path, object_cache=None, array_cache=None) as file:
        data = file[tree]
        if tree == "KM3NET_EVENT":
            return _events(data)
        if tree == "KM3NET_SUMMARYSLICE":
            return _rates(data)
        return _timeslices(data)


def _rows(data: Any, header: str) -> tuple[Table, list[bytes]]:
    preamble = find(data, "KM3NETDAQ::JDAQPreamble")
    if preamble.branches:
        lengths = [struct.unpack(">i", e)[0] for e in entries(find(preamble, "length"))]
    else:
        lengths = [struct.unpack(">ii", e)[0] for e in entries(preamble)]
    branch = find(data, header)
    blobs = []
    if not branch.branches:
        blobs = entries(branch)
        stamps = [struct.unpack_from(">18x iii 6x II", e) for e in blobs]
    else:
        columns = [entries(find(branch, n)) for n in ("detector_id", "run", "frame_index")]
        time = find(branch, "timeslice_start")
        if time is not None:
            times = [e[6:] for e in entries(time)]
        else:
            parts = [entries(find(branch, f"timeslice_start.{n}")) for n in ("UTC_seconds", "UTC_16nanosecondcycles")]
            times = [a + b for a, b in zip(*parts, strict=True)]
        stamps = [struct.unpack(">iiiII", b"".join(x)) for x in zip(*columns, times, strict=True)]
    rows: Table = {
        "detector_id": [s[0] for s in stamps],
        "run": [s[1] for s in stamps],
        "frame_index": [s[2] for s in stamps],
        "utc_ns": [(s[3] & 0x7FFFFFFF) * 10**9 + s[4] * 16 for s in stamps],
        "clock_status": [s[3] >> 31 for s in stamps],
        "preamble_length": lengths,
        "source_input": [0] * len(stamps),
        "source_entry": list(range(len(stamps))),
    }
    return rows, blobs


def _events(data: Any) -> tuple[dict[str, Table], dict[str, list[int]]]:
    rows, blobs = _rows(data, "KM3NETDAQ::JDAQEventHeader")
    last = [struct.unpack_from(">50x Q 6x QI", e) for e in blobs]
    rows |= {"trigger_counter": [x[0] for x in last], "trigger_mask": [x[1] for x in last], "overlays": [x[2] for x in last]}
    hits: Table = {n: [] for n in ("dom_id", "channel_id", "tdc", "tot", "triggered", "trigger_mask")}
    marked: Table = {n: [] for n in ("dom_id", "channel_id", "tdc", "tot", "trigger_mask", "hit_index")}
    rows |= {"n_hits": [], "n_triggered": []}
    for snapshot, triggered in zip(entries(find(data, "snapshotHits")), entries(find(data, "triggeredHits")), strict=True):
        all_hits = [_key_hit(snapshot, p) for p in range(10, len(snapshot), 10)]
        triggers = [(_key_hit(triggered, p), struct.unpack_from(">Q", triggered, p + 16)[0]) for p in range(10, len(triggered), 24)]
        masks, places = dict(triggers), {hit: i for i, hit in reversed(list(enumerate(all_hits)))}
        rows["n_hits"].append(len(all_hits))
        rows["n_triggered"].append(len(triggers))
        for hit in all_hits:
            _append(hits, (*hit, int(hit in masks), masks.get(hit, 0)))
        for hit, mask in triggers:
            _append(marked, (*hit, mask, places.get(hit, -1)))
    return {"events": rows, "hits": hits, "triggered_hits": marked}, {"hits": rows["n_hits"], "triggered_hits": rows["n_triggered"]}


def _rates(data: Any) -> tuple[dict[str, Table], dict[str, list[int]]]:
    rows, _ = _rows(data, "KM3NETDAQ::JDAQSummarysliceHeader")
    frames: Table = {n: [] for n in ("dom_id", *_WORDS, "rate_code", "udp_complete", "flags")}
    rows["n_frames"] = []
    for entry in entries(find(data, "vector<KM3NETDAQ::JDAQSummaryFrame>")):
        rows["n_frames"].append((len(entry) - 10) // 55)
        for p in range(10, len(entry), 55):
            dom, daq, status, fifo, s3, s4 = struct.unpack_from(">iIIIII", entry, p)
            rates = list(entry[p + 24 : p + 55])
            complete = int(daq & 0xFFFF == (daq >> 16) + 1 and fifo >> 31 == 1)
            flags = [(status >> c & 1) + 2 * (fifo >> c & 1) + 4 * (rates[c] == 0) for c in range(31)]
            _append(frames, (dom, daq, status, fifo, s3, s4, rates, complete, flags))
    return {"slices": rows, "frames": frames}, {"frames": rows["n_frames"]}


def _timeslices(data: Any) -> tuple[dict[str, Table], dict[str, list[int]]]:
    rows, _ = _rows(data, "KM3NETDAQ::JDAQTimesliceHeader")
    name = "vector<KM3NETDAQ::JDAQSuperFrame>"
    branch = find(data, name)
    split = bool(branch.branches)
    if split:
        members = ("id", "daq", "status", "fifo", "status_3", "status_4", "timeslice_start.UTC_seconds", "length", "numberOfHits")
        blobs = list(zip(*(entries(find(branch, f"{name}.{m}")) for m in (*members, "buffer")), strict=True))
    else:
        blobs = entries(branch)
    frames: Table = {n: [] for n in ("dom_id", *_WORDS, "clock_status", "frame_length")}
    hits: Table = {n: [] for n in ("channel_id", "tdc", "tot")}
    counts: list[int] = []
    rows |= {"n_frames": [], "n_hits": []}
    for blob in blobs:
        columns, buffer = _split_frames(blob) if split else _member_wise_frames(blob)
        rows["n_frames"].append(len(columns["id"]))
        rows["n_hits"].append(sum(columns["n"]))
        counts += columns["n"]
        for column, member in zip(frames, ("id", "daq", "status", "fifo", "status_3", "status_4", "seconds", "length"), strict=True):
            frames[column] += [v >> 31 for v in columns[member]] if member == "seconds" else columns[member]
        for hit in _HIT.iter_unpack(buffer):
            _append(hits, hit)
    return {"slices": rows, "frames": frames, "hits": hits}, {"frames": rows["n_frames"], "hits": counts}


def _split_frames(parts: tuple[bytes, ...]) -> tuple[dict[str, list[int]], bytes]:
    kinds = {"id": "i", "daq": "I", "status": "I", "fifo": "I", "status_3": "I", "status_4": "I", "seconds": "I", "length": "i", "n": "i"}
    columns = {name: list(struct.unpack(f">{len(b) // 4}{kind}", b)) for (name, kind), b in zip(kinds.items(), parts, strict=False)}
    return columns, parts[-1][6:]


def _member_wise_frames(blob: bytes) -> tuple[dict[str, list[int]], bytes]:
    n = struct.unpack_from(">I", blob, 8)[0]
    columns: dict[str, list[int]] = {}
    position = 12
    layout = [
        ("length", "i", 4),
        ("type", "i", 4),
        ("object", "", 10),
        ("detector", "i", 4),
        ("run", "i", 4),
        ("frame", "i", 4),
        ("time", "", 14),
    ]
    layout += [("id", "i", 4), *((w, "I", 4) for w in ("daq", "status", "fifo", "status_3", "status_4")), ("n", "i", 4)]
    for name, kind, size in layout:
        if kind:
            columns[name] = list(struct.unpack_from(f">{n}{kind}", blob, position))
        elif name == "time":
            columns["seconds"] = [struct.unpack_from(">I", blob, position + 14 * k + 6)[0] for k in range(n)]
        position += size * n
    return columns, blob[position + 6 :]


def _key_hit(data: bytes, position: int) -> tuple[int, ...]:
    return (*struct.unpack_from(">i", data, position), *_HIT.unpack_from(data, position + 4))


def _append(table: Table, values: tuple[Any, ...]) -> None:
    for column, value in zip(table.values(), values, strict=True):
        column.append(value)
