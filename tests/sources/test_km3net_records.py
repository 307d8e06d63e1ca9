"""Gathering packed records, and what is said of those that do not fit."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.errors import CorruptFileError
from antdask.sources.km3net_records import (
    BLOCK,
    COUNTED,
    HIT,
    KEY_HIT,
    SUMMARY_FRAME,
    TRIGGERED_HIT,
    VECTOR,
    demand,
    fixed,
    gather,
    layout,
    native,
    vector,
)
from tests.sources.branch_samples import Column


def streamed(n: int, body: bytes, version: int = 9) -> bytes:
    """A vector as ROOT writes it."""
    return struct.pack(">IHI", COUNTED | (6 + len(body)), version, n) + body


def test_records_have_the_sizes_of_the_format() -> None:
    sizes = [d.itemsize for d in (BLOCK, VECTOR, HIT, KEY_HIT, TRIGGERED_HIT, SUMMARY_FRAME)]
    assert sizes == [6, 10, 6, 10, 24, 55]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=6), st.sampled_from(["u1", ">u2", "<u4", "V7"]))
def test_gathered_runs_are_the_bytes_of_the_runs(runs: list[tuple[int, int]], kind: str) -> None:
    dtype = np.dtype(kind)
    starts, counts, position = [], [], 0
    for gap, count in runs:
        starts.append(position + gap)
        counts.append(count)
        position += gap + count * dtype.itemsize
    payload = np.random.default_rng(0).integers(0, 256, position, np.uint8)
    found = gather(payload, np.array(starts, np.int64), np.array(counts, np.int64), dtype)
    expected = b"".join(payload[a : a + n * dtype.itemsize].tobytes() for a, n in zip(starts, counts, strict=True))
    assert found.dtype == dtype
    assert found.tobytes() == expected


def test_native_columns_hold_the_same_numbers_in_the_order_of_the_machine() -> None:
    records = np.frombuffer(bytes([0, 0, 1, 2, 7, 4, 3, 0, 0, 9]), KEY_HIT)
    assert [native(records[n]).tolist() for n in KEY_HIT.names or ()] == [[258], [7], [772], [9]]
    assert all(native(records[n]).dtype.isnative and native(records[n]).flags["C_CONTIGUOUS"] for n in KEY_HIT.names or ())


def test_the_first_run_of_bad_entries_is_named() -> None:
    with pytest.raises(CorruptFileError, match="expected 1, found 7") as caught:
        demand(np.array([True, False, False, True, False]), Column("b"), 100, "Odd", found=np.array([1, 7, 8, 1, 9]), expected=1)
    assert (caught.value.start, caught.value.stop) == (101, 103)
    with pytest.raises(CorruptFileError) as caught:
        demand(np.array([True, False]), Column("b"), 0, "Odd")
    assert (caught.value.start, caught.value.stop) == (1, 2)


def test_a_vector_gives_its_records_and_their_number() -> None:
    hits = [struct.pack(">i", d) + struct.pack("<BIB", 1, d + 1, 2) for d in range(3)]
    records, counts = vector(Column("v", [streamed(1, hits[0]), streamed(0, b""), streamed(2, hits[1] + hits[2])]), 0, 3, KEY_HIT)
    assert counts.tolist() == [1, 0, 2]
    assert records["dom_id"].tolist() == [0, 1, 2]
    assert records["tdc"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        (b"\0" * 9, "too short"),
        (streamed(1, b"\0" * 10)[:-1], "byte count"),
        (streamed(2, b"\0" * 10), "does not hold the records"),
        (streamed(2**32 - 1, b"\0" * 10), "does not hold the records"),
        (streamed(1, b"\0" * 10, version=0x4009), "column after column"),
    ],
)
def test_a_vector_that_contradicts_itself_is_named_by_its_entry(entry: bytes, what: str) -> None:
    good = streamed(1, b"\0" * 10)
    with pytest.raises(CorruptFileError, match=what) as caught:
        vector(Column("v", [good, good, entry, good]), 1, 4, KEY_HIT)
    assert (caught.value.start, caught.value.stop) == (2, 3)


def test_fixed_records_need_their_size_and_their_blocks() -> None:
    record = layout((10, 1), ("mask", ">u8"))
    good = struct.pack(">IHQ", COUNTED | 10, 1, 5)
    assert fixed(Column("m", [good, good]), 0, 2, record)["mask"].tolist() == [5, 5]
    with pytest.raises(CorruptFileError, match="another size"):
        fixed(Column("m", [good, good[:-1]]), 0, 2, record)
    for block in ((COUNTED | 11, 1), (COUNTED | 10, 2), (10, 1)):
        with pytest.raises(CorruptFileError, match="another object") as caught:
            fixed(Column("m", [good, struct.pack(">IHQ", *block, 5)]), 0, 2, record)
        assert (caught.value.start, caught.value.stop) == (1, 2)
