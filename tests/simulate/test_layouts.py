"""Columns of the two layouts hold the same, and records are six bytes with the bits where they should be."""

from __future__ import annotations

import numpy as np

from antdask.simulate import layouts
from tests.simulate.sample import Sample


def test_both_layouts_hold_the_same_hits(sample: Sample) -> None:
    events = sample.pieces[0]
    leaf, packed = (layouts.event_columns(name, 7, events) for name in ("leaf", "packed"))
    assert set(leaf) == {b.name for b in layouts.EVENT_BRANCHES["leaf"]}
    assert set(packed) == {b.name for b in layouts.EVENT_BRANCHES["packed"]}
    assert ((packed["Storey"] >> 5) + 1 == leaf["Line"]).all()
    assert ((packed["Storey"] & 31) + 1 == leaf["Floor"]).all()
    records = packed["Records"].reshape(-1, 6).astype(np.uint64)
    words = sum(records[:, i] << np.uint64(8 * (5 - i)) for i in range(6))
    for name, shift, width in (("Ars", 45, 3), ("TimeStamp", 16, 22), ("Tvc", 8, 8), ("Avc", 0, 8)):
        assert ((words >> np.uint64(shift)) & np.uint64(2**width - 1) == leaf[name]).all(), name
    assert (words >> np.uint64(38) & np.uint64(127) == 0).all()
    assert (packed["NBytes"] == 6 * leaf["NHits"]).all()


def test_a_known_hit_has_these_bytes() -> None:
    from antdask.simulate.events import Hits

    one = np.array([1])
    hits = Hits(
        one, np.array([5]), np.array([0x212345], np.uint32), np.array([0xAB], np.uint8), np.array([0xCD], np.uint8), one.astype(np.uint8)
    )
    # ars 5 = 101, seven empty bits, 22 bits of the timestamp.
    assert layouts.records(hits).tobytes().hex() == "a0212345abcd"


def test_counts_and_truth_fill_their_branches(sample: Sample) -> None:
    counts = layouts.count_columns(7, sample.frames[0].index, sample.light[0])
    assert set(counts) == {b.name for b in layouts.COUNT_BRANCHES}
    truth = layouts.truth_columns(7, sample.pieces[0])
    assert set(truth) == {b.name for b in layouts.TRUTH_BRANCHES}
    norm = truth["Dx"] ** 2 + truth["Dy"] ** 2 + truth["Dz"] ** 2
    assert np.allclose(norm, 1)
    keys = set(zip(sample.pieces[0].frame_index, sample.pieces[0].trigger_counter, strict=True))
    assert set(zip(truth["FrameIndex"], truth["TriggerCounter"], strict=True)) <= keys
