"""Data sets of maps: what goes where, and the fields of records with their columns."""

from __future__ import annotations

import numpy as np

from antdask.sources import layout_map


def test_columns_know_their_dtype_and_target() -> None:
    events = layout_map.load("antares_raw_leaf_1").dataset("PhysicsEvent")
    assert events.dtypes()["TimeStamp"] == np.dtype("u4")
    assert events.targets("hits") == {
        "line": "Line", "floor": "Floor", "ars": "Ars", "timestamp": "TimeStamp", "tvc": "Tvc", "avc": "Avc", "triggered": "Triggered",
    }  # fmt: skip


def test_records_show_their_fields_under_the_column_that_holds_them() -> None:
    events = layout_map.load("antares_raw_packed_1").dataset("PhysicsEvent")
    assert [f"{c.source}.{f.name} -> {f.target}" for c, f in events.record_fields()][:3] == [
        "Storey.line -> hits.line",
        "Storey.floor -> hits.floor",
        "Records.ars -> hits.ars",
    ]
    (nested,) = [c for c in layout_map.load("antares_raw_leaf_1").dataset("TimeSlice").columns if c.counts]
    assert (nested.source, nested.count, nested.counts) == ("FrameHits", "NFrames", "hits")
