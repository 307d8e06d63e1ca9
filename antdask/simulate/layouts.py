"""The simulated raw layouts: which trees and branches a file has, and which columns go into them.

Two layouts hold the same content. ``leaf`` has a branch per quantity. ``packed`` has a word of two bytes for the storey, and a record of six bytes per hit,
as many as the electronics of ANTARES sent for one (the order of the bits is an assumption)::

    storey   0000000 | line - 1 (4) | floor - 1 (5)
    record   ars (3) | 0000000 | timestamp (22) | tvc (8) | avc (8)

The maps ``antares_raw_leaf_1.toml`` and ``antares_raw_packed_1.toml`` of the sources declare how to read them.
"""

from __future__ import annotations

import numpy as np

from antdask.simulate.detector import FLOORS, MODULES, SLOTS
from antdask.simulate.events import Events, Hits
from antdask.simulate.root_tree import Branch
from antdask.simulate.sea import Counts
from antdask.simulate.timeslices import Timeslice

RUN_HEADER, EVENTS, TIMESLICES, COUNTS, TRUTH = "RunHeader", "PhysicsEvent", "TimeSlice", "SummarySlice", "McTruth"
RECORD_BYTES = 6

Columns = dict[str, np.ndarray]

RUN_HEADER_BRANCHES = (Branch("RunNumber", "u4"), Branch("StartUtcNs", "i8"), Branch("NEvents", "u4"))
COUNT_BRANCHES = (Branch("RunNumber", "u4"), Branch("FrameIndex", "u4"), Branch("Count", "u2", SLOTS), Branch("Flags", "u1", SLOTS))
TRUTH_BRANCHES = (
    Branch("RunNumber", "u4"),
    Branch("FrameIndex", "u4"),
    Branch("TriggerCounter", "i4"),
    Branch("NParticles", "i4"),
    Branch("PdgType", "i4", count="NParticles"),
    *(Branch(name, "f8", count="NParticles") for name in ("X", "Y", "Z", "Dx", "Dy", "Dz", "Time", "Energy")),
)

_KEY = (
    Branch("RunNumber", "u4"),
    Branch("FrameIndex", "u4"),
    Branch("TriggerCounter", "i4"),
    Branch("TriggerMask", "u4"),
    Branch("NHits", "i4"),
)
_SPE = tuple(Branch(name, dtype, count="NHits") for name, dtype in (("Ars", "u1"), ("TimeStamp", "u4"), ("Tvc", "u1"), ("Avc", "u1")))
_SLICE = (Branch("RunNumber", "u4"), Branch("FrameIndex", "u4"), Branch("NFrames", "i4"), Branch("NHits", "i4"))

EVENT_BRANCHES = {
    "leaf": (
        *_KEY,
        Branch("Line", "u1", count="NHits"),
        Branch("Floor", "u1", count="NHits"),
        *_SPE,
        Branch("Triggered", "u1", count="NHits"),
    ),
    "packed": (
        *_KEY,
        Branch("NBytes", "i4"),
        Branch("Storey", "u2", count="NHits"),
        Branch("Records", "u1", count="NBytes"),
        Branch("Triggered", "u1", count="NHits"),
    ),
}
TIMESLICE_BRANCHES = {
    "leaf": (
        *_SLICE,
        *(Branch(name, dtype, count="NFrames") for name, dtype in (("Line", "u1"), ("Floor", "u1"), ("FrameHits", "i4"))),
        *_SPE,
    ),
    "packed": (
        *_SLICE,
        Branch("NBytes", "i4"),
        Branch("Storey", "u2", count="NFrames"),
        Branch("FrameHits", "i4", count="NFrames"),
        Branch("Records", "u1", count="NBytes"),
    ),
}


def event_columns(layout: str, run: int, events: Events) -> Columns:
    """The branches of events."""
    counts, storey = events.counts, events.hits.slot // MODULES
    key = {
        "RunNumber": np.full(len(counts), run, np.uint32),
        "FrameIndex": events.frame_index.astype(np.uint32),
        "TriggerCounter": events.trigger_counter.astype(np.int32),
        "TriggerMask": events.trigger_mask,
        "NHits": counts,
        "Triggered": events.hits.triggered,
    }
    if layout == "leaf":
        return {**key, **_places(storey), **_quantities(events.hits)}
    return {**key, "NBytes": counts * np.int32(RECORD_BYTES), "Storey": _word(storey), "Records": records(events.hits).reshape(-1)}


def timeslice_columns(layout: str, run: int, piece: Timeslice) -> Columns:
    """The branches of one timeslice."""
    total = np.array([piece.counts.sum()], np.int32)
    key = {
        "RunNumber": np.array([run], np.uint32),
        "FrameIndex": np.array([piece.frame_index], np.uint32),
        "NFrames": np.array([len(piece.storey)], np.int32),
        "NHits": total,
        "FrameHits": piece.counts,
    }
    if layout == "leaf":
        return {**key, **_places(piece.storey), **_quantities(piece.hits)}
    return {**key, "NBytes": total * np.int32(RECORD_BYTES), "Storey": _word(piece.storey), "Records": records(piece.hits).reshape(-1)}


def count_columns(run: int, index: np.ndarray, counts: Counts) -> Columns:
    """The branches of the counts of frames."""
    return {
        "RunNumber": np.full(len(index), run, np.uint32),
        "FrameIndex": index.astype(np.uint32),
        "Count": counts.count,
        "Flags": counts.flags,
    }


def truth_columns(run: int, events: Events) -> Columns:
    """The branches of the muons behind events: one entry for each event that has one."""
    muons, which = events.muons, events.muon
    vectors = np.concatenate([muons.position, muons.direction], axis=1).T
    return {
        "RunNumber": np.full(len(which), run, np.uint32),
        "FrameIndex": events.frame_index[which].astype(np.uint32),
        "TriggerCounter": events.trigger_counter[which].astype(np.int32),
        "NParticles": np.ones(len(which), np.int32),
        # Negative muons.
        "PdgType": np.full(len(which), 13, np.int32),
        **dict(zip(("X", "Y", "Z", "Dx", "Dy", "Dz"), vectors, strict=True)),
        "Time": events.passage_ns,
        "Energy": muons.energy,
    }


def records(hits: Hits) -> np.ndarray:
    """Packed records, uint8, shape (hits, 6)."""
    words = (hits.ars.astype(np.uint32) << np.uint32(29)) | hits.timestamp
    packed = np.empty((len(words), RECORD_BYTES), np.uint8)
    packed[:, :4] = words.astype(">u4").view(np.uint8).reshape(-1, 4)
    packed[:, 4], packed[:, 5] = hits.tvc, hits.avc
    return packed


def _places(storey: np.ndarray) -> Columns:
    return {"Line": (storey // FLOORS + 1).astype(np.uint8), "Floor": (storey % FLOORS + 1).astype(np.uint8)}


def _quantities(hits: Hits) -> Columns:
    return {"Ars": hits.ars, "TimeStamp": hits.timestamp, "Tvc": hits.tvc, "Avc": hits.avc}


def _word(storey: np.ndarray) -> np.ndarray:
    word: np.ndarray = (storey // FLOORS) << 5 | storey % FLOORS
    return word.astype(np.uint16)
